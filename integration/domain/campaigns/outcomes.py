"""What came of an attempt, read from the call that tracking followed. Source: reference "dialling", 4.3.

The PBX's tracking gives a leg's result and its Q.850 cause, not the carrier's SIP code: 603 (declined) and 403 (not
allowed) both arrive as cause 21, and count as the client's refusal.
"""

from __future__ import annotations

from dataclasses import dataclass

from integration.domain.calls.call import Call, HangupBy, Leg, LegKind, LegResult, Via
from integration.domain.calls.received import Answerer, Received
from integration.domain.campaigns.model import Outcome
from integration.domain.campaigns.pacing import WAIT_SECONDS
from integration.domain.ids import Timestamp

_SILENT_SECONDS = 3.0
_BY_CAUSE = {
    1: Outcome.NO_SUCH_NUMBER,
    22: Outcome.NO_SUCH_NUMBER,
    28: Outcome.NO_SUCH_NUMBER,
    17: Outcome.BUSY,
    21: Outcome.REFUSED,
    18: Outcome.UNREACHABLE,
    20: Outcome.UNREACHABLE,
    27: Outcome.UNREACHABLE,
    34: Outcome.TRUNK_FAILED,
    38: Outcome.TRUNK_FAILED,
    41: Outcome.TRUNK_FAILED,
    42: Outcome.TRUNK_FAILED,
    44: Outcome.TRUNK_FAILED,
    47: Outcome.TRUNK_FAILED,
    50: Outcome.FORBIDDEN,
    55: Outcome.FORBIDDEN,
    57: Outcome.FORBIDDEN,
    88: Outcome.FORBIDDEN,
}
_BY_RESULT = {
    LegResult.BUSY: Outcome.BUSY,
    LegResult.REJECTED: Outcome.REFUSED,
    LegResult.NOANSWER: Outcome.NO_ANSWER,
    LegResult.CANCELLED: Outcome.CANCELLED,
    LegResult.UNAVAILABLE: Outcome.UNREACHABLE,
}
_NO_ANSWER_CAUSE = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """
    Attributes:
        answered_at: by the client. connected_at: an employee was on the line.
        cause: Q.850, of the client's leg.
    """

    outcome: Outcome
    answered_at: Timestamp | None = None
    connected_at: Timestamp | None = None
    cause: int | None = None


def outcome_of(
    call: Call, *, ring_seconds: float | None = None, had_gap: bool = False, employee_first: bool | None = None
) -> Came:
    """
    What came of a campaign's call that has ended.

    Args:
        ring_seconds: after which the dialler hangs up: a call that was cancelled then was not answered.
        had_gap: the link to the PBX was lost while it was made.
        employee_first: whose phone rang first, as the attempt has it; None: not known, the call's legs tell.

    Of several legs to the client (a second trunk after the first failed) the last one decides. A call whose end nobody
    saw is UNKNOWN unless an answer was seen. One without a leg to the client never left the PBX, if it was seen whole;
    else the client may have rung unseen. Who waits or hears a message has answered, whatever was seen of their leg.
    """
    client = _client_leg(call)
    answered_at = client.answered_at if client is not None else None
    if answered_at is None and call.received is not None:
        answered_at = call.received.met_since
    if answered_at is not None:
        is_employee_first = _rang_employee_first(call) if employee_first is None else employee_first
        return _answered(call, client, answered_at, is_employee_first=is_employee_first)
    if call.failure is not None and employee_first is not False:
        return Came(outcome=Outcome.EMPLOYEE_FAILED)
    if client is None:
        is_whole = call.seen_from_start and not (call.end_inferred or call.recovered or had_gap)
        return Came(outcome=Outcome.TRUNK_FAILED if is_whole else Outcome.UNKNOWN, cause=call.hangup_cause)
    if call.end_inferred:
        return Came(outcome=Outcome.UNKNOWN, cause=client.cause)
    outcome = _unanswered(client)
    if outcome is Outcome.CANCELLED and ring_seconds is not None and has_rung_out(client, call, ring_seconds):
        outcome = Outcome.NO_ANSWER
    return Came(outcome=outcome, cause=client.cause)


def has_rung_out(client: Leg, call: Call, ring_seconds: float) -> bool:
    """Whether the client's phone had its time to be answered."""
    until = client.ended_at if client.ended_at is not None else call.ended_at
    return until is not None and until - client.offered_at >= ring_seconds


def _client_leg(call: Call) -> Leg | None:
    outside = [leg for leg in call.legs if leg.kind is LegKind.EXTERNAL]
    answered = [leg for leg in outside if leg.answered_at is not None]
    return answered[0] if answered else outside[-1] if outside else None


def _unanswered(client: Leg) -> Outcome:
    if client.cause == _NO_ANSWER_CAUSE and client.result is LegResult.FAILED and client.ringing_at is None:
        return Outcome.UNREACHABLE  # the carrier said so without a ring
    if client.cause in _BY_CAUSE:
        return _BY_CAUSE[client.cause]
    return _BY_RESULT.get(client.result, Outcome.NO_ANSWER) if client.result is not None else Outcome.NO_ANSWER


def _answered(call: Call, client: Leg | None, answered_at: Timestamp, *, is_employee_first: bool) -> Came:
    # With the employee first, the employee has been on the line since before the client's answer.
    cause = client.cause if client is not None else None
    employees = [leg for leg in call.legs if leg is not client and leg.answered_at is not None]
    times = [leg.answered_at for leg in employees if leg.answered_at is not None]
    connected = max(min(times), answered_at) if times else answered_at if is_employee_first else None
    ended = call.ended_at if call.ended_at is not None else answered_at
    met = call.received or Received()
    if connected is None:
        outcome = _without_employee(call, met, answered_at, ended)
        return Came(outcome=outcome, answered_at=answered_at, cause=cause)
    if connected - answered_at > WAIT_SECONDS and not met.keys:  # who pressed a key asked for an employee later
        return Came(outcome=Outcome.ABANDONED, answered_at=answered_at, connected_at=connected, cause=cause)
    outcome = Outcome.SILENT if ended - connected < _SILENT_SECONDS else Outcome.TALKED
    return Came(outcome=outcome, answered_at=answered_at, connected_at=connected, cause=cause)


def _rang_employee_first(call: Call) -> bool:
    """
    Read from what was seen: then the employee has been on the line since before the client's answer.

    Attempts of both forms have an origin of ours; the employee's own leg tells them apart, if the beginning was seen.
    """
    if call.origin is None or call.origin.kind != "click" or call.received is not None:
        return False
    return not call.seen_from_start or any(leg.via is Via.CLICK for leg in call.legs)


def _without_employee(call: Call, met: Received, answered_at: Timestamp, ended: Timestamp) -> Outcome:
    """
    The client answered, and no employee was ever on the line.

    A message on a machine is a machine still: the client has not been reached. Who hears a message for three seconds
    has, whenever they hang up; who asked for an employee by a key and got none is abandoned.
    """
    if met.answerer is Answerer.MACHINE and met.message_at is None and met.waits_since is None:
        return Outcome.MACHINE
    if met.turned_away_at is not None:
        return Outcome.ABANDONED
    if met.message_at is not None:
        has_heard = met.message_whole or bool(met.keys) or ended - met.message_at >= _SILENT_SECONDS
        return Outcome.PLAYED if has_heard else Outcome.SILENT
    has_left = ended - answered_at < WAIT_SECONDS and call.hangup_by is not HangupBy.SYSTEM
    return Outcome.CLIENT_LEFT if has_left else Outcome.ABANDONED
