"""A number outside that is dialled for a client: a fallback only when somebody was tried before it."""

from __future__ import annotations

import pytest

from tests.unit.ami_story import Channel, Story, legs

MOBILE = "79160000009"


def _to_mobile(story: Story, client: Channel, *, through_local: bool) -> list[Channel]:
    """The mobile rings; the channels that lead to it, the last one its own."""
    if not through_local:
        return [story.trunk(MOBILE, by=client)]
    one, two = story.local(MOBILE, "world", by=client)
    story.dial(client, one, f"{MOBILE}@world/n")
    return [one, two, story.trunk(MOBILE, by=two)]


def _taken(story: Story, client: Channel, way: list[Channel]) -> None:
    story.wait(3)
    if len(way) == 1:
        story.talk("b1", client, way[0])
    else:
        one, two, mobile = way
        story.talk("b1", two, mobile)
        story.answer(client, one)
        story.bridge("b2", one, client)
    story.wait(4)
    story.leaves(client)
    story.hangup(client, *way)


LOCAL = pytest.mark.parametrize("through_local", [False, True], ids=["dialled", "through a Local pair"])


@LOCAL
def test_the_first_and_only_leg_is_no_fallback(through_local: bool) -> None:
    story = Story()
    client = story.client()
    _taken(story, client, _to_mobile(story, client, through_local=through_local))
    call = story.call()
    assert legs(call) == [(MOBILE, "direct", "answered")]
    assert (call["answered_by"], call["final_responsible"]) == (MOBILE, None)


@LOCAL
def test_a_mobile_that_rings_together_with_a_phone_is_no_fallback(through_local: bool) -> None:
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    way = _to_mobile(story, client, through_local=through_local)
    story.wait(2)
    story.leaves(phone, cause="17")
    story.end_dial(client, phone, "BUSY")
    story.hangup(phone, cause="17")
    _taken(story, client, way)
    assert legs(story.call()) == [("101", "direct", "busy"), (MOBILE, "direct", "answered")]


@LOCAL
@pytest.mark.parametrize("seconds", [0.1, 15])
def test_a_mobile_that_is_dialled_after_a_phone_is_a_fallback(through_local: bool, seconds: float) -> None:
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(seconds)
    story.end_dial(client, phone, "NOANSWER")
    story.hangup(phone)
    _taken(story, client, _to_mobile(story, client, through_local=through_local))
    assert legs(story.call()) == [("101", "direct", "noanswer"), (MOBILE, "fallback", "answered")]


@LOCAL
def test_a_mobile_after_a_phone_that_cannot_be_reached_is_a_fallback(through_local: bool) -> None:
    story = Story()
    client = story.client()
    story.say("Newexten", client.headers(), Application="Dial", AppData="PJSIP/101,20")
    story.say("VarSet", client.headers(), Variable="DIALSTATUS", Value="CHANUNAVAIL")
    story.say("VarSet", client.headers(), Variable="DIALSTATUS", Value="")
    _taken(story, client, _to_mobile(story, client, through_local=through_local))
    assert legs(story.call()) == [("101", "direct", "unavailable"), (MOBILE, "fallback", "answered")]


@LOCAL
def test_a_mobile_after_a_queue_is_a_fallback(through_local: bool) -> None:
    story = Story()
    client = story.client()
    story.say("QueueCallerJoin", client.headers(), Queue="sales", Position="1")
    story.wait(8)
    story.say("QueueCallerLeave", client.headers(), Queue="sales", Position="1")
    _taken(story, client, _to_mobile(story, client, through_local=through_local))
    assert legs(story.call()) == [(MOBILE, "fallback", "answered")]
