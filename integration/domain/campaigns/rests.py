"""How long a line, or an employee's phone, is left alone after it has failed: longer each time, until it works again.

Objects here change in place, like what a campaign learns; nothing reads a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from integration.domain.ids import Timestamp

LINE_SECONDS = (30.0, 60.0, 120.0, 300.0)
"""Source: reference "dialling", 4.3."""

PHONE_SECONDS = (60.0, 300.0, 900.0)
"""Refusals of one phone must not burn through a list, nor ring an empty chair all day (reference "dialling", 1.4)."""


@dataclass(frozen=True, slots=True)
class _Rest:
    times: int
    until: Timestamp


class Rests:
    """`ladder`: seconds after the first failure, the second, and so on; the last one for all others."""

    def __init__(self, ladder: Sequence[float]) -> None:
        self._ladder = tuple(ladder)
        self._rests: dict[str, _Rest] = {}

    def failed(self, key: str, now: Timestamp) -> None:
        """Failures of calls that were on their way together are one."""
        known = self._rests.get(key)
        if known is not None and now < known.until:
            return
        times = known.times if known is not None else 0
        seconds = self._ladder[min(times, len(self._ladder) - 1)]
        self._rests[key] = _Rest(times + 1, Timestamp(now + seconds))

    def worked(self, key: str) -> None:
        self._rests.pop(key, None)

    def until(self, key: str, now: Timestamp) -> Timestamp | None:
        """None: it does not rest."""
        known = self._rests.get(key)
        return known.until if known is not None and now < known.until else None
