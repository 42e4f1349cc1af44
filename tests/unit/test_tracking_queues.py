"""The queue of a call: the first one that its client waits in, told once."""

from __future__ import annotations

import pytest

from integration.domain.calls.events import CallDescribed, CallEvent, CallStarted
from integration.domain.ids import PbxId, Timestamp
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.ami_story import Channel, Story


def _joins(story: Story, channel: Channel, queue: str) -> None:
    story.say("QueueCallerJoin", channel.headers(), Queue=queue, Position="1", Count="1")


def _events(story: Story) -> list[CallEvent]:
    tracker, heard = Tracker(PbxId("pbx")), list[CallEvent]()
    for at, _, said in story.lines[1:]:
        assert not isinstance(said, str)
        heard += tracker.feed(said, at)
    return heard + tracker.tick(Timestamp(story.now + 2.0))


def _queues(events: list[CallEvent]) -> list[str]:
    return [event.queue for event in events if isinstance(event, CallDescribed) and event.queue]


@pytest.mark.parametrize("is_client", [True, False], ids=["a client", "an employee"])
def test_a_call_is_told_before_its_queue_even_if_it_waits_there_at_once(is_client: bool) -> None:
    story = Story()
    _joins(story, story.client() if is_client else story.phone("101", dials="700"), "sales")
    events = _events(story)
    assert isinstance(events[0], CallStarted)
    assert _queues(events) == ["sales"]
    assert story.call()["queue"] == "sales"


def test_the_first_queue_of_a_call_is_told_once() -> None:
    story = Story()
    client = story.client()
    _joins(story, client, "sales")
    story.wait(5)
    story.say("QueueCallerLeave", client.headers(), Queue="sales", Position="1", Count="0")
    _joins(story, client, "support")
    assert _queues(_events(story)) == ["sales"]


def test_a_call_that_is_over_gets_no_queue() -> None:
    story = Story()
    client = story.client()
    story.wait(2)
    story.leaves(client)
    story.wait(2)  # its channel goes last: a message is being stored
    _joins(story, client, "sales")
    assert _queues(_events(story)) == []


def test_only_the_queue_that_a_client_still_waits_in_is_the_way_to_a_phone() -> None:
    story = Story()
    client = story.client()
    story.wait(1)
    _joins(story, client, "sales")
    first = story.rung("101", by=client)
    story.wait(5)
    story.end_dial(client, first, "NOANSWER")
    story.hangup(first)
    story.say("QueueCallerLeave", client.headers(), Queue="sales", Position="1", Count="0")
    story.wait(1)
    story.rung("102", by=client)
    story.wait(3)
    assert [(leg["target"], leg["via"]) for leg in story.call()["legs"]] == [("101", "queue:sales"), ("102", "direct")]


def test_a_client_who_is_found_in_a_queue_is_led_by_it_to_a_phone() -> None:
    """A row of `QueueStatus` after a login; one of a channel that has gone meanwhile says nothing."""
    story = Story()
    client = story.client()
    story.say("QueueEntry", Queue="support", Uniqueid="1796000001.99", Position="2")
    story.say("QueueEntry", Queue="sales", Uniqueid=client.uid, Position="1")
    story.wait(1)
    story.rung("101", by=client)
    story.wait(3)
    assert [(leg["target"], leg["via"]) for leg in story.call()["legs"]] == [("101", "queue:sales")]


def test_a_caller_who_abandons_a_queue_has_hung_up_also_without_a_hangup_request() -> None:
    """An AMI user's filter may drop HangupRequest."""
    story = Story()
    client = story.client()
    _joins(story, client, "sales")
    phone = story.rung("101", by=client)
    story.wait(5)
    story.say("QueueCallerAbandon", client.headers(), Queue="sales", Position="1", OriginalPosition="1", HoldTime="5")
    story.say("QueueCallerLeave", client.headers(), Queue="sales", Position="1", Count="0")
    story.hangup(phone, client)
    story.wait(2)
    assert story.call()["hangup_by"] == "caller"
