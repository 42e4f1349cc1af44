"""Answers with a CSV file that Excel in Russia opens: UTF-8 with its mark, semicolons, no cell that is a formula."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from aiohttp import web

_WRITE_SECONDS = 30.0  # of one portion
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(text: str) -> str:
    """A cell. Excel would work out what begins with `=`, and shorten `+79161234567`: an apostrophe keeps it text."""
    kept = f"'{text}" if text.startswith(_FORMULA) else text
    kept = kept.replace("\0", "�").encode("utf-8", "replace").decode()
    return '"' + kept.replace('"', '""') + '"' if any(sign in kept for sign in ';"\r\n') else kept


def line(cells: Sequence[str]) -> bytes:
    return (";".join(map(cell, cells)) + "\r\n").encode()


async def csv_answer(
    request: web.Request, file_name: str, rows: AsyncIterator[Sequence[Sequence[str]]]
) -> web.StreamResponse:
    """
    Args:
        file_name: in ASCII.
        rows: in portions; a browser that goes away ends them.
    """
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{file_name}"',
            "Cache-Control": "no-store",
        }
    )
    with suppress(ConnectionError, TimeoutError):  # the browser is gone, or does not read
        await response.prepare(request)
        if request.method == "HEAD":  # what is written would be taken for the next answer
            return response
        await _write(response, b"\xef\xbb\xbf")
        async for portion in rows:
            await _write(response, b"".join(map(line, portion)))
        await response.write_eof()
    return response


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(_WRITE_SECONDS):
        await response.write(data)
