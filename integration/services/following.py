"""Follows a PBX: keeps its link up and passes its events to every account that it serves.

`tracking.py` processes them for one account; `cluster/leadership.py` decides which process follows which PBX.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from integration.domain.calls.events import CallEvent
from integration.domain.ids import CallId, Timestamp
from integration.errors import DozvonError, LeaseLost, Rejected
from integration.ports.coordination import Lease
from integration.ports.pbx import Pbx
from integration.services.ending import ended
from integration.services.tracking import CallTracking

log = structlog.get_logger()


class Listeners:
    """
    A `PbxListener` for the accounts on one PBX. Each gets all events, also if another account fails to store them.

    The PBX offers events again that one account could not store. The others recognise them and change nothing.
    """

    def __init__(self, trackings: Sequence[CallTracking]) -> None:
        self._trackings = trackings

    async def on_events(self, events: Sequence[CallEvent]) -> None:
        await self._each(lambda tracking: tracking.on_events(events))

    async def on_resync(self, live: frozenset[CallId], at: Timestamp) -> None:
        await self._each(lambda tracking: tracking.on_resync(live, at))

    async def on_link(self, is_up: bool, reason: str) -> None:
        await self._each(lambda tracking: tracking.on_link(is_up, reason))

    async def _each(self, hand_over: Callable[[CallTracking], Awaitable[None]]) -> None:
        """Raises: the most important of their errors. One that a repeat may cure goes before a final refusal."""
        if len(self._trackings) == 1:  # in nearly every installation
            await hand_over(self._trackings[0])
            return
        results = await asyncio.gather(*(hand_over(each) for each in self._trackings), return_exceptions=True)
        failures = [each for each in results if isinstance(each, BaseException)]
        if failures:
            raise min(failures, key=_hopelessness)


def _hopelessness(failure: BaseException) -> int:
    if not isinstance(failure, Exception):
        return 0  # cancelled
    if isinstance(failure, LeaseLost):
        return 1
    if isinstance(failure, Rejected):
        return 4
    return 2 if isinstance(failure, DozvonError) else 3


async def follow_pbx(
    pbx: Pbx, trackings: Sequence[CallTracking], fence: Lease | None = None, *, gate: asyncio.Semaphore | None = None
) -> None:
    """
    Keep the link to the PBX and store what happens on it, until cancelled.

    Args:
        gate: limits how many PBXs read their calls at once: a thousand at a start would block each other in the
            database.

    Raises:
        LeaseLost: another process follows the PBX now.
    """
    begun: list[CallTracking] = []
    tasks: list[asyncio.Task[Any]] = []
    try:
        async with gate or contextlib.nullcontext():
            for tracking in trackings:
                begun.append(tracking)
                await tracking.begin(fence)
        tasks = [asyncio.create_task(pbx.run(Listeners(trackings)))]
        tasks += [asyncio.create_task(tracking.overtaken.wait()) for tracking in trackings]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not any(tracking.overtaken.is_set() for tracking in trackings):
            await tasks[0]  # it ends only by a defect: raise it
        raise LeaseLost("Another process follows this PBX.")
    finally:
        # A process that lost its lease may be cancelled while it ends: it must still end cleanly.
        ending = asyncio.create_task(_end(pbx, begun, tasks))
        is_cancelled = False
        while not ending.done():
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:
                is_cancelled = True
        if is_cancelled:
            raise asyncio.CancelledError


async def _end(pbx: Pbx, trackings: Sequence[CallTracking], tasks: Sequence[asyncio.Task[Any]]) -> None:
    await ended(tasks)
    for tracking in trackings:
        try:
            await tracking.end()
        except DozvonError as exc:
            log.error("calls not saved at the end", pbx=pbx.id, error=str(exc))
