"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

_AGAIN_SECONDS = 3.0  # an orderly end takes less


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """
    Cancel these and wait until they have ended. What they raised is not raised here.

    A cancellation can be lost: `asyncio.wait_for` of Python 3.11, which libraries use, forgets one that comes in the
    same turn of the event loop as its result (cpython issue 86296). Who goes on is cancelled again.
    """
    left = set(tasks)
    for task in left:
        task.cancel()
    while left:
        done, left = await asyncio.wait(left, timeout=_AGAIN_SECONDS)
        for task in done:
            if not task.cancelled():
                task.exception()  # seen, or asyncio would say that nobody did
        for task in left:
            task.cancel()
