"""Why a leg ended: DialStatus, Forward, Q.850 cause and SIP code to one `LegResult`, in one table.

No single field is reliable: a queue reports NOANSWER for a phone that answered 603, and a phone that rang out hangs up
with cause 0, 16 or 19, depending on the version and the dialling application. So the most reliable field is read first.
Source: measured on 16.28 and 22.10.1.
"""

from __future__ import annotations

from integration.domain.calls.call import LegResult

_BY_CAUSE = {
    17: LegResult.BUSY,
    21: LegResult.REJECTED,
    23: LegResult.FORWARDED,
    26: LegResult.CANCELLED,  # answered elsewhere
    # The number or the way to it is wrong. For an employee's phone this becomes "unavailable", see below.
    1: LegResult.FAILED,
    2: LegResult.FAILED,
    3: LegResult.UNAVAILABLE,
    20: LegResult.UNAVAILABLE,
    27: LegResult.FAILED,
    28: LegResult.FAILED,
    34: LegResult.FAILED,
    38: LegResult.FAILED,
    41: LegResult.FAILED,
    42: LegResult.FAILED,
    44: LegResult.FAILED,
    58: LegResult.FAILED,
    88: LegResult.FAILED,
}
"""Q.850 causes that say more than DialStatus. Left out on purpose: 0, 16, 18, 19 and 127, which come with legs
that rang out and with cancelled ones."""

_BY_DIAL_STATUS = {
    "BUSY": LegResult.BUSY,
    "NOANSWER": LegResult.NOANSWER,
    "CANCEL": LegResult.CANCELLED,
    "CONGESTION": LegResult.FAILED,
    "CHANUNAVAIL": LegResult.UNAVAILABLE,
    "ABORT": LegResult.CANCELLED,
    "DONTCALL": LegResult.REJECTED,
    "TORTURE": LegResult.REJECTED,
    "INVALIDARGS": LegResult.FAILED,
}


def leg_result(
    *,
    dial_status: str,
    cause: int | None,
    refused: bool = False,
    forwarded: bool = False,
    picked_up: bool = False,
    off_hook: bool = False,
    asker_left: bool = False,
    rang_out: bool = False,
    external: bool = False,
    inherited: bool = False,
) -> LegResult:
    """
    Decide how an unanswered leg ended.

    Args:
        dial_status: the leg's first final status; empty if no DialEnd came (a picked up phone, an Originate).
        cause: Q.850 cause of the leg's own channel.
        refused: the far end ended it (HangupRequest); a leg that rang out has none.
        rang_out: reported by an Originate (Reason 3), or by the dial of the Local pair that leads to the leg; the leg
            itself then looks cancelled.
        off_hook: the phone was picked up but never got the call: it declined, whatever a subroutine reported.
        asker_left: the dialling party had left before the leg stopped.
        external: the leg went outside: such a leg is never "unavailable", it failed.
        inherited: an earlier leg left the cause on the channel that dialled both; Asterisk 22 copies it to every
            channel that hangs up later.
    """
    if picked_up:
        result = LegResult.PICKED_UP_ELSEWHERE
    elif forwarded:
        result = LegResult.FORWARDED
    elif off_hook:
        result = LegResult.CANCELLED if asker_left or dial_status == "CANCEL" else LegResult.REJECTED
    elif dial_status == "CANCEL" and not rang_out:
        result = LegResult.CANCELLED
    elif cause in _BY_CAUSE and not inherited and not (cause == 26 and dial_status == "NOANSWER"):
        result = _BY_CAUSE[cause]
    elif dial_status == "NOANSWER" and refused:
        # The phone answered 480, for example in "do not disturb": the cause is 19, as if it had rung out.
        result = LegResult.UNAVAILABLE
    elif rang_out and dial_status in ("", "CANCEL"):
        result = LegResult.NOANSWER
    elif dial_status:
        result = _BY_DIAL_STATUS.get(dial_status, LegResult.FAILED)
    else:
        result = LegResult.CANCELLED
    if external and result is LegResult.UNAVAILABLE:
        return LegResult.FAILED
    return result


def number_or_none(text: object) -> int | None:
    """A cause as a number; AMI leaves an unknown one empty or out."""
    return int(text) if isinstance(text, str) and text.isdecimal() else None
