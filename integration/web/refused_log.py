"""Logs failed requests: one line each, limited in length and number, without the text that the client sent."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()

_LINES, _SECONDS = 30, 60.0
_LONGEST = 100  # characters of one value


class RefusedLog:
    """Limits the lines per minute; counts those left out and logs the count with the next minute's first line."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until = 0.0
        self._lines = 0
        self._left_out = 0

    def add(self, *, status: int, place: str, method: str, reason: str, address: str) -> None:
        """
        Args:
            place: the route's pattern, or the part that failed; never the path itself, which may contain a secret or a
                number.
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
