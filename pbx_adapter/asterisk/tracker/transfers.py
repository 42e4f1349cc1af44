"""Transfers: blind and attended, pickups, parking.

Theory of operation
-------------------

- Blind: the event only says that the dialplan was entered. The transfer stays open, and legs offered from then on
  belong to it. It is answered when somebody takes the client, and failed when its last leg has ended unanswered.
- Attended by SIP (REFER with Replaces): the consultation is a separate call, which the event joins. Either of the two
  calls may have been made to the transferer, and the phone may refer on either. If the colleague or a group still
  rings (a blond transfer), the client waits and the transfer is open until somebody takes the client.
- Attended by feature code (`*2`): a Local pair in the client's own call; the transferer leaves the bridge and comes
  back. No event reports the return: if the pair ends without AttendedTransfer, the transfer was aborted.
- Pickup and retrieving a parked call: the phone's own call is joined to the client's.
"""

from __future__ import annotations

from integration.domain.calls.call import Direction, LegKind, TransferKind, TransferResult, Via
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker.beginning import begin_call
from pbx_adapter.asterisk.tracker.conversation import leave_to, look, move_away
from pbx_adapter.asterisk.tracker.handovers import (
    add_leg,
    begin_blind,
    begin_blond,
    end_consultation,
    fail_blind,
    park,
    tell_end,
    tell_start,
    time_out_parking,
)
from pbx_adapter.asterisk.tracker.joining import join
from pbx_adapter.asterisk.tracker.legs import answer_leg, change_via, offer_leg
from pbx_adapter.asterisk.tracker.live import Channel, LiveCall, LiveLeg
from pbx_adapter.asterisk.tracker.names import endpoint_of
from pbx_adapter.asterisk.tracker.office import PartyKind, present
from pbx_adapter.asterisk.tracker.switchboard import SETTLE_SECONDS, Switchboard
from pbx_adapter.asterisk.tracker.ways import Arrival


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
        move_away(transferee, at)
    begin_call(board, call, at)
    if call.parking is not None and at - call.parking.since < SETTLE_SECONDS:
        return
    begin_blind(board, call, _name(transferer), present(frame.get("Extension")), at, transferer)
    if frame.get("Result") != "Success":
        fail_blind(board, call)
        return
    for leg in call.legs:
        if leg.via is Via.DIRECT and leg.offered_at > at - SETTLE_SECONDS and leg.source is transferee:
            change_via(board, leg, Arrival(Via.TRANSFER))  # it arrived before the transfer's event
            add_leg(board, call, leg)
    if call.direction is Direction.INTERNAL and call.client is transferer and transferee is not None:
        leave_to(board, call, transferee, at)
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
    consultation = end_consultation(call)
    leg = consultation.leg if consultation else target.leg if target else None
    to = leg.target if leg else consultation.to if consultation else ""
    if not call.over:
        _tell_attended(board, call, _name(transferer), to, [leg] if leg else [], at)


_RINGING_APPS = frozenset({"Dial", "Queue", "FollowMe", "RetryDial"})
"""Where a transferred client waits for somebody who rings, or will ring."""


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
    # The consultation is the call that did not survive, whoever made it and on whichever the phone sent REFER.
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
        stays = next((side for side in sides if side is not consulted), None)
        if stays is not None:
            leave_to(board, call, stays, at)
            look(board, call, at)


def _last_joined(call: LiveCall) -> LiveCall | None:
    return next((leg.home for leg in reversed(call.legs) if leg.home is not call), None)


def _is_of(board: Switchboard, channel: Channel, part: LiveCall | None) -> bool:
    is_leg_of = channel.leg is not None and channel.leg.home is part
    return part is not None and (is_leg_of or board.calls.get(channel.linkedid) is part)


def _rings(leg: LiveLeg) -> bool:
    return leg.answered_at is None and leg.stopped_at is None and not leg.decided


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
        legs: the legs of the consulted party, answered or not; several while a group rings.
        waits: no phone rings yet, but one will.
    """
    answered_at = next((leg.answered_at for leg in legs if leg.answered_at is not None), None)
    tell_start(board, call, TransferKind.ATTENDED, by, to, at, uid, 0.0 if answered_at is None else at - answered_at)
    ringing = [leg for leg in legs if leg.answered_at is None and not leg.decided]
    if waits or (answered_at is None and ringing):
        begin_blond(call, ringing, at)
    else:
        tell_end(board, call, TransferResult.COMPLETED, at)


def _client_of(call: LiveCall) -> str:
    return (call.called if call.direction is Direction.OUTBOUND else call.caller) or call.uid


def _person(channel: Channel) -> Channel:
    """The person on a channel; behind a Local pair, the one to whom the other half talks."""
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
    """Add a leg for somebody who took the call without being offered it."""
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
    park(board, call, by, present(frame.get("ParkingSpace")), at)


def on_unparked(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    parkee, retriever = board.channel(frame, "Parkee", at), board.channel(frame, "Retriever", at)
    if parkee is None or retriever is None:
        return
    call = join(board, parkee.call, retriever.call, at)
    took_over(board, call, retriever, Via.PARKING, at)


def on_parking_timeout(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    parkee = board.channel(frame, "Parkee", at)
    if parkee is not None:
        time_out_parking(parkee.call)
