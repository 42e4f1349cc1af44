"""An attempt from its first word in the journal to its outcome, and what is made of one that a restart has left behind.

Every attempt is built here, the first of an entry and the tenth alike. Source: spec G8; reference "dialling", 4.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from integration.domain.calls.call import Call, Direction
from integration.domain.campaigns.decide import Dial
from integration.domain.campaigns.model import Attempt, AttemptState, Campaign, Entry, Outcome, Try
from integration.domain.campaigns.outcomes import Came, outcome_of
from integration.domain.campaigns.redial import after
from integration.domain.ids import AttemptId, CallId, Timestamp
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import read_number

_UNSEEN_SECONDS = 60.0
"""After the ring time: so long a call that nobody sees may still be on its way through a PBX or a carrier."""


def begun(campaign: Campaign, dial: Dial, *, attempt: AttemptId, fence: int, now: Timestamp) -> Attempt:
    """The row that is written before the PBX is asked. `attempt`: never used before; `fence`: of the lease."""
    return Attempt(
        id=attempt,
        campaign=campaign.id,
        entry=dial.entry,
        number=dial.number,
        line=dial.line,
        fence=fence,
        mode=campaign.mode,
        written_at=now,
        employee=dial.employee,
        zone=" ".join(dial.zones),
    )


def ended(
    campaign: Campaign, attempt: Attempt, entry: Entry, tries: Sequence[Try], came: Came, now: Timestamp
) -> tuple[Attempt, Entry]:
    """
    The journal's row with its outcome, and what becomes of the entry.

    Args:
        tries: of the entry in this campaign, oldest first; the one of this attempt may still be without an outcome.
    """
    done = replace(
        attempt,
        state=AttemptState.ENDED,
        ended_at=now,
        outcome=came.outcome,
        answered_at=came.answered_at,
        connected_at=came.connected_at,
        cause=came.cause,
    )
    last = Try(
        campaign=attempt.campaign, entry=attempt.entry, number=attempt.number, at=attempt.written_at,
        outcome=came.outcome,
    )  # fmt: skip
    earlier = [each for each in tries if each.outcome is not None and each.at < attempt.written_at]
    return done, after(campaign, entry, [*earlier, last])


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAgain:
    """Nothing can be said yet: the call goes on, or it may still appear. `at` None: its events will tell."""

    at: Timestamp | None = None


def left_behind(
    attempt: Attempt, call: Call | None, *, ring_seconds: int, now: Timestamp, had_gap: bool = False
) -> Came | LookAgain:
    """
    What came of an attempt that another process began, or this one before it was killed.

    Args:
        call: that has the attempt's id on the PBX, as far as tracking knows; looked for after the link is up again.
        had_gap: the link was lost after the attempt was sent.

    Returns:
        The outcome; or that somebody has to look again. An attempt that was only written never reached the PBX, because
        it is marked as sent first: it is not dialled, and uses up nothing. One that was sent and is seen nowhere is
        UNKNOWN after its ring time and a minute, and counts; it is never sent a second time.
    """
    if call is not None and call.is_live:
        return LookAgain()
    if call is not None:
        is_employee_first = attempt.employee is not None  # until it has ended, only such an attempt has one
        return outcome_of(call, ring_seconds=ring_seconds, had_gap=had_gap, employee_first=is_employee_first)
    if attempt.state is AttemptState.WRITTEN or attempt.sent_at is None:
        return Came(outcome=Outcome.NOT_DIALLED)
    seen_by = Timestamp(attempt.sent_at + ring_seconds + _UNSEEN_SECONDS)
    return LookAgain(at=seen_by) if now < seen_by else Came(outcome=Outcome.UNKNOWN)


def as_dialled(call: Call, attempt: Attempt, numbering: Numbering) -> Call:
    """
    The call that an attempt has made, with the attempt's client: what a PBX shows in the middle of such a call may lack
    the number, be the line's own, or look like a call from outside.
    """

    def is_client(number: str | None) -> bool:
        read = read_number(number, numbering) if number else None
        return read is not None and read.e164 == attempt.number

    if call.direction is Direction.OUTBOUND and is_client(call.called):
        return call
    is_ours = call.direction is Direction.OUTBOUND and not is_client(call.caller)
    caller = call.caller if is_ours else call.final_responsible or ""
    return replace(call, direction=Direction.OUTBOUND, caller=caller, called=attempt.number)


def with_call(attempt: Attempt, call: CallId, sent_at: Timestamp) -> Attempt:
    """The row when the PBX is asked: from now on the call may ring."""
    return replace(attempt, state=AttemptState.SENT, call=call, sent_at=sent_at)
