"""Checks input from outside before other code reads it: no NULs, no half characters, and not too slow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import BodyPartReader, web
from aiohttp.typedefs import Middleware

from integration.web.permissions import need_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_UNREADABLE = (ValueError, LookupError, AssertionError, RuntimeError)  # aiohttp raises them for odd bodies and charsets

_PIECE = 1 << 16
_UPLOAD_SECONDS = 600.0  # 20 MB over 0.3 Mbit/s


class BodyTooSlow(Exception):
    """The body did not arrive completely in time."""


def is_clean(text: str) -> bool:
    """Neither a NUL, which databases refuse, nor a lone surrogate, which nothing can encode."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields of a form; files are left out. Raises: HTTPBadRequest, and HTTPRequestEntityTooLarge."""
    try:
        posted = await request.post()
        form = {key: value for key, value in posted.items() if isinstance(value, str)}
    except _UNREADABLE as exc:
        raise web.HTTPBadRequest from exc
    if not all(is_clean(key) and is_clean(value) for key, value in form.items()):
        raise web.HTTPBadRequest
    return form


async def read_file(request: web.Request, most_bytes: int) -> tuple[str, bytes]:
    """
    The name and content of the file in the field `file`; both empty: none was chosen.

    Raises: HTTPBadRequest, and HTTPRequestEntityTooLarge as soon as it is larger than `most_bytes`.
    """
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or part.name != "file":
                continue
            content = bytearray()
            while piece := await part.read_chunk(_PIECE):
                content += piece
                if len(content) > most_bytes:
                    raise web.HTTPRequestEntityTooLarge(max_size=most_bytes, actual_size=len(content))
            name = part.filename or ""
            return name if is_clean(name) else "", bytes(content)
    except _UNREADABLE as exc:
        raise web.HTTPBadRequest from exc
    return "", b""


@web.middleware
async def clean_address(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse an address with a NUL or half a character: no page or API of ours has one."""
    parts = [request.path, *(text for pair in request.query.items() for text in pair)]
    if not all(map(is_clean, parts)):
        raise web.HTTPBadRequest
    return await handler(request)


def body_deadline(seconds: float) -> Middleware:
    """A middleware: reading a body that does not arrive in time raises `BodyTooSlow`."""

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.body_exists:
            return await handler(request)

        def expire() -> None:
            if not request.content.is_eof():
                request.content.set_exception(BodyTooSlow())

        need = need_of(request.match_info.route)
        allowed = _UPLOAD_SECONDS if need is not None and need.is_upload else seconds
        timer = asyncio.get_running_loop().call_later(allowed, expire)
        try:
            return await handler(request)
        finally:
            timer.cancel()

    return watch
