"""The course of an offer: when it rings, is answered and has stopped; several devices; what a joined call brings."""

from __future__ import annotations

import pytest

from integration.domain.calls.events import (
    CallEnded,
    CallEvent,
    LegAnswered,
    LegEnded,
    LegOffered,
    LegRinging,
)
from integration.domain.ids import PbxId, Timestamp
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.ami_story import Channel, Story, events, legs

NUMBER = "79161112233"


def until(story: Story, pause: float) -> list[CallEvent]:
    """What is told until so long after the last line."""
    tracker, heard = Tracker(PbxId("pbx")), list[CallEvent]()
    for at, _, said in story.lines[1:]:
        assert not isinstance(said, str)
        heard += tracker.feed(said, at)
    return heard + tracker.tick(Timestamp(story.lines[-1][0] + pause))


def dialled(story: Story, by: Channel, name: str = "PJSIP/101-00000009") -> Channel:
    """A phone that is dialled and does not ring yet."""
    phone = story.channel(name, "101", of=by)
    story.dial(by, phone, "101")
    return phone


# -- ringing ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "said", "rings"),
    [
        ("Newstate", {"ChannelState": "5"}, True),
        ("Newstate", {"ChannelState": "3"}, False),
        ("DialState", {"DialStatus": "RINGING"}, True),
        ("DialState", {"DialStatus": "PROGRESS"}, False),
    ],
)
def test_a_phone_rings_when_its_state_or_its_dial_says_so(event: str, said: dict[str, str], rings: bool) -> None:
    story = Story()
    client = story.client()
    phone = dialled(story, client)
    story.wait(0.5)
    rang_at = story.now
    for _ in range(2):  # once is enough
        if event == "Newstate":
            story.say("Newstate", phone.headers(), said)
        else:
            story.say("DialState", client.headers(), phone.headers("Dest"), said)
    told = [event.at for event in events(story.lines) if isinstance(event, LegRinging)]
    assert told == ([rang_at] if rings else [])


@pytest.mark.parametrize("before", ["answer", "refusal", "end of the call"])
def test_a_phone_that_is_said_to_ring_too_late_does_not_ring(before: str) -> None:
    story = Story()
    client = story.client()
    phone = dialled(story, client)
    if before == "answer":
        story.talk("b1", client, phone)
    elif before == "refusal":
        story.end_dial(client, phone, "BUSY")
    else:
        story.hangup(client)
    story.wait(0.6)
    story.ring(phone)
    assert not [event for event in events(story.lines) if isinstance(event, LegRinging)]


# -- answering ---------------------------------------------------------------------------


def test_a_phone_has_answered_when_its_dial_says_so_though_its_state_was_not_heard() -> None:
    """It is joined to the caller two seconds later, by a subroutine."""
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(2)
    picked_up_at = story.now
    story.end_dial(client, phone, "ANSWER")
    story.wait(2)
    story.bridge("b1", phone, client)
    assert [event.at for event in events(story.lines) if isinstance(event, LegAnswered)] == [picked_up_at]


def test_an_answer_that_is_told_by_the_queue_too_is_one() -> None:
    story = Story()
    client = story.client()
    story.say("QueueCallerJoin", client.headers(), Queue="sales")
    phone = story.rung("101", by=client)
    story.wait(2)
    story.talk("b1", client, phone)
    story.say("AgentConnect", client.headers(), phone.headers("Dest"), Queue="sales")
    assert len([event for event in events(story.lines) if isinstance(event, LegAnswered)]) == 1


# -- several devices -----------------------------------------------------------------------


@pytest.mark.parametrize(("pause", "offers"), [(0.5, 1), (1.5, 2)])
def test_devices_of_one_extension_that_are_dialled_together_are_one_offer(pause: float, offers: int) -> None:
    story = Story()
    client = story.client()
    dialled(story, client)
    story.wait(pause)
    dialled(story, client, "PJSIP/101-web-00000010")
    assert len([event for event in events(story.lines) if isinstance(event, LegOffered)]) == offers


def test_a_device_that_is_busy_leaves_the_other_one_ringing() -> None:
    story = Story()
    client = story.client()
    desk, web = dialled(story, client), dialled(story, client, "PJSIP/101-web-00000010")
    story.end_dial(client, desk, "BUSY")
    story.hangup(desk, cause="17")
    story.wait(4)
    story.end_dial(client, web, "NOANSWER")
    stopped_at = story.now
    story.hangup(web, cause="19")
    (ended,) = [event for event in events(story.lines) if isinstance(event, LegEnded)]
    assert ended.at == pytest.approx(stopped_at, abs=0.1)
    assert ended.cause == 17


def test_a_device_that_is_busy_while_the_other_one_is_not_hung_up_yet_ends_nothing() -> None:
    story = Story()
    client = story.client()
    desk, web = dialled(story, client), dialled(story, client, "PJSIP/101-web-00000010")
    story.hangup(desk, cause="17")
    story.end_dial(client, desk, "BUSY")
    story.wait(4)
    story.talk("b1", client, web)
    story.wait(2)
    story.leaves(client)
    story.hangup(client, web)
    assert legs(story.call()) == [("101", "direct", "answered")]


# -- how the call came there ------------------------------------------------------------------


def test_the_way_to_a_leg_is_looked_at_again_a_quarter_of_a_second_after_its_offer() -> None:
    """The dial of the door of the queue's member came after that of the phone behind it."""
    story = Story()
    client = story.client()
    story.say("QueueCallerJoin", client.headers(), Queue="sales")
    story.wait(2)
    one, two = story.local("102", "from-queue", by=client)
    story.rung("102", by=two)
    story.wait(0.1)
    story.dial(client, one, "102@from-queue")
    told = [(event.via, event.queue) for event in until(story, 0.2) if isinstance(event, LegOffered)]
    assert told == [("direct", None), ("queue", "sales")]


def test_a_call_to_a_colleague_who_forwards_it_outside_stays_inside_though_the_forwarding_is_heard_of_late() -> None:
    story = Story()
    story.phone("102", dials="300")
    caller = story.phone("101", dials="102")
    one, two = story.local("102", by=caller)
    mobile = story.trunk("79031112233", by=two)
    story.wait(0.05)
    story.dial(caller, one, "102@from-internal")
    story.wait(3)
    story.leaves(caller)
    story.hangup(caller, mobile, one, two)
    call = next(call for call in story.calls() if call["called"] != "300")
    assert (call["direction"], call["called"], legs(call)[0][1]) == ("internal", "102", "forward")


def test_a_forwarded_call_to_a_colleague_is_answered_by_the_mobile_though_the_forwarding_is_heard_of_late() -> None:
    """It looked like an outgoing call whose client the mobile is, so its own caller had "answered" it."""
    story = Story()
    caller = story.phone("101", dials="102")
    one, two = story.local("79031112233", by=caller)
    mobile = story.trunk("79031112233", by=two)
    story.dial(caller, one, "79031112233@from-internal")
    story.wait(2)
    story.answer(two, mobile)
    story.bridge("inner", two, mobile)
    story.answer(caller, one)
    story.bridge("outer", caller, one)
    story.wait(3)
    story.leaves(mobile)
    story.hangup(mobile, two, one, caller)
    call = story.call()
    assert (call["direction"], call["caller"], call["answered_by"]) == ("internal", "101", "79031112233")
    assert call["hangup_by"] == "callee"


@pytest.mark.parametrize(("door_says", "result"), [("NOANSWER", "noanswer"), ("CANCEL", "cancelled")])
def test_a_phone_whose_dial_was_cancelled_rang_out_if_the_door_before_it_did(door_says: str, result: str) -> None:
    story = Story()
    client = story.client()
    one, two = story.local("102", by=client)
    story.dial(client, one, "102@from-internal")
    phone = story.rung("102", by=two)
    story.wait(10)
    story.end_dial(client, one, door_says)
    story.end_dial(two, phone, "CANCEL")
    story.hangup(phone, one, two)
    story.wait(3)
    story.leaves(client)
    story.hangup(client)
    assert [leg[2] for leg in legs(story.call())] == [result]


def test_the_hangup_that_tells_why_a_phone_stopped_ringing_may_come_after_the_call_was_looked_at() -> None:
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(0.2)
    story.end_dial(client, phone, "NOANSWER")
    story.wait(0.15)
    story.hangup(phone, cause="21")
    story.wait(2)
    assert [leg[2] for leg in legs(story.call())] == ["rejected"]


@pytest.mark.parametrize("second", [False, True], ids=["one line", "a second line after it"])
def test_the_cause_of_an_outgoing_call_is_what_the_carrier_said_last(second: bool) -> None:
    story = Story()
    phone = story.phone("101", dials=NUMBER)
    for cause in ("34", "17") if second else ("17",):
        trunk = story.trunk(NUMBER, by=phone)
        story.wait(2)
        story.end_dial(phone, trunk, "CONGESTION" if cause == "34" else "BUSY")
        story.hangup(trunk, cause=cause)
    story.hangup(phone, cause="16")
    assert [event.cause for event in events(story.lines) if isinstance(event, CallEnded)] == [17]


# -- rooms -----------------------------------------------------------------------------------


def test_a_room_is_one_leg_that_ends_as_it_is_left_however_often_it_is_entered() -> None:
    story = Story()
    client = story.client()
    room = {"BridgeUniqueid": "r1", "BridgeTechnology": "softmix", "BridgeCreator": "ConfBridge", "BridgeName": "600"}
    left_at = 0.0
    for _ in range(2):
        story.say("BridgeEnter", client.headers(), room)
        story.wait(4)
        left_at = left_at or story.now
        story.say("BridgeLeave", client.headers(), room)
        story.wait(3)
    story.leaves(client)
    story.hangup(client)
    told = events(story.lines)
    assert [event.target for event in told if isinstance(event, LegOffered)] == ["conference:600"]
    assert [event.at for event in told if isinstance(event, LegEnded)] == [left_at]


# -- legs of a call that is joined ---------------------------------------------------------------


def _consults(story: Story, dials: str) -> tuple[Channel, Channel, Channel]:
    """101 has a client and calls somebody else."""
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(3)
    return client, phone, story.phone("101", dials=dials)


def _handed_over(story: Story, client: Channel, phone: Channel, asking: Channel) -> None:
    story.attended(phone, asking, client, None, app="Dial")
    story.unbridge(client)
    story.hangup(phone, asking)


def test_a_consulted_phone_that_rings_is_told_to_ring_in_the_clients_call() -> None:
    story = Story()
    client, phone, asking = _consults(story, "102")
    before = len(events(story.lines))
    consulted = story.rung("102", by=asking)
    rang_at = story.lines[-1][0]
    story.wait(2)
    _handed_over(story, client, phone, asking)
    told = events(story.lines)[before:]
    first = events(story.lines)[0].call
    rings = [event.at for event in told if isinstance(event, LegRinging) and event.call == first]
    assert (rings, consulted.state) == ([rang_at], "5")


def test_a_consulted_phone_whose_end_is_not_decided_yet_ends_once() -> None:
    """Its Hangup, which tells why, comes after the handing over."""
    story = Story()
    client, phone, asking = _consults(story, "600")
    busy, ringing = story.rung("102", by=asking), story.rung("103", by=asking)
    story.wait(2)
    story.end_dial(asking, busy, "NOANSWER")
    _handed_over(story, client, phone, asking)
    story.hangup(busy, cause="21")
    story.wait(2)
    ends = [event for event in events(story.lines) if isinstance(event, LegEnded) and event.leg == busy.uid]
    assert [(event.result, event.cause) for event in ends] == [("rejected", 21)]
    assert ringing.state == "5"


def test_a_phone_that_a_queue_rings_for_a_consultation_is_of_the_consultation() -> None:
    story = Story()
    client, phone, asking = _consults(story, "700")
    story.say("QueueCallerJoin", asking.headers(), Queue="sales")
    story.wait(2)
    story.rung("103", by=asking)
    _handed_over(story, client, phone, asking)
    story.wait(2)
    told = [event for event in events(story.lines) if isinstance(event, LegOffered) and event.target == "103"]
    assert told[-1].via == "consultation"
