"""When open transfers are told: begun before whom they ring, ended when they did, and each once."""

from __future__ import annotations

import pytest

from integration.domain.calls.call import TransferResult
from integration.domain.calls.events import CallEvent, LegOffered, TransferEnded, TransferStarted
from integration.domain.ids import PbxId, Timestamp
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.ami_story import Channel, Story, events
from tests.unit.test_tracking_transfers import blind, client_with_101, consults_by_code, ends, transfers


def _told_within(story: Story, seconds: float) -> list[CallEvent]:
    """What has been told so long after the last line."""
    tracker, told = Tracker(PbxId("pbx")), list[CallEvent]()
    for at, _, said in story.lines[1:]:
        assert not isinstance(said, str)
        told += tracker.feed(said, at)
    return told + tracker.tick(Timestamp(story.lines[-1][0] + seconds))


def _of_transfers(told: list[CallEvent]) -> list[str]:
    return [type(event).__name__ for event in told if isinstance(event, TransferStarted | TransferEnded)]


def _blind_to_102(story: Story) -> Channel:
    client, phone = client_with_101(story)
    blind(story, phone, "102", client)
    story.unbridge(phone, client)
    story.hangup(phone)
    return client


def test_a_blind_transfer_is_told_after_a_quarter_of_a_second_though_nobody_rings() -> None:
    story = Story()
    _blind_to_102(story)
    assert _of_transfers(_told_within(story, 0.2)) == []
    assert _of_transfers(_told_within(story, 0.3)) == ["TransferStarted"]


def test_a_transfer_is_told_once_and_before_the_leg_that_it_rings() -> None:
    story = Story()
    client = _blind_to_102(story)
    story.rung("102", by=client)
    story.wait(3)
    told = [event for event in events(story.lines) if isinstance(event, TransferStarted | LegOffered)]
    assert [type(event) for event in told] == [LegOffered, TransferStarted, LegOffered]


def test_a_client_who_is_led_to_somebody_at_once_was_transferred() -> None:
    story = Story()
    client, phone = client_with_101(story)
    waiting = story.phone("103", dials="300")
    story.bridge("b2", waiting)
    story.wait(1)
    blind(story, phone, "300", client)
    story.unbridge(phone, client)
    story.bridge("b2", client)
    story.hangup(phone)
    story.wait(3)
    ends(story, client, waiting)
    assert transfers(story.call()) == [("blind", "101", "300", "answered")]
    assert _of_transfers(events(story.lines)) == ["TransferStarted", "TransferEnded"]


def test_a_blind_transfer_that_nobody_took_ended_when_the_phone_stopped_ringing() -> None:
    story = Story()
    client = _blind_to_102(story)
    phone = story.rung("102", by=client)
    story.wait(5)
    stopped = story.now
    story.end_dial(client, phone, "NOANSWER")
    story.hangup(phone)
    story.wait(4)
    story.say("Newstate", client.headers())
    (ended,) = [event for event in events(story.lines) if isinstance(event, TransferEnded)]
    assert ended.result is TransferResult.NOANSWER
    assert ended.at == pytest.approx(stopped, abs=0.1)


def _gives_up_the_consultation(story: Story) -> tuple[Channel, Channel, Channel]:
    """The first half of the pair goes a fifth of a second after the second one."""
    client, phone = client_with_101(story)
    one, two, colleague = consults_by_code(story, client, phone)
    story.hangup(two, colleague)
    story.wait(0.2)
    story.unbridge(phone)
    story.hangup(one)
    return client, phone, one


def test_a_consultation_by_feature_code_is_given_up_a_quarter_of_a_second_after_its_door_went() -> None:
    story = Story()
    _, phone, _ = _gives_up_the_consultation(story)
    story.bridge("b1", phone)
    assert _of_transfers(_told_within(story, 0.2)) == []
    assert _of_transfers(_told_within(story, 0.6)) == ["TransferStarted", "TransferEnded"]


def test_a_consultation_whose_door_goes_with_everything_else_is_given_up_at_once() -> None:
    story = Story()
    client, phone = client_with_101(story)
    one, two, colleague = consults_by_code(story, client, phone)
    story.unbridge(phone)
    story.hangup(colleague, two, one)
    story.bridge("b1", phone)
    assert _of_transfers(_told_within(story, 0.3)) == ["TransferStarted", "TransferEnded"]


def test_a_transfer_that_is_heard_of_just_after_its_door_went_is_completed() -> None:
    story = Story()
    client, phone, one = _gives_up_the_consultation(story)
    story.wait(0.1)
    story.attended(phone, phone, client, one)
    story.hangup(phone)
    story.wait(1)
    ended = [event.result for event in events(story.lines) if isinstance(event, TransferEnded)]
    assert ended == [TransferResult.COMPLETED]


def _consults(story: Story, phone: Channel, extension: str) -> tuple[Channel, Channel, Channel]:
    """Until it rings there; 101 is in a bridge with the first half of the pair."""
    story.unbridge(phone)
    one, two = story.local(extension, by=phone)
    story.bridge(f"c{extension}", phone, one)
    rung = story.rung(extension, by=two)
    story.wait(2)
    return one, two, rung


def test_the_second_of_two_consultations_by_feature_code_is_the_one_that_leads_to_the_transfer() -> None:
    """It begins before the first one is known to have been given up."""
    story = Story()
    client, phone = client_with_101(story)
    first, second, colleague = _consults(story, phone, "102")
    story.unbridge(phone)
    story.hangup(colleague, second, first)
    story.bridge("b1", phone)
    one, two, other = _consults(story, phone, "103")
    story.answer(two, other)
    story.bridge("b5", other, two)
    story.wait(2)
    story.attended(phone, phone, client, one)
    story.unbridge(phone, client)
    story.bridge("c103", client)
    story.hangup(phone)
    story.wait(2)
    ends(story, client, one, two, other)
    assert transfers(story.call())[-1] == ("attended", "101", "103", "completed")
