"""When the next request to a portal may be sent: the portal's leaky bucket, shared out by priority.

A card may use nearly the whole bucket, a log three fifths, an import a fifth: so an import that runs for an hour leaves
room for the burst of a call. All processes fill one bucket, so one that is idle wastes nothing.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from contextlib import suppress

from integration.domain.calls.intents import Priority
from integration.domain.rates import LeakyBucket, Level
from integration.errors import RateLimited
from integration.ports.coordination import RateBudget

# The share of the bucket that a priority may fill, in the order in which they go; 0.9: our clock and theirs differ.
SHARES = {Priority.CARD: 0.9, Priority.LOG: 0.6, Priority.NOTE: 0.6, Priority.IMPORT: 0.2}
_ORDER = {priority: rank for rank, priority in enumerate(SHARES)}
_WAITING_AT_MOST = 2000  # requests; more is a defect of the caller
_LONGEST_PAUSE = 60.0  # seconds; 1, 2, 4 … 60 after QUERY_LIMIT_EXCEEDED


class Pacer:
    """
    Gives the slots of one portal to those that wait: cards first, within a priority in order. For one event loop.

    Args:
        budget: the bucket that all processes fill; None: this is the only process.
        now: the loop's clock.
    """

    def __init__(
        self, bucket: LeakyBucket, budget: RateBudget | None = None, *, now: Callable[[], float] | None = None
    ) -> None:
        self._bucket = bucket
        self._budget = budget
        self._now = now or (lambda: asyncio.get_running_loop().time())
        self._level = Level()
        self._refusals = 0
        self._count = itertools.count()
        self._waiting: list[tuple[int, int, Priority, asyncio.Future[None]]] = []
        self._look = asyncio.Event()  # a new request waits
        self._serving: asyncio.Task[None] | None = None

    async def slot(self, priority: Priority) -> None:
        """
        Wait for the right to send one request.

        Raises:
            RateLimited: too many requests wait already.
        """
        if not self._waiting and await self._pour(priority) <= 0:
            return
        if len(self._waiting) >= _WAITING_AT_MOST:
            raise RateLimited("Too many requests wait for Bitrix24", retry_after_seconds=_LONGEST_PAUSE)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (_ORDER[priority], next(self._count), priority, waiter))
        self._look.set()
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve(), name="bitrix24-pacer")
        await waiter

    async def refused(self) -> float:
        """
        The portal's bucket is full, and ours was wrong: another program shares the address. Pauses, longer each time.

        Returns:
            The pause in seconds.
        """
        pause = float(min(_LONGEST_PAUSE, 2.0**self._refusals))
        self._refusals = min(self._refusals + 1, 10)
        self._level = self._level.overflowed(self._bucket, pause, self._now())
        if self._budget is not None:
            await self._budget.overflow(self._bucket, pause_seconds=pause)
        return pause

    def accepted(self) -> None:
        self._refusals = 0

    async def close(self) -> None:
        """No more requests will come."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)

    async def _pour(self, priority: Priority) -> float:
        """Take a slot if there is one: 0. Else the seconds until there may be one."""
        now, share = self._now(), SHARES[priority]
        if self._budget is not None:
            pause = self._level.paused_until - now
            return pause if pause > 0 else await self._budget.pour(self._bucket, share=share)
        wait = self._level.wait_seconds(self._bucket, share, now)
        if wait <= 0:
            self._level = self._level.poured(self._bucket, now)
        return wait

    async def _serve(self) -> None:
        while (first := self._first()) is not None:
            self._look.clear()
            wait = await self._pour(first)
            if wait <= 0:
                self._give()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._look.wait()

    def _first(self) -> Priority | None:
        while self._waiting and self._waiting[0][-1].done():  # cancelled
            heapq.heappop(self._waiting)
        return self._waiting[0][2] if self._waiting else None

    def _give(self) -> None:
        """To the first: one that has come meanwhile may be more urgent than the one that the slot was taken for."""
        if self._first() is not None:
            heapq.heappop(self._waiting)[-1].set_result(None)


class Pacers:
    """One `Pacer` for each portal of this process."""

    def __init__(self, budget: Callable[[str], RateBudget | None] = lambda _: None) -> None:
        """`budget`: the bucket that all processes fill, by the name of the portal."""
        self._budget = budget
        self._pacers: dict[tuple[str, LeakyBucket], Pacer] = {}

    def of(self, portal: str, bucket: LeakyBucket) -> Pacer:
        key = (portal, bucket)
        if key not in self._pacers:
            self._pacers[key] = Pacer(bucket, self._budget(portal))
        return self._pacers[key]

    async def close(self) -> None:
        for pacer in self._pacers.values():
            await pacer.close()
