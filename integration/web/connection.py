"""Connections to the web server: limits on their number, a deadline for headers, and our answer to malformed HTTP.

aiohttp answers a request that it cannot parse before any middleware runs; this module replaces that answer.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import structlog
from aiohttp import web

from integration.texts.errors import error_text
from integration.web.client_address import ClientAddresses, group
from integration.web.forms import BodyTooSlow
from integration.web.refused_log import RefusedLog

log = structlog.get_logger()

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
    b"X-Content-Type-Options: nosniff\r\nServer: Dozvon\r\n\r\n"
)


def bare_answer(status: int, headers: Mapping[str, str]) -> web.Response:
    """The answer to a request that never reaches our application; the connection is closed after it."""
    code = "internal" if status >= 500 else "bad_request"
    body = json.dumps({"error": {"code": code, "message": error_text(status, "en")}})
    response = web.Response(status=status, text=body, content_type="application/json", headers=headers)
    response.force_close()
    return response


class Door:
    """Limits connections in all and from one address. A trusted proxy has no limit of its address."""

    def __init__(self, *, most: int, most_per_address: int, addresses: ClientAddresses, refused: RefusedLog) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._addresses = addresses
        self._refused = refused
        self._inside: Counter[str] = Counter()

    @property
    def count(self) -> int:
        return self._inside.total()

    def enter(self, address: str) -> bool:
        """Count a connection. Returns False if it is refused; otherwise call `leave` at its end."""
        key = group(address)
        is_full = self.count >= self._most
        if is_full or (self._inside[key] >= self._most_per_address and not self._addresses.trusts(address)):
            reason = "too many connections" if is_full else "too many connections from one address"
            self._refused.add(status=503, place="connection", method="", reason=reason, address=address)
            return False
        self._inside[key] += 1
        return True

    def leave(self, address: str) -> None:
        key = group(address)
        self._inside[key] -= 1
        if self._inside[key] <= 0:
            del self._inside[key]


class Connection(web.RequestHandler):
    """
    aiohttp's connection with our limits. It is closed if the head of the next request is not complete within
    `keepalive_timeout` seconds: aiohttp sets that deadline when the connection opens and after each answer, and slowly
    arriving bytes do not extend it.
    """

    def __init__(
        self,
        server: web.Server,
        door: Door,
        refused: RefusedLog,
        headers: Mapping[str, str],
        *,
        loop: asyncio.AbstractEventLoop,
        head_seconds: float,
    ) -> None:
        super().__init__(server, loop=loop, keepalive_timeout=head_seconds, access_log=None)  # type: ignore[arg-type]
        self._door = door
        self._refused = refused
        self._headers = headers
        self._address: str | None = None  # the peer's, while the connection is counted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) and peer else ""
        if not self._door.enter(address):
            assert isinstance(transport, asyncio.WriteTransport)
            transport.write(_BUSY)
            transport.close()
            return
        self._address = address
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._address is None:
            return
        self._door.leave(self._address)
        self._address = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._address is not None:
            super().data_received(data)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer malformed HTTP, and defects outside our middlewares. Of a client that has left nothing is logged."""
        has_left = isinstance(exc, ConnectionError) and (self.transport is None or self.transport.is_closing())
        if status >= 500 and exc is not None and not has_left:
            log.error("request broke", exc_info=exc)
        elif not has_left:
            reason = type(exc).__name__ if exc is not None else "malformed"
            self._refused.add(status=status, place="connection", method="", reason=reason, address=self._address or "")
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        return bare_answer(status, self._headers)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        if isinstance(kw.get("exc_info"), web.RequestPayloadError | BodyTooSlow):
            return  # the rest of a body that has been refused already
        log.error("request broke", reason=str(args[0] if args else ""), exc_info=kw.get("exc_info"))
