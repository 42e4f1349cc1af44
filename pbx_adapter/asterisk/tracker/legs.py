"""Legs: who was offered a call, by which way, and how each offer ended.

Theory of operation
-------------------

A dial of a phone or a trunk is a leg; a dial of a Local channel is a doorway, and the leg is what is dialled behind it.
So a leg needs its *way* (`ways.py`): from the dialling channel back through the halves of Local pairs to the channel
that started it.

A phone that is picked up has not answered the call yet: a subroutine (`Dial` with `U()` or `M()`) or FollowMe() may ask
whether it takes the call. When it is joined to another person, it has answered at the moment when it was picked up. If
it is never joined, it has declined. The phone that an Originate rings first is joined to nobody: it answers by picking
up.

A leg ends only after `SETTLE_SECONDS`: a queue sends two DialEnds for a member, a picked-up phone none, and the Hangup
of the phone's channel, which has its real answer, comes just after. The devices of one extension that are dialled
together are one leg.

`dials.py` follows dials and makes the legs of phones that cannot be dialled.
"""

from __future__ import annotations

from collections.abc import Iterable

from integration.domain.calls.call import Direction, LegKind, Via
from integration.domain.calls.events import LegAnswered, LegEnded, LegOffered, LegRinging
from integration.domain.ids import LegId, Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker import handovers
from pbx_adapter.asterisk.tracker.beginning import begin_call, describe_again, see_whom_it_rings
from pbx_adapter.asterisk.tracker.facts import change_client, lead_to
from pbx_adapter.asterisk.tracker.live import Channel, LiveCall, LiveLeg
from pbx_adapter.asterisk.tracker.names import dialled_number
from pbx_adapter.asterisk.tracker.office import PartyKind, present
from pbx_adapter.asterisk.tracker.results import result_of
from pbx_adapter.asterisk.tracker.switchboard import SETTLE_SECONDS, Switchboard
from pbx_adapter.asterisk.tracker.ways import Arrival, Way, arrival_of, notice_redirect, way_to

DEVICE_SECONDS = 1.0
"""Two dials of one extension by one channel within this time are two devices of one person."""


def mark_originated(leg: LiveLeg) -> None:
    """Note that the Originate itself rings this phone; a snapshot does not show it of a leg."""
    leg.originated = True


def offer_leg(
    board: Switchboard,
    call: LiveCall,
    target: str,
    kind: LegKind,
    at: Timestamp,
    source: Channel | None,
    dest: Channel | None,
    via: Via | None = None,
) -> LiveLeg | None:
    """
    Open a leg, or add a device to the leg that is open for the same extension.

    Args:
        source: the dialling channel; None for an Originate, a pickup, or a retrieved parked call.
        dest: the dialled channel; None for a phone that could not be reached at all.
        via: how the call came there, if known; otherwise it is read from the way.
    """
    call = call.current
    if call.over:
        return None
    way = way_to(source, dest, at)
    if dest is not None:
        device = _leg_of_other_device(call, target, source, at)
        if device is not None:
            device.channels[dest.uid] = dest
            dest.leg = device
            return device
    leg_id = LegId(dest.uid if dest else f"{source.uid if source else call.uid}:{target}:{len(call.legs)}")
    leg = LiveLeg(leg_id, target, kind, via or Via.DIRECT, way.offered_at, call, source=source)
    _take_way(board, call, leg, way)
    if not leg.originated and call.originated and way.first is call.root:
        lead_to(call, dialled_number(way.exten))
    if dest is not None:
        leg.channels[dest.uid] = dest
        dest.leg = leg
    if via is None:
        notice_redirect(call, leg, way)
        _arrive(call, leg, arrival_of(board, call, leg, way))
    call.legs.append(leg)
    board.settle_later(call, at)
    if kind is LegKind.EXTERNAL and _is_to_client(call, leg):
        change_client(call, dest or call.client)
    describe_again(board, call, at)
    begin_call(board, call, at)
    handovers.add_leg(board, call, leg)
    tell_offer(board, call, leg)
    return leg


def _take_way(board: Switchboard, call: LiveCall, leg: LiveLeg, way: Way) -> None:
    leg.doors, leg.asker, leg.originated = tuple(way.doors), way.first, way.originated
    if leg.originated:
        see_whom_it_rings(board, call, leg)


def _arrive(call: LiveCall, leg: LiveLeg, arrival: Arrival) -> None:
    leg.via, leg.queue, leg.forwarder = arrival.via, arrival.queue, arrival.forwarder
    if arrival.consultation is not None:
        handovers.consult(call, leg, arrival.consultation)


def _is_to_client(call: LiveCall, leg: LiveLeg) -> bool:
    """Whether this leg to the outside rings the client, and not a colleague's mobile."""
    if call.client_first:
        return leg.originated or call.client is None  # found in a snapshot, a leg does not show that it was originated
    return call.direction is not Direction.INBOUND and leg.via in (Via.DIRECT, Via.CLICK)


def settle_ways(board: Switchboard, call: LiveCall, now: Timestamp) -> None:
    """Read the ways of the newest legs once more: some channels on them may have become known later."""
    for leg in reversed(call.legs):
        if leg.way_is_sure:
            return
        if now - leg.offered_at < SETTLE_SECONDS * 0.99:
            board.settle_later(call, now)
            continue
        leg.way_is_sure = True
        dest = next(iter(leg.channels.values()), None)
        if leg.via in (Via.DIRECT, Via.FALLBACK) and leg.source is not None and leg.home is call:
            way = way_to(leg.source, dest, leg.offered_at)
            if way.doors or way.queue or way.forward_of or way.originated:
                _take_way(board, call, leg, way)
                change_via(board, leg, arrival_of(board, call, leg, way))
                describe_again(board, call, now)


def tell_offer(board: Switchboard, call: LiveCall, leg: LiveLeg) -> None:
    board.tell(
        LegOffered(
            call=call.id,
            at=leg.offered_at,
            leg=leg.id,
            target=leg.target,
            kind=leg.kind,
            via=leg.via,
            queue=(leg.queue or call.queue or None) if leg.via is Via.QUEUE else None,
        )
    )


def change_via(board: Switchboard, leg: LiveLeg, arrival: Arrival) -> None:
    """Report that the call came to this leg by another way than reported before."""
    call = leg.home.current
    if (arrival.via, arrival.queue) != (leg.via, leg.queue) and not call.over:
        _arrive(call, leg, arrival)
        tell_offer(board, call, leg)


def bring_leg(board: Switchboard, into: LiveCall, leg: LiveLeg) -> None:
    """Add a leg of a call that is joined to this one: a consultation, with its own times."""
    _arrive(into, leg, Arrival(Via.CONSULTATION, forwarder=leg.forwarder))
    into.legs.append(leg)
    tell_offer(board, into, leg)
    if leg.ringing_at is not None:
        board.tell(LegRinging(call=into.id, at=leg.ringing_at, leg=leg.id))
    if leg.answered_at is not None:
        board.tell(LegAnswered(call=into.id, at=leg.answered_at, leg=leg.id))
    if leg.decided and leg.stopped_at is not None:
        result = result_of(leg)
        board.tell(LegEnded(call=into.id, at=leg.stopped_at, leg=leg.id, result=result, cause=leg.cause))


def enter_room(board: Switchboard, call: LiveCall, leg_id: LegId, room: str, at: Timestamp) -> None:
    """Add a conference room as a leg of the call, answered when it is entered, even if nobody else is there."""
    if call.over or any(leg.id == leg_id for leg in call.legs):
        return
    via = Via.TRANSFER if call.blind else Via.DIRECT
    leg = LiveLeg(leg_id, f"conference:{room}", LegKind.CONFERENCE, via, at, call)
    leg.answered_at = at
    call.legs.append(leg)
    tell_offer(board, call, leg)
    board.tell(LegAnswered(call=call.id, at=at, leg=leg.id))


def _leg_of_other_device(call: LiveCall, target: str, source: Channel | None, at: Timestamp) -> LiveLeg | None:
    for leg in reversed(call.legs):
        if leg.target == target and leg.source is source and not leg.decided and at - leg.offered_at < DEVICE_SECONDS:
            return leg if leg.stopped_at is None else None
    return None


# -- the course of a leg --------------------------------------------------------------


def on_dial_state(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    dest = board.channel(frame, "Dest", at)
    if dest is not None and dest.leg is not None and frame.get("DialStatus") == "RINGING":
        ring_leg(board, dest.leg, at)


def on_newstate(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    channel = board.channel(frame, "", at)
    if channel is None or channel.leg is None:
        return
    match frame.get("ChannelState"):
        case "5":
            ring_leg(board, channel.leg, at)
        case "6":
            pick_up(channel.leg, at)


def ring_leg(board: Switchboard, leg: LiveLeg, at: Timestamp) -> None:
    call = leg.home.current
    if leg.ringing_at is None and leg.answered_at is None and not leg.decided and not call.over:
        leg.ringing_at = at
        board.tell(LegRinging(call=call.id, at=at, leg=leg.id))


def on_dial_end(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    dest = board.find(present(frame.get("DestUniqueid")))
    leg = dest.leg if dest is not None else None
    status = present(frame.get("DialStatus"))
    if dest is not None and dest.party.kind is PartyKind.LOCAL:
        dest.dial_status, dest.dial_ended_at = dest.dial_status or status, at
    source = board.find(present(frame.get("Uniqueid"))) if status == "CANCEL" else None
    if source is not None:
        give_up(source, at)
    if leg is None or dest is None:
        return
    if status == "ANSWER":
        pick_up(leg, at)
        call = leg.home.current
        if leg.originated:
            answer_leg(board, leg, at)
        if leg.kind is LegKind.EXTERNAL and call.direction is Direction.OUTBOUND and leg.via is Via.DIRECT:
            change_client(call, dest if _is_to_client(call, leg) else call.client)
        return
    leg.dial_status = leg.dial_status or status
    leg.forwarded = leg.forwarded or bool(present(frame.get("Forward")))
    if len(leg.channels) <= 1 or all(channel.is_gone for channel in leg.channels.values()):
        stop_leg(board, leg, at)


def give_up(channel: Channel, at: Timestamp) -> None:
    """The channel's Dial or its waiting in a queue was cancelled: if it hangs up just after, its far end left now."""
    channel.gave_up_at = at


def pick_up(leg: LiveLeg, at: Timestamp) -> None:
    if leg.off_hook_at is None and not leg.decided:
        leg.off_hook_at = at


def answer_leg(board: Switchboard, leg: LiveLeg, at: Timestamp) -> None:
    """The phone has the call, from the moment when it was picked up."""
    call = leg.home.current
    if leg.answered_at is None and not leg.decided and not call.over:
        at = leg.off_hook_at if leg.off_hook_at is not None else at
        leg.answered_at, leg.off_hook_at, leg.stopped_at = at, at, None
        board.tell(LegAnswered(call=call.id, at=at, leg=leg.id))


def answer_legs_of(board: Switchboard, people: Iterable[Channel], at: Timestamp) -> None:
    """Mark people who hear one another as having answered, except those whose far end has left already."""
    there = [person for person in people if person.left_at is None]
    if len(there) > 1:
        for person in there:
            if person.leg is not None and person.leg.answered_at is None:
                answer_leg(board, person.leg, at)


def on_leg_channel_gone(board: Switchboard, channel: Channel, at: Timestamp) -> None:
    """Close a leg when its own channel hangs up, which gives the best reason."""
    leg = channel.leg
    if leg is None:
        return
    if leg.cause is None:
        leg.cause = channel.cause
    if all(other.is_gone for other in leg.channels.values()):
        if leg.answered_at is not None:
            end_leg(board, leg, at)
        else:
            stop_leg(board, leg, at)


def stop_leg(board: Switchboard, leg: LiveLeg, at: Timestamp) -> None:
    """The leg has stopped ringing; its result is decided later, when all its events have arrived."""
    if leg.answered_at is None and leg.stopped_at is None and not leg.decided:
        leg.stopped_at = at
        board.settle_later(leg.home.current, at)


def fail_leg(board: Switchboard, leg: LiveLeg, dial_status: str, at: Timestamp) -> None:
    """Close the leg of a phone that could not be dialled, by the status of its Dial."""
    leg.dial_status = dial_status
    end_leg(board, leg, at)


def settle_legs(board: Switchboard, call: LiveCall, now: Timestamp) -> bool:
    """Decide the legs that ended at least `SETTLE_SECONDS` ago. Returns whether some still wait."""
    waiting = False
    for leg in call.legs:
        if leg.stopped_at is not None and not leg.decided and leg.answered_at is None:
            if now - leg.stopped_at >= SETTLE_SECONDS * 0.99:
                end_leg(board, leg, leg.stopped_at)
            else:
                waiting = True
    return waiting


def end_leg(board: Switchboard, leg: LiveLeg, at: Timestamp) -> None:
    """Close a leg with its present result."""
    call = leg.home.current
    if leg.decided:
        return
    leg.stopped_at = at
    leg.result = result_of(leg)
    if not call.over:
        if leg.answered_at is None and leg.off_hook_at is not None:
            at = leg.off_hook_at  # it rang until then
        board.tell(LegEnded(call=call.id, at=at, leg=leg.id, result=leg.result, cause=leg.cause))
