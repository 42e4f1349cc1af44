"""Recordings by MixMonitor: told once, when there is something to hear."""

from __future__ import annotations

from integration.domain.calls.events import CallStarted, RecordingStarted
from tests.unit.ami_story import Channel, Story, events

FILE = "/spool/monitor/a.wav"


def _record(story: Story, channel: Channel) -> None:
    story.say("VarSet", channel.headers(), Variable="MIXMONITOR_FILENAME", Value=FILE)


def _talk(story: Story, client: Channel) -> Channel:
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(3)
    return phone


def _told(story: Story) -> list[str]:
    return [event.file for event in events(story.lines) if isinstance(event, RecordingStarted)]


def test_a_recording_is_told_once_whatever_happens_later() -> None:
    story = Story()
    client = story.client()
    _record(story, client)
    phone = _talk(story, client)
    story.leaves(phone)
    story.hangup(phone)
    story.wait(2)
    other = story.rung("102", by=client)
    story.wait(1)
    story.talk("b2", client, other)
    story.leaves(client)
    story.hangup(client, other)
    assert _told(story) == [FILE]


def test_a_recording_that_begins_while_one_of_several_leaves_hears_the_others() -> None:
    story = Story()
    client = story.client()
    phone = _talk(story, client)
    colleague = story.phone("102", dials="300")
    story.bridge("b1", colleague)
    story.leaves(phone)
    _record(story, client)
    story.hangup(phone)
    story.wait(2)
    assert _told(story) == [FILE]


def test_a_recording_that_begins_when_the_only_other_one_has_left_holds_nothing() -> None:
    story = Story()
    client = story.client()
    phone = _talk(story, client)
    story.leaves(phone)
    _record(story, client)
    story.hangup(phone)
    story.wait(2)
    assert _told(story) == []


def test_a_recording_that_stops_before_anybody_talks_holds_nothing() -> None:
    story = Story()
    client = story.client()
    _record(story, client)
    story.say("MixMonitorStop", client.headers())
    story.say("MixMonitorStop", Channel="PJSIP/gone-00000001", Uniqueid="1796000001.99")
    _talk(story, client)
    assert _told(story) == []


def test_a_call_is_told_before_its_recording() -> None:
    """Somebody records a greeting by a feature code: there is nobody else, and no leg that would make it a call."""
    story = Story()
    phone = story.phone("101", dials="*77")
    _record(story, phone)
    story.bridge("b1", phone)
    story.wait(3)
    heard = events(story.lines)
    assert isinstance(heard[0], CallStarted)
    assert _told(story) == [FILE]
