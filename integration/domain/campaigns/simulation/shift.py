"""Plays a shift event by event: clients answer or do not, employees talk, write, take breaks. The dialler decides."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from integration.domain.campaigns.model import Outcome
from integration.domain.campaigns.pacing import WAIT_SECONDS
from integration.domain.campaigns.simulation.office import Chance, Office, Shift
from integration.domain.campaigns.situation import CallInFlight, EmployeeNow, EmployeeState
from integration.domain.ids import AttemptId, CampaignId, EntryId, Timestamp

_CAMPAIGN, _LINE, _NUMBER = CampaignId("simulated"), "simulated", ""
_MEANINGFUL = 34  # live answers; with fewer one abandoned call is above three percent


class Dialler(Protocol):
    """What is compared: how many calls to begin now. Asked every so many seconds, and when something makes room."""

    @property
    def every_seconds(self) -> float: ...

    def dial(
        self, employees: Sequence[EmployeeNow], calls: Sequence[CallInFlight], now: Timestamp, most: int
    ) -> Sequence[float]:
        """The risks of the calls that begin now, at most `most`."""

    def saw_dial(self, now: Timestamp, *, is_live: bool, ring_seconds: float) -> None: ...

    def saw_answer(self, outcome: Outcome, now: Timestamp) -> None: ...

    def saw_talk(self, seconds: float) -> None: ...

    def saw_wrap(self, seconds: float) -> None: ...


@dataclass(slots=True)
class _Sums:
    busy: float = 0.0
    paused: float = 0.0
    dialled: int = 0
    live: int = 0
    abandoned: int = 0
    peak: float = 0.0
    late_peak: float = 0.0
    waited: float = 0.0
    waited_all: float = 0.0
    served: int = 0
    idle: float = 0.0


def play(office: Office, dialler: Dialler, chance: Chance) -> Shift:
    """Play one shift. The same office, dialler and seed give the same result."""
    return _Play(office, dialler, chance).run()


class _Play:
    def __init__(self, office: Office, dialler: Dialler, chance: Chance) -> None:
        self._office = office
        self._dialler = dialler
        self._chance = chance
        self._end = office.shift_seconds
        self._events: list[tuple[float, int, Callable[[int, float], None], int]] = []
        self._numbered = 0
        self._employees = [
            EmployeeNow(key=str(i), state=EmployeeState.FREE, since=Timestamp(0.0)) for i in range(office.employees)
        ]
        self._calls: dict[int, CallInFlight] = {}
        self._waiting: list[int] = []  # answered, oldest first
        self._sums = _Sums()
        self._ask = True

    def run(self) -> Shift:
        self._at(0.0, self._tick, 0)
        if self._office.break_every:
            for i in range(self._office.employees):
                self._at(self._chance.uniform(0.5, 1.0) * self._office.break_every, self._wants_break, i)
        while self._events:
            now, _, happen, what = heapq.heappop(self._events)
            if now > self._end:
                break
            happen(what, now)
            if self._ask:
                self._ask = False
                self._dial(now)
        return self._result()

    def _at(self, when: float, happen: Callable[[int, float], None], what: int) -> None:
        self._numbered += 1
        heapq.heappush(self._events, (when, self._numbered, happen, what))

    def _tick(self, _: int, now: float) -> None:
        self._ask = True
        self._at(now + self._dialler.every_seconds, self._tick, 0)

    # ---- calls -----------------------------------------------------------------------------------------------------

    def _dial(self, now: float) -> None:
        most = self._office.lines - len(self._calls)
        if most <= 0:
            return
        at = Timestamp(now)
        for risk in self._dialler.dial(self._employees, list(self._calls.values()), at, most):
            self._numbered += 1
            call, chance = self._numbered, self._chance
            self._calls[call] = CallInFlight(
                attempt=AttemptId(""), campaign=_CAMPAIGN, entry=EntryId(call), number=_NUMBER, line=_LINE,
                dialled_at=at, risk=risk,
            )  # fmt: skip
            self._sums.dialled += 1
            if chance.random() < self._office.rate_at(now):
                self._at(now + self._office.ring_before_answer(chance), self._answers, call)
            else:
                self._at(now + self._office.ring_without(chance), self._does_not_answer, call)

    def _does_not_answer(self, call: int, now: float) -> None:
        ended = self._calls.pop(call)
        self._dialler.saw_dial(Timestamp(now), is_live=False, ring_seconds=now - ended.dialled_at)
        self._ask = True

    def _answers(self, call: int, now: float) -> None:
        answered = self._calls[call]
        self._dialler.saw_dial(Timestamp(now), is_live=True, ring_seconds=now - answered.dialled_at)
        free = self._free()
        if free is not None:
            self._talk(call, free, now, 0.0)
            return
        self._calls[call] = CallInFlight(
            attempt=answered.attempt, campaign=_CAMPAIGN, entry=answered.entry, number=_NUMBER, line=_LINE,
            dialled_at=answered.dialled_at, answered_at=Timestamp(now), risk=answered.risk,
        )  # fmt: skip
        self._waiting.append(call)
        self._at(now + WAIT_SECONDS, self._gives_up, call)

    def _free(self) -> int | None:
        """The employee who has been free for longest."""
        free = [i for i, each in enumerate(self._employees) if each.state is EmployeeState.FREE]
        return min(free, key=lambda i: self._employees[i].since) if free else None

    def _gives_up(self, call: int, now: float) -> None:
        if call in self._waiting:
            self._waiting.remove(call)
            del self._calls[call]
            self._live(Outcome.ABANDONED, now)

    def _live(self, outcome: Outcome, now: float) -> None:
        sums = self._sums
        sums.live += 1
        if outcome is Outcome.ABANDONED:
            sums.abandoned += 1
            share = sums.abandoned / sums.live
            sums.peak = max(sums.peak, share)
            if sums.live >= _MEANINGFUL:
                sums.late_peak = max(sums.late_peak, share)
        self._dialler.saw_answer(outcome, Timestamp(now))

    # ---- employees -------------------------------------------------------------------------------------------------

    def _talk(self, call: int, who: int, now: float, waited: float) -> None:
        del self._calls[call]
        sums, employee = self._sums, self._employees[who]
        sums.waited = max(sums.waited, waited)
        sums.waited_all += waited
        sums.served += 1
        sums.idle += now - employee.since
        self._turn(who, EmployeeState.TALKING, now)
        seconds = self._office.talk(self._chance)
        sums.busy += max(min(seconds, self._end - now), 0.0)
        self._at(now + seconds, self._hangs_up, who)
        self._live(Outcome.TALKED, now)

    def _hangs_up(self, who: int, now: float) -> None:
        self._dialler.saw_talk(now - self._employees[who].since)
        self._turn(who, EmployeeState.WRAPPING, now)
        seconds = self._office.wrap(self._chance)
        self._sums.busy += max(min(seconds, self._end - now), 0.0)
        self._at(now + seconds, self._is_ready, who)

    def _is_ready(self, who: int, now: float) -> None:
        employee = self._employees[who]
        self._dialler.saw_wrap(now - employee.since)
        if employee.is_leaving:
            self._pause(who, now)
            return
        self._come_back(who, now)

    def _come_back(self, who: int, now: float) -> None:
        self._employees[who] = EmployeeNow(key=str(who), state=EmployeeState.FREE, since=Timestamp(now))
        if self._waiting:
            call = self._waiting.pop(0)
            answered_at = self._calls[call].answered_at
            self._talk(call, who, now, now - (now if answered_at is None else answered_at))
        self._ask = True

    def _turn(self, who: int, state: EmployeeState, now: float) -> None:
        before = self._employees[who]
        self._employees[who] = EmployeeNow(
            key=before.key, state=state, since=Timestamp(now), is_leaving=before.is_leaving
        )

    def _wants_break(self, who: int, now: float) -> None:
        if self._employees[who].state is EmployeeState.FREE:
            self._pause(who, now)
            return
        before = self._employees[who]
        self._employees[who] = EmployeeNow(key=before.key, state=before.state, since=before.since, is_leaving=True)

    def _pause(self, who: int, now: float) -> None:
        self._employees[who] = EmployeeNow(key=str(who), state=EmployeeState.PAUSED, since=Timestamp(now))
        seconds = self._office.break_seconds
        self._sums.paused += max(min(seconds, self._end - now), 0.0)
        self._at(now + seconds, self._come_back, who)
        self._at(now + seconds + self._chance.uniform(0.8, 1.2) * self._office.break_every, self._wants_break, who)
        self._ask = True

    def _result(self) -> Shift:
        sums = self._sums
        present = self._office.employees * self._end - sums.paused
        served = max(sums.served, 1)
        return Shift(
            occupancy=sums.busy / present,
            dialled=sums.dialled,
            live=sums.live,
            abandoned=sums.abandoned,
            peak=sums.peak,
            late_peak=sums.late_peak,
            waited=sums.waited,
            waited_mean=sums.waited_all / served,
            idle_mean=sums.idle / served,
        )
