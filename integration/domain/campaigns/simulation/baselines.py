"""What the policy is compared with: one call an employee, fixed ratios, VICIdial's rule, and a bound above them all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from integration.domain.campaigns.model import Outcome
from integration.domain.campaigns.simulation.office import Chance, Office
from integration.domain.campaigns.situation import CallInFlight, EmployeeNow, EmployeeState
from integration.domain.ids import Timestamp


class _Learnless:
    """Learns nothing."""

    every_seconds = 1.0

    def saw_dial(self, now: Timestamp, *, is_live: bool, ring_seconds: float) -> None: ...

    def saw_answer(self, outcome: Outcome, now: Timestamp) -> None: ...

    def saw_talk(self, seconds: float) -> None: ...

    def saw_wrap(self, seconds: float) -> None: ...


class Counted(StrEnum):
    """For whom a fixed ratio dials."""

    FREE = "free"  # so many lines for each employee who is free: better for small teams
    PRESENT = "present"  # so many for each who is signed in, less those who talk: better for large ones


class FixedRatio(_Learnless):
    """`ratio` lines for each employee. With 1.0 of the free ones it is progressive: nobody is abandoned."""

    def __init__(self, ratio: float, counted: Counted = Counted.FREE) -> None:
        self._ratio = ratio
        self._counted = counted

    def dial(
        self, employees: Sequence[EmployeeNow], calls: Sequence[CallInFlight], now: Timestamp, most: int
    ) -> Sequence[float]:
        if self._counted is Counted.FREE:
            base = sum(each.state is EmployeeState.FREE for each in employees)
            begun = len(calls)
        else:
            base = sum(each.state is not EmployeeState.PAUSED for each in employees)
            begun = len(calls) + sum(each.state is EmployeeState.TALKING for each in employees)
        return (0.0,) * min(max(math.floor(self._ratio * base + 0.5) - begun, 0), most)


class VicidialAdaptive(_Learnless):
    """
    VICIdial's adaptive rule with a hard limit, from the formulas in the reference "dialling", 2.2 (its version 2.4).

    Our model of it, not the product: intensity and target 0, level at most 3. `wrap_counts`: whether an employee who
    writes after a call is counted as an agent, which depends on the installation.
    """

    every_seconds = 0.5
    _SAMPLE, _ADAPT, _PLACE = 1.0, 15.0, 2.5

    def __init__(self, *, wrap_counts: bool, ceiling: float = 0.03) -> None:
        self._wrap_counts = wrap_counts
        self._ceiling = ceiling
        self._level = 1.0
        self._samples: list[tuple[float, float, float]] = []  # ready, total, waiting: of the last fifteen seconds
        self._sampled = self._adapted = self._placed = -1e9
        self._live = self._dropped = 0
        self._minute: list[tuple[float, bool]] = []  # live answers of the last minute: when, and whether dropped

    def dial(
        self, employees: Sequence[EmployeeNow], calls: Sequence[CallInFlight], now: Timestamp, most: int
    ) -> Sequence[float]:
        total = ready = talking = 0
        for each in employees:
            if each.state is EmployeeState.PAUSED or (each.state is EmployeeState.WRAPPING and not self._wrap_counts):
                continue
            total += 1
            if each.state is EmployeeState.TALKING:
                talking += 1
            else:
                ready += 1
        if now - self._sampled >= self._SAMPLE:
            self._sampled = now
            waiting = sum(call.answered_at is not None for call in calls)
            self._samples = [*self._samples[-14:], (ready, total, waiting)]
        if now - self._adapted >= self._ADAPT:
            self._adapted = now
            self._adapt(now)
        if now - self._placed < self._PLACE:
            return ()
        self._placed = now
        goal = math.floor(self._level * total + 0.5)
        return (0.0,) * min(max(goal - len(calls) - talking, 0), most)

    def _adapt(self, now: float) -> None:
        count = len(self._samples)
        ready, total, waiting = (sum(sample[i] for sample in self._samples) / count for i in range(3))
        difference = ready - waiting
        self._level *= 1.0 + (difference / total if total and difference else 0.0)
        self._level = min(max(self._level, 1.0), 3.0)
        self._minute = [each for each in self._minute if now - each[0] <= 60.0]
        if len(self._minute) > 20 and sum(dropped for _, dropped in self._minute) > len(self._minute) / 2:
            self._level /= 2.0
        if self._live > 50 and self._dropped / self._live > self._ceiling:
            self._level = 1.0
        self._level = max(self._level, 1.0)

    def saw_answer(self, outcome: Outcome, now: Timestamp) -> None:
        dropped = outcome is Outcome.ABANDONED
        self._live += 1
        self._dropped += dropped
        self._minute.append((now, dropped))


def oracle_occupancy(office: Office, chance: Chance) -> float:
    """
    The bound: somebody who knows every outcome dials only clients who will answer, each so early that the answer comes
    when an employee has finished. Only the first ring of the shift, and of each return from a break, is waited for.
    """
    present = waited = 0.0
    for _ in range(office.employees):
        returns = 1
        if office.break_every:
            cycle = office.break_every + office.break_seconds
            returns += int(office.shift_seconds / cycle)
            present += office.shift_seconds - (returns - 1) * office.break_seconds
        else:
            present += office.shift_seconds
        waited += office.ring_before_answer(chance)
    return 1.0 - waited / present
