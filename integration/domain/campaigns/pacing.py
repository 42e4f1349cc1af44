"""How many clients to dial before employees are free: the predictive mode's arithmetic.

Source: reference "dialling", 2.5.

One call is judged at a time: what is the probability that, when it is answered, no employee is free or becomes free
within the two seconds that the client waits? While that risk is below the *price*, it is dialled. The price is found by
feedback, so that the share of abandoned calls settles below the ceiling. A guard keeps room for what rings already and
counts on talks that end; where it says no, or has no room yet, a stricter one that counts on none is asked
(`losses.py`). Before the ledger bears one lost client, only one call rings for each free employee.

All that rings may be lost at once, if the process is killed or a link breaks. So no more clients with a free employee
each are rung first than the ledger bears to lose; for the others the employee's phone rings before the client's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from integration.domain.campaigns.estimates import Estimates
from integration.domain.campaigns.holds import Hold, held
from integration.domain.campaigns.ledger import Answers
from integration.domain.campaigns.losses import are_borne
from integration.domain.campaigns.outlook import Outlook, tables_of
from integration.domain.campaigns.situation import CallInFlight, EmployeeNow, EmployeeState
from integration.domain.ids import Timestamp
from integration.domain.reasons import Reason

WAIT_SECONDS = 2.0
"""A client who has waited longer for an employee is abandoned (FTC 16 CFR 310.4(b)(4)(iii), from the answer here)."""

_GUARD = 2.5  # calls; the room below the ceiling that is never used where talks that end are counted on
_GUARD_SPREAD = 4.0  # standard deviations of the losses that what rings now may bring, for which room is kept
_TAPER = 4.0  # calls of room; with less the price falls in proportion, so that the guard seldom has to stop anything
_LEARNED = 3.0  # calls of room: so many answers later the share means something


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """
    Attributes:
        risks: one for each call that may be dialled now, in this order; 0 where a free employee waits for it.
        reserved: how many of them have a free employee each.
        ahead: how many of them, the last ones, may ring the client's phone first. Of the others, which are reserved,
            the employee's rings first: the ledger does not bear that these clients are lost too.
        hold: the rule that stopped the next one.
    """

    risks: tuple[float, ...]
    reserved: int
    ahead: int
    hold: Reason

    @property
    def is_held_by_ceiling(self) -> bool:
        return self.hold.code in (Hold.CEILING, Hold.LEARNING)


def pace(
    employees: Sequence[EmployeeNow],
    calls: Sequence[CallInFlight],
    estimates: Estimates,
    answers: Answers,
    *,
    ceiling: float,
    hour: int,
    now: Timestamp,
    most: int,
) -> Pace:
    """
    Say how many calls to begin now.

    Args:
        employees: of the campaign. calls: all that may need one of them.
        answers: of the ledger's tightest window.
        hour: 0 to 23, of the office; the answer rate depends on it.
        most: as the lines allow.
    """
    free = sum(each.state is EmployeeState.FREE and not is_off(each, now) for each in employees)
    ringing = [call for call in calls if call.answered_at is None]
    waiting = len(calls) - len(ringing)
    spare = free - waiting
    reserved = min(max(spare - len(ringing), 0), most)
    bears_in_all = answers.bears(ceiling)
    bears = max(bears_in_all - len(calls), 0)
    risks = [0.0] * reserved
    room = answers.room(ceiling)
    enough: Reason | None = None
    if reserved == most:
        enough = held(Hold.ENOUGH_RINGING, ringing=len(ringing))
    elif bears_in_all < 1 or reserved > bears:
        enough = _too_close(answers, ceiling)
    if enough is not None:
        return Pace(risks=tuple(risks), reserved=reserved, ahead=min(reserved, bears), hold=enough)
    tables = tables_of(estimates, hour)
    outlook = Outlook(tables, employees, ringing, spare, now)
    for _ in range(reserved):
        outlook.add()
    price = estimates.price * min(room / _TAPER, 1.0)
    likely: float | None = None  # answers of what rings already
    while True:
        risk = outlook.risk()
        if risk > price:
            hold = held(Hold.RISK, risk=_percent(risk), price=_percent(price))
            break
        if room < _GUARD or outlook.burst(_GUARD_SPREAD) > room - _GUARD:
            if likely is None:
                likely = sum(tables.likely(now - call.dialled_at) for call in ringing)
            new = len(risks) + 1
            if not are_borne(len(ringing) + new, likely + new * tables.likely(0.0), spare, bears_in_all):
                hold = _too_close(answers, ceiling)
                break
        if len(risks) == most:
            hold = held(Hold.ENOUGH_RINGING, ringing=len(ringing) + len(risks))
            break
        risks.append(risk)
        outlook.add()
    return Pace(risks=tuple(risks), reserved=reserved, ahead=len(risks), hold=hold)


def is_off(employee: EmployeeNow, now: Timestamp) -> bool:
    """Whether this employee takes no further call."""
    return employee.is_leaving or (employee.leaves_at is not None and employee.leaves_at <= now)


def _too_close(answers: Answers, ceiling: float) -> Reason:
    if not answers.abandoned and ceiling > 0:
        return held(Hold.LEARNING, answers=answers.live, wanted=math.ceil(_LEARNED / ceiling))
    return held(Hold.CEILING, share=_percent(answers.share), ceiling=_percent(ceiling))


def _percent(share: float) -> str:
    return f"{share * 100:.1f}"
