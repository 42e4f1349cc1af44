"""When the next request of one account may leave: even spacing, three priorities, pauses and the 403 breaker.

Requests themselves do not belong here; `transport.py` asks for a slot before each.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from integration.domain.intents import Priority
from integration.errors import RateLimited, Unavailable

_WAITING_AT_MOST = 2000  # requests of one account; more is a fault of the caller, not work to be done
_LONGEST_PAUSE = 60.0  # seconds; 1, 2, 4 ... 60 after 429. Source: amoCRM names no Retry-After (README: limits)
_LONGEST_BLOCK = 3600.0
_WINDOW_REQUESTS = 7  # that amoCRM takes within a second
_WINDOW_SECONDS = 1.02  # the two clocks' grain
_REFUSALS_THAT_BLOCK = 4  # 403 answers in a row, from different endpoints: the account is blocked, not one object


def turn(served: int) -> tuple[Priority, Priority, Priority]:
    """
    In which order the queues are looked at for one slot.

    Cards go first; every fourth slot looks at the log first, every eighth at the import, so that nobody starves:
    a full card queue leaves at least 1/8 of the rate to each of the others.
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


class Pacer:
    """
    Slots of one account, `1 / requests_per_second` apart. Lives in one event loop.

    Even spacing at our end is not even arrival at theirs: the first request of a burst waits for TLS, the others do
    not. A request has arrived when its answer is here, so the eighth leaves a second after the first one's answer at
    the earliest: amoCRM never sees more than seven in a second, whatever the line does.
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
        if self._timer is None and loop.time() >= self._ready_at():
            return self._take(loop.time())
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
        """The request of this slot is over, with or without an answer."""
        loop = asyncio.get_running_loop()
        slot.answered_at = loop.time()
        if self.waiting:
            self._arm(loop)

    def refused(self, slot: Slot) -> float:
        """
        A 429 answered the request of this slot. Several of one burst double the pause once only.

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

    def _ready_at(self) -> float:
        """When the next slot may be taken; infinity while the request a window ago is still on its way."""
        if len(self._recent) < _WINDOW_REQUESTS:
            return self._next_at
        answered_at = self._recent[0].answered_at
        return math.inf if answered_at is None else max(self._next_at, answered_at + _WINDOW_SECONDS)

    def _take(self, now: float) -> Slot:
        self._served += 1
        self._next_at = now + self._gap_seconds
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
                if not waiter.done():  # a cancelled request gives its place away
                    return waiter
        return None


class Breaker:
    """
    Stops sending when amoCRM answers 403 to everything, which is how it punishes repeated abuse.

    A 403 that is no problem+json, or several in a row from different endpoints, opens it; a single problem+json is one
    object that the token's owner may not touch.
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
        """Raises Blocked while the breaker is open."""
        if self.remaining_seconds:
            raise Blocked("amoCRM has blocked this integration (403)", retry_after_seconds=self.remaining_seconds)

    def forbidden(self, endpoint: str, *, is_blanket: bool) -> bool:
        """Count a 403; True when it has opened the breaker."""
        self._endpoints.add(endpoint)
        if not is_blanket and len(self._endpoints) < _REFUSALS_THAT_BLOCK:
            return False
        self._endpoints.clear()
        self._until = self._now() + self._block
        self._block = min(_LONGEST_BLOCK, self._block * 2)
        return True

    def passed(self) -> None:
        self._endpoints.clear()
        self._block = self._first_block


class Blocked(Unavailable):
    """Not retried inside the connector: the pause is minutes long."""
