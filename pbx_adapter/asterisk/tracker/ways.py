"""Finds the way of a call to a leg, back from the dialling channel, and summarises it in a word (`via`).

A leg behind Local pairs was dialled for somebody at their other end. The stations on the way show how the call came to
the leg: an app_queue, a transfer, a phone that answered 302, a parking lot, an Originate. `legs.py` makes and ends the
legs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from integration.domain.calls.call import Direction, LegKind, Via
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.tracker.handovers import guess_blind
from pbx_adapter.asterisk.tracker.live import Channel, LiveCall, LiveLeg
from pbx_adapter.asterisk.tracker.office import PartyKind
from pbx_adapter.asterisk.tracker.switchboard import Switchboard

TOGETHER_SECONDS = 1.0
"""Legs offered within this time of each other were dialled together."""

DOORWAY_SECONDS = 1.0
"""A leg found behind a Local pair within this time counts from the dial of the pair. That keeps the order in which a
ring group was dialled; the phones behind it are reached in any order."""

SHORTEST_SURE_EXTEN = 3
"""Digits of an exten that counts as an employee's if nothing else is known."""

_FOLLOW_ME = "/FMGL-"
"""FreePBX's follow me dials the numbers of the list through `Local/FMGL-NUMBER#@...`, the desk phone through FMPR-."""


@dataclass(slots=True)
class Way:
    """How a leg came to be dialled, back from the dialling channel to the channel it was dialled for."""

    offered_at: Timestamp
    first: Channel | None = None  # the channel at the beginning of the way
    queue: str = ""
    originated: bool = False
    forward_of: LiveLeg | None = None
    follow_me: bool = False
    fan_out: int = 0  # how many parties were dialled at once
    doors: list[Channel] = field(default_factory=list)  # first halves of the Local pairs on the way
    consultation: Channel | None = None  # the half of a Local pair that a person made to consult somebody
    exten: str = ""  # where the outermost door was dialled


def way_to(source: Channel | None, dest: Channel | None, at: Timestamp) -> Way:
    way = Way(at, originated=source is None and dest is not None and dest.originated)
    if dest is not None:
        way.exten = dest.wanted_in
    channel = source
    for _ in range(16):  # pairs behind pairs; a loop in a broken stream must end somewhere
        if channel is None:
            break
        way.first = channel
        way.queue = way.queue or channel.queue
        way.fan_out = max(way.fan_out, channel.dial_fan_out)
        # The second half runs the dialplan for the party that dialled the first; a first half runs it for itself.
        door = channel.peer if channel.party.kind is PartyKind.LOCAL and channel.name.endswith(";2") else None
        if door is None:
            break
        way.forward_of = way.forward_of or door.forward_of
        way.follow_me = way.follow_me or _FOLLOW_ME in door.name
        if door.originated:
            way.originated = True
            way.doors.append(door)
            break
        if door.dialled_by is None:
            if door.uid != door.call.uid and not door.is_gone:
                way.consultation = door
            break
        way.doors.append(door)
        way.exten = door.wanted_in
        if at - door.born_at < DOORWAY_SECONDS:
            way.offered_at = min(way.offered_at, door.born_at)
        channel = door.dialled_by
    return way


def notice_redirect(call: LiveCall, leg: LiveLeg, way: Way) -> None:
    """
    Notice a transfer by command: the client left a person who did not hang up, and was led to somebody else.

    AMI's Redirect, which a CRM's "transfer" button may use, leaves no other trace.
    """
    client, person = call.client, call.hands
    if client is None or way.first is not client or client.bridge is not None or person is None:
        return
    if person.left_at is None and call.blind is None and call.parking is None and call.blond is None:
        guess_blind(call, person.party.number, leg.target, call.lost_at or leg.offered_at)


@dataclass(frozen=True, slots=True)
class Arrival:
    """How the call came to a leg, in a word."""

    via: Via
    queue: str | None = None  # with Via.QUEUE
    forwarder: str = ""  # the extension that sent the call on, with Via.FORWARD
    consultation: Channel | None = None  # the door of a consultation by feature code


def arrival_of(board: Switchboard, call: LiveCall, leg: LiveLeg, way: Way) -> Arrival:
    """How the call came to the leg. The order matters: the nearest reason on the way counts."""
    if way.forward_of is not None:
        return Arrival(Via.FORWARD, forwarder=way.forward_of.target)
    if way.consultation is not None and call.hands is not None:
        return Arrival(Via.CONSULTATION, consultation=way.consultation)
    if way.queue:
        return Arrival(Via.QUEUE, queue=way.queue)
    if call.parking is not None and call.parking.timed_out:
        return Arrival(Via.PARKING_RETURN)
    if call.blind is not None or call.blond is not None:
        return Arrival(Via.TRANSFER)
    if way.originated:
        return Arrival(Via.DIRECT if call.client_first else Via.CLICK)
    forwarder = _forwarder(board, call, leg, way)
    if forwarder:
        return Arrival(Via.FORWARD, forwarder=forwarder)
    is_outside = leg.kind is LegKind.EXTERNAL and (call.client_first or call.direction is not Direction.OUTBOUND)
    if is_outside and (call.queue or any(_was_tried_before(known, leg) for known in call.legs)):
        return Arrival(Via.FALLBACK)
    return Arrival(Via.DIRECT)


def _was_tried_before(known: LiveLeg, leg: LiveLeg) -> bool:
    """Whether this leg came after another one, and not together with it, as in a group of phones and a mobile."""
    if known is leg or known.via is Via.CLICK or known.originated:
        return False
    has_ended = known.stopped_at is not None and known.stopped_at <= leg.offered_at
    return has_ended or leg.offered_at - known.offered_at > TOGETHER_SECONDS


def _forwarder(board: Switchboard, call: LiveCall, leg: LiveLeg, way: Way) -> str:
    """
    The extension whose forwarding led through a Local pair to somebody else; empty if nobody forwarded.

    A dialplan has many Local channels that forward nothing: for groups, departments, lines, prefixes. One is a
    forwarding if it was dialled alone, in the exten of an employee, to somebody else.
    """
    if not way.doors:
        return ""
    if way.follow_me and leg.kind is LegKind.EXTERNAL:
        earlier = [known.target for known in call.legs if known.kind is LegKind.EXTENSION]
        return earlier[-1] if earlier else board.office.as_extension(way.exten) or ""
    extension = board.office.as_extension(way.exten)
    if way.fan_out > 1 or not extension or extension == leg.target:
        return ""
    return extension if _is_employee(board, call, leg, extension) else ""


def _is_employee(board: Switchboard, call: LiveCall, leg: LiveLeg, extension: str) -> bool:
    """Whether the extension has a known phone; on the way to an outside number, whether it looks like one."""
    if extension in board.phones:
        return True
    line = call.called if call.direction is Direction.INBOUND else ""
    is_part_of_line = line.endswith(extension)  # a dialplan may continue with the last digits of the called number
    return leg.kind is LegKind.EXTERNAL and len(extension) >= SHORTEST_SURE_EXTEN and not is_part_of_line
