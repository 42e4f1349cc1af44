"""Decides when the next request of an integration may be sent: even spacing, priorities, pauses and the 403 breaker.

It sends nothing: `sending.py` takes a slot before each request.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from integration.domain.calls.intents import Priority
from integration.errors import RateLimited, Unavailable
from integration.ports.coordination import Pace, RateBudget

_WAITING_AT_MOST = 2000  # requests; more is a defect of the caller
_LONGEST_PAUSE = 60.0  # seconds; 1, 2, 4 ... 60 after 429. Source: amoCRM names no Retry-After (README: limits)
_LONGEST_BLOCK = 3600.0
_WINDOW_REQUESTS = 7  # amoCRM accepts at most this many within a second
_WINDOW_SECONDS = 1.005  # NTP changes a clock's speed by at most 0.05 %; the rest is for the resolution of the clocks
_REFUSALS_THAT_BLOCK = 4  # 403 answers in a row, from different endpoints: the account is blocked, not one object


def turn(served: int) -> tuple[Priority, Priority, Priority]:
    """
    The order in which the queues are checked for one slot.

    Cards go first. Every fourth slot checks the log first, every eighth the import, so that no queue starves: a full
    card queue leaves at least 1/8 of the rate to each of the others.
    """
    if served % 8 == 7:
        return (Priority.IMPORT, Priority.LOG, Priority.CARD)
    if served % 4 == 3:
        return (Priority.LOG, Priority.CARD, Priority.IMPORT)
    return (Priority.CARD, Priority.LOG, Priority.IMPORT)


@dataclass(slots=True, eq=False)
class Slot:
    """The right to send one request; times are the loop's. Give it back with `Pacer.answered`."""

    at: float
    answered_at: float | None = None
    turn: str | None = None  # id of the turn in the budget that all processes share


class Pacer:
    """
    Slots of one integration, `1 / requests_per_second` apart. For one event loop.

    Requests that we send evenly do not arrive evenly: the first of a burst waits for TLS, the others do not. A request
    has certainly arrived when its answer is here. So the eighth is sent at least a second after the answer to the
    first, and amoCRM never sees more than seven in a second, whatever the network does.
    """

    def __init__(self, requests_per_second: float) -> None:
        self._gap_seconds = 1 / requests_per_second
        self._next_at = 0.0
        self._served = 0
        self._recent: deque[Slot] = deque(maxlen=_WINDOW_REQUESTS)
        self._waiting: dict[Priority, deque[asyncio.Future[Slot]]] = {each: deque() for each in Priority}
        self._timer: asyncio.TimerHandle | None = None
        self._refusals = 0
        self._paused_at = 0.0

    @property
    def waiting(self) -> int:
        return sum(not each.done() for queue in self._waiting.values() for each in queue)

    async def slot(self, priority: Priority) -> Slot:
        """
        Wait for the right to send one request.

        Raises:
            RateLimited: too many requests wait already.
        """
        loop = asyncio.get_running_loop()
        if self._is_free(loop.time()):
            return self._take(loop.time(), has_waited=False)
        if self.waiting >= _WAITING_AT_MOST:
            raise RateLimited("Too many requests wait for amoCRM", retry_after_seconds=_LONGEST_PAUSE)
        waiter: asyncio.Future[Slot] = loop.create_future()
        self._waiting[priority].append(waiter)
        self._arm(loop)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.answered(waiter.result())  # cancelled between getting the slot and using it
            raise

    def answered(self, slot: Slot) -> None:
        """The request of this slot has ended, with or without an answer."""
        loop = asyncio.get_running_loop()
        slot.answered_at = loop.time()
        if self.waiting:
            self._arm(loop)

    def refused(self, slot: Slot) -> float:
        """
        A 429 answered the request of this slot. Several 429s of one burst double the pause only once.

        Returns:
            Seconds until the next slot.
        """
        now = asyncio.get_running_loop().time()
        if slot.at >= self._paused_at:
            self._paused_at = now
            self._next_at = max(self._next_at, now + min(_LONGEST_PAUSE, 2.0**self._refusals))
            self._refusals += 1
        return max(0.0, self._next_at - now)

    def accepted(self, slot: Slot) -> None:
        if slot.at >= self._paused_at:
            self._refusals = 0

    async def close(self) -> None:
        """No more requests will come."""

    def _is_free(self, now: float) -> bool:
        return self._timer is None and now >= self._ready_at()

    def _ready_at(self) -> float:
        """When the next slot may be taken; infinity while the first request of the window has no answer yet."""
        if len(self._recent) < _WINDOW_REQUESTS:
            return self._next_at
        answered_at = self._recent[0].answered_at
        return math.inf if answered_at is None else max(self._next_at, answered_at + _WINDOW_SECONDS)

    def _take(self, now: float, *, has_waited: bool = True) -> Slot:
        """A slot given late because the loop was busy does not delay the following slots, up to one gap."""
        self._served += 1
        due_at = max(self._next_at, now - self._gap_seconds) if has_waited else now
        self._next_at = due_at + self._gap_seconds
        slot = Slot(now)
        self._recent.append(slot)
        return slot

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        ready_at = self._ready_at()
        if self._timer is None and ready_at < math.inf:
            self._timer = loop.call_at(ready_at, self._serve, loop)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if loop.time() < self._ready_at():  # paused since the timer was set
            self._arm(loop)
            return
        waiter = self._first()
        if waiter is None:
            return
        waiter.set_result(self._take(loop.time()))
        if self.waiting:
            self._arm(loop)

    def _first(self) -> asyncio.Future[Slot] | None:
        for priority in turn(self._served):
            queue = self._waiting[priority]
            while queue:
                waiter = queue.popleft()
                if not waiter.done():  # not cancelled
                    return waiter
        return None


class SharedPacer(Pacer):
    """
    A `Pacer` that also takes a turn from the budget of all processes before each slot.

    It chooses the request when the turn has come: a card that arrives while an import waits overtakes it.
    """

    def __init__(self, requests_per_second: float, budget: RateBudget) -> None:
        super().__init__(requests_per_second)
        self._pace = Pace(per_second=requests_per_second, most=_WINDOW_REQUESTS, window_seconds=_WINDOW_SECONDS)
        self._budget = budget
        self._serving: asyncio.Task[None] | None = None
        self._look = asyncio.Event()  # a request has ended, or a new one waits
        self._telling: set[asyncio.Task[None]] = set()

    def answered(self, slot: Slot) -> None:
        super().answered(slot)
        if slot.turn:  # empty if the budget was not asked
            self._tell(self._budget.end(slot.turn))
            slot.turn = None

    def refused(self, slot: Slot) -> float:
        pause = super().refused(slot)
        self._tell(self._budget.put_off(pause))
        return pause

    async def close(self) -> None:
        tasks = [*self._telling, *([self._serving] if self._serving else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_free(self, now: float) -> bool:
        return False

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._look.set()
        if self._serving is None or self._serving.done():
            self._serving = loop.create_task(self._serve_all(loop))

    async def _serve_all(self, loop: asyncio.AbstractEventLoop) -> None:
        while self.waiting:
            self._look.clear()
            wait = self._ready_at() - loop.time()
            turn = await self._budget.take(self._pace) if wait <= 0 else None
            if turn is not None and turn.id is not None:
                self._give(turn.id, loop.time())
                continue
            if turn is not None:
                await asyncio.sleep(turn.wait_seconds)
                continue
            try:
                async with asyncio.timeout(wait if wait < math.inf else None):
                    await self._look.wait()
            except TimeoutError:
                pass

    def _give(self, turn: str, now: float) -> None:
        waiter = self._first()
        if waiter is None:  # cancelled meanwhile
            self._tell(self._budget.end(turn))
            return
        slot = self._take(now)
        slot.turn = turn
        waiter.set_result(slot)

    def _tell(self, telling: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(telling)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)


class Breaker:
    """
    Stops sending when amoCRM answers 403 to everything: that is how it blocks after repeated abuse.

    A 403 without problem+json, or several in a row from different endpoints, opens it. A single 403 with problem+json
    only means that the token's owner has no access to one object.
    """

    def __init__(self, block_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._first_block = block_seconds
        self._now = now
        self._block = block_seconds
        self._until = 0.0
        self._endpoints: set[str] = set()

    @property
    def remaining_seconds(self) -> float:
        return max(0.0, self._until - self._now())

    def check(self) -> None:
        """Raises: Blocked while the breaker is open."""
        if self.remaining_seconds:
            raise Blocked("amoCRM has blocked this integration (403)", retry_after_seconds=self.remaining_seconds)

    def forbidden(self, endpoint: str, *, is_blanket: bool) -> bool:
        """Count a 403. Returns whether it opened the breaker."""
        self._endpoints.add(endpoint)
        if not is_blanket and len(self._endpoints) < _REFUSALS_THAT_BLOCK:
            return False
        self._endpoints.clear()
        self._until = self._now() + self._block
        self._block = min(_LONGEST_BLOCK, self._block * 2)
        return True

    def open(self, seconds: float) -> None:
        """Another process was blocked for this many seconds from now; 0: not any more."""
        self._until = self._now() + seconds

    def passed(self) -> None:
        self._endpoints.clear()
        self._block = self._first_block


class Blocked(Unavailable):
    """Not retried inside the connector: the pause is minutes long."""
