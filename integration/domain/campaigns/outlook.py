"""How many employees will be wanted when a call dialled now is answered: sums of independent coins.

A coin is a call that is answered by then, or an employee who has finished by then. The sum is looked at for four
moments, each as probable as the others to be that of the answer; of its distribution mean, variance and skew are kept,
and the tail is read from their Edgeworth expansion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from integration.domain.campaigns.estimates import Estimates, Law
from integration.domain.campaigns.situation import CallInFlight, EmployeeNow, EmployeeState
from integration.domain.ids import Timestamp

_SHARES = (0.125, 0.375, 0.625, 0.875)  # of the answer law: the middles of four equal parts
_COUNTED_WAIT = 1.5  # seconds of the two that a client waits: the rest is the PBX's
_STALE_DIALS = 20
_WRAP_POINTS = 4
_TALK_GRID = 5.0  # seconds, as wide as the bins

_Coin = tuple[float, float, float, float, float, float, float, float, float, float, float, float]
"""Mean, variance and third moment at the first moment, then at the second, third and fourth."""

_NO_COIN: _Coin = (0.0,) * 12


class Tables:
    """Coins by age, computed once and used until the estimates have changed."""

    __slots__ = (
        "_answer",
        "_calls",
        "_highest",
        "_likely",
        "_other",
        "_rate",
        "_talk",
        "_talking",
        "_wrap",
        "_wrapped",
        "_wrapping",
        "built_at",
        "horizons",
        "hour",
        "laws",
        "new_call",
    )  # fmt: skip

    def __init__(self, estimates: Estimates, hour: int) -> None:
        self.built_at = estimates.dials
        self.hour = hour
        self.laws = _laws(estimates)
        self._answer, self._other = estimates.answer, estimates.other
        self._talk, self._wrap = estimates.talk, estimates.wrap
        self._rate = estimates.answer_rate(hour)
        self._highest = estimates.highest_rate(hour)
        self.horizons = [self._answer.quantile(share) for share in _SHARES]
        self._wrapped = [_mean_wrapped(self._wrap, horizon + _COUNTED_WAIT) for horizon in self.horizons]
        self._calls: dict[int, _Coin] = {}
        self._likely: dict[int, float] = {}
        self._talking: dict[int, _Coin] = {}
        self._wrapping: dict[int, _Coin] = {}
        self.new_call = self.of_call(0.0)

    def of_call(self, age: float) -> _Coin:
        """A call that has rung for so long."""
        key = int(age + 0.5)
        coin = self._calls.get(key)
        if coin is None:
            coin = self._calls[key] = _coin([self._answers(key, horizon) for horizon in self.horizons])
        return coin

    def likely(self, age: float) -> float:
        """A careful upper bound: that a call that has rung for so long is answered at all."""
        key = int(age + 0.5)
        found = self._likely.get(key)
        if found is None:
            to_come = self._highest * (1.0 - self._answer.at(key))
            left = to_come + (1.0 - self._highest) * (1.0 - self._other.at(key))
            found = self._likely[key] = to_come / left if left > 1e-9 else self._highest
        return found

    def _answers(self, age: float, horizon: float) -> float:
        answered = self._rate * self._answer.at(age)
        left = 1.0 - answered - (1.0 - self._rate) * self._other.at(age)
        return (self._rate * self._answer.at(age + horizon) - answered) / left if left > 1e-9 else 0.0

    def of_talking(self, age: float) -> _Coin:
        """An employee who has talked for so long: the talk has to end, and the wrap-up as well."""
        key = int(age / _TALK_GRID)
        coin = self._talking.get(key)
        if coin is None:
            ends = [self._ends(self._talk, (key + 0.5) * _TALK_GRID, h + _COUNTED_WAIT) for h in self.horizons]
            coin = _coin([end * wrapped for end, wrapped in zip(ends, self._wrapped, strict=True)], taken=-1.0)
            self._talking[key] = coin
        return coin

    def of_wrapping(self, age: float) -> _Coin:
        key = int(age + 0.5)
        coin = self._wrapping.get(key)
        if coin is None:
            ends = [self._ends(self._wrap, key, h + _COUNTED_WAIT) for h in self.horizons]
            coin = self._wrapping[key] = _coin(ends, taken=-1.0)
        return coin

    @staticmethod
    def _ends(law: Law, age: float, within: float) -> float:
        """Within so many seconds, having lasted for `age`. In the open tail: never, since nothing is known of it."""
        left = 1.0 - law.at(age)
        return (law.at(age + within) - law.at(age)) / left if left > 1e-6 else 0.0


def tables_of(estimates: Estimates, hour: int) -> Tables:
    """The tables of these estimates; kept with them until they have changed."""
    kept = estimates.kept
    if (
        isinstance(kept, Tables)
        and kept.hour == hour
        and (estimates.dials - kept.built_at) * 20 < min(max(estimates.dials, 20), 20 * _STALE_DIALS)
        and kept.laws == _laws(estimates)
    ):
        return kept
    tables = Tables(estimates, hour)
    estimates.kept = tables
    return tables


def _laws(estimates: Estimates) -> tuple[int, int, int, int]:
    return estimates.answer.version, estimates.other.version, estimates.talk.version, estimates.wrap.version


def _mean_wrapped(wrap: Law, seconds: float) -> float:
    """Of employees whose talk ends at any moment within these seconds: the share whose wrap-up ends in them too."""
    return sum(wrap.at(seconds * (i + 0.5) / _WRAP_POINTS) for i in range(_WRAP_POINTS)) / _WRAP_POINTS


def _coin(chances: Sequence[float], taken: float = 1.0) -> _Coin:
    """`taken`: 1 for a call, which wants an employee; -1 for an employee who becomes free."""
    flat: list[float] = []
    for q in chances:
        v = q * (1.0 - q)
        flat += (taken * q, v, taken * v * (1.0 - 2.0 * q))
    a, b, c, d, e, f, g, h, i, j, k, m = flat
    return a, b, c, d, e, f, g, h, i, j, k, m


class Outlook:
    """The sums for one decision; `add` a call to them before judging the one after it."""

    __slots__ = ("_new", "_ringing", "_spare", "_sums")

    def __init__(
        self,
        tables: Tables,
        employees: Sequence[EmployeeNow],
        ringing: Sequence[CallInFlight],
        spare: int,
        now: Timestamp,
    ) -> None:
        """`spare`: free employees less the clients who wait."""
        self._spare = spare
        self._ringing = len(ringing)
        self._new = tables.new_call
        coins = [tables.of_call(now - call.dialled_at) for call in ringing]
        furthest = now + tables.horizons[-1] + _COUNTED_WAIT
        for each in employees:
            state = each.state
            if state is EmployeeState.TALKING:
                coin = tables.of_talking(now - each.since)
            elif state is EmployeeState.WRAPPING:
                coin = tables.of_wrapping(now - each.since)
            else:
                continue
            if not each.is_leaving and (each.leaves_at is None or each.leaves_at > furthest):
                coins.append(coin)
        self._sums = [sum(column) for column in zip(*coins, strict=True)] if coins else list(_NO_COIN)

    def add(self) -> None:
        """One more call is dialled now."""
        self._ringing += 1
        self._sums = [total + part for total, part in zip(self._sums, self._new, strict=True)]

    def burst(self, deviations: float) -> float:
        """
        How many clients may find nobody if one more is dialled and chance is so many standard deviations against us:
        losses come together, because all of these calls hang on the same employees. At most all calls that ring.
        """
        sums, new = self._sums, self._new
        worst = max(sums[i] + new[i] + deviations * math.sqrt(sums[i + 1] + new[i + 1]) for i in (0, 3, 6, 9))
        return min(worst, self._ringing + 1.0) - self._spare

    def risk(self) -> float:
        """The probability that the next call finds nobody."""
        a, b, c, d, e, f, g, h, i, j, k, m = self._sums
        least = self._spare
        near = _at_least(least, a, b, c) + _at_least(least, d, e, f)
        return (near + _at_least(least, g, h, i) + _at_least(least, j, k, m)) / 4.0


def _at_least(least: int, mean: float, variance: float, third: float) -> float:
    """The probability that the sum of coins is at least so much."""
    if variance < 1e-9:
        return 1.0 if mean >= least - 0.5 else 0.0
    deviation = math.sqrt(variance)
    x = (least - 0.5 - mean) / deviation
    if x > 6.0:
        return 0.0
    tail = 0.5 * math.erfc(x * 0.7071067811865476)
    tail += third / (6.0 * variance * deviation) * (x * x - 1.0) * 0.3989422804014327 * math.exp(-0.5 * x * x)
    return min(max(tail, 0.0), 1.0)
