"""What is simulated: an office, its clients and a shift; and what comes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Chance(Protocol):
    """The draws that a simulation needs; `random.Random` has them. The same seed gives the same shift."""

    def random(self) -> float: ...

    def uniform(self, a: float, b: float) -> float: ...

    def gammavariate(self, alpha: float, beta: float) -> float: ...

    def lognormvariate(self, mu: float, sigma: float) -> float: ...

    def expovariate(self, lambd: float) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """
    Attributes:
        answer_rate: share of the dials that a person answers.
        swing: the answer rate goes up and down by this part of itself, once in `swing_seconds`.
        talk_mean, talk_spread: seconds, and the coefficient of variation of a lognormal law; 0: always the mean.
        wrap_mean: seconds of an exponential law.
        early: share of all other dials that end within ten seconds (busy, unreachable); the rest ring out.
        break_every, break_seconds: each employee's breaks; 0: none. It begins after the call, or at once if free.
    """

    employees: int
    answer_rate: float = 0.3
    swing: float = 0.0
    swing_seconds: float = 7200.0
    talk_mean: float = 120.0
    talk_spread: float = 0.9
    wrap_mean: float = 20.0
    ring_seconds: float = 25.0
    early: float = 0.1
    break_every: float = 0.0
    break_seconds: float = 600.0
    shift_seconds: float = 8 * 3600.0
    lines: int = 10_000
    ceiling: float = 0.03

    def rate_at(self, seconds: float) -> float:
        """The answer rate so many seconds after the shift's beginning."""
        if not self.swing:
            return self.answer_rate
        return self.answer_rate * (1.0 + self.swing * math.sin(2.0 * math.pi * seconds / self.swing_seconds))

    def ring_before_answer(self, chance: Chance) -> float:
        return min(2.0 + chance.gammavariate(2.0, 5.0), self.ring_seconds)

    def ring_without(self, chance: Chance) -> float:
        return chance.uniform(1.0, 10.0) if chance.random() < self.early else self.ring_seconds

    def talk(self, chance: Chance) -> float:
        if not self.talk_spread:
            return self.talk_mean
        sigma2 = math.log(1.0 + self.talk_spread**2)
        return chance.lognormvariate(math.log(self.talk_mean) - sigma2 / 2.0, math.sqrt(sigma2))

    def wrap(self, chance: Chance) -> float:
        return chance.expovariate(1.0 / self.wrap_mean) if self.wrap_mean else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """
    What came of a simulated shift.

    Attributes:
        occupancy: time in talk and wrap-up by the time signed in and not paused.
        dialled, live, abandoned: calls.
        peak: the highest share of abandoned among live answers at any moment from the shift's beginning.
        late_peak: the same from the 34th live answer on, where one abandoned call is less than three percent.
        waited: the longest wait of a client who got an employee, in seconds; `waited_mean` of all of them.
        idle_mean: seconds from an employee's wrap-up to the next client.
    """

    occupancy: float
    dialled: int
    live: int
    abandoned: int
    peak: float
    late_peak: float
    waited: float
    waited_mean: float
    idle_mean: float

    @property
    def share(self) -> float:
        return self.abandoned / self.live if self.live else 0.0
