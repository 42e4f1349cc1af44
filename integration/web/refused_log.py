"""Requests that failed, in the log: one line each, bounded in length and number, without what the stranger wrote."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()

_LINES, _SECONDS = 30, 60.0
_LONGEST = 100  # characters of one value


class RefusedLog:
    """At most so many lines in a while; what was left out is counted and told with the first line after it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until = 0.0
        self._lines = 0
        self._left_out = 0

    def add(self, *, status: int, place: str, method: str, reason: str, address: str) -> None:
        """
        Args:
            place: the route's pattern, or what kind of thing failed; never the address as it was sent, which may hold
                a secret or a number.
        """
        now = self._monotonic()
        if now >= self._until:
            if self._left_out:
                log.info("more requests refused than were logged", count=self._left_out)
            self._until, self._lines, self._left_out = now + _SECONDS, 0, 0
        if self._lines >= _LINES:
            self._left_out += 1
            return
        self._lines += 1
        log.info(
            "request refused",
            status=status,
            place=_bounded(place),
            method=_bounded(method),
            reason=_bounded(reason),
            address=_bounded(address),
        )


def _bounded(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:_LONGEST])
