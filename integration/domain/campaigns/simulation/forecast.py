"""What would happen: a campaign's next hours, simulated with what the office itself has learned. Source: spec K6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from integration.domain.campaigns.estimates import Estimates, Law
from integration.domain.campaigns.simulation.baselines import FixedRatio
from integration.domain.campaigns.simulation.office import Chance, Office, Shift
from integration.domain.campaigns.simulation.policy import Policy
from integration.domain.campaigns.simulation.shift import Dialler, play

_TAIL = 1.25  # a duration of the open tail, by the longest bin


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedOffice(Office):
    """An office whose clients and employees behave as they did: every duration is drawn from its learned law."""

    estimates: Estimates

    def ring_before_answer(self, chance: Chance) -> float:
        return min(_draw(self.estimates.answer, chance), self.ring_seconds)

    def ring_without(self, chance: Chance) -> float:
        return min(_draw(self.estimates.other, chance), self.ring_seconds)

    def talk(self, chance: Chance) -> float:
        return _draw(self.estimates.talk, chance)

    def wrap(self, chance: Chance) -> float:
        return _draw(self.estimates.wrap, chance)


def _draw(law: Law, chance: Chance) -> float:
    share = chance.random()
    longest = (len(law.cdf) - 1) * law.step
    return law.quantile(share) if share <= law.cdf[-1] else longest * _TAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """
    Between which values the shifts lay that were played.

    Attributes:
        occupancy, abandoned: shares, 0 to 1: lowest, mean, highest.
        dialled, talks: in one hour, on average.
        answer_rate: the share of dials that a person answers.
        is_learned: from the office's own calls; else from what is usual.
    """

    occupancy: tuple[float, float, float]
    abandoned: tuple[float, float, float]
    dialled: float
    talks: float
    answer_rate: float
    is_learned: bool


def forecast(
    estimates: Estimates,
    *,
    employees: int,
    hour: int,
    hours: float,
    ceiling: float,
    lines: int,
    ring_seconds: int,
    chances: Sequence[Chance],
    is_ahead: bool = True,
) -> Forecast:
    """
    Play the next hours of a campaign once for each of `chances`, with an empty ledger.

    Args:
        is_ahead: it dials ahead of its employees (predictive); else one call for each who is free.
        employees, hours: at least one employee, and more than no time.
        hour: 0 to 23, whose answer rate is used throughout.
    """
    office = LearnedOffice(
        employees=employees,
        answer_rate=estimates.answer_rate(hour),
        shift_seconds=hours * 3600.0,
        ring_seconds=float(ring_seconds),
        lines=lines,
        ceiling=ceiling,
        estimates=estimates,
    )
    document = estimates.document()

    def dialler() -> Dialler:
        return Policy(ceiling, Estimates.read(document)) if is_ahead else FixedRatio(1.0)

    shifts = [play(office, dialler(), chance) for chance in chances]
    return Forecast(
        occupancy=_range([shift.occupancy for shift in shifts]),
        abandoned=_range([shift.share for shift in shifts]),
        dialled=sum(shift.dialled for shift in shifts) / len(shifts) / hours,
        talks=sum(_talks(shift) for shift in shifts) / len(shifts) / hours,
        answer_rate=office.answer_rate,
        is_learned=estimates.dials > 0,
    )


def hours_for(people: int, *, attempts: int, answer_rate: float, dialled_an_hour: float) -> float:
    """
    How many hours of dialling a list takes, about: each person is dialled until they answer or `attempts` are used.

    Args:
        people: still to be called.
        attempts: at most at one person, at least one. Pauses between them count only if they are longer than the rest.
        dialled_an_hour: above 0, as `Forecast.dialled`.
    """
    silent = 1.0 - answer_rate
    dials_each = (1.0 - silent**attempts) / answer_rate if answer_rate > 0.0 else float(attempts)
    return people * dials_each / dialled_an_hour


def _talks(shift: Shift) -> int:
    return shift.live - shift.abandoned


def _range(values: Sequence[float]) -> tuple[float, float, float]:
    return min(values), sum(values) / len(values), max(values)
