"""How the call came to a leg, read back from the channel that dialled: tables over the mirror."""

from __future__ import annotations

from typing import Any

import pytest

from integration.domain.calls.call import Direction, LegKind, Via
from integration.domain.ids import CallId, LegId, PbxId, Timestamp
from pbx_adapter.asterisk.tracker.live import BlindTransfer, BlondTransfer, Bridge, Channel, LiveCall, LiveLeg, Parking
from pbx_adapter.asterisk.tracker.office import OfficeShape, Party, PartyKind
from pbx_adapter.asterisk.tracker.switchboard import Switchboard
from pbx_adapter.asterisk.tracker.ways import Arrival, Way, arrival_of, notice_redirect, way_to

NOW = 100.0


def t(at: float) -> Timestamp:
    return Timestamp(at)


def a_board(*phones: str) -> Switchboard:
    board = Switchboard(PbxId("pbx"), OfficeShape())
    board.phones.update(phones)
    return board


def a_call(**fields: Any) -> LiveCall:
    return LiveCall("1.0", CallId("pbx:1.0"), t(NOW - 50), **{"direction": Direction.INBOUND, **fields})


def a_channel(call: LiveCall, uid: str, kind: PartyKind = PartyKind.EXTERNAL, **fields: Any) -> Channel:
    name = fields.pop("name", f"PJSIP/trunk-{uid}")
    channel = Channel(uid, name, Party(kind, fields.pop("number", "")), "1.0", t(NOW - 50), call, **fields)
    call.channels[uid] = channel
    return channel


def a_pair(call: LiveCall, number: int, dialled_by: Channel | None, **first: Any) -> tuple[Channel, Channel]:
    """A Local pair: its first half was dialled by `dialled_by`, its second runs the dialplan."""
    stem = first.pop("stem", f"Local/{number}@from-internal-{number:08x}")
    born_at = first.pop("born_at", t(NOW))
    one = a_channel(call, f"2.{number}", PartyKind.LOCAL, name=f"{stem};1", dialled_by=dialled_by, **first)
    two = a_channel(call, f"3.{number}", PartyKind.LOCAL, name=f"{stem};2")
    one.peer, two.peer, one.born_at = two, one, born_at
    return one, two


def a_leg(call: LiveCall, target: str = "101", kind: LegKind = LegKind.EXTENSION, **fields: Any) -> LiveLeg:
    leg = LiveLeg(LegId(target), target, kind, Via.DIRECT, t(fields.pop("offered_at", NOW)), call, **fields)
    call.legs.append(leg)
    return leg


# -- way_to -----------------------------------------------------------------------


def test_a_phone_that_the_client_channel_dials_is_reached_without_doors() -> None:
    call = a_call()
    client, phone = a_channel(call, "1.0", queue="sales", dial_fan_out=3), a_channel(call, "1.1", wanted_in="101")
    way = way_to(client, phone, t(NOW))
    assert (way.first, way.queue, way.fan_out, way.doors, way.exten) == (client, "sales", 3, [], "101")
    assert (way.offered_at, way.originated, way.forward_of, way.consultation) == (NOW, False, None, None)


def test_pairs_behind_pairs_are_followed_to_the_channel_that_began() -> None:
    call = a_call()
    client = a_channel(call, "1.0", queue="sales", dial_fan_out=2)
    outer, outer_two = a_pair(call, 1, client, wanted_in="600")
    inner, inner_two = a_pair(call, 2, outer_two, wanted_in="101")
    way = way_to(inner_two, a_channel(call, "1.9"), t(NOW))
    assert way.doors == [inner, outer]
    assert (way.first, way.queue, way.exten, way.fan_out) == (client, "sales", "600", 2)


def test_the_nearest_queue_on_the_way_counts() -> None:
    call = a_call()
    client = a_channel(call, "1.0", queue="outer")
    _, two = a_pair(call, 1, client)
    two.queue = "inner"
    assert way_to(two, None, t(NOW)).queue == "inner"


@pytest.mark.parametrize(("age", "offered"), [(0.0, NOW), (0.5, NOW - 0.5), (1.0, NOW), (5.0, NOW)])
def test_a_leg_counts_from_the_dial_of_its_door_when_that_was_just_before(age: float, offered: float) -> None:
    call = a_call()
    _, two = a_pair(call, 1, a_channel(call, "1.0"), born_at=t(NOW - age))
    assert way_to(two, None, t(NOW)).offered_at == offered


def test_a_loop_of_doors_in_a_broken_stream_ends() -> None:
    call = a_call()
    one, two = a_pair(call, 1, None)
    one.dialled_by = two
    assert len(way_to(two, None, t(NOW)).doors) == 16


def test_a_first_half_is_nobodys_door() -> None:
    call = a_call()
    one, _ = a_pair(call, 1, a_channel(call, "1.0"))
    way = way_to(one, None, t(NOW))
    assert (way.first, way.doors, way.consultation) == (one, [], None)


def test_an_originate_is_found_behind_its_door_and_without_one() -> None:
    call = a_call()
    one, two = a_pair(call, 1, None, originated=True)
    way = way_to(two, None, t(NOW))
    assert (way.originated, way.doors, way.consultation) == (True, [one], None)
    phone = a_channel(call, "1.1", originated=True)
    assert way_to(None, phone, t(NOW)).originated
    assert not way_to(None, a_channel(call, "1.2"), t(NOW)).originated
    assert not way_to(None, None, t(NOW)).originated
    assert not way_to(a_channel(call, "1.3"), phone, t(NOW)).originated


def test_a_door_that_nobody_dialled_is_a_consultation_by_feature_code() -> None:
    call = a_call()
    one, two = a_pair(call, 1, None)
    way = way_to(two, None, t(NOW))
    assert (way.consultation, way.doors) == (one, [])
    one.gone_at = t(NOW)
    assert way_to(two, None, t(NOW)).consultation is None


def test_a_door_that_a_call_begins_with_is_no_consultation() -> None:
    call = a_call()
    one, two = a_pair(call, 1, None)
    call.uid = one.uid
    assert way_to(two, None, t(NOW)).consultation is None


def test_the_nearest_phone_that_answered_302_is_noted() -> None:
    call = a_call()
    outer_leg, inner_leg = a_leg(call, "101"), a_leg(call, "102")
    _, outer_two = a_pair(call, 1, a_channel(call, "1.0"), forward_of=outer_leg)
    _, inner_two = a_pair(call, 2, outer_two, forward_of=inner_leg)
    assert way_to(inner_two, None, t(NOW)).forward_of is inner_leg
    assert way_to(outer_two, None, t(NOW)).forward_of is outer_leg


# -- arrival_of -------------------------------------------------------------------


def test_the_nearest_reason_on_the_way_counts() -> None:
    """Each row takes one reason away from the one before it."""
    call = a_call(hands=None, queue="sales")
    call.hands = a_channel(call, "1.5", PartyKind.EXTENSION, number="102")
    forwarding, door = a_leg(call, "103"), a_channel(call, "2.1", PartyKind.LOCAL)
    leg = a_leg(call)
    way = Way(t(NOW), queue="sales", forward_of=forwarding, consultation=door, originated=True)
    call.parking = Parking("102", t(NOW), timed_out=True)
    call.blind = BlindTransfer("102", "101", t(NOW))
    board = a_board()
    assert arrival_of(board, call, leg, way) == Arrival(Via.FORWARD, forwarder="103")
    way.forward_of = None
    assert arrival_of(board, call, leg, way) == Arrival(Via.CONSULTATION, consultation=door)
    call.hands = None
    assert arrival_of(board, call, leg, way) == Arrival(Via.QUEUE, queue="sales")
    way.queue = ""
    assert arrival_of(board, call, leg, way) == Arrival(Via.PARKING_RETURN)
    call.parking.timed_out = False
    assert arrival_of(board, call, leg, way) == Arrival(Via.TRANSFER)
    call.blind, call.blond = None, BlondTransfer(t(NOW))
    assert arrival_of(board, call, leg, way) == Arrival(Via.TRANSFER)
    call.blond = call.parking = None
    assert arrival_of(board, call, leg, way) == Arrival(Via.CLICK)
    call.client_first = True
    assert arrival_of(board, call, leg, way) == Arrival(Via.DIRECT)
    way.originated, call.client_first = False, False
    assert arrival_of(board, call, leg, way) == Arrival(Via.DIRECT)


@pytest.mark.parametrize(
    ("leg", "call", "earlier", "via"),
    [
        # Outside, after a queue or after others who rang before it.
        ("external", {"queue": "sales"}, None, Via.FALLBACK),
        ("external", {}, {"offered_at": NOW - 20}, Via.FALLBACK),
        ("external", {}, {"offered_at": NOW - 1.5}, Via.FALLBACK),
        ("external", {}, {"offered_at": NOW - 1, "stopped_at": t(NOW)}, Via.FALLBACK),
        ("external", {"direction": Direction.INTERNAL}, {"offered_at": NOW - 20}, Via.FALLBACK),
        ("external", {"direction": Direction.OUTBOUND, "client_first": True}, {"offered_at": NOW - 20}, Via.FALLBACK),
        # With them, as in a group of phones and a mobile.
        ("external", {}, None, Via.DIRECT),
        ("external", {}, {"offered_at": NOW - 1}, Via.DIRECT),
        ("external", {}, {"offered_at": NOW - 1, "stopped_at": t(NOW + 1)}, Via.DIRECT),
        # The phone of whoever clicked, or the client of a callback, was not tried: it called.
        ("external", {}, {"offered_at": NOW - 20, "via": Via.CLICK}, Via.DIRECT),
        ("external", {}, {"offered_at": NOW - 20, "originated": True}, Via.DIRECT),
        # The client of an outgoing call.
        ("external", {"direction": Direction.OUTBOUND, "queue": "sales"}, {"offered_at": NOW - 20}, Via.DIRECT),
        ("extension", {"queue": "sales"}, {"offered_at": NOW - 20}, Via.DIRECT),
    ],
)
def test_a_leg_to_the_outside_is_a_fallback_when_others_were_tried_before(
    leg: str, call: dict[str, Any], earlier: dict[str, Any] | None, via: Via
) -> None:
    live = a_call(**call)
    if earlier is not None:
        via_before = earlier.pop("via", Via.DIRECT)
        a_leg(live, "102", **earlier).via = via_before
    offered = a_leg(live, "79161112233", LegKind(leg))
    assert arrival_of(a_board(), live, offered, Way(t(NOW))) == Arrival(via)


@pytest.mark.parametrize(
    ("target", "exten", "fan_out", "phones", "forwarder"),
    [
        # One door, dialled alone, in the exten of an employee, to somebody else.
        ("79161112233", "102", 1, ("102",), "102"),
        ("103", "102", 1, ("102",), "102"),
        ("79161112233", "102", 2, ("102",), ""),  # a group
        ("102", "102", 1, ("102",), ""),  # to the phone itself
        ("79161112233", "79161112233", 1, (), ""),  # no employee's exten
        ("79161112233", "", 1, (), ""),
        # No phone of it has been seen: enough of an extension to a number outside, if it is no part of the line.
        ("79161112233", "102", 1, (), "102"),
        ("79161112233", "01", 1, (), ""),
        ("79161112233", "001", 1, (), ""),
        ("103", "102", 1, (), ""),
        ("79161112233", "01", 1, ("01",), "01"),
    ],
)
def test_a_door_forwards_when_it_was_dialled_alone_in_the_exten_of_an_employee(
    target: str, exten: str, fan_out: int, phones: tuple[str, ...], forwarder: str
) -> None:
    call = a_call(called="74950000001")
    kind = LegKind.EXTENSION if len(target) == 3 else LegKind.EXTERNAL
    leg = a_leg(call, target, kind)
    door, _ = a_pair(call, 1, None)
    way = Way(t(NOW), exten=exten, fan_out=fan_out, doors=[door])
    want = Arrival(Via.FORWARD, forwarder=forwarder) if forwarder else Arrival(Via.DIRECT)
    assert arrival_of(a_board(*phones), call, leg, way) == want
    way.doors = []
    assert arrival_of(a_board(*phones), call, leg, way) == Arrival(Via.DIRECT)


def test_the_last_digits_of_the_line_are_an_exten_of_an_outgoing_call_all_the_same() -> None:
    call = a_call(called="74950000102", direction=Direction.INTERNAL)
    leg = a_leg(call, "79161112233", LegKind.EXTERNAL)
    way = Way(t(NOW), exten="102", doors=[a_pair(call, 1, None)[0]])
    assert arrival_of(a_board(), call, leg, way) == Arrival(Via.FORWARD, forwarder="102")
    call.direction = Direction.INBOUND
    assert arrival_of(a_board(), call, leg, way) == Arrival(Via.DIRECT)


@pytest.mark.parametrize(
    ("target", "kind", "earlier", "forwarder"),
    [
        ("79161112233", LegKind.EXTERNAL, "103", "103"),
        ("79161112233", LegKind.EXTERNAL, None, "102"),
        ("103", LegKind.EXTENSION, None, ""),
    ],
)
def test_freepbx_follow_me_forwards_for_the_phone_that_rang_last(
    target: str, kind: LegKind, earlier: str | None, forwarder: str
) -> None:
    call = a_call()
    if earlier is not None:
        a_leg(call, "101")
        a_leg(call, earlier)
    leg = a_leg(call, target, kind)
    client = a_channel(call, "1.0")
    _, two = a_pair(call, 1, client, stem="Local/FMGL-79161112233#@from-internal-00000001", wanted_in="102")
    way = way_to(two, None, t(NOW))
    way.fan_out = 2
    want = Arrival(Via.FORWARD, forwarder=forwarder) if forwarder else Arrival(Via.DIRECT)
    assert arrival_of(a_board("101", "102", "103"), call, leg, way) == want


# -- notice_redirect --------------------------------------------------------------


def redirected() -> tuple[LiveCall, LiveLeg, Way]:
    """The client was talking to 102, is in no bridge any more, and is led to 101."""
    call = a_call()
    call.client = a_channel(call, "1.0")
    call.hands = a_channel(call, "1.1", PartyKind.EXTENSION, number="102")
    return call, a_leg(call), Way(t(NOW), first=call.client)


@pytest.mark.parametrize(("lost_at", "since"), [(None, NOW), (t(NOW - 3), NOW - 3)])
def test_a_client_who_is_led_away_by_a_command_was_transferred(lost_at: Timestamp | None, since: float) -> None:
    call, leg, way = redirected()
    call.lost_at = lost_at
    notice_redirect(call, leg, way)
    assert call.blind is not None
    assert (call.blind.by, call.blind.to, call.blind.since, call.blind.guessed) == ("102", "101", since, True)


@pytest.mark.parametrize(
    "why", ["no client", "another channel", "still bridged", "nobody had them", "left", "parked", "handed over"]
)
def test_nothing_was_transferred_by_command_when_there_is_another_reason(why: str) -> None:
    call, leg, way = redirected()
    assert call.client is not None
    assert call.hands is not None
    match why:
        case "no client":
            call.client = None
        case "another channel":
            way.first = call.hands
        case "still bridged":
            call.client.bridge = Bridge("b")
        case "nobody had them":
            call.hands = None
        case "left":
            call.hands.left_at = t(NOW)
        case "parked":
            call.parking = Parking("102", t(NOW))
        case "handed over":
            call.blond = BlondTransfer(t(NOW))
    notice_redirect(call, leg, way)
    assert call.blind is None


def test_a_transfer_that_is_known_is_not_guessed_again() -> None:
    call, leg, way = redirected()
    known = call.blind = BlindTransfer("102", "101", t(NOW))
    notice_redirect(call, leg, way)
    assert call.blind is known
