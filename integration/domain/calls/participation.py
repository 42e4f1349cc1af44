"""One extension's part of a call: it rings, its employee talks, or the result there. Pure.

`services/card.py` decides which managers see it; `services/click.py` handles "hang up".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import takewhile

from integration.domain.calls.call import (
    Call,
    Direction,
    Leg,
    LegKind,
    LegResult,
    Transfer,
    TransferKind,
    TransferResult,
    Via,
)
from integration.domain.ids import Timestamp


class PartState(StrEnum):
    RINGING = "ringing"  # for the calling employee: the client's phone rings, or first their own
    TALKING = "talking"
    ENDED = "ended"  # for this extension; the call may continue elsewhere


class PartResult(StrEnum):
    """The result at this extension. `Disposition` has the results of the whole call."""

    ANSWERED = "answered"  # talked to the client until the end
    MISSED = "missed"  # rang here, and nobody answered the client
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    DECLINED = "declined"
    PASSED_ON = "passed_on"  # not answered here, and the call continues
    TRANSFERRED = "transferred"  # talked to the client and transferred the call
    CONSULTED = "consulted"  # talked to the colleague who has the client, and left
    BUSY = "busy"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NOANSWER = "noanswer"


class Came(StrEnum):
    """How a colleague sent a call to this extension."""

    TRANSFER = "transfer"
    CONSULTATION = "consultation"
    FORWARD = "forward"
    PICKUP = "pickup"
    PARKING = "parking"
    RETURN = "return"  # transferred by this employee, not answered by the colleague


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    One extension's part of one call.

    Attributes:
        since: when it began to ring, or when the talk began; of an ended part when its talk began, if it had one.
        is_own: this employee placed the call.
        holds_client: the client is in this employee's hands, or was at the end.
        colleague: the one who answered instead, or has the client now; an extension or an outside number.
        came_from: the colleague's extension; None where the PBX does not say who it was.
    """

    extension: str
    state: PartState
    is_own: bool
    since: Timestamp | None = None
    ended_at: Timestamp | None = None
    result: PartResult | None = None
    holds_client: bool = False
    colleague: str | None = None
    came: Came | None = None
    came_from: str | None = None


_NEVER_RANG = frozenset({LegResult.BUSY, LegResult.UNAVAILABLE, LegResult.FAILED, LegResult.FORWARDED})
_TOOK_IT = frozenset({TransferResult.ANSWERED, TransferResult.COMPLETED})


def parts_of(call: Call) -> dict[str, Part]:
    """
    The part of each extension that has one.

    Returns:
        By extension, in the order in which they came into the call. An extension that was never rung has no part, nor
        has one whose phone was busy, away or forwarded before it rang. Never raises.
    """
    found = ((extension, _part(call, extension, legs)) for extension, legs in _legs_of(call).items())
    return {extension: part for extension, part in found if part is not None}


def part_of(call: Call, extension: str) -> Part | None:
    """The part of one extension; None where it has none."""
    return _part(call, extension, _legs_of(call).get(extension, []))


def extensions_of(call: Call) -> tuple[str, ...]:
    """Extensions in the call now or before, in the order of joining."""
    return tuple(_legs_of(call))


def _legs_of(call: Call) -> dict[str, list[Leg]]:
    """The legs of each extension of the call, in one pass: a long queue has thousands."""
    legs: dict[str, list[Leg]] = {call.caller: []} if call.direction is Direction.OUTBOUND else {}
    for leg in call.legs:
        if leg.kind is LegKind.EXTENSION:
            legs.setdefault(leg.target, []).append(leg)
    if call.final_responsible:
        legs.setdefault(call.final_responsible, [])
    return legs


def _part(call: Call, extension: str, legs: list[Leg]) -> Part | None:
    is_own = call.direction is Direction.OUTBOUND and (extension == call.caller or _clicked(call, legs))
    if call.is_live:
        ringing = next((leg for leg in reversed(legs) if leg.result is None and leg.answered_at is None), None)
        if ringing is not None:
            since = call.started_at if is_own else ringing.offered_at
            return _came(call, ringing, Part(extension=extension, state=PartState.RINGING, since=since, is_own=is_own))
        talking = _talking(call, extension, legs, is_own=is_own)
        if talking is not None:
            return talking
    return _over(call, extension, legs, is_own=is_own)


def _clicked(call: Call, legs: list[Leg]) -> bool:
    """Whether a click rang one of these legs first; not if it rang several phones and another one took it."""
    clicked = [leg for leg in legs if leg.via is Via.CLICK]
    if not clicked or any(leg.answered_at is not None for leg in clicked):
        return bool(clicked)
    return not any(leg.via is Via.CLICK and leg.answered_at is not None for leg in call.legs)


def _talking(call: Call, extension: str, legs: list[Leg], *, is_own: bool) -> Part | None:
    """The part in a live call of an extension that does not ring; None when its part is over, or it has none."""
    own_leg = next((leg for leg in reversed(legs) if leg.answered_at is not None and leg.ended_at is None), None)
    holds = call.answered_at is not None and call.final_responsible == extension
    part = Part(extension=extension, state=PartState.TALKING, is_own=is_own, holds_client=holds)
    if call.answered_at is None:
        # The phone is off the hook, and the client is not reached yet.
        if is_own:
            since = call.started_at
        elif own_leg is not None:
            since = own_leg.offered_at
        else:
            return None
        return Part(extension=extension, state=PartState.RINGING, since=since, is_own=is_own)
    if holds:
        if call.talk_since is None and _handed_over(call, extension) is not None:
            return None
        since = max(call.answered_at, own_leg.answered_at or call.answered_at) if own_leg else call.answered_at
        return _came(call, own_leg, replace(part, since=since))
    if own_leg is not None:
        # In the call without having the client: a consultation, one of three.
        return _came(call, own_leg, replace(part, since=own_leg.answered_at))
    return None


def _over(call: Call, extension: str, legs: list[Leg], *, is_own: bool) -> Part | None:
    ended = Part(extension=extension, state=PartState.ENDED, is_own=is_own)
    answered = next((leg for leg in reversed(legs) if leg.result is LegResult.ANSWERED), None)
    if call.answered_at is not None and (call.final_responsible == extension or answered is not None or is_own):
        since = max(call.answered_at, answered.answered_at or call.answered_at) if answered else call.answered_at
        if call.final_responsible == extension and not call.is_live:
            part = replace(ended, since=since, ended_at=call.ended_at, result=PartResult.ANSWERED, holds_client=True)
            return _came(call, answered, part)
        return _left(call, ended, answered, since)
    if is_own:
        pressed = any(press.extension == extension for press in call.presses)
        result = PartResult(call.disposition) if call.disposition is not None else PartResult.FAILED
        return replace(ended, ended_at=call.ended_at, result=PartResult.CANCELLED if pressed else result)
    last = next((leg for leg in reversed(legs) if leg.ringing_at is not None or leg.result not in _NEVER_RANG), None)
    return _unanswered(call, ended, last) if last is not None else None


def _left(call: Call, ended: Part, answered: Leg | None, since: Timestamp) -> Part:
    """The part of somebody who talked and then left the call."""
    handed_over = _handed_over(call, ended.extension)
    consulted = answered is not None and answered.via is Via.CONSULTATION and handed_over is None
    if answered is not None and answered.ended_at is not None:
        left_at = answered.ended_at
    else:
        left_at = handed_over.at if handed_over is not None else since
    colleague: str | None = call.final_responsible
    if colleague == ended.extension:
        colleague = handed_over.to if handed_over is not None and handed_over.kind is not TransferKind.PARK else None
    return replace(
        ended,
        since=since,
        ended_at=max(since, left_at),
        result=PartResult.CONSULTED if consulted else PartResult.TRANSFERRED,
        colleague=_person(colleague),
    )


def _unanswered(call: Call, ended: Part, leg: Leg) -> Part:
    stopped_at = leg.ended_at if leg.ended_at is not None else leg.offered_at
    pressed = [press for press in call.presses if press.own_leg and press.extension == leg.target]
    if any(press.at >= leg.offered_at for press in pressed) or leg.result is LegResult.REJECTED:
        return replace(ended, ended_at=stopped_at, result=PartResult.DECLINED)
    if call.answered_at is not None:
        return replace(
            ended, ended_at=stopped_at, result=PartResult.ANSWERED_ELSEWHERE, colleague=_person(_taker(call, leg))
        )
    if call.is_live:
        return replace(ended, ended_at=stopped_at, result=PartResult.PASSED_ON)
    return replace(ended, ended_at=call.ended_at, result=PartResult.MISSED)


def _taker(call: Call, leg: Leg) -> str | None:
    """The person who took the call while, or after, it rang at `leg`; later transfers do not count."""
    answers = ((other.answered_at, other.target) for other in call.legs if other.answered_at is not None)
    first = min((each for each in answers if each[0] >= leg.offered_at), key=lambda each: each[0], default=None)
    return call.answered_by if first is None else first[1]


def _person(party: str | None) -> str | None:
    """A conference room is not a person."""
    return None if party is None or party.startswith("conference") else party


def _handed_over(call: Call, extension: str) -> Transfer | None:
    """The newest transfer by this extension that has not failed."""
    good = _TOOK_IT | {None}
    return next((t for t in reversed(call.transfers) if t.from_ == extension and t.result in good), None)


def _came(call: Call, leg: Leg | None, part: Part) -> Part:
    """`part` with the colleague who sent the call to this leg; unchanged if there is none."""
    if part.is_own:
        return part
    if leg is not None and (sent := _sent(call, leg)) is not None:
        return replace(part, came=sent[0], came_from=sent[1])
    handed = next((t for t in reversed(call.transfers) if t.to == part.extension and t.result in _TOOK_IT), None)
    return replace(part, came=Came.TRANSFER, came_from=handed.from_) if handed is not None else part


def _sent(call: Call, leg: Leg) -> tuple[Came, str | None] | None:
    """How a colleague sent the call to this leg, and who; None for a leg that the PBX itself offered."""
    match leg.via:
        case Via.TRANSFER:
            newest = call.transfers[-1] if call.transfers else None
            if newest is not None and newest.from_ == leg.target:
                return Came.RETURN, newest.to
            return Came.TRANSFER, _transferer(call, leg.target)
        case Via.CONSULTATION:
            holder = call.final_responsible if call.final_responsible != leg.target else None
            return Came.CONSULTATION, holder or _transferer(call, leg.target)
        case Via.FORWARD:
            return Came.FORWARD, _before(call, leg, LegResult.FORWARDED)
        case Via.PICKUP:
            return Came.PICKUP, _before(call, leg, LegResult.PICKED_UP_ELSEWHERE)
        case Via.PARKING | Via.PARKING_RETURN:
            parked = (t.from_ for t in reversed(call.transfers) if t.kind is TransferKind.PARK)
            return Came.PARKING, next(parked, None)
    return None


def _transferer(call: Call, extension: str) -> str | None:
    to_me = next((t for t in reversed(call.transfers) if t.to == extension), None)
    newest = to_me or (call.transfers[-1] if call.transfers else None)
    return newest.from_ if newest is not None and newest.from_ != extension else None


def _before(call: Call, leg: Leg, result: LegResult) -> str | None:
    """The last phone before this one with this result. It may have ended after this one began, as in a pickup."""
    before = list(takewhile(lambda known: known.id != leg.id, call.legs))
    return next((known.target for known in reversed(before) if known.result is result), None)
