"""Waits for the effects of another process where there is no event to await."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE_SECONDS = 60.0
"""How long to wait for something that takes no time on an idle machine: beside other work a process gets a tenth of a
core. Only a test that fails waits this long; what has to be quick is measured, not waited for."""


async def until(condition: Callable[[], bool], *, timeout_seconds: float = PATIENCE_SECONDS) -> None:
    """
    Wait until `condition()` is true, asking fifty times a second.

    Raises:
        TimeoutError: it was not true in time.
    """
    async with asyncio.timeout(timeout_seconds):
        while not condition():  # noqa: ASYNC110 - the other side is another process: nothing here could set an event
            await asyncio.sleep(0.02)


async def until_told(asked: Callable[[], Awaitable[bool]], *, timeout_seconds: float = PATIENCE_SECONDS) -> None:
    """
    Wait until another process answers true, asking twenty times a second.

    Raises:
        TimeoutError: it did not do so in time.
    """
    async with asyncio.timeout(timeout_seconds):
        while not await asked():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
