"""The HTTP server of a process: middlewares, health, metrics, the listening socket. Other modules have the routes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from integration.web.client_address import ClientAddresses
from integration.web.connection import Connection, Door, bare_answer
from integration.web.errors import ErrorAnswers, ErrorPage, Handler, api_errors
from integration.web.forms import body_deadline, clean_address
from integration.web.language import remember_language, with_language
from integration.web.metrics import Metrics
from integration.web.permissions import for_everybody
from integration.web.refused_log import RefusedLog

_LARGEST_BODY = 1024 * 1024  # webhooks have the largest bodies (amoCRM reference, 9.5)
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Server": "Dozvon",  # aiohttp would send its version and Python's
}
_TLS_HEADERS = {"Strict-Transport-Security": "max-age=31536000"}

_EXPECTED = "100-continue"
_Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

Health = Callable[[], Awaitable[dict[str, Any]]]
"""Returns `{"status": "ok"|"degraded", ...}`; a degraded process still works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Limits for clients on the network."""

    addresses: ClientAddresses = field(default_factory=ClientAddresses)
    connections: int = 4000
    connections_per_address: int = 1000  # an office behind one address has hundreds of widgets
    head_seconds: float = 20.0
    body_seconds: float = 30.0
    has_tls: bool = False  # a proxy with TLS is in front


def create_web_app(
    *,
    routes: Iterable[web.AbstractRouteDef],
    middlewares: Iterable[Any],
    health: Health,
    metrics: Metrics,
    outermost: Iterable[Any] = (),
    error_page: ErrorPage | None = None,
    edge: Edge | None = None,
    refused: RefusedLog | None = None,
) -> web.Application:
    """
    Args:
        middlewares: get well-formed requests; their errors become answers.
        outermost: get every answer, also those to failures.
    """
    edge = edge or Edge()
    headers = security_headers(edge)

    async def show_health(_: web.Request) -> web.Response:
        state = await health()
        return web.json_response(state, headers={"Cache-Control": "no-store"})

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def to_the_pages(request: web.Request) -> web.StreamResponse:
        raise web.HTTPSeeOther(with_language(request, "/admin"))

    async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        response.headers["Server"] = headers["Server"]  # replaces aiohttp's

    answers = ErrorAnswers(page=error_page, addresses=edge.addresses, refused=refused or RefusedLog())
    app = web.Application(
        middlewares=[
            *outermost,
            answers.told,
            clean_address,
            _crowd(edge),
            body_deadline(edge.body_seconds),
            remember_language,
            *middlewares,
            api_errors,
        ],
        client_max_size=_LARGEST_BODY,
    )
    app.on_response_prepare.append(add_headers)
    own = (web.get("/", to_the_pages), web.get("/health", show_health), web.get("/metrics", show_metrics))
    app.router.add_routes(for_everybody("they tell nothing of an office but figures", own))
    app.router.add_routes(routes)
    return app


def security_headers(edge: Edge) -> dict[str, str]:
    """The headers of every answer."""
    return _SECURITY_HEADERS | (_TLS_HEADERS if edge.has_tls else {})


def _crowd(edge: Edge) -> Middleware:
    """Limits the requests that one visitor has open: behind a proxy all connections are the proxy's. An open WebSocket
    counts as one request."""
    under_way: Counter[str] = Counter()

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        address = edge.addresses.group_of(request)
        if under_way[address] >= edge.connections_per_address:
            raise web.HTTPTooManyRequests(headers={"Retry-After": "5"})
        under_way[address] += 1
        try:
            return await handler(request)
        finally:
            under_way[address] -= 1
            if under_way[address] <= 0:
                del under_way[address]

    return count


def _expecting(handle: _Handle, headers: Mapping[str, str]) -> _Handle:
    """Check `Expect` first: aiohttp answers it before the middlewares, and fails on unknown values."""

    async def checked(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Expect", _EXPECTED).lower() != _EXPECTED:
            return bare_answer(417, headers)
        return await handle(request)

    return checked


class WebServer:
    """Serves an application at one address. `start()` once, `stop()` once."""

    def __init__(self, app: web.Application, edge: Edge, refused: RefusedLog, *, shutdown_seconds: float) -> None:
        self.app = app
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_seconds)
        self._edge = edge
        self._refused = refused
        self._server: asyncio.Server | None = None
        self.door = Door(
            most=edge.connections,
            most_per_address=edge.connections_per_address,
            addresses=edge.addresses,
            refused=refused,
        )

    async def start(self, host: str, port: int, *, reuse_port: bool | None = None) -> tuple[str, int]:
        """Returns the host and port on which it listens. Raises: OSError."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        server = self._runner.server
        assert server is not None
        headers = security_headers(self._edge)
        server.request_handler = _expecting(server.request_handler, headers)
        connect = partial(
            Connection,
            server,
            self.door,
            self._refused,
            headers,
            loop=loop,
            head_seconds=self._edge.head_seconds,
        )
        self._server = await loop.create_server(connect, host, port, reuse_port=reuse_port, backlog=1024)
        bound_host, bound_port = self._server.sockets[0].getsockname()[:2]
        return bound_host, bound_port

    async def stop(self) -> None:
        """Accept no more connections, let running requests end, then close the rest."""
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()
