"""Rate limits: at most a number of messages in a number of seconds, separately for each sender."""

from __future__ import annotations

from collections.abc import Callable, Hashable

_MOST_KEPT = 10_000


class Flow:
    """Counts messages by key, in time windows."""

    def __init__(self, *, most: int, seconds: float, now: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._now = now
        self._counts: dict[Hashable, tuple[float, int]] = {}  # when its window began, how many since

    def allows(self, key: Hashable) -> bool:
        """Count one message. Returns whether it is within the limit."""
        now = self._now()
        began, count = self._counts.get(key, (now, 0))
        if now - began >= self._seconds:
            began, count = now, 0
        if key not in self._counts and len(self._counts) >= _MOST_KEPT:
            self._counts = {k: v for k, v in self._counts.items() if now - v[0] < self._seconds}
        self._counts[key] = (began, count + 1)
        return count < self._most
