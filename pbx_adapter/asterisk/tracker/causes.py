"""Why a leg ended: DialStatus, Forward, Q.850 cause and SIP code to one `LegResult`, in one table.

No single field tells the truth (a queue says NOANSWER for a phone that answered 603, a phone that rang out hangs up
with cause 0 or 16 or 19, depending on the version and on who dialled), so the fields are asked in an order of trust.
Source: measured on 16.28 and 22.10.1.
"""

from __future__ import annotations

from integration.domain.calls.call import LegResult

_BY_CAUSE = {
    17: LegResult.BUSY,
    21: LegResult.REJECTED,
    23: LegResult.FORWARDED,
    26: LegResult.CANCELLED,  # answered elsewhere
    # The number or the way to it is wrong: for a phone of ours that reads "unavailable", see below.
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
"""Q.850 causes that say more than DialStatus. Not here on purpose: 0, 16, 18, 19, 127, which are said of legs that rang
out and of legs that were cancelled alike."""

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
        dial_status: the first final one of the leg; empty when no DialEnd came (a picked up phone, an Originate).
        cause: Q.850, of the leg's own channel.
        refused: its far end ended it (HangupRequest); a leg that rang out ends without.
        rang_out: an Originate said so (Reason 3), or the dial of the Local pair through which the leg was reached;
            to the leg behind it that looks like a cancelled one.
        off_hook: the phone was picked up and yet never got the call: whatever a subroutine said then, it declined.
        asker_left: the party it was dialled for had left before it stopped.
        external: the leg went to the outside: there nothing is "unavailable", the attempt failed.
        inherited: the cause is one that an earlier leg left on the channel that dialled both; Asterisk 22 gives it to
            every channel that hangs up after it.
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
        # The phone itself said 480, as in "do not disturb": the cause is 19 as of one that rang out.
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
    """A cause as a number; AMI leaves it empty or out where it does not know."""
    return int(text) if isinstance(text, str) and text.isdecimal() else None
