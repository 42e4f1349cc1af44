"""Keeps an account's rate of requests over all processes; while Redis is away, this process's share of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from integration.domain.rates import LeakyBucket, Level
from integration.errors import DozvonError
from integration.ports.coordination import Coordination, Pace, Turn

log = structlog.get_logger()


class SharedBudget:
    """
    Implements `ports.RateBudget`.

    Args:
        queue: names the account at its CRM.
        processes: the known number of processes, this one included.
    """

    def __init__(self, coordination: Coordination, queue: str, processes: Callable[[], int]) -> None:
        self._coordination = coordination
        self._queue = queue
        self._processes = processes
        self._next_at = 0.0  # while the others cannot be asked; on the loop's clock
        self._is_alone = False
        self._own_level = Level()

    async def take(self, pace: Pace) -> Turn:
        try:
            turn = await self._coordination.take_turn(self._queue, pace)
        except DozvonError:
            self._note(is_alone=True)
            return self._own_share(pace)
        self._note(is_alone=False)
        return turn

    async def end(self, turn: str) -> None:
        try:
            await self._coordination.end_turn(self._queue, turn)
        except DozvonError:
            self._note(is_alone=True)

    async def put_off(self, seconds: float) -> None:
        self._next_at = max(self._next_at, asyncio.get_running_loop().time() + seconds)
        try:
            await self._coordination.put_off_turns(self._queue, seconds)
        except DozvonError:
            self._note(is_alone=True)

    async def pour(self, bucket: LeakyBucket, *, share: float) -> float:
        try:
            wait = await self._coordination.pour(self._queue, bucket, share=share)
        except DozvonError:
            self._note(is_alone=True)
            return self._poured_alone(bucket.part(self._processes() + 1), share)
        self._note(is_alone=False)
        return wait

    async def overflow(self, bucket: LeakyBucket, *, pause_seconds: float) -> None:
        now = asyncio.get_running_loop().time()
        self._own_level = self._own_level.overflowed(bucket.part(self._processes() + 1), pause_seconds, now)
        try:
            await self._coordination.overflow(self._queue, bucket, pause_seconds=pause_seconds)
        except DozvonError:
            self._note(is_alone=True)

    def _poured_alone(self, own: LeakyBucket, share: float) -> float:
        now = asyncio.get_running_loop().time()
        wait = self._own_level.wait_seconds(own, share, now)
        if wait <= 0:
            self._own_level = self._own_level.poured(own, now)
        return wait

    def _own_share(self, pace: Pace) -> Turn:
        """This process's share of the rate. One more process than known is counted, as a new one may have started."""
        now = asyncio.get_running_loop().time()
        if now < self._next_at:
            return Turn(None, self._next_at - now)
        self._next_at = now + (self._processes() + 1) / pace.per_second
        return Turn("")

    def _note(self, *, is_alone: bool) -> None:
        if is_alone is not self._is_alone:
            self._is_alone = is_alone
            log.warning("Redis is away: pacing requests alone" if is_alone else "pacing requests over all processes")
