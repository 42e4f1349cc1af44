"""How a call's result is said to Bitrix24: its type, status code and duration; pure.

Source: b24-rest-docs, "telephony.externalCall.register" and "telephony.externalCall.finish".
"""

from __future__ import annotations

from integration.domain.calls.call import Call, Direction, Disposition, LegKind, LegResult
from integration.ports.live_calls import LiveCall

OUTGOING, INCOMING, CALLBACK = 1, 2, 4

ANSWERED, MISSED, BUSY, NO_ANSWER, DECLINED, CANCELLED, WRONG_NUMBER, NO_WAY, OTHER = (
    "200", "304", "486", "480", "603", "603-S", "404", "503", "OTHER",
)  # fmt: skip

_BY_LEG = {
    LegResult.BUSY: BUSY,
    LegResult.REJECTED: DECLINED,
    LegResult.NOANSWER: NO_ANSWER,
    LegResult.UNAVAILABLE: NO_ANSWER,
}
_BY_CAUSE = {  # Q.850
    1: WRONG_NUMBER, 3: WRONG_NUMBER, 22: WRONG_NUMBER, 28: WRONG_NUMBER,
    17: BUSY,
    18: NO_ANSWER, 19: NO_ANSWER, 20: NO_ANSWER, 27: NO_ANSWER,
    21: DECLINED,
    34: NO_WAY, 38: NO_WAY, 41: NO_WAY, 42: NO_WAY, 44: NO_WAY, 58: NO_WAY,
}  # fmt: skip


def type_of(live: LiveCall) -> int:
    if live.is_callback:
        return CALLBACK
    return INCOMING if live.direction is Direction.INBOUND else OUTGOING


def is_answered(call: Call) -> bool:
    return call.disposition is Disposition.ANSWERED or (call.disposition is None and call.answered_at is not None)


def duration_of(call: Call) -> int:
    """Whole seconds of talk; a talk shorter than half a second is one, since 0 is no talk."""
    return max(1, round(call.talked_seconds)) if is_answered(call) else 0


def status_code(call: Call) -> str:
    """
    Bitrix24 counts only 304 of an incoming call as missed, so an unanswered incoming call is that, whatever the PBX
    says. A click whose employee did not pick up is cancelled by our side: nobody called the client.
    """
    if is_answered(call):
        return ANSWERED
    if call.direction is Direction.INBOUND:
        return MISSED
    if call.failure is not None or call.disposition is Disposition.CANCELLED:
        return CANCELLED
    client = next((leg for leg in reversed(call.legs) if leg.kind is LegKind.EXTERNAL), None)
    if client is not None and client.result in _BY_LEG:
        return _BY_LEG[client.result]
    for cause in (client.cause if client is not None else None, call.hangup_cause):
        if cause in _BY_CAUSE:
            return _BY_CAUSE[cause]
    by_disposition = {Disposition.BUSY: BUSY, Disposition.NOANSWER: NO_ANSWER}
    return by_disposition.get(call.disposition, OTHER) if call.disposition is not None else OTHER
