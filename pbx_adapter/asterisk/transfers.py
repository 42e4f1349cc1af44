"""Transfers: blind and attended, pickups, parking.

Theory of operation
-------------------

- Blind: the event says only that the dialplan was entered. The transfer stays open; the legs offered meanwhile are its
  own; it is answered when somebody takes the client, and failed when its last leg has ended in vain.
- Attended by SIP (REFER with Replaces): the consultation is its own call and is joined by the event. Either of
  the two calls may have been made to the one who transfers, and the phone may refer on either. When the colleague, or
  a group, still rings (a blond transfer), the client waits and the transfer is open until somebody takes the client.
- Attended by feature code (`*2`): a Local pair in the client's own call; the transferer leaves the bridge and comes
  back. There is no event for coming back: the pair is gone and nobody said AttendedTransfer, so it was aborted.
- Pickup and fetching a parked call: a phone's own call is joined to the client's.
"""

from __future__ import annotations

from integration.domain.call import Direction, LegKind, LegResult, TransferKind, TransferResult, Via
from integration.domain.events import ClientReleased, TransferEnded, TransferStarted
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.beginning import begin_call
from pbx_adapter.asterisk.conversation import look
from pbx_adapter.asterisk.joining import join
from pbx_adapter.asterisk.legs import answer_leg, change_via, offer_leg, tell_blind_transfer
from pbx_adapter.asterisk.live import BlindTransfer, BlondTransfer, Channel, LiveCall, LiveLeg, Parking
from pbx_adapter.asterisk.names import endpoint_of
from pbx_adapter.asterisk.office import PartyKind, present
from pbx_adapter.asterisk.protocol import Frame
from pbx_adapter.asterisk.results import result_of
from pbx_adapter.asterisk.switchboard import SETTLE_SECONDS, Switchboard

_IN_VAIN = {
    LegResult.BUSY: TransferResult.BUSY,
    LegResult.REJECTED: TransferResult.BUSY,
    LegResult.UNAVAILABLE: TransferResult.FAILED,
    LegResult.FAILED: TransferResult.FAILED,
}


def on_blind_transfer(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    transferer = board.find(present(frame.get("TransfererUniqueid"))) or board.channel(frame, "Transferer", at)
    transferee = board.find(present(frame.get("TransfereeUniqueid"))) or board.channel(frame, "Transferee", at)
    if transferer is None:
        return
    call = (transferee or transferer).call.current
    key = ("blind", transferer.uid, str(frame.get("BridgeUniqueid")), str(frame.get("Extension")))
    if call.over or key in call.told:
        return
    call.told.add(key)
    if transferee is not None:
        transferee.moved_at, transferee.left_first_at = at, None
    begin_call(board, call, at)
    if call.parking is not None and at - call.parking.since < SETTLE_SECONDS:
        return
    guess = call.blind if call.blind is not None and call.blind.guessed and not call.blind.told else None
    if guess is None:
        fail_blind(board, call)  # an earlier one that nobody took
    call.blind = BlindTransfer(_name(transferer), present(frame.get("Extension")), at, transferer)
    if guess is not None:
        call.blind.legs = guess.legs  # they arrived before the transfer's event
    if frame.get("Result") != "Success":
        fail_blind(board, call)
        return
    for leg in call.legs:
        if leg.via is Via.DIRECT and leg.offered_at > at - SETTLE_SECONDS and leg.source is transferee:
            change_via(board, leg, Via.TRANSFER)  # it arrived before the transfer's event
            call.blind.legs.append(leg)
    if call.direction is Direction.INTERNAL and call.client is transferer and transferee is not None:
        # The caller leaves; the remaining party is the client now, and nobody has it.
        call.client, call.hands, call.lost_at = transferee, None, None
        board.tell(ClientReleased(call=call.id, at=at))
    board.settle_later(call, at)


def on_attended_transfer(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    first = board.find(present(frame.get("OrigTransfererUniqueid"))) or board.channel(frame, "OrigTransferer", at)
    second = board.find(present(frame.get("SecondTransfererUniqueid"))) or board.channel(frame, "SecondTransferer", at)
    if first is None or second is None or frame.get("Result") != "Success":
        return
    key = ("attended", first.uid, second.uid)
    if key in first.call.current.told:
        return
    if first is second:
        _complete_by_code(board, first, board.find(present(frame.get("TransferTargetUniqueid"))), key, at)
    else:
        _complete_by_refer(board, first, second, frame, at)


def _complete_by_code(
    board: Switchboard, transferer: Channel, target: Channel | None, key: tuple[str, ...], at: Timestamp
) -> None:
    call = transferer.call.current
    call.told.add(key)
    consultation, call.consultation = call.consultation, None
    leg = consultation.leg if consultation else target.leg if target else None
    to = leg.target if leg else consultation.to if consultation else ""
    if not call.over:
        _tell_attended(board, call, _name(transferer), to, [leg] if leg else [], at)


_RINGING_APPS = frozenset({"Dial", "Queue", "FollowMe", "RetryDial"})
"""Where a client handed over waits for somebody who rings, or will."""


def _complete_by_refer(board: Switchboard, first: Channel, second: Channel, frame: Frame, at: Timestamp) -> None:
    homes = [board.calls.get(channel.linkedid, channel.call) for channel in (first, second)]
    call = join(board, first.call, second.call, at)
    if call.over:
        return
    call.told.add(("attended", first.uid, second.uid))
    other = second.call.current
    if other is not call:  # two clients joined by the employee of both
        talk = second.leg or (other.client.leg if other.client else None)
        _tell_attended(board, call, _name(first), _client_of(other), [talk] if talk else [], at)
        return
    # The consultation is the call that did not survive, whoever made it and whichever the phone referred on.
    part = next((home for home in homes if home is not call and home.current is call), None) or _last_joined(call)
    sides = [
        _person(side)
        for name in ("TransfereeUniqueid", "TransferTargetUniqueid")
        if (side := board.find(present(frame.get(name)))) is not None and side not in (first, second)
    ]
    of_part = [leg for leg in call.legs if leg.home is part]
    consulted = next((side for side in sides if _is_of(board, side, part)), None)
    dialled = present(frame.get("SecondTransfererExten"))
    if consulted is not None:
        legs = [consulted.leg] if consulted.leg is not None else [leg for leg in of_part if leg.answered_at][-1:]
        to = consulted.leg.target if consulted.leg is not None else consulted.party.number
    else:
        legs = [leg for leg in of_part if _rings(leg)] or of_part[-1:]
        to = legs[0].target if len(legs) == 1 else dialled
    waits = not legs and frame.get("DestType") == "App" and frame.get("DestApp") in _RINGING_APPS
    _tell_attended(board, call, _name(first), to, legs, at, part.uid if part is not None else None, waits=waits)
    if call.direction is Direction.INTERNAL and call.client in (first, second):
        _leave_call(board, call, next((side for side in sides if side is not consulted), None), at)


def _last_joined(call: LiveCall) -> LiveCall | None:
    return next((leg.home for leg in reversed(call.legs) if leg.home is not call and leg.home.current is call), None)


def _is_of(board: Switchboard, channel: Channel, part: LiveCall | None) -> bool:
    is_leg_of = channel.leg is not None and channel.leg.home is part
    return part is not None and (is_leg_of or board.calls.get(channel.linkedid) is part)


def _rings(leg: LiveLeg) -> bool:
    return leg.answered_at is None and leg.stopped_at is None and not leg.decided


def _leave_call(board: Switchboard, call: LiveCall, stays: Channel | None, at: Timestamp) -> None:
    """The caller of an internal call has transferred and leaves; who stays is the client from now on."""
    if stays is None:
        return
    call.client, call.hands, call.lost_at = stays, None, None
    board.tell(ClientReleased(call=call.id, at=at))
    look(board, call, at)


def _tell_attended(
    board: Switchboard,
    call: LiveCall,
    by: str,
    to: str,
    legs: list[LiveLeg],
    at: Timestamp,
    uid: str | None = None,
    *,
    waits: bool = False,
) -> None:
    """
    Args:
        legs: of the consulted, answered or not; more than one while a group rings.
        waits: nobody rings yet, and somebody will.
    """
    answered_at = next((leg.answered_at for leg in legs if leg.answered_at is not None), None)
    _start(board, call, TransferKind.ATTENDED, by, to, at, uid, 0.0 if answered_at is None else at - answered_at)
    ringing = [leg for leg in legs if leg.answered_at is None and not leg.decided]
    if waits or (answered_at is None and ringing):
        call.blond = BlondTransfer(at, ringing)
    else:
        _end(board, call, TransferResult.COMPLETED, at)


def settle_transfers(board: Switchboard, call: LiveCall, now: Timestamp) -> None:
    """Close the failed transfers; no event reports their failure."""
    blind = call.blind
    if blind is not None and now - blind.since >= SETTLE_SECONDS * 0.99:
        tell_blind_transfer(board, call)
    if blind is not None and blind.legs and all(leg.decided for leg in blind.legs):
        # The dialplan may go on to the next one (a queue, a fallback); then this is not its last word.
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


def abort_blond(board: Switchboard, call: LiveCall) -> None:
    """The client was handed over, and nobody of those who rang took them."""
    blond, call.blond = call.blond, None
    if blond is not None:
        _end(board, call, TransferResult.ABORTED, _last_stop(blond.legs, blond.since))


def fail_blind(board: Switchboard, call: LiveCall) -> None:
    """A blind transfer that nobody answered: its last leg shows why, if there was one."""
    tell_blind_transfer(board, call)
    blind, call.blind = call.blind, None
    if blind is None:
        return
    result = _IN_VAIN.get(result_of(blind.legs[-1]), TransferResult.NOANSWER) if blind.legs else TransferResult.FAILED
    _end(board, call, result, blind.legs[-1].stopped_at or blind.since if blind.legs else blind.since)


def abort_consultation(board: Switchboard, call: LiveCall) -> None:
    """A consultation by feature code ended without a transfer: the client's person came back."""
    consultation, call.consultation = call.consultation, None
    if consultation is None:
        return
    ended = consultation.door.gone_at or call.last_gone_at or call.started_at
    leg = consultation.leg
    talked = ended - leg.answered_at if leg is not None and leg.answered_at is not None else 0.0
    _start(board, call, TransferKind.ATTENDED, consultation.by, consultation.to, ended, None, talked)
    _end(board, call, TransferResult.ABORTED, ended)


def _start(
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
            call=call.id, at=at, kind=kind, from_=by, to=to, consultation_uniqueid=uid, consultation_seconds=talked
        )
    )


def _end(board: Switchboard, call: LiveCall, result: TransferResult, at: Timestamp) -> None:
    board.tell(TransferEnded(call=call.id, at=at, result=result))


def _client_of(call: LiveCall) -> str:
    return (call.called if call.direction is Direction.OUTBOUND else call.caller) or call.uid


def _person(channel: Channel) -> Channel:
    """Behind a Local pair it is whoever the other half talks to."""
    if channel.party.kind is not PartyKind.LOCAL:
        return channel
    other = channel.peer.bridge if channel.peer is not None else None
    people = [member for member in other.members.values() if member is not channel.peer] if other else []
    return people[0] if people else channel


def _name(channel: Channel) -> str:
    person = _person(channel)
    return person.party.number or endpoint_of(person.name)[1].partition("@")[0]


# -- pickup -----------------------------------------------------------------------


def on_pickup(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    """Somebody took a call that rang elsewhere. The phone that rang gets no DialEnd; the picker had no DialBegin."""
    picker, target = board.channel(frame, "", at), board.find(present(frame.get("TargetUniqueid")))
    if target is not None and target.leg is not None:
        target.leg.picked_up = True
    if picker is None or target is None:
        return
    call = join(board, target.call, picker.call, at)
    took_over(board, call, picker, Via.PICKUP, at)


def took_over(board: Switchboard, call: LiveCall, person: Channel, via: Via, at: Timestamp) -> None:
    """A leg of somebody who took the call without having been offered it."""
    if person.leg is not None or call.over:
        return
    kind = LegKind.EXTENSION if person.party.kind is PartyKind.EXTENSION else LegKind.EXTERNAL
    leg = offer_leg(board, call, person.party.number, kind, at, None, person, via)
    if leg is not None:
        answer_leg(board, leg, at)


# -- parking ----------------------------------------------------------------------


def on_parked(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    parkee = board.channel(frame, "Parkee", at)
    if parkee is None or parkee.call.over or parkee.call.parking is not None:
        return
    call = parkee.call
    parker = present(frame.get("ParkerDialString"))
    by = board.office.extension_of(parker) or (call.hands.party.number if call.hands else endpoint_of(parker)[1])
    call.parking = Parking(by, at)
    if call.blind is not None and not call.blind.told:
        call.blind = None  # a REFER to the parking extension: parked, not transferred
    _start(board, call, TransferKind.PARK, by, present(frame.get("ParkingSpace")), at)


def on_unparked(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    parkee, retriever = board.channel(frame, "Parkee", at), board.channel(frame, "Retriever", at)
    if parkee is None or retriever is None:
        return
    call = join(board, parkee.call, retriever.call, at)
    took_over(board, call, retriever, Via.PARKING, at)


def on_parking_timeout(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    parkee = board.channel(frame, "Parkee", at)
    if parkee is not None and parkee.call.parking is not None:
        parkee.call.parking.timed_out = True
