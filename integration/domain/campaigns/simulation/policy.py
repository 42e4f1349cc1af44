"""Dozvon's policy in the simulation: the same pacing, estimates and ledger as in a running campaign."""

from __future__ import annotations

from collections.abc import Sequence

from integration.domain.campaigns.estimates import Estimates
from integration.domain.campaigns.ledger import Answers
from integration.domain.campaigns.model import Outcome
from integration.domain.campaigns.pacing import Pace, pace
from integration.domain.campaigns.situation import CallInFlight, EmployeeNow
from integration.domain.ids import Timestamp


class Policy:
    """
    Attributes:
        estimates: what it has learned; handed in, it begins with an office's own figures.
        last: the newest decision.
        every_seconds: a running campaign decides every second; half as often here, to save the time of simulations.
    """

    every_seconds = 2.0

    def __init__(self, ceiling: float = 0.03, estimates: Estimates | None = None) -> None:
        self.estimates = estimates or Estimates()
        self.last: Pace | None = None
        self._ceiling = ceiling
        self._answers = Answers()

    def dial(
        self, employees: Sequence[EmployeeNow], calls: Sequence[CallInFlight], now: Timestamp, most: int
    ) -> Sequence[float]:
        self.last = pace(
            employees, calls, self.estimates, self._answers,
            ceiling=self._ceiling, hour=_hour(now), now=now, most=most,
        )  # fmt: skip
        return self.last.risks

    def saw_dial(self, now: Timestamp, *, is_live: bool, ring_seconds: float) -> None:
        self.estimates.see_dial(_hour(now), is_live=is_live, ring_seconds=ring_seconds)

    def saw_answer(self, outcome: Outcome, now: Timestamp) -> None:
        self._answers = self._answers.plus(outcome)
        is_held = self.last is not None and self.last.is_held_by_ceiling
        self.estimates.see_answer(abandoned=outcome is Outcome.ABANDONED, ceiling=self._ceiling, is_held=is_held)

    def saw_talk(self, seconds: float) -> None:
        self.estimates.talk.see(seconds)

    def saw_wrap(self, seconds: float) -> None:
        self.estimates.wrap.see(seconds)


def _hour(now: Timestamp) -> int:
    return int(now // 3600) % 24
