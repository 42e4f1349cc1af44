"""Waits for the effects of another process where there is no event to await."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], bool], *, timeout_seconds: float = 20.0) -> None:
    """
    Wait until `condition()` is true, asking fifty times a second.

    Raises:
        TimeoutError: it was not true in time.
    """
    async with asyncio.timeout(timeout_seconds):
        while not condition():  # noqa: ASYNC110 - the other side is another process: nothing here could set an event
            await asyncio.sleep(0.02)


async def until_told(asked: Callable[[], Awaitable[bool]], *, timeout_seconds: float = 20.0) -> None:
    """
    Wait until another process answers true, asking twenty times a second.

    Raises:
        TimeoutError: it did not do so in time.
    """
    async with asyncio.timeout(timeout_seconds):
        while not await asked():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
