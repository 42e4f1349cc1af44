"""One HTTP exchange with a portal or the OAuth server: deadline, size limit, no redirects, JSON or not.

Errors say whether the request may have been carried out. What an answer means is in `refusals.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from integration.errors import OutcomeUnknown, ProtocolError, Unavailable

USER_AGENT = "Dozvon/0.1 (Bitrix24 connector)"
_LARGEST_ANSWER = 16 * 1024 * 1024  # bytes; a page of 50 objects is far smaller


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`body`: the JSON object; None for anything else, such as an HTML page of the front server."""

    status: int
    body: dict[str, Any] | None = field(default=None, repr=False)  # has clients' data, or tokens


async def exchange(
    session: aiohttp.ClientSession,
    url: str,
    *,
    timeout_seconds: float,
    body: Mapping[str, Any] | None = None,
    form: Mapping[str, str] | aiohttp.FormData | None = None,
) -> Answer:
    """
    POST once, JSON or a form (with a file too), and read the whole answer; every status is an answer.

    Raises:
        Unavailable: it was not sent.
        OutcomeUnknown: it was sent, or may have been, and no complete answer came.
        ProtocolError: the address is none.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_seconds, connect=timeout_seconds / 2)
    headers = {"User-Agent": USER_AGENT, "Accept": "application/json"}
    try:
        async with session.post(
            url, json=body, data=form, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            return Answer(status=response.status, body=_object(await _read(response)))
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as exc:
        raise Unavailable(f"Bitrix24 cannot be reached: {type(exc).__name__}") from exc
    except aiohttp.InvalidURL as exc:
        raise ProtocolError("Bitrix24's address is not valid") from exc
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        raise OutcomeUnknown(f"Bitrix24's answer did not arrive: {type(exc).__name__}") from exc


async def _read(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(65536):
        size += len(chunk)
        if size > _LARGEST_ANSWER:
            raise OutcomeUnknown("Bitrix24's answer is larger than 16 MB")
        chunks.append(chunk)
    return b"".join(chunks)


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw) if raw.strip() else None
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
