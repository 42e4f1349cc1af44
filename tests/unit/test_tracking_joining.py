"""Two calls that become one: what the smaller one brings along."""

from __future__ import annotations

import pytest

from integration.domain.calls.events import CallEvent, RecordingStarted
from integration.domain.ids import PbxId, Timestamp
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.ami_story import Channel, Story, legs, told


def a_colleague_joins_the_talk(story: Story, *, recorded: bool = False) -> tuple[Channel, Channel, Channel]:
    """101 talks to a client, calls 102, and 102 is taken into the talk with the client."""
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(3)
    consulting = story.phone("101", dials="102")
    colleague = story.rung("102", by=consulting)
    story.wait(1)
    story.talk("b2", consulting, colleague)
    story.wait(2)
    if recorded:
        story.say("VarSet", consulting.headers(), Variable="MIXMONITOR_FILENAME", Value="consultation.wav")
    story.unbridge(colleague)
    story.bridge("b1", colleague)
    return client, phone, colleague


def test_a_colleague_taken_into_a_talk_consults_for_its_client() -> None:
    story = Story()
    client, phone, colleague = a_colleague_joins_the_talk(story)
    story.wait(2)
    asking = story.phone("102", dials="103")
    asked = story.rung("103", by=asking)
    story.wait(1)
    story.talk("b4", asking, asked)
    story.wait(2)
    story.leaves(asking)
    story.hangup(asking, asked)
    story.wait(2)
    story.leaves(client)
    story.hangup(client, phone, colleague)
    story.wait(3)
    (call,) = [call for call in story.calls() if call["called"] == "103"]
    assert call["consultation"]


def test_a_recording_of_the_smaller_call_is_told_with_the_larger_one() -> None:
    story = Story()
    a_colleague_joins_the_talk(story, recorded=True)
    tracker, told = Tracker(PbxId("pbx")), list[CallEvent]()
    for at, _, said in story.lines[1:]:
        assert not isinstance(said, str)
        told += tracker.feed(said, at)
    told += tracker.tick(Timestamp(story.now + 1.0))
    (recording,) = [event for event in told if isinstance(event, RecordingStarted)]
    assert (recording.file, recording.call) == ("consultation.wav", told[0].call)


def test_who_holds_after_a_transfer_holds_the_client() -> None:
    """The channel of the consulted belongs to the client's call from the moment of the transfer."""
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(3)
    consulting = story.phone("101", dials="103")
    taker = story.rung("103", by=consulting)
    story.wait(1)
    story.talk("b2", consulting, taker)
    story.wait(2)
    story.attended(phone, consulting, client, taker)
    story.unbridge(consulting, client)
    story.bridge("b2", client)
    story.hangup(phone, consulting)
    story.wait(2)
    story.say("Hold", taker.headers())
    story.wait(5)
    story.say("Unhold", taker.headers())
    story.wait(2)
    story.leaves(client)
    story.hangup(client, taker)
    story.wait(3)
    assert story.call()["hold_seconds"] == pytest.approx(5.0, abs=0.1)


def test_a_queue_that_an_employee_consulted_is_not_the_clients_and_the_one_it_waits_in_later_is() -> None:
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(3)
    consulting = story.phone("101", dials="700")
    story.say("QueueCallerJoin", consulting.headers(), Queue="sales", Position="1", Count="1")
    taker = story.rung("103", by=consulting)
    story.wait(1)
    story.say("QueueCallerLeave", consulting.headers(), Queue="sales", Position="1", Count="0")
    story.talk("b2", consulting, taker)
    story.wait(2)
    story.attended(phone, consulting, client, taker)
    story.unbridge(consulting, client)
    story.bridge("b2", client)
    story.hangup(phone, consulting)
    story.wait(2)
    before = len(story.lines)
    story.leaves(taker)
    story.hangup(taker)
    story.unbridge(client)
    story.say("QueueCallerJoin", client.headers(), Queue="support", Position="1", Count="1")
    story.wait(5)
    story.leaves(client)
    story.say("QueueCallerAbandon", client.headers(), Queue="support", Position="1", OriginalPosition="1", HoldTime="5")
    story.hangup(client)
    story.wait(2)
    asked = [call for call in told(story.lines[:before]) if call["direction"] == "inbound"]
    assert [(call.get("queue"), legs(call)[-1][:2]) for call in asked] == [(None, ("103", "consultation"))]
    assert [call["queue"] for call in story.calls() if call["direction"] == "inbound"] == ["support"]


def test_a_call_that_is_over_takes_in_no_other() -> None:
    """The client has left, and its channel plays the voicemail's goodbye; a colleague joins the phone that stayed."""
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(3)
    story.leaves(client)
    story.hangup(client)
    story.wait(2)
    barging = story.phone("102", dials="300")
    story.wait(1)
    story.bridge("b1", barging)
    story.wait(4)
    story.leaves(barging)
    story.hangup(barging, phone)
    story.wait(2)
    assert [(call["direction"], call["caller"]) for call in story.calls()] == [
        ("inbound", "79160000001"),
        ("internal", "102"),
    ]


def test_a_client_who_is_let_into_a_talk_at_once_takes_it_over_with_its_legs() -> None:
    """Its line names no DID, so its call was not told of before."""
    story = Story()
    phone = story.phone("101", dials="102")
    colleague = story.rung("102", by=phone)
    story.wait(1)
    story.talk("b1", phone, colleague)
    story.wait(3)
    client = story.client(did="s")
    story.bridge("b1", client)
    story.wait(5)
    story.leaves(client)
    story.hangup(client, phone, colleague)
    story.wait(2)
    call = story.call()
    assert (call["direction"], call["caller"]) == ("inbound", "79160000001")
    assert legs(call) == [("102", "consultation", "answered")]


def test_a_click_that_picks_up_a_ringing_colleague_talks_to_the_caller() -> None:
    """A CRM's button "take this call" dials the office's pickup code: the click has no client of its own."""
    story = Story()
    asking = story.phone("103", dials="101")
    asked = story.rung("101", by=asking)
    story.wait(2)
    picker = story.channel("PJSIP/102-00000009", "102", exten="*8101")
    story.dial(None, picker, "102")
    story.ring(picker)
    story.wait(1)
    story.answer(None, picker)
    story.say("Pickup", picker.headers(), asked.headers("Target"))
    story.bridge("b1", asking, picker)
    story.hangup(asked)
    story.wait(5)
    story.leaves(asking)
    story.hangup(asking, picker)
    story.wait(2)
    call = story.call()
    assert (call["disposition"], call["final_responsible"]) == ("answered", "102")
    assert call["talk_seconds"] == pytest.approx(5.0, abs=0.1)


def test_a_call_that_became_part_of_another_is_forgotten_with_it() -> None:
    story = Story()
    client, phone, colleague = a_colleague_joins_the_talk(story)
    story.wait(2)
    story.leaves(client)
    story.hangup(client, phone, colleague)
    tracker = Tracker(PbxId("pbx"))
    for at, _, said in story.lines[1:]:
        assert not isinstance(said, str)
        tracker.feed(said, at)
    for uid in list(tracker._board.channels):  # the phone that consulted
        tracker.gone(uid, Timestamp(story.now))
    tracker.tick(Timestamp(story.now + 3600))
    assert not tracker._board.calls
    assert not tracker._board.by_linkedid
