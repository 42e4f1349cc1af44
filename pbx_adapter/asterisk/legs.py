"""Legs: who was offered a call, through which door, and how each offer ended.

Theory of operation
-------------------

A dial of a phone or a trunk is a leg; a dial of a Local channel is a doorway, and the leg is what is dialled behind it.
So a leg asks for its *way*: from the channel that dials back through the halves of Local pairs to the channel that
started it all. What is met on the way says how the call came to the leg (`via`): an app_queue, a transfer, a phone that
answered 302, a parking lot, an Originate.

A phone that is picked up has not answered the call yet: a subroutine (`Dial` with `U()` or `M()`) or FollowMe() may ask
whether it takes the call. It has answered when it is joined to another person, since the moment it was picked up; one
that never was has declined. The phone that an Originate rings first has nobody to be joined to: it answers by picking
up.

A leg is ended only when the dust has settled: a queue sends two DialEnds for a member, a picked-up phone none, and what
the phone really answered is in the Hangup of its own channel just after. The devices of one extension that are dialled
together are one leg.

An unregistered phone leaves no channel and no DialBegin. Its leg is made from what the dialplan was told to dial.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from integration.domain.call import Direction, LegKind, LegResult, TransferKind
from integration.domain.events import LegAnswered, LegEnded, LegOffered, LegRinging, TransferStarted
from integration.domain.ids import LegId, Timestamp
from pbx_adapter.asterisk import callbacks
from pbx_adapter.asterisk.beginning import begin_call, describe_again, learn_exten, mark_originated
from pbx_adapter.asterisk.causes import leg_result
from pbx_adapter.asterisk.live import BlindTransfer, Channel, Consultation, LiveCall, LiveLeg
from pbx_adapter.asterisk.names import PORTS, dialled_number, endpoint_of
from pbx_adapter.asterisk.office import PartyKind, present
from pbx_adapter.asterisk.protocol import Frame
from pbx_adapter.asterisk.switchboard import SETTLE_SECONDS, Switchboard

DEVICE_SECONDS = 1.0
"""Two dials of one extension by one channel within this time are two devices of one person."""

DOORWAY_SECONDS = 1.0
"""A leg found behind a Local pair within this time counts from the dial of the pair: that is the order in which a ring
group was dialled, while the phones behind it are reached in any order."""

SHORTEST_SURE_EXTEN = 3
"""Digits of an exten that is believed to be an employee's, when nothing else is known."""

_FOLLOW_ME = "/FMGL-"
"""FreePBX's follow me dials the numbers of the list through `Local/FMGL-NUMBER#@...`, the desk phone through FMPR-."""


@dataclass(slots=True)
class _Way:
    """How the dial of a leg came about, read back from the channel that dialled to the one it is for."""

    offered_at: Timestamp
    first: Channel | None = None  # the channel that all this is done for
    queue: str = ""
    originated: bool = False
    forward_of: LiveLeg | None = None
    follow_me: bool = False
    fan_out: int = 0  # how many were dialled at once
    doors: list[Channel] = field(default_factory=list)  # first halves of the Local pairs on the way
    consultation: Channel | None = None  # the half of a Local pair that a person made to consult somebody
    exten: str = ""  # in which the outermost door was dialled


def on_dial_begin(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    source = board.channel(frame, "", at)
    # A phone that refuses at once may have hung up before its dial is heard of.
    dest = board.dead.get(present(frame.get("DestUniqueid"))) or board.channel(frame, "Dest", at)
    if dest is None or dest.leg is not None or dest.dialled_by is not None:
        return
    if source is None:
        if present(frame.get("Uniqueid")):
            return  # late news of a channel that has hung up
        mark_originated(board, dest, frame)
    else:
        dest.dialled_by = source
        source.dial_made_legs = True
        source.dial_fan_out += 1
        dest.wanted_in = present(frame.get("Exten"))
        learn_exten(source, dest.wanted_in)
    dest.born_at = at
    if dest.party.kind is PartyKind.LOCAL:
        _enter_doorway(source, dest, frame)
        return
    if dest.party.kind is PartyKind.NOBODY:
        return
    number = dialled_number(present(frame.get("DialString")), endpoint_of(dest.name)[0])
    external = dest.party.kind is PartyKind.EXTERNAL
    target = (number or present(frame.get("DestCallerIDNum"))) if external else dest.party.number
    kind = LegKind.EXTERNAL if external else LegKind.EXTENSION
    if source is not None:
        _see_who_is_shown(source, target, present(frame.get("CallerIDNum")))
    leg = offer_leg(board, dest.call, target, kind, at, source, dest)
    if leg is not None and dest.gone_at is not None:
        on_leg_channel_gone(board, dest, dest.gone_at)


def _see_who_is_shown(source: Channel, target: str, number: str) -> None:
    """The phone of a click through `Local/101@...` shows whom it will be connected with, if the Originate says so."""
    call = source.call
    if call.originated and source.peer is call.root and not call.called and number != target:
        call.called = number


def _enter_doorway(source: Channel | None, dest: Channel, frame: Frame) -> None:
    """A phone that answered 302 is replaced by a Local channel to the number it named."""
    if source is None:
        return
    number = dialled_number(present(frame.get("DialString")))
    for leg in reversed(source.call.legs):
        if leg.source is source and leg.forwarded and (not leg.forwarder or leg.forwarder == number):
            dest.forward_of, leg.forwarder = leg, number
            return


def offer_leg(
    board: Switchboard,
    call: LiveCall,
    target: str,
    kind: LegKind,
    at: Timestamp,
    source: Channel | None,
    dest: Channel | None,
    via: str = "",
) -> LiveLeg | None:
    """
    Open a leg, or add a device to the leg that is open for the same extension.

    Args:
        source: the channel that dialled; None for an Originate, a pickup, a parked call fetched.
        dest: the channel of the one dialled; None for a phone that could not be reached at all.
        via: how the call came there, when that is known; else it is read from the way.
    """
    call = call.current
    if call.over:
        return None
    way = _way_to(source, dest, at)
    if dest is not None:
        device = _leg_of_other_device(call, target, source, at)
        if device is not None:
            device.channels[dest.uid] = dest
            dest.leg = device
            return device
    leg_id = LegId(dest.uid if dest else f"{source.uid if source else call.uid}:{target}:{len(call.legs)}")
    leg = LiveLeg(leg_id, target, kind, via, way.offered_at, call, source=source, doors=tuple(way.doors))
    leg.asker, leg.originated = way.first, way.originated
    if leg.originated:
        callbacks.notice(board, call, leg)
    elif call.originated and way.first is call.root:
        call.made_for = call.made_for or dialled_number(way.exten)
    if dest is not None:
        leg.channels[dest.uid] = dest
        dest.leg = leg
    if not via:
        _notice_redirect(call, leg, way)
    leg.via = via or _via(board, call, leg, way)
    call.legs.append(leg)
    board.settle_later(call, at)
    if kind is LegKind.EXTERNAL and _is_to_client(call, leg):
        call.client = dest or call.client
    describe_again(board, call, at)
    begin_call(board, call, at)
    if call.blond is not None:
        call.blond.legs.append(leg)
    if call.blind is not None:
        call.blind.legs.append(leg)
        if not call.blind.guessed:
            tell_blind_transfer(board, call)
    board.tell(LegOffered(call=call.id, at=leg.offered_at, leg=leg.id, target=target, kind=kind, via=leg.via))
    return leg


def _is_to_client(call: LiveCall, leg: LiveLeg) -> bool:
    """Whether this leg to the outside rings the client, and not a colleague's mobile."""
    if call.client_first:
        return leg.originated
    return call.direction is not Direction.INBOUND and leg.via in ("direct", "click")


def settle_ways(board: Switchboard, call: LiveCall, now: Timestamp) -> None:
    """Look back once at what led to the newest legs: of the channels on the way some may have become known after."""
    for leg in reversed(call.legs):
        if leg.way_is_sure:
            return
        if now - leg.offered_at < SETTLE_SECONDS * 0.99:
            board.settle_later(call, now)
            continue
        leg.way_is_sure = True
        dest = next(iter(leg.channels.values()), None)
        if leg.via in ("direct", "fallback") and leg.source is not None and leg.home is call:
            way = _way_to(leg.source, dest, leg.offered_at)
            if way.doors or way.queue or way.forward_of or way.originated:
                leg.doors, leg.asker, leg.originated = tuple(way.doors), way.first, way.originated
                if leg.originated:
                    callbacks.notice(board, call, leg)
                change_via(board, leg, _via(board, call, leg, way))
                describe_again(board, call, now)


def change_via(board: Switchboard, leg: LiveLeg, via: str) -> None:
    call = leg.home.current
    if via != leg.via and not call.over:
        leg.via = via
        board.tell(LegOffered(call=call.id, at=leg.offered_at, leg=leg.id, target=leg.target, kind=leg.kind, via=via))


def tell_blind_transfer(board: Switchboard, call: LiveCall) -> None:
    """
    Tell of a blind transfer, once it is sure to be one.

    A REFER to the parking extension looks like one for a millisecond, until ParkedCall comes.
    """
    blind = call.blind
    if blind is not None and not blind.told:
        blind.told = True
        board.tell(TransferStarted(call=call.id, at=blind.since, kind=TransferKind.BLIND, from_=blind.by, to=blind.to))


def _leg_of_other_device(call: LiveCall, target: str, source: Channel | None, at: Timestamp) -> LiveLeg | None:
    for leg in reversed(call.legs):
        if leg.target == target and leg.source is source and not leg.decided and at - leg.offered_at < DEVICE_SECONDS:
            return leg if leg.stopped_at is None else None
    return None


def _way_to(source: Channel | None, dest: Channel | None, at: Timestamp) -> _Way:
    way = _Way(at, originated=source is None and dest is not None and dest.originated)
    if dest is not None:
        way.exten = dest.wanted_in
    channel = source
    for _ in range(16):  # pairs behind pairs; a loop in a broken stream must end somewhere
        if channel is None:
            break
        way.first = channel
        way.queue = way.queue or channel.queue
        way.fan_out = max(way.fan_out, channel.dial_fan_out)
        # The second half runs the dialplan for whoever dialled the first; a first half runs it for itself.
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


def _notice_redirect(call: LiveCall, leg: LiveLeg, way: _Way) -> None:
    """
    A client taken away from a person who did not hang up, and led to somebody else, was transferred by command.

    AMI's Redirect, which a CRM's "transfer" button may use, leaves no other trace than that.
    """
    client, person = call.client, call.hands
    if client is None or way.first is not client or client.bridge is not None or person is None:
        return
    if person.left_at is None and call.blind is None and call.parking is None and call.blond is None:
        call.blind = BlindTransfer(person.party.number, leg.target, call.lost_at or leg.offered_at, guessed=True)


def _via(board: Switchboard, call: LiveCall, leg: LiveLeg, way: _Way) -> str:
    """In words how the call came to this leg. The order matters: the nearest reason on the way counts."""
    if way.forward_of is not None:
        leg.forwarder = way.forward_of.target
        return "forward"
    if way.consultation is not None and call.hands is not None:
        _note_consultation(call, leg, way.consultation)
        return "consultation"
    if way.queue:
        return f"queue:{way.queue}"
    if call.parking is not None and call.parking.timed_out:
        return "parking-return"
    if call.blind is not None or call.blond is not None:
        return "transfer"
    if way.originated:
        return "direct" if call.client_first else "click"
    leg.forwarder = _forwarder(board, call, leg, way)
    if leg.forwarder:
        return "forward"
    is_outside = leg.kind is LegKind.EXTERNAL and call.direction is not Direction.OUTBOUND
    if is_outside and (call.queue or any(_was_tried_before(known, leg) for known in call.legs)):
        return "fallback"
    return "direct"


def _was_tried_before(known: LiveLeg, leg: LiveLeg) -> bool:
    """Whether this leg came after another one, and not with it, as in a group of phones and a mobile."""
    if known is leg or known.via == "click":
        return False
    has_ended = known.stopped_at is not None and known.stopped_at <= leg.offered_at
    return has_ended or leg.offered_at - known.offered_at > DEVICE_SECONDS


def _forwarder(board: Switchboard, call: LiveCall, leg: LiveLeg, way: _Way) -> str:
    """
    The extension whose forwarding led through a Local pair to somebody else; empty when it is no forwarding.

    A dialplan has many Local channels that forward nothing: of groups, departments, lines, prefixes. It is a forwarding
    when one of them was dialled alone, in the exten of an employee, to somebody else.
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
    """Whether a phone of that extension is known; on the way to a number outside what looks like one will do."""
    if extension in board.phones:
        return True
    line = call.called if call.direction is Direction.INBOUND else ""
    is_part_of_line = line.endswith(extension)  # a dialplan that goes on with the last digits of the number called
    return leg.kind is LegKind.EXTERNAL and len(extension) >= SHORTEST_SURE_EXTEN and not is_part_of_line


def _note_consultation(call: LiveCall, leg: LiveLeg, door: Channel) -> None:
    if call.consultation is None or call.consultation.door is not door:
        by = call.hands.party.number if call.hands else ""
        call.consultation = Consultation(door, by, leg.target, leg)
    else:
        call.consultation.leg, call.consultation.to = leg, leg.target


# -- the unreachable ----------------------------------------------------------------


def on_dial_text(board: Switchboard, channel: Channel, text: str) -> None:
    """Newexten of a Dial: whom the dialplan wants, said before any channel is made."""
    channel.dial, channel.dial_made_legs = text, False
    channel.dial_fan_out = 1 if "&" in text.partition(",")[0] else 0


def on_dial_status(board: Switchboard, channel: Channel, status: str, exten: str, at: Timestamp) -> None:
    """VarSet DIALSTATUS: empty when a Dial begins; a failure without any leg means that nobody could be dialled."""
    if not status:
        channel.dial_made_legs = False
        channel.dial_fan_out = 1 if "&" in channel.dial.partition(",")[0] else 0
        return
    if channel.dial_made_legs or status not in ("CHANUNAVAIL", "CONGESTION", "BUSY"):
        return
    channel.dial_made_legs = True
    wanted = channel.dial.partition(",")[0]
    # Where the PBX's event filter drops Newexten, only the exten tells whom it was for; `01` is rather a label.
    for text in wanted.split("&") if wanted else [exten] * (len(exten) >= SHORTEST_SURE_EXTEN):
        number = _unreachable(board, text, exten)
        external = board.office.as_extension(number) is None
        leg = offer_leg(
            board, channel.call, number, LegKind.EXTERNAL if external else LegKind.EXTENSION, at, channel, None
        ) if number else None  # fmt: skip
        if leg is not None:
            leg.dial_status = status
            end_leg(board, leg, at)
    channel.dial = ""


def _unreachable(board: Switchboard, dialled: str, exten: str) -> str:
    """Whose phone a Dial was to ring, of what it was given; empty where that is a doorway or tells nobody."""
    tech, endpoint = endpoint_of(dialled)
    if tech == "Local":
        return ""
    if tech in PORTS:  # `DAHDI/12` is a wire; the phone on it is known by the exten that led there
        return dialled_number(dialled, tech) or (exten if board.office.as_extension(exten) else "")
    return dialled_number(dialled) or endpoint


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
        source.gave_up_at = at
    if leg is None or dest is None:
        return
    if status == "ANSWER":
        pick_up(leg, at)
        call = leg.home.current
        if leg.originated:
            answer_leg(board, leg, at)
        if leg.kind is LegKind.EXTERNAL and call.direction is Direction.OUTBOUND and leg.via == "direct":
            call.client = dest if _is_to_client(call, leg) else call.client
        return
    leg.dial_status = leg.dial_status or status
    leg.forwarded = leg.forwarded or bool(present(frame.get("Forward")))
    if len(leg.channels) <= 1 or all(channel.is_gone for channel in leg.channels.values()):
        stop_leg(board, leg, at)


def pick_up(leg: LiveLeg, at: Timestamp) -> None:
    if leg.off_hook_at is None and not leg.decided:
        leg.off_hook_at = at


def answer_leg(board: Switchboard, leg: LiveLeg, at: Timestamp) -> None:
    """The phone has the call, since it was picked up."""
    call = leg.home.current
    if leg.answered_at is None and not leg.decided and not call.over:
        at = leg.off_hook_at if leg.off_hook_at is not None else at
        leg.answered_at, leg.off_hook_at, leg.stopped_at = at, at, None
        board.tell(LegAnswered(call=call.id, at=at, leg=leg.id))


def answer_legs_of(board: Switchboard, people: Iterable[Channel], at: Timestamp) -> None:
    """People who hear one another have answered. One whose far end has left already is no longer there to hear."""
    there = [person for person in people if person.left_at is None]
    if len(there) > 1:
        for person in there:
            if person.leg is not None and person.leg.answered_at is None:
                answer_leg(board, person.leg, at)


def on_leg_channel_gone(board: Switchboard, channel: Channel, at: Timestamp) -> None:
    """The hangup of a leg's own channel closes it, and says best why."""
    leg = channel.leg
    if leg is None:
        return
    if leg.cause is None or len(leg.channels) <= 1:
        leg.cause = channel.cause
    if all(other.is_gone for other in leg.channels.values()):
        if leg.answered_at is not None:
            end_leg(board, leg, at)
        else:
            stop_leg(board, leg, at)


def stop_leg(board: Switchboard, leg: LiveLeg, at: Timestamp) -> None:
    """The leg rings no more; why, is decided when everything about it has been heard."""
    if leg.answered_at is None and leg.stopped_at is None and not leg.decided:
        leg.stopped_at = at
        board.settle_later(leg.home.current, at)


def settle_legs(board: Switchboard, call: LiveCall, now: Timestamp) -> bool:
    """Decide the legs whose end has stood long enough. Returns whether some still have to wait."""
    waiting = False
    for leg in call.legs:
        if leg.stopped_at is not None and not leg.decided and leg.answered_at is None:
            if now - leg.stopped_at >= SETTLE_SECONDS * 0.99:
                end_leg(board, leg, leg.stopped_at)
            else:
                waiting = True
    return waiting


def end_leg(board: Switchboard, leg: LiveLeg, at: Timestamp) -> None:
    """Close a leg with the result that is known by now."""
    call = leg.home.current
    if leg.decided:
        return
    leg.stopped_at = at
    leg.result = result_of(leg)
    if not call.over:
        if leg.answered_at is None and leg.off_hook_at is not None:
            at = leg.off_hook_at  # it rang until then
        board.tell(LegEnded(call=call.id, at=at, leg=leg.id, result=leg.result, cause=leg.cause))


def result_of(leg: LiveLeg) -> LegResult:
    """How a leg ended, or would if it ended now."""
    if leg.result is not None:
        return leg.result
    if leg.answered_at is not None:
        return LegResult.ANSWERED
    rang_out = leg.rang_out or any(door.dial_status == "NOANSWER" or _rang_out(leg, door) for door in leg.doors)
    if leg.originated and leg.home.current.client_first and not leg.refused:
        rang_out = True  # nobody but its own time ends the ringing of a client who is called back
    return leg_result(
        dial_status=leg.dial_status,
        cause=leg.cause,
        refused=leg.refused,
        forwarded=leg.forwarded,
        picked_up=leg.picked_up,
        off_hook=leg.off_hook_at is not None,
        asker_left=_asker_left(leg),
        rang_out=rang_out,
        external=leg.kind is LegKind.EXTERNAL,
        inherited=_has_inherited_cause(leg),
    )


def _has_inherited_cause(leg: LiveLeg) -> bool:
    """Whether the cause may be another leg's: this one was not refused, and one that the same channel dialled was."""
    if leg.refused or leg.source is None or leg.cause is None or leg.stopped_at is None:
        return False
    stopped_at = leg.stopped_at
    return any(
        other is not leg
        and other.source is leg.source
        and other.cause == leg.cause
        and other.stopped_at is not None
        and other.stopped_at < stopped_at
        for other in leg.home.legs
    )


def _asker_left(leg: LiveLeg) -> bool:
    """Whether the leg stopped because the channel that it was dialled for had left."""
    asker, stopped_at = leg.asker, leg.stopped_at
    if asker is None or stopped_at is None:
        return False
    if asker.left_at is None:
        return asker.gone_at is not None and asker.gone_at < stopped_at
    own = [channel.left_at for channel in leg.channels.values() if channel.left_at is not None]
    return asker.left_at <= stopped_at + SETTLE_SECONDS and asker.left_at <= min(own, default=asker.left_at)


def _rang_out(leg: LiveLeg, door: Channel) -> bool:
    """
    FollowMe() hangs its doors up when their time is over, and says nothing, or has said CANCEL when another phone was
    picked up that did not take the call; they look cancelled. Nobody took the call and the client is there: they rang
    out.
    """
    asker, stopped_at = leg.asker, leg.stopped_at
    if door.gone_at is None or asker is None or stopped_at is None or abs(door.dial_ended_at - stopped_at) < 1.0:
        return False
    return asker.left_at is None and asker.bridge is None and (asker.gone_at is None or asker.gone_at >= stopped_at)
