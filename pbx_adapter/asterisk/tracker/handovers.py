"""The open transfers of a call: begun, and nobody has taken the client yet. Only this module writes them.

A blind transfer, an attended one completed while the consulted party still rang ("blond"), a consultation by feature
code and parking stay open until somebody has the client, or it is clear that nobody will. No event reports a failure;
`settle_transfers()` finds it from the legs. `transfers.py` reads the AMI events about transfers.
"""

from __future__ import annotations

from integration.domain.calls.call import LegResult, TransferKind, TransferResult
from integration.domain.calls.events import TransferEnded, TransferStarted
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.tracker.beginning import begin_call
from pbx_adapter.asterisk.tracker.live import (
    BlindTransfer,
    BlondTransfer,
    Channel,
    Consultation,
    LiveCall,
    LiveLeg,
    Parking,
)
from pbx_adapter.asterisk.tracker.results import result_of
from pbx_adapter.asterisk.tracker.switchboard import SETTLE_SECONDS, Switchboard

_IN_VAIN = {
    LegResult.BUSY: TransferResult.BUSY,
    LegResult.REJECTED: TransferResult.BUSY,
    LegResult.UNAVAILABLE: TransferResult.FAILED,
    LegResult.FAILED: TransferResult.FAILED,
}


def add_leg(board: Switchboard, call: LiveCall, leg: LiveLeg) -> None:
    """Add a leg to the open transfer: a leg offered while a transfer is open belongs to it."""
    if call.blond is not None:
        call.blond.legs.append(leg)
    if call.blind is not None:
        call.blind.legs.append(leg)
        if not call.blind.guessed:
            tell_blind_transfer(board, call)


def end_with(board: Switchboard, call: LiveCall, to: str | None, at: Timestamp) -> None:
    """Somebody has the client: the open transfers succeeded. `to`: that party; None if it is not a person."""
    if call.blind is not None:
        tell_blind_transfer(board, call)
        call.blind = None
        tell_end(board, call, TransferResult.ANSWERED, at)
    if call.blond is not None:
        call.blond = None
        tell_end(board, call, TransferResult.COMPLETED, at, to)
    if call.parking is not None:
        result = TransferResult.RETURNED if call.parking.timed_out else TransferResult.COMPLETED
        call.parking = None
        tell_end(board, call, result, at, to)


def settle_transfers(board: Switchboard, call: LiveCall, now: Timestamp) -> None:
    """Close the failed transfers; no event reports their failure."""
    blind = call.blind
    if blind is not None and now - blind.since >= SETTLE_SECONDS * 0.99:
        tell_blind_transfer(board, call)
    if blind is not None and blind.legs and all(leg.decided for leg in blind.legs):
        # The dialplan may continue with another leg (a queue, a fallback): wait before reporting a failure.
        if now - _last_stop(blind.legs, blind.since) >= 4 * SETTLE_SECONDS:
            fail_blind(board, call)
        else:
            board.settle_later(call, now)
    blond = call.blond
    if blond is not None and blond.legs and all(leg.decided for leg in blond.legs):
        if now - _last_stop(blond.legs, blond.since) >= 4 * SETTLE_SECONDS:
            abort_blond(board, call)
        else:
            board.settle_later(call, now)
    consultation = call.consultation
    if consultation is not None and consultation.door.gone_at is not None:
        if now - consultation.door.gone_at >= SETTLE_SECONDS * 0.99:
            abort_consultation(board, call)
        else:
            board.settle_later(call, now)


def _last_stop(legs: list[LiveLeg], since: Timestamp) -> Timestamp:
    return max((leg.stopped_at or since for leg in legs), default=since)


# -- blind ------------------------------------------------------------------------


def begin_blind(board: Switchboard, call: LiveCall, by: str, to: str, at: Timestamp, transferer: Channel) -> None:
    """Replaces a guess and keeps its legs, which came before this event. An earlier transfer that nobody took fails."""
    guess = call.blind if call.blind is not None and call.blind.guessed and not call.blind.told else None
    if guess is None:
        fail_blind(board, call)
    call.blind = BlindTransfer(by, to, at, transferer)
    if guess is not None:
        call.blind.legs = guess.legs


def guess_blind(call: LiveCall, by: str, to: str, at: Timestamp) -> None:
    """The course of the call shows a blind transfer; its event may come later or never."""
    call.blind = BlindTransfer(by, to, at, guessed=True)


def tell_blind_transfer(board: Switchboard, call: LiveCall) -> None:
    """
    Report a blind transfer, once it is certain.

    A REFER to the parking extension looks like a blind transfer for a millisecond, until ParkedCall comes.
    """
    blind = call.blind
    if blind is not None and not blind.told:
        blind.told = True
        board.tell(TransferStarted(call=call.id, at=blind.since, kind=TransferKind.BLIND, from_=blind.by, to=blind.to))


def fail_blind(board: Switchboard, call: LiveCall) -> None:
    """Close a blind transfer that nobody answered; its last leg, if it has one, shows why."""
    tell_blind_transfer(board, call)
    blind, call.blind = call.blind, None
    if blind is None:
        return
    result = _IN_VAIN.get(result_of(blind.legs[-1]), TransferResult.NOANSWER) if blind.legs else TransferResult.FAILED
    tell_end(board, call, result, blind.legs[-1].stopped_at or blind.since if blind.legs else blind.since)


# -- attended ---------------------------------------------------------------------


def begin_blond(call: LiveCall, ringing: list[LiveLeg], at: Timestamp) -> None:
    call.blond = BlondTransfer(at, ringing)


def abort_blond(board: Switchboard, call: LiveCall) -> None:
    """Close a blond transfer: the client was handed over, and none of the ringing phones took the call."""
    blond, call.blond = call.blond, None
    if blond is not None:
        tell_end(board, call, TransferResult.ABORTED, _last_stop(blond.legs, blond.since))


def consult(call: LiveCall, leg: LiveLeg, door: Channel) -> None:
    """The person who has the client consults by feature code, through this door; the newest leg is the consulted."""
    if call.consultation is None or call.consultation.door is not door:
        by = call.hands.party.number if call.hands else ""
        call.consultation = Consultation(door, by, leg.target, leg)
    else:
        call.consultation.leg, call.consultation.to = leg, leg.target


def end_consultation(call: LiveCall) -> Consultation | None:
    """Remove the consultation from the call and return it; the caller reports its transfer."""
    consultation, call.consultation = call.consultation, None
    return consultation


def abort_consultation(board: Switchboard, call: LiveCall) -> None:
    """A consultation by feature code ended without a transfer: the employee returned to the client."""
    consultation = end_consultation(call)
    if consultation is None:
        return
    ended = consultation.door.gone_at or call.last_gone_at or call.started_at
    leg = consultation.leg
    talked = ended - leg.answered_at if leg is not None and leg.answered_at is not None else 0.0
    tell_start(board, call, TransferKind.ATTENDED, consultation.by, consultation.to, ended, None, talked)
    tell_end(board, call, TransferResult.ABORTED, ended)


# -- parking ----------------------------------------------------------------------


def park(board: Switchboard, call: LiveCall, by: str, space: str, at: Timestamp) -> None:
    call.parking = Parking(by, at)
    if call.blind is not None and not call.blind.told:
        call.blind = None  # a REFER to the parking extension: parked, not transferred
    tell_start(board, call, TransferKind.PARK, by, space, at)


def time_out_parking(call: LiveCall) -> None:
    if call.parking is not None:
        call.parking.timed_out = True


# -- telling ----------------------------------------------------------------------


def tell_start(
    board: Switchboard,
    call: LiveCall,
    kind: TransferKind,
    by: str,
    to: str,
    at: Timestamp,
    uid: str | None = None,
    talked: float | None = None,
) -> None:
    begin_call(board, call, at)
    board.tell(
        TransferStarted(
            call=call.id, at=at, kind=kind, from_=by, to=to, consultation_native_id=uid, consultation_seconds=talked
        )
    )


def tell_end(board: Switchboard, call: LiveCall, result: TransferResult, at: Timestamp, to: str | None = None) -> None:
    board.tell(TransferEnded(call=call.id, at=at, result=result, to=to))
