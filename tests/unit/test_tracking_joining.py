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
