"""The rate of requests of an account over all processes, and of this process while Redis is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from integration.errors import DozvonError
from integration.ports.coordination import Coordination, Pace, Turn

log = structlog.get_logger()


class SharedBudget:
    """
    Implements `ports.RateBudget`.

    Args:
        queue: names the account at its CRM.
        processes: how many there are, this one included; as far as is known.
    """

    def __init__(self, coordination: Coordination, queue: str, processes: Callable[[], int]) -> None:
        self._coordination = coordination
        self._queue = queue
        self._processes = processes
        self._next_at = 0.0  # while the others cannot be asked; on the loop's clock
        self._is_alone = False

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

    def _own_share(self, pace: Pace) -> Turn:
        """Our share of the rate while alone: counts one process more than we know, as a new one may have started."""
        now = asyncio.get_running_loop().time()
        if now < self._next_at:
            return Turn(None, self._next_at - now)
        self._next_at = now + (self._processes() + 1) / pace.per_second
        return Turn("")

    def _note(self, *, is_alone: bool) -> None:
        if is_alone is not self._is_alone:
            self._is_alone = is_alone
            log.warning("requests are paced by our own share" if is_alone else "requests are paced together again")
