"""Ends tasks reliably."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

_AGAIN_SECONDS = 3.0  # longer than an orderly end


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """
    Cancel these tasks and wait until they have ended. Does not raise their errors.

    A cancellation can be lost: `asyncio.wait_for` of Python 3.11, which libraries use, forgets one that comes in the
    same iteration of the event loop as its result (cpython issue 86296). A task that continues is cancelled again.
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
