"""The abandonment ledger: live answers and abandoned calls of a campaign, by day. Source: spec K6; reference 2.5.

The ceiling holds for every day alone and for the measuring window together. If no day is above it, no window of whole
days is: good days that leave the window cannot push it over the ceiling.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from integration.domain.campaigns.model import LIVE, Outcome

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Answers:
    """`live`: answered by a person; `abandoned` of them: no employee came within two seconds."""

    live: int = 0
    abandoned: int = 0

    @property
    def share(self) -> float:
        """Abandoned among live answers, 0 to 1."""
        return self.abandoned / self.live if self.live else 0.0

    def plus(self, outcome: Outcome) -> Answers:
        return Answers(self.live + (outcome in LIVE), self.abandoned + (outcome is Outcome.ABANDONED))

    def room(self, ceiling: float) -> float:
        """How many calls more may be abandoned, if one more is answered; below zero: the ceiling is broken."""
        return ceiling * (self.live + 1) - self.abandoned

    def bears(self, ceiling: float) -> int:
        """How many clients may be lost at once, to a process that is killed or a link that breaks, before the share is
        above the ceiling."""
        return max(math.floor((ceiling * self.live - self.abandoned) / (1.0 - ceiling) + _ROUNDING), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """`days`: of the office's calendar; only those of the measuring window are kept."""

    days: Mapping[date, Answers] = field(default_factory=dict)
    measured_days: int = 30

    def plus(self, day: date, outcome: Outcome) -> Ledger:
        """With one more outcome on a day."""
        if outcome not in LIVE:
            return self
        first = day - timedelta(days=self.measured_days - 1)
        kept = {each: answers for each, answers in self.days.items() if each >= first}
        return replace(self, days={**kept, day: kept.get(day, Answers()).plus(outcome)})

    def of_day(self, day: date) -> Answers:
        return self.days.get(day, Answers())

    def of_window(self, day: date) -> Answers:
        """Of the measuring window that ends with this day."""
        first = day - timedelta(days=self.measured_days - 1)
        inside = [answers for each, answers in self.days.items() if first <= each <= day]
        return Answers(sum(each.live for each in inside), sum(each.abandoned for each in inside))

    def tightest(self, day: date, ceiling: float) -> Answers:
        """Of this day and the window the one with less room below the ceiling."""
        return min(self.of_day(day), self.of_window(day), key=lambda answers: answers.room(ceiling))
