"""Whom a campaign dials now, and if nobody: the one rule that holds it. `decide()` is pure, like everything here.

The checks, in order. The first that holds is the reason that people read:

1. Does the campaign run, and is there ever a window?
2. Do its lines take a call?
3. Is somebody there to talk, and how many calls does the mode allow for them?
4. Which entries at the head of the list may be dialled, on which number, for whom?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from integration.domain.campaigns.eligibility import MayDial, may_dial
from integration.domain.campaigns.estimates import Estimates
from integration.domain.campaigns.holds import Hold, held
from integration.domain.campaigns.ledger import Answers, Ledger
from integration.domain.campaigns.lines import Lines
from integration.domain.campaigns.model import LEAST_RING_SECONDS, Campaign, CampaignState, Entry, Mode, Owners
from integration.domain.campaigns.pacing import is_off, pace
from integration.domain.campaigns.situation import EmployeeNow, EmployeeState, Situation
from integration.domain.campaigns.windows import day_of, hour_of
from integration.domain.ids import AttemptId, EntryId, Timestamp
from integration.domain.reasons import Reason

_PROMISE_KEPT_SECONDS = 900.0
"""So long a promised call waits for the employee who promised it; afterwards anybody calls (as Cisco CCX does)."""

_STATES = {
    CampaignState.DRAFT: Hold.NOT_STARTED,
    CampaignState.PAUSED: Hold.PAUSED,
    CampaignState.STOPPED: Hold.STOPPED,
    CampaignState.FINISHED: Hold.FINISHED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """
    One call to begin now.

    Attributes:
        employee: whose phone rings first (in preview: who is shown the client); None: the client's rings first.
        zones: in which the client's window is open.
        risk: the probability that nobody is free at the answer.
    """

    entry: EntryId
    number: str
    line: str
    zones: tuple[str, ...]
    employee: str | None = None
    risk: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    entry: EntryId
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    Attributes:
        hold: the rule that stopped the next call; always there.
        skipped: entries at the head that a rule about them holds; the store may defer them.
    """

    dial: tuple[Dial, ...]
    hold: Reason
    skipped: tuple[Skipped, ...] = ()


def decide(campaign: Campaign, situation: Situation, estimates: Estimates, ledger: Ledger, now: Timestamp) -> Decision:
    """Say whom to dial now. Never raises."""
    closed = _STATES.get(campaign.state)
    if closed is not None:
        return _nothing(held(closed))
    if campaign.windows.is_never_open:
        return _nothing(held(Hold.NO_WINDOW))
    lines = Lines(campaign, situation.lines, situation.calls, now)
    if lines.hold is not None:
        return _nothing(lines.hold)
    room = lines.room
    if campaign.mode is Mode.VOICE:
        return _Round(campaign, situation, lines, (), now).dial((0.0,) * room, lines_full=room)
    team = [each for each in situation.employees if each.key in campaign.members]
    at_work = [each for each in team if each.state is not EmployeeState.GONE]
    present = [each for each in at_work if each.state is not EmployeeState.PAUSED and not is_off(each, now)]
    if not at_work:
        return _nothing(held(Hold.NOBODY_WORKS))
    if not present:
        return _nothing(held(Hold.ALL_PAUSED))
    free = _free(present, situation)
    if campaign.mode is not Mode.PREDICTIVE or campaign.owners is Owners.RESPONSIBLE_ONLY:
        return _one_for_each(campaign, situation, lines, free, present, now)
    if len(present) < campaign.least_team:
        small = held(Hold.TEAM_SMALL, present=len(present), wanted=campaign.least_team)
        return _one_for_each(campaign, situation, lines, free, present, now, hold=small)
    answers = ledger.tightest(day_of(now, campaign.office_zone), campaign.ceiling)
    return _ahead(campaign, situation, lines, present, free, estimates, answers, now)


def _nothing(hold: Reason) -> Decision:
    return Decision(dial=(), hold=hold)


def _free(present: Sequence[EmployeeNow], situation: Situation) -> list[EmployeeNow]:
    """Those who are free, for whom nobody is dialled, and who look at no client; who has waited for longest first."""
    reserved = {call.employee for call in situation.calls} | {offer.employee for offer in situation.offers}
    free = [each for each in present if each.state is EmployeeState.FREE and each.key not in reserved]
    return sorted(free, key=lambda each: (each.since, each.key))


def _one_for_each(
    campaign: Campaign,
    situation: Situation,
    lines: Lines,
    free: Sequence[EmployeeNow],
    present: Sequence[EmployeeNow],
    now: Timestamp,
    hold: Reason | None = None,
) -> Decision:
    """Preview and progressive: a call only for an employee who is free, whose phone rings first."""
    shown = sum(offer.campaign == campaign.id for offer in situation.offers)
    if campaign.mode is Mode.PREVIEW:
        seeing = [each for each in free if each.sees_cards]
        if free and not seeing and not shown:
            return _nothing(held(Hold.NO_CARD))
        free = seeing
    pooled = sum(call.employee is None for call in situation.calls)  # dialled ahead, for whoever is free
    allowed = max(len(free) - pooled, 0)
    if not allowed and shown:
        return _nothing(held(Hold.OFFERED, shown=shown))
    if not allowed:
        busy = sum(each.state is not EmployeeState.FREE for each in present)
        return _nothing(hold or held(Hold.ALL_BUSY, busy=max(busy, len(present) - len(free))))
    spent = hold or held(Hold.ENOUGH_RINGING, ringing=len(situation.calls) + allowed)
    if campaign.mode is Mode.PREVIEW:
        spent = held(Hold.OFFERED, shown=shown + allowed)
    round_ = _Round(campaign, situation, lines, free[:allowed], now)
    return round_.dial((0.0,) * allowed, hold=spent, employee_first=allowed, lines_full=lines.room)


def _ahead(
    campaign: Campaign,
    situation: Situation,
    lines: Lines,
    present: Sequence[EmployeeNow],
    free: Sequence[EmployeeNow],
    estimates: Estimates,
    answers: Answers,
    now: Timestamp,
) -> Decision:
    """Predictive: as many as the pacing allows."""
    reserved = {call.employee for call in situation.calls} | {offer.employee for offer in situation.offers}
    found = pace(
        [each for each in present if each.key not in reserved],
        [call for call in situation.calls if call.employee is None],
        estimates,
        answers,
        ceiling=campaign.ceiling,
        hour=hour_of(now, campaign.office_zone),
        now=now,
        most=lines.room,
    )
    if not found.risks:
        return _nothing(found.hold)
    round_ = _Round(campaign, situation, lines, free, now)
    sure = len(found.risks) - found.ahead
    return round_.dial(found.risks, hold=found.hold, employee_first=sure, lines_full=lines.room)


class _Round:
    """Goes through the entries at the head of the list and gives each what is left: a call, a line, an employee."""

    def __init__(
        self,
        campaign: Campaign,
        situation: Situation,
        lines: Lines,
        free: Sequence[EmployeeNow],
        now: Timestamp,
    ) -> None:
        self._campaign = campaign
        self._situation = situation
        self._lines = lines
        self._free = list(free)
        self._now = now
        self._in_use = in_use(situation)
        self._offered = {offer.entry for offer in situation.offers}

    def dial(
        self,
        risks: Sequence[float],
        *,
        lines_full: int,
        hold: Reason | None = None,
        employee_first: int = 0,
    ) -> Decision:
        """`risks`: one for each call that is allowed; of so many the employee's phone rings first. `hold`: the reason
        when all of them are used up."""
        left = list(risks[:lines_full])
        employee_first = min(employee_first, len(left))
        dials: list[Dial] = []
        skipped: list[Skipped] = []
        offered = 0
        for entry in self._situation.entries:
            if not left:
                return Decision(dial=tuple(dials), hold=self._full(hold), skipped=tuple(skipped))
            if entry.id in self._offered:  # kept for whoever looks at it: it is not put off
                offered += 1
                continue
            placed = self._placed(entry, left[0], employee_first > 0)
            if isinstance(placed, Reason):
                skipped.append(Skipped(entry=entry.id, reason=placed))
                continue
            found, employee = placed
            dials.append(
                Dial(
                    entry=entry.id,
                    number=found.number,
                    line=self._lines.take(),
                    zones=found.zones,
                    employee=None if employee is None else employee.key,
                    risk=left.pop(0),
                )
            )
            employee_first -= 1
            self._in_use |= {number.e164 for number in entry.numbers}
            if employee is not None:
                self._free.remove(employee)
        if not left:
            return Decision(dial=tuple(dials), hold=self._full(hold), skipped=tuple(skipped))
        hold = held(Hold.OFFERED, shown=offered) if offered and not skipped else _of_entries(skipped)
        return Decision(dial=tuple(dials), hold=hold, skipped=tuple(skipped))

    def _placed(
        self, entry: Entry, risk: float, is_employee_first: bool
    ) -> tuple[MayDial, EmployeeNow | None] | Reason:
        """The number to dial and for whom; or the rule that holds this entry."""
        found = may_dial(self._campaign, entry, self._situation.clients, self._in_use, self._now)
        if isinstance(found, Reason):
            return found
        employee = self._for(entry, found, risk, is_employee_first)
        return employee if isinstance(employee, Reason) else (found, employee)

    def _full(self, hold: Reason | None) -> Reason:
        return self._lines.hold or hold or held(Hold.CALLS_PER_SECOND)

    def _for(self, entry: Entry, found: MayDial, risk: float, is_employee_first: bool) -> EmployeeNow | Reason | None:
        """For whom an entry is dialled: an employee, nobody in particular (None), or not now."""
        is_reserved = is_employee_first or (risk == 0.0 and bool(self._free))
        if entry.agreed_with is not None and self._campaign.mode is not Mode.VOICE:
            promised = [each for each in self._free if each.key == entry.agreed_with]
            if promised and is_reserved:
                return promised[0]
            until = Timestamp((entry.due_at or 0.0) + _PROMISE_KEPT_SECONDS)
            if self._now < until:
                return held(Hold.AGREED_WITH, until=until)
        if is_employee_first or (found.needs_employee and is_reserved):
            return self._owner(entry)
        return held(Hold.NEEDS_EMPLOYEE) if found.needs_employee else None

    def _owner(self, entry: Entry) -> EmployeeNow | Reason:
        owners = self._campaign.owners
        if self._campaign.stand_ins is not None:
            return self._in_turn(entry, self._campaign.stand_ins)
        if owners is not Owners.ANYBODY and entry.responsible is not None:
            for each in self._free:
                if each.manager == entry.responsible:
                    return each
        if owners is Owners.RESPONSIBLE_ONLY or not self._free:
            return held(Hold.RESPONSIBLE_BUSY)
        return self._free[0]

    def _in_turn(self, entry: Entry, stand_ins: Sequence[str]) -> EmployeeNow | Reason:
        """The responsible, who is waited for while they are busy; while they are not at work, the first who stands in
        for them and is free."""
        everybody = self._situation.employees
        own = [each for each in everybody if each.manager is not None and each.manager == entry.responsible]
        named = [each for key in stand_ins for each in everybody if each.key == key]
        for turn in (own, named):
            free = next((each for each in turn if each in self._free), None)
            if free is not None:
                return free
            if any(_is_at_work(each, self._now) for each in turn):
                return held(Hold.RESPONSIBLE_BUSY)
        return held(Hold.NAMED_AWAY if own or named else Hold.NOBODY_NAMED)


def in_use(situation: Situation) -> set[str]:
    """Numbers that are being dialled, or whose client is shown to somebody."""
    offered = {number for offer in situation.offers for number in offer.numbers}
    return {call.number for call in situation.calls} | set(situation.clients.dialled) | offered


def _is_at_work(employee: EmployeeNow, now: Timestamp) -> bool:
    return employee.state not in (EmployeeState.GONE, EmployeeState.PAUSED) and not is_off(employee, now)


def _of_entries(skipped: Sequence[Skipped]) -> Reason:
    """The reason when the head of the list was gone through: that of its first entry."""
    return skipped[0].reason if skipped else held(Hold.NO_ENTRIES)


def given_up(campaign: Campaign, situation: Situation, now: Timestamp) -> tuple[AttemptId, ...]:
    """
    Calls of a predictive campaign to hang up, because everybody has left and nobody could take the answer. A client's
    phone has rung for fifteen seconds by then: a shorter ring is a nuisance too. Calls that are answered already
    get the announcement instead.
    """
    if campaign.mode is not Mode.PREDICTIVE:
        return ()
    staying = any(
        each.key in campaign.members
        and each.state not in (EmployeeState.GONE, EmployeeState.PAUSED)
        and not is_off(each, now)
        for each in situation.employees
    )
    if staying:
        return ()
    return tuple(
        call.attempt
        for call in situation.calls
        if call.campaign == campaign.id
        and call.employee is None
        and call.answered_at is None
        and now - call.dialled_at >= LEAST_RING_SECONDS
    )


def employee_for(campaign: Campaign, entry: Entry, employees: Sequence[EmployeeNow]) -> str | None:
    """
    Who gets a client who was dialled ahead and has answered: the responsible if free, else who has waited for longest.

    Returns:
        The employee's key; None: nobody is free.
    """
    team = [each for each in employees if each.key in campaign.members and each.state is EmployeeState.FREE]
    if not team:
        return None
    if campaign.owners is not Owners.ANYBODY and entry.responsible is not None:
        own = [each for each in team if each.manager == entry.responsible]
        team = own or team
    return min(team, key=lambda each: (each.since, each.key)).key
