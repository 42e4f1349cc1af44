"""When a talk ends that the call outlives: by who left first, and in a room by the client's own leaving."""

from __future__ import annotations

import pytest

from integration.domain.calls.events import CallEnded, CallEvent, HoldStarted
from integration.domain.ids import PbxId
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.ami_story import Channel, Story


def _in_room(story: Story, event: str, channel: Channel) -> None:
    story.say(
        event, channel.headers(), BridgeUniqueid="r1", BridgeTechnology="softmix", BridgeCreator="ConfBridge",
        BridgeName="600",
    )  # fmt: skip


def test_a_client_who_is_led_out_of_a_room_talks_to_nobody() -> None:
    """The employee stays in the room, with its own call."""
    story = Story()
    client, phone = story.client(), story.phone("101", dials="600")
    story.wait(1)
    _in_room(story, "BridgeEnter", phone)
    _in_room(story, "BridgeEnter", client)
    story.wait(4)
    _in_room(story, "BridgeLeave", client)
    story.wait(7)  # the dialplan goes on: a menu, a message
    story.leaves(client)
    story.hangup(client)
    story.wait(2)
    story.leaves(phone)
    story.hangup(phone)
    (call,) = [call for call in story.calls() if call["direction"] == "inbound"]
    assert call["answered_by"] == "101"
    assert call["talk_seconds"] == pytest.approx(4.0, abs=0.05)


def test_a_talk_ends_when_its_employee_left_the_bridge_not_when_the_client_did() -> None:
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(3)
    story.unbridge(phone)
    story.wait(0.2)  # within the time that is allowed for events out of order
    story.unbridge(client)
    story.wait(7)
    story.hangup(phone)
    story.leaves(client)
    story.hangup(client)
    call = story.call()
    assert call["talk_seconds"] == pytest.approx(3.0, abs=0.05)


def test_nothing_is_on_hold_when_the_client_has_left() -> None:
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(3)
    story.leaves(client)
    story.hangup(client)
    story.wait(2)
    story.say("Hold", phone.headers())
    story.wait(2)
    tracker, told = Tracker(PbxId("pbx")), list[CallEvent]()
    for at, _, said in story.lines[1:]:
        assert not isinstance(said, str)
        told += tracker.feed(said, at)
    assert any(isinstance(event, CallEnded) for event in told)
    assert not any(isinstance(event, HoldStarted) for event in told)


def test_a_bridge_that_is_left_late_is_not_the_one_that_they_talk_in_now() -> None:
    """An attended transfer moves both; the word that they left the old bridge may come after they entered the new."""
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(3)
    story.bridge("b2", client, phone)
    for channel in (client, phone):
        story.say("BridgeLeave", channel.headers(), BridgeUniqueid="b1")
    story.wait(4)
    story.leaves(client)
    story.hangup(client, phone)
    assert story.call()["talk_seconds"] == pytest.approx(7.0, abs=0.1)
