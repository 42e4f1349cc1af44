"""Short-lived state that processes share, for a single process: tickets, "once" and fan-out, in memory.

All of it may be lost without harm. For several processes: `redis.py`, with the same contract tests.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from typing import Any

import structlog

from integration.domain.rates import LeakyBucket
from integration.ports.coordination import Pace, Turn
from integration.storage.coordination.buckets import Buckets
from integration.storage.coordination.turns import TurnQueue

log = structlog.get_logger()

TICKET_BYTES = 32  # random
_MOST_KEPT = 100_000  # tickets, and as many keys; then the oldest are dropped
_MOST_WAITING = 10_000  # messages kept for one subscriber that does not read


class InProcessCoordination:
    """Implements `ports.Coordination`."""

    problem: str | None = None  # there are no other processes

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._tickets = _Expiring(monotonic)
        self._keys = _Expiring(monotonic)
        self._marks = _Expiring(monotonic)
        self._counts = _Expiring(monotonic)
        self._queues: dict[str, TurnQueue] = {}
        self._buckets = Buckets(monotonic)
        self._subscribers: dict[str, set[asyncio.Queue[str]]] = {}

    async def issue_ticket(self, payload: dict[str, Any], *, ttl_seconds: float) -> str:
        ticket = secrets.token_urlsafe(TICKET_BYTES)
        self._tickets.put(ticket, json.dumps(payload), ttl_seconds)
        return ticket

    async def take_ticket(self, ticket: str) -> dict[str, Any] | None:
        kept = self._tickets.take(ticket)
        if kept is None:
            return None
        payload: dict[str, Any] = json.loads(kept)
        return payload

    async def once(self, key: str, *, ttl_seconds: float) -> bool:
        if key in self._keys:
            return False
        self._keys.put(key, "", ttl_seconds)
        return True

    async def mark(self, key: str, *, ttl_seconds: float) -> None:
        self._marks.put(key, "", ttl_seconds)

    async def is_marked(self, key: str) -> bool:
        return key in self._marks

    async def count(self, key: str, *, ttl_seconds: float) -> int:
        count = int(self._counts.get(key) or 0) + 1
        if count == 1:
            self._counts.put(key, "1", ttl_seconds)
        else:
            self._counts.change(key, str(count))
        return count

    async def forget_count(self, key: str) -> None:
        self._counts.take(key)

    async def take_turn(self, queue: str, pace: Pace) -> Turn:
        if queue not in self._queues:
            self._queues[queue] = TurnQueue(self._monotonic, pace)
        return self._queues[queue].take(pace)

    async def end_turn(self, queue: str, turn: str) -> None:
        if queue in self._queues:
            self._queues[queue].end(turn)

    async def put_off_turns(self, queue: str, seconds: float) -> None:
        self._queues.setdefault(queue, TurnQueue(self._monotonic)).put_off(seconds)

    async def pour(self, name: str, bucket: LeakyBucket, *, share: float) -> float:
        return self._buckets.pour(name, bucket, share)

    async def overflow(self, name: str, bucket: LeakyBucket, *, pause_seconds: float) -> None:
        self._buckets.overflow(name, bucket, pause_seconds)

    async def publish(self, channel: str, *messages: dict[str, Any]) -> None:
        for message in messages:
            text = json.dumps(message)  # subscribers get copies, as they would from another process
            for waiting in self._subscribers.get(channel, ()):
                if waiting.full():
                    waiting.get_nowait()
                    log.warning("subscriber does not read, oldest message dropped", channel=channel)
                waiting.put_nowait(text)

    async def subscribe(self, channel: str) -> AsyncIterator[dict[str, Any]]:
        waiting: asyncio.Queue[str] = asyncio.Queue(_MOST_WAITING)
        subscribers = self._subscribers.setdefault(channel, set())
        subscribers.add(waiting)
        try:
            while True:
                yield json.loads(await waiting.get())
        finally:
            subscribers.discard(waiting)

    async def close(self) -> None:
        self._subscribers.clear()


class _Expiring:
    """Texts by key, each with a time to live, in the order of their insertion."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._kept: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def get(self, key: str) -> str | None:
        text, until = self._kept.get(key, ("", 0.0))
        return text if until > self._monotonic() else None

    def change(self, key: str, text: str) -> None:
        """Replace the text; its time to live does not change."""
        self._kept[key] = (text, self._kept[key][1])

    def put(self, key: str, text: str, ttl_seconds: float) -> None:
        now = self._monotonic()
        self._kept.pop(key, None)
        self._kept[key] = (text, now + ttl_seconds)
        while self._kept:
            oldest = next(iter(self._kept))
            if self._kept[oldest][1] > now and len(self._kept) <= _MOST_KEPT:
                break
            del self._kept[oldest]

    def take(self, key: str) -> str | None:
        text, until = self._kept.pop(key, ("", 0.0))
        return text if until > self._monotonic() else None
