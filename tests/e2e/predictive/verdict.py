"""Compares the carrier's log, the employees' phones, the campaign's journal and ledger, and the CRM's records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from integration.domain.campaigns.model import LIVE, NO_ATTEMPT, Attempt, Outcome
from integration.domain.campaigns.pacing import WAIT_SECONDS
from tests.e2e.predictive.clients import EMPLOYEES, Mood, Stage
from tests.e2e.predictive.house import MANAGERS
from tests.lab.sip_call import SipCall

_GRAIN_SECONDS = 0.1  # between the clocks of the phones and the PBX's events
_ANNOUNCEMENT_PACKETS = 100  # two seconds of sound
_CUT_SECONDS = 0.5

_WITH_EMPLOYEE = frozenset({Outcome.TALKED, Outcome.SILENT})
_OF_MOOD = {Mood.BUSY: {Outcome.BUSY}, Mood.RINGS_OUT: {Outcome.NO_ANSWER}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """
    A kill of a process.

    Attributes:
        at: by the office's clock. talking, ringing: clients at that moment, in calls with `numbers`.
        back_after: seconds until a process was there again; `dials_after`: until the next client rang.
    """

    at: float
    talking: int
    ringing: int
    numbers: list[str]
    back_after: float
    dials_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """`live`, `abandoned`: of the ledger, which began with `before` answers. `notes`: of calls, in the CRM. `tasks`:
    numbers of clients who have one."""

    attempts: Sequence[Attempt]
    before: int
    live: int
    abandoned: int
    notes: Sequence[Mapping[str, Any]]
    tasks: Sequence[str]


@dataclass(slots=True, kw_only=True)
class Verdict:
    """
    Attributes:
        live, abandoned: of this run; the ledger has `answered_before` as well, of the same day.
        peak_percent: the highest share of abandoned calls at any moment.
        waits: seconds from each client's answer to an employee's, in order, by the phones.
        rung_first: clients whose phone rang before an employee's.
        lag: the longest time for which the phones themselves were late, on a busy machine.
        about: the moments of the calls that a complaint names, by the office's clock.
    """

    clients: int
    seconds: float
    outcomes: dict[str, int]
    live: int
    answered_before: int
    abandoned: int
    abandoned_by_kills: int
    peak_percent: float
    waits: list[float]
    occupancy_percent: float
    carrier_calls: int
    crm_calls: int
    crm_talks: int
    rung_first: int
    killed: list[Killed]
    lag: float = 0.0
    about: dict[str, dict[str, float]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def wait(self, share: float) -> float:
        """The wait that this share of clients did not exceed."""
        return self.waits[min(int(share * len(self.waits)), len(self.waits) - 1)] if self.waits else 0.0

    def document(self) -> str:
        values = asdict(self)
        waits = {"p50": self.wait(0.5), "p99": self.wait(0.99), "max": self.wait(1.0), "count": len(self.waits)}
        values["waits"] = {key: round(value, 3) for key, value in waits.items()}
        return json.dumps(values, ensure_ascii=False, indent=2)


def judge(
    stage: Stage, books: Books, killed: Sequence[Killed], *, seconds: float, wrap_up: float, ceiling: float
) -> Verdict:
    """Everything that was promised and not kept is a complaint with the client's number."""
    attempts = [each for each in books.attempts if each.outcome not in NO_ATTEMPT]
    by_number = {each.number.lstrip("+"): each for each in attempts}
    live = sum(each.outcome in LIVE for each in attempts)
    abandoned = sum(each.outcome is Outcome.ABANDONED for each in attempts)
    peak = _peak_percent(attempts, books.before)
    complaints = [
        *_dialled_once(stage, attempts),
        *_left_open(books.attempts),
        *_ledger(live, abandoned, books),
        *_in_the_crm(stage, by_number, books),
        *_at_the_phones(stage),
        *([f"the share of abandoned calls was {peak:.1f} %"] if peak > ceiling else []),
    ]
    waits, talked = [], 0.0
    for call in stage.rang:
        employee, attempt = stage.talk_of(call), by_number.get(call.called)
        if employee is not None:
            waits.append(max(employee.at["answer"] - call.at["answer"], 0.0))
            talked += call.at["end"] - max(employee.at["answer"], call.at["answer"]) + wrap_up
        if attempt is not None:
            complaints += _told_right(stage, call, attempt, waits[-1] if employee is not None else None)
    dead = [(each.at - WAIT_SECONDS, each.at + each.dials_after) for each in killed]
    gone = {number for number, each in by_number.items() if each.outcome is Outcome.ABANDONED}
    lost = [call for call in stage.rang if call.called in gone and "answer" in call.at]
    return Verdict(
        clients=len(stage.clients),
        seconds=round(seconds, 1),
        outcomes=dict(Counter(str(each.outcome) for each in attempts)),
        live=live,
        answered_before=books.before,
        abandoned=abandoned,
        abandoned_by_kills=sum(any(first <= call.at["answer"] <= last for first, last in dead) for call in lost),
        peak_percent=round(peak, 2),
        waits=sorted(waits),
        occupancy_percent=round(100 * talked / (seconds * len(EMPLOYEES)), 1),
        carrier_calls=len(stage.rang),
        crm_calls=len(books.notes),
        crm_talks=sum(bool(note["params"].get("duration")) for note in books.notes),
        rung_first=sum(stage.is_rung_first(call) for call in stage.rang),
        killed=list(killed),
        about={call.called: _moments(stage, call) for call in stage.rang if call.called in " ".join(complaints)},
        complaints=complaints,
    )


def _moments(stage: Stage, call: SipCall) -> dict[str, float]:
    employee = stage.talk_of(call)
    own = {} if employee is None else {f"{employee.phone.name} {name}": at for name, at in employee.at.items()}
    return {name: round(at, 2) for name, at in {**call.at, **own}.items()}


def _peak_percent(attempts: Sequence[Attempt], answered_before: int) -> float:
    """The highest share of abandoned calls at any moment of the day, as the ledger counts."""
    live, abandoned, peak = answered_before, 0, 0.0
    for each in sorted(attempts, key=lambda attempt: attempt.ended_at or 0.0):
        live += each.outcome in LIVE
        abandoned += each.outcome is Outcome.ABANDONED
        peak = max(peak, 100 * abandoned / live if live else 0.0)
    return peak


# ---- what was promised


def _dialled_once(stage: Stage, attempts: Sequence[Attempt]) -> list[str]:
    """Each client rang once, and the journal says the same."""
    rang = Counter(call.called for call in stage.rang)
    written = Counter(each.number.lstrip("+") for each in attempts)
    wrong = sorted(number for number in {*rang, *written, *stage.clients} if (rang[number], written[number]) != (1, 1))
    return [f"{number} rang {rang[number]} times and is in the journal {written[number]} times" for number in wrong]


def _left_open(attempts: Sequence[Attempt]) -> list[str]:
    return [f"{each.number} has no outcome" for each in attempts if each.outcome is None]


def _ledger(live: int, abandoned: int, books: Books) -> list[str]:
    if (live, abandoned) == (books.live - books.before, books.abandoned):
        return []
    return [f"the ledger has {books.live}, {books.abandoned} abandoned; the journal has {live}, {abandoned}"]


def _told_right(stage: Stage, call: SipCall, attempt: Attempt, wait: float | None) -> list[str]:
    """The outcome is what the carrier saw of the client; nobody waits who is not told so."""
    number, mood, outcome = call.called, stage.clients[call.called].mood, attempt.outcome
    wanted = _OF_MOOD.get(mood)
    if wanted is not None:
        return [] if outcome in wanted else [f"{number} was {mood}, the journal says {outcome}"]
    if "answer" not in call.at:
        return [] if outcome is Outcome.CANCELLED else [f"{number} did not answer, the journal says {outcome}"]
    if wait is None:
        return _let_go(call, attempt)
    employee = stage.talk_of(call)
    assert employee is not None
    said = []
    if outcome not in _WITH_EMPLOYEE:
        said.append(f"{number} got {employee.phone.name} after {wait:.2f} s, the journal says {outcome}")
    if attempt.employee is None or not attempt.employee.endswith(employee.phone.name):
        said.append(f"{number} got {employee.phone.name}, the journal says {attempt.employee}")
    if wait > WAIT_SECONDS + _GRAIN_SECONDS:
        said.append(f"{number} waited {wait:.2f} s for an employee and was not told")
    if mood is Mood.TALKS and number not in stage.heard:
        said.append(f"{number} did not hear {employee.phone.name}")
    return said


def _let_go(call: SipCall, attempt: Attempt) -> list[str]:
    """A client who got nobody hears the announcement, and counts as abandoned."""
    said = []
    if attempt.outcome is not Outcome.ABANDONED:
        said.append(f"{call.called} got nobody, the journal says {attempt.outcome}")
    if call.media.received < _ANNOUNCEMENT_PACKETS:
        said.append(f"{call.called} got nobody and heard no announcement ({call.media.received} packets)")
    return said


def _in_the_crm(stage: Stage, by_number: Mapping[str, Attempt], books: Books) -> list[str]:
    """One record for each call of the carrier, with its employee, and a talk where there was one."""
    said = []
    notes: dict[str, list[Mapping[str, Any]]] = {}
    for note in books.notes:
        notes.setdefault(f"7{str(note['params']['phone'])[-10:]}", []).append(note)
    for number in sorted({*notes, *(call.called for call in stage.rang)}):
        found, rang = notes.get(number, []), [call for call in stage.rang if call.called == number]
        if (len(found), len(rang)) != (1, 1):
            said.append(f"{number} rang {len(rang)} times and is in the CRM {len(found)} times")
            continue
        employee = stage.talk_of(rang[0])
        has_talk = bool(found[0]["params"].get("duration"))
        if has_talk != (employee is not None):
            said.append(f"{number}: talk by the CRM {has_talk}, by the phones {employee is not None}")
        elif employee is not None and found[0]["created_by"] != MANAGERS[employee.phone.name]:
            said.append(f"{number}: {employee.phone.name} talked, the CRM says {found[0]['created_by']}")
    lost = {number for number, each in by_number.items() if each.outcome is Outcome.ABANDONED}
    lost -= {call.called for call in stage.rang if stage.talk_of(call) is not None}  # late, but there was a talk
    said += [f"{number} was abandoned, and nobody has a task to call back" for number in sorted(lost - {*books.tasks})]
    return said


def _at_the_phones(stage: Stage) -> list[str]:
    """No employee has two calls at once, and talks last as long as their people want."""
    said = []
    for extension in EMPLOYEES:
        own = sorted(
            (call for call in stage.taken if call.phone.name == extension and "answer" in call.at),
            key=lambda call: call.at["answer"],
        )
        for one, two in pairwise(own):
            if two.at["answer"] < one.at["end"] - _GRAIN_SECONDS:
                said.append(f"{extension} had {one.other} and {two.other} at once")
    for call in stage.rang:
        client, employee = stage.clients[call.called], stage.talk_of(call)
        if client.mood is not Mood.TALKS or employee is None:
            continue
        talked = call.at["end"] - max(employee.at["answer"], call.at["answer"])
        if talked < client.talks - _CUT_SECONDS:
            said.append(f"{call.called} was cut off after {talked:.1f} s of {client.talks:.1f} s")
    return said
