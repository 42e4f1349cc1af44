"""When an offer of a call began, was answered and ended, and how soon that is told."""

from __future__ import annotations

import pytest

from integration.domain.calls.call import Call, Leg, LegResult
from integration.domain.calls.events import CallEvent, LegEnded
from integration.domain.ids import PbxId, Timestamp
from pbx_adapter.asterisk.replay import replay
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.ami_story import Story


def only_call(story: Story) -> Call:
    (call,) = replay(story.lines)
    return call


def leg_of(call: Call, target: str) -> Leg:
    return next(leg for leg in call.legs if leg.target == target)


def test_an_answered_leg_ends_with_its_channel_and_not_with_the_call() -> None:
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(3)
    story.leaves(phone)
    gone_at = story.now
    story.hangup(phone)
    story.unbridge(client)
    story.wait(20)
    story.hangup(client)
    assert leg_of(only_call(story), "101").ended_at == pytest.approx(gone_at, abs=0.05)


@pytest.mark.parametrize("late", [0.1, 0.2, 3.0])
def test_the_first_sign_of_the_end_of_a_leg_counts(late: float) -> None:
    """The Hangup of its channel comes after the DialEnd."""
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(5)
    stopped_at = story.now
    story.end_dial(client, phone, "NOANSWER")
    story.wait(late)
    story.hangup(phone, cause="19")
    story.wait(5)
    story.hangup(client)
    leg = leg_of(only_call(story), "101")
    assert leg.ended_at == pytest.approx(stopped_at, abs=0.01)
    assert leg.result is LegResult.NOANSWER


def test_the_end_of_a_leg_is_told_as_soon_as_late_events_have_had_their_time() -> None:
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(5)
    story.end_dial(client, phone, "NOANSWER")
    tracker, told = Tracker(PbxId("pbx")), list[CallEvent]()
    for at, _, said in story.lines[1:]:
        assert not isinstance(said, str)
        told += tracker.feed(said, at)
    assert not [event for event in told if isinstance(event, LegEnded)]
    assert [event for event in tracker.tick(Timestamp(story.now + 0.3)) if isinstance(event, LegEnded)]


def test_a_conference_room_answers_as_it_is_entered() -> None:
    story = Story()
    client = story.client()
    story.wait(2)
    entered_at = story.now
    story.say(
        "BridgeEnter", client.headers(), BridgeUniqueid="r1", BridgeTechnology="softmix", BridgeCreator="ConfBridge",
        BridgeName="600",
    )  # fmt: skip
    story.wait(5)
    story.leaves(client)
    story.hangup(client)
    leg = leg_of(only_call(story), "conference:600")
    assert leg.answered_at == pytest.approx(entered_at, abs=0.01)


@pytest.mark.parametrize("late", [0.05, 0.15])
def test_what_led_to_a_leg_may_become_known_just_after_it(late: float) -> None:
    """The dial of the Local pair through which a queue rings a phone is told after that of the phone."""
    story = Story()
    client = story.client()
    story.say("QueueCallerJoin", client.headers(), Queue="sales", Position="1")
    story.rung("101", by=client)
    story.wait(0.2)  # the call is looked at for that leg before the way to the next one is known
    one, two = story.local("102", "from-queue", by=client)
    story.rung("102", by=two)
    story.wait(late)
    story.dial(client, one, "102@from-queue")
    story.wait(5)
    story.leaves(client)
    story.hangup(client)
    assert [(leg.target, leg.way) for leg in only_call(story).legs] == [("101", "queue:sales"), ("102", "queue:sales")]
