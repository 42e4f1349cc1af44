"""Hold: the call is on hold while anybody of it holds, and nobody's resuming ends what was no hold."""

from __future__ import annotations

import pytest

from integration.domain.calls.events import HoldEnded, HoldStarted
from tests.unit.ami_story import Channel, Story, events


def _holds(story: Story) -> list[str]:
    return [type(event).__name__ for event in events(story.lines) if isinstance(event, HoldStarted | HoldEnded)]


def _talk(story: Story) -> tuple[Channel, Channel]:
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(3)
    return client, phone


def test_a_call_that_both_sides_hold_is_on_hold_until_both_have_resumed() -> None:
    story = Story()
    client, phone = _talk(story)
    story.say("Hold", phone.headers())
    story.wait(2)
    story.say("Hold", client.headers())
    story.wait(2)
    story.say("Unhold", phone.headers())
    story.wait(3)
    story.say("Unhold", client.headers())
    story.wait(2)
    story.leaves(client)
    story.hangup(client, phone)
    assert _holds(story) == ["HoldStarted", "HoldEnded"]
    assert story.call()["hold_seconds"] == pytest.approx(7.0, abs=0.1)


def test_who_resumes_without_having_held_ends_no_hold() -> None:
    story = Story()
    _, phone = _talk(story)
    story.say("Unhold", phone.headers())
    assert _holds(story) == []


def test_who_held_the_colleague_holds_the_client_that_the_colleague_hands_over() -> None:
    story = Story()
    client, phone = _talk(story)
    consulting = story.phone("101", dials="103")
    taker = story.rung("103", by=consulting)
    story.wait(1)
    story.talk("b2", consulting, taker)
    story.wait(2)
    story.say("Hold", taker.headers())
    story.wait(1)
    story.attended(phone, consulting, client, taker)
    story.unbridge(consulting, client)
    story.bridge("b2", client)
    story.hangup(phone, consulting)
    story.wait(4)
    story.say("Unhold", taker.headers())
    story.wait(2)
    story.leaves(client)
    story.hangup(client, taker)
    story.wait(3)
    assert story.call()["hold_seconds"] == pytest.approx(4.0, abs=0.1)
