"""Finds who has the client, from the channels in each bridge, never from the order of events.

Theory of operation
-------------------

"Up" is not "answered": queues, menus, voicemail and parking answer the client's channel themselves. An employee has the
client if both channels are in the same bridge, directly or through Local pairs. So after every change of a bridge
`look()` walks from the client's channel through the bridges and finds who is there:

- somebody new: it reports at once that the call is answered or handed over;
- nobody any more: it does not report this yet. Usually the client is moving between bridges (an attended transfer,
  a Local pair optimized away), or the colleague consults in another bridge and comes back. `release_if_lost()` decides
  after `SETTLE_SECONDS`: the employee still has the client while both are in bridges, even different ones.

The holding bridge of a parking lot is not a conversation. A conference room is one, but it does not join the calls of
the people in it: an employee has a client there, never another client, and the room itself answers the internal call of
an employee who dials in, even while it is empty.
"""

from __future__ import annotations

from integration.domain.calls.call import Direction, LegKind
from integration.domain.calls.events import ClientConnected, ClientReleased, HoldStarted
from integration.domain.ids import LegId, Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker.beginning import begin_call, describe_again
from pbx_adapter.asterisk.tracker.bridges import people_in, people_with
from pbx_adapter.asterisk.tracker.facts import become_meeting, change_client, lead_to, take_callback
from pbx_adapter.asterisk.tracker.handovers import end_with
from pbx_adapter.asterisk.tracker.joining import join
from pbx_adapter.asterisk.tracker.legs import answer_leg, answer_legs_of, end_leg, enter_room
from pbx_adapter.asterisk.tracker.live import Bridge, BridgeKind, Channel, LiveCall
from pbx_adapter.asterisk.tracker.mixmonitor import keep_recording
from pbx_adapter.asterisk.tracker.office import PartyKind, present
from pbx_adapter.asterisk.tracker.switchboard import SETTLE_SECONDS, Switchboard

_CONFERENCE = BridgeKind.CONFERENCE

# -- bridges ----------------------------------------------------------------------


def on_bridge_enter(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    channel = board.channel(frame, "", at)
    if channel is None:
        return  # it has hung up: a bridge without members would be kept forever
    bridge = board.bridge(frame)
    if bridge is not None:
        enter(board, channel, bridge, at)


def enter(board: Switchboard, channel: Channel, bridge: Bridge, at: Timestamp) -> None:
    """Put a channel into a bridge, after an event or a snapshot."""
    if channel.bridge is bridge:
        return
    board.enter_bridge(channel, bridge)
    channel.bridged_at, channel.left_first_at = at, None
    if channel.recording and bridge.kind is not BridgeKind.WAITING:
        keep_recording(board, channel, at)
    if bridge.kind is BridgeKind.CONFERENCE:
        _enter_room(board, channel, bridge, at)
    elif bridge.kind is BridgeKind.TALK:
        for other in list(bridge.members.values()):
            if PartyKind.NOBODY in (channel.party.kind, other.party.kind):
                continue
            join(board, channel.call, other.call, at)
    if bridge.kind is not BridgeKind.WAITING:
        answer_legs_of(board, people_in(bridge), at)
    look_at_bridge(board, bridge, at)


def on_bridge_leave(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    channel = board.channel(frame, "", at)
    if channel is not None and channel.bridge is not None and channel.bridge.id == frame.get("BridgeUniqueid"):
        leave(board, channel, at)


def leave(board: Switchboard, channel: Channel, at: Timestamp) -> None:
    bridge = board.leave_bridge(channel)
    if bridge is None:
        return
    was_moved = channel.moved_at is not None and at - channel.moved_at < SETTLE_SECONDS
    channel.left_first_at = at if bridge.members and not was_moved else None
    if bridge.kind is BridgeKind.CONFERENCE:
        for leg in channel.call.legs:
            if leg.id == _room_leg(channel, bridge):
                end_leg(board, leg, at)
    look(board, channel.call, at)
    look_at_bridge(board, bridge, at)


def move_away(channel: Channel, at: Timestamp) -> None:
    """A blind transfer takes the channel out of its bridge: its far end has not left."""
    channel.moved_at, channel.left_first_at = at, None


def look_at_bridge(board: Switchboard, bridge: Bridge, at: Timestamp) -> None:
    """Update every call with a channel in this bridge; a room may have several calls."""
    for call in dict.fromkeys(member.call for member in bridge.members.values()):
        look(board, call, at)


def _room_leg(channel: Channel, bridge: Bridge) -> LegId:
    return LegId(f"{channel.uid}:{bridge.id}")


def _enter_room(board: Switchboard, channel: Channel, bridge: Bridge, at: Timestamp) -> None:
    call = channel.call
    if call.originated:
        lead_to(call, bridge.room)
        describe_again(board, call, at)
    begin_call(board, call, at)
    enter_room(board, call, _room_leg(channel, bridge), bridge.room, at)


# -- hands ------------------------------------------------------------------------


def look(board: Switchboard, call: LiveCall, at: Timestamp) -> None:
    """Compare who has the client now with who had it before, and report changes."""
    call = call.current
    client = call.client
    if client is None or call.over or call.unclear:
        return
    if call.direction is Direction.INTERNAL and client.bridge is not None and client.bridge.kind is _CONFERENCE:
        _meet(board, call, client.bridge, at)
        return
    people = people_with(client)
    if call.blind is not None and call.blind.transferer in people:
        people.remove(call.blind.transferer)
    if call.hands in people:
        call.lost_at = None
    elif there := [person for person in people if person.left_at is None]:
        _take(board, call, max(there, key=lambda person: person.bridged_at), at)
    elif (call.hands is not None or call.room is not None) and call.lost_at is None:
        call.lost_at = at
        board.settle_later(call, at)


def _meet(board: Switchboard, call: LiveCall, room: Bridge, at: Timestamp) -> None:
    """Let an internal call into a conference room talk to the room, whoever else is there."""
    call.lost_at = None
    become_meeting(call)
    if call.room is not room:
        _connect(board, call, None, "", f"conference:{room.room}", at)
        call.room = room


def _take(board: Switchboard, call: LiveCall, person: Channel, at: Timestamp) -> None:
    begin_call(board, call, at)
    leg = person.leg
    if leg is not None and leg.answered_at is None and not leg.decided and leg in call.legs:
        answer_leg(board, leg, at)  # its DialEnd is late, or fell into a gap
    responsible = person.party.number if person.party.kind is PartyKind.EXTENSION else leg.forwarder if leg else ""
    answered_by = leg.target if leg is not None and leg.kind is LegKind.EXTERNAL else person.party.number
    room = person.bridge
    if call.direction is Direction.OUTBOUND:
        answered_by = call.called
    elif room is not None and room.kind is _CONFERENCE and not responsible and person.call is not call:
        answered_by = f"conference:{room.room}"  # another client is there, and no employee
    _connect(board, call, person, responsible, answered_by, at)


def _connect(
    board: Switchboard, call: LiveCall, person: Channel | None, responsible: str, answered_by: str, at: Timestamp
) -> None:
    """Report who has the client now, and close the transfer that led there."""
    if call.client_first and responsible and not call.taken_by:
        take_callback(call, responsible)
        describe_again(board, call, at)
    stop_talking(board, call)
    call.hands, call.room, call.lost_at, call.was_connected, call.released_by = person, None, None, True, None
    call.responsible = responsible
    if responsible:
        board.talking[responsible] = call
    board.tell(
        ClientConnected(
            call=call.id, at=at, person=responsible, answered_by=answered_by, inferred=board.gap is not None
        )
    )
    end_with(board, call, _number_of(person), at)
    if call.holders:
        board.tell(HoldStarted(call=call.id, at=at))


def _number_of(person: Channel | None) -> str | None:
    if person is None:
        return None
    leg = person.leg
    return leg.target if leg is not None and leg.kind is LegKind.EXTERNAL else person.party.number


def stop_talking(board: Switchboard, call: LiveCall) -> None:
    """End the talk: a call that this extension dials next is not a consultation of this call."""
    if board.talking.get(call.responsible) is call:
        del board.talking[call.responsible]
    call.responsible = ""


def release_if_lost(board: Switchboard, call: LiveCall, now: Timestamp) -> None:
    """Report that nobody has the client, once that has lasted `SETTLE_SECONDS`."""
    if call.lost_at is None or now - call.lost_at < SETTLE_SECONDS * 0.99:
        return
    client, hands = call.client, call.hands
    consulting = (
        client is not None
        and client.bridge is not None
        and client.bridge.kind is BridgeKind.TALK
        and hands is not None
        and not hands.is_gone
        and hands.bridge is not None
    )
    if consulting:
        call.lost_at = None
    else:
        release(board, call)


def release(board: Switchboard, call: LiveCall) -> None:
    """Close the talk at the moment the client was lost; does nothing if the client was not lost."""
    if call.lost_at is None:
        return
    lost_at, call.lost_at = call.lost_at, None
    hands, call.hands, call.room = call.hands, None, None
    stop_talking(board, call)
    if hands is not None and left_at(board, hands) is not None:
        call.released_by = hands
    board.tell(ClientReleased(call=call.id, at=lost_at))


def leave_to(board: Switchboard, call: LiveCall, stays: Channel, at: Timestamp) -> None:
    """The caller of an internal call transferred it and leaves: the other party is now a client whom nobody has."""
    change_client(call, stays)
    call.hands, call.lost_at = None, None
    board.tell(ClientReleased(call=call.id, at=at))


HANGING_UP_SECONDS = 1.0
"""A channel was hung up by its far end if it ends within this time after leaving its bridge or a cancelled Dial."""


def left_at(board: Switchboard, channel: Channel) -> Timestamp | None:
    """
    When the far end of a channel hung up; None if it did not, or is still there.

    An AMI user's filter may drop HangupRequest. Then the order shows it: in a talk the party who hangs up leaves the
    bridge first, and the PBX ends the other one; before a talk, the Dial of a caller who gives up is cancelled.
    """
    if channel.left_at is not None or board.hears_requests or channel.let_go or channel.gone_at is None:
        return channel.left_at
    for moment in (channel.left_first_at, channel.gave_up_at):
        if moment is not None and channel.gone_at - moment < HANGING_UP_SECONDS:
            return moment
    return None


# -- listening --------------------------------------------------------------------


def on_spy_start(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    """
    A supervisor listens to a call, whispers or barges in (ChanSpy(), ExtenSpy()).

    The supervisor is in no bridge and not a party to that call. Their own call, by a feature code or an Originate, is
    an internal call that the PBX answers.
    """
    spyer = board.channel(frame, "Spyer", at)
    if spyer is None or spyer.call.over:
        return
    call = spyer.call
    call.spies_on = call.spies_on or _spied_on(board, frame)
    begin_call(board, call, at)
    describe_again(board, call, at)
    if call.direction is not Direction.OUTBOUND:  # a supervisor may call in from outside
        _connect(board, call, None, "", f"chanspy:{call.spies_on}", at)


def _spied_on(board: Switchboard, frame: Frame) -> str:
    """The employee who is listened to, also if the spy listens on the client's channel."""
    spyee = board.find(present(frame.get("SpyeeUniqueid")))
    if spyee is None:
        return present(frame.get("SpyeeCallerIDNum"))
    own = spyee.party.number if spyee.party.kind is PartyKind.EXTENSION else ""
    return own or spyee.call.current.responsible or spyee.party.number


def on_spy_stop(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    spyer = board.find(present(frame.get("SpyerUniqueid")))
    if spyer is not None and spyer.call.spies_on and spyer.call.lost_at is None:
        spyer.call.lost_at = at
        board.settle_later(spyer.call, at)
