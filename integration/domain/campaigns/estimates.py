"""What a campaign has learned: how many answer, how long it rings, how long employees talk and write afterwards.

It starts with priors that are worth a few observations, and forgets slowly, so that it follows a day's changes. Objects
here change in place: a campaign sees ten results a second, and copying hundreds of bins for each would cost more than
all decisions. Nothing here reads a clock. Source: reference "dialling", 2.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

_FORGET = 0.998  # of each older observation, at each new one: a memory of about 500
_RESCALE = 1e9
_PRIOR_WORTH = 20.0
_FEW = 50  # dials; below, the answer rate is taken higher than it seems, which dials less
_HOUR_WORTH = 60.0  # dials of the campaign's rate that an hour's own rate begins with
_DOCUMENT = 1


class Law:
    """
    The distribution of a duration, as a histogram whose old observations fade.

    Attributes:
        step: width of a bin in seconds. What is longer than all bins goes into an open tail.
        cdf: `cdf[i]` is the probability of at most `i * step` seconds.
        version: changes whenever `cdf` does.
    """

    __slots__ = ("_counts", "_fresh", "_seen", "_total", "_weight", "cdf", "step", "version")

    def __init__(self, step: float, bins: int, prior: Callable[[float], float], worth: float = _PRIOR_WORTH) -> None:
        """`prior`: the distribution function from which it starts, and its `worth` in observations."""
        self.step = step
        self._counts = [worth * (prior((i + 1) * step) - prior(i * step)) for i in range(bins)]
        self._counts.append(worth * (1.0 - prior(bins * step)))
        self._total = sum(self._counts)
        self._weight = 1.0
        self._seen = 0
        self._fresh = 0
        self.version = 0
        self.cdf: list[float] = []
        self._add_up()

    def see(self, seconds: float) -> None:
        self._weight /= _FORGET
        place = min(max(int(seconds / self.step), 0), len(self._counts) - 1)
        self._counts[place] += self._weight
        self._total += self._weight
        self._seen += 1
        self._fresh += 1
        if self._fresh * 20 > min(self._seen, 400):  # a twentieth of what it rests on is new
            self._add_up()
        if self._weight > _RESCALE:
            self._counts = [count / self._weight for count in self._counts]
            self._total /= self._weight
            self._weight = 1.0

    def _add_up(self) -> None:
        below, cdf, total = 0.0, [0.0], self._total
        for count in self._counts[:-1]:
            below += count
            cdf.append(below / total)
        self.cdf = cdf
        self.version += 1
        self._fresh = 0

    def at(self, seconds: float) -> float:
        """The probability of at most so many seconds."""
        place = seconds / self.step
        left = int(place)
        if left + 1 >= len(self.cdf):
            return self.cdf[-1]
        return self.cdf[left] + (place - left) * (self.cdf[left + 1] - self.cdf[left])

    def quantile(self, share: float) -> float:
        """The seconds within which this share of all durations ends; the last bin's end for the tail."""
        wanted = share
        for i, value in enumerate(self.cdf):
            if value >= wanted:
                before = self.cdf[i - 1] if i else 0.0
                inside = (wanted - before) / (value - before) if value > before else 1.0
                return max(0.0, (i - 1 + inside) * self.step)
        return (len(self.cdf) - 1) * self.step

    def document(self) -> dict[str, Any]:
        return {"counts": [round(c / self._weight, 4) for c in self._counts], "seen": self._seen}

    def read(self, document: dict[str, Any]) -> None:
        """Take over what `document()` wrote; one of another shape is ignored, and the prior stays."""
        counts = document.get("counts")
        if not isinstance(counts, list) or len(counts) != len(self._counts):
            return
        if not all(isinstance(c, int | float) and math.isfinite(c) and c >= 0 for c in counts) or sum(counts) <= 0:
            return
        self._counts, self._total, self._weight = [float(c) for c in counts], float(sum(counts)), 1.0
        self._seen = int(document.get("seen", 0))
        self._add_up()


class Rate:
    """A share that is learned: how many of the dials are answered by a person."""

    __slots__ = ("all", "good")

    def __init__(self, good: float, all_: float) -> None:
        self.good = good
        self.all = all_

    def see(self, is_good: bool) -> None:
        self.good = self.good * _FORGET + is_good
        self.all = self.all * _FORGET + 1.0

    @property
    def mean(self) -> float:
        return self.good / self.all


class Estimates:
    """
    What one campaign knows.

    Attributes:
        answer: rings before a live answer. other: rings of the calls that end without one.
        talk, wrap: of its employees.
        price: the risk to find nobody that the next call may have; found by feedback.
        dials, answers: how many results it has seen in all.
        kept: whatever a reader has computed from these figures and wants to find again; never stored.
    """

    __slots__ = ("_hours", "_rate", "answer", "answers", "dials", "kept", "other", "price", "talk", "wrap")

    def __init__(self) -> None:
        self._rate = Rate(2.0, 6.0)
        self._hours: dict[int, Rate] = {}
        self.answer = Law(1.0, 90, _gamma2(12.0))
        self.other = Law(1.0, 90, _mostly_ringing_out)
        self.talk = Law(5.0, 240, _exponential(150.0))
        self.wrap = Law(2.0, 300, _exponential(20.0))
        self.price = START_PRICE
        self.dials = 0
        self.answers = 0
        self.kept: object = None

    def see_dial(self, hour: int, *, is_live: bool, ring_seconds: float) -> None:
        """A call of this hour (0 to 23, the office's) was answered by a person, or ended without that."""
        self._hour(hour).see(is_live)
        self._rate.see(is_live)
        self.dials += 1
        self.answers += is_live
        (self.answer if is_live else self.other).see(ring_seconds)

    def _hour(self, hour: int) -> Rate:
        rate = self._hours.get(hour)
        if rate is None:
            mean = self._rate.mean
            worth = min(self._rate.all, _HOUR_WORTH)
            rate = self._hours[hour] = Rate(mean * worth, worth)
        return rate

    def answer_rate(self, hour: int) -> float:
        """The share of live answers now; a standard deviation more while little is known."""
        rate = self._hour(hour)
        mean = rate.mean
        if self.dials < _FEW:
            mean += math.sqrt(mean * (1.0 - mean) / (rate.all + 1.0))
        return min(max(mean, 0.01), 0.99)

    def highest_rate(self, hour: int) -> float:
        """
        The share of live answers now, three standard deviations higher than it seems: in this hour, or lately if that
        is more. What an hour knows is of other days, and one of them may have been a bad one.
        """
        return max(_far_above(self._hour(hour)), _far_above(self._rate))

    def see_answer(self, *, abandoned: bool, ceiling: float, is_held: bool) -> None:
        """
        Adjust the price after a live answer.

        Args:
            is_held: the ceiling holds calls back now. The price does not rise then, else it would be far too high when
                they go on.
        """
        price = self.price
        if abandoned:
            price *= math.exp(-GAIN)
        if not is_held:
            price *= math.exp(GAIN * AIM_BELOW * ceiling)
        self.price = min(max(price, LOWEST_PRICE), HIGHEST_PRICE)

    def document(self) -> dict[str, Any]:
        """As JSON, for the store."""
        laws = {name: getattr(self, name).document() for name in _LAWS}
        hours = {str(hour): [rate.good, rate.all] for hour, rate in self._hours.items()}
        counts = {"dials": self.dials, "answers": self.answers, "price": self.price}
        return {"version": _DOCUMENT, "rate": [self._rate.good, self._rate.all], "hours": hours, **counts, **laws}

    @classmethod
    def read(cls, document: dict[str, Any]) -> Estimates:
        """What `document()` wrote. What cannot be read is learned again; never raises."""
        read = cls()
        if document.get("version") != _DOCUMENT:
            return read
        read._rate = _rate(document.get("rate")) or read._rate
        hours = document.get("hours")
        for key, value in (hours if isinstance(hours, dict) else {}).items():
            rate = _rate(value)
            if rate is not None and key.isdigit() and int(key) < 24:
                read._hours[int(key)] = rate
        for name in _LAWS:
            law = document.get(name)
            if isinstance(law, dict):
                getattr(read, name).read(law)
        price = document.get("price")
        if isinstance(price, int | float) and math.isfinite(price):
            read.price = min(max(float(price), LOWEST_PRICE), HIGHEST_PRICE)
        dials, answers = document.get("dials"), document.get("answers")
        if isinstance(dials, int) and isinstance(answers, int):
            read.dials, read.answers = max(dials, 0), max(answers, 0)
        return read


START_PRICE, LOWEST_PRICE, HIGHEST_PRICE = 0.02, 0.005, 0.08
GAIN = 0.05
AIM_BELOW = 0.8  # of the ceiling: what the feedback steers to, so that chance does not reach the ceiling
_LAWS = ("answer", "other", "talk", "wrap")


def _far_above(rate: Rate) -> float:
    mean = rate.mean
    return min(mean + 3.0 * math.sqrt(mean * (1.0 - mean) / (rate.all + 1.0)), 0.99)


def _rate(value: object) -> Rate | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    good, all_ = value
    if not (isinstance(good, int | float) and isinstance(all_, int | float) and math.isfinite(all_)):
        return None
    return Rate(float(good), float(all_)) if 0 <= good <= all_ and all_ > 0 else None


def _exponential(mean: float) -> Callable[[float], float]:
    return lambda seconds: 1.0 - math.exp(-seconds / mean)


def _gamma2(mean: float) -> Callable[[float], float]:
    """Erlang with two stages."""
    rate = 2.0 / mean
    return lambda seconds: 1.0 - math.exp(-rate * seconds) * (1.0 + rate * seconds)


def _mostly_ringing_out(seconds: float) -> float:
    """Fifteen of a hundred end early; the others ring until about 25 s."""
    early = 0.15 * min(seconds / 10.0, 1.0)
    return early + (0.85 * min((seconds - 24.0) / 3.0, 1.0) if seconds > 24.0 else 0.0)
