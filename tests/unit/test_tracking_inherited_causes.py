"""A cause that one phone leaves on the caller's channel is not that of the others, and does not say who gave up."""

from __future__ import annotations

import pytest

from tests.unit.ami_story import Channel, Story, legs


def _busy(story: Story, phone: Channel, by: Channel) -> None:
    story.leaves(phone, cause="17")
    story.end_dial(by, phone, "BUSY")
    story.hangup(phone, cause="17")


@pytest.mark.parametrize("cause", ["17", "21"])
def test_a_caller_who_gives_up_left_by_himself_whatever_the_cause(cause: str) -> None:
    story = Story()
    client = story.client()
    first, second = story.rung("101", by=client), story.rung("102", by=client)
    _busy(story, first, by=client)
    story.wait(5)
    story.leaves(client, cause=cause)
    story.end_dial(client, second, "CANCEL")
    story.hangup(second, client, cause=cause)
    call = story.call()
    assert legs(call) == [("101", "direct", "busy"), ("102", "direct", "cancelled")]
    assert (call["disposition"], call["hangup_by"]) == ("missed", "caller")


def test_a_phone_that_rang_out_is_not_busy_because_another_one_was() -> None:
    story = Story()
    client = story.client()
    first, second = story.rung("101", by=client), story.rung("102", by=client)
    _busy(story, first, by=client)
    story.wait(15)
    story.end_dial(client, second, "NOANSWER")
    story.hangup(second, client, cause="17")
    call = story.call()
    assert legs(call) == [("101", "direct", "busy"), ("102", "direct", "noanswer")]
    assert call["hangup_by"] == "system"


def test_a_second_phone_that_is_busy_itself_is_busy() -> None:
    story = Story()
    client = story.client()
    first = story.rung("101", by=client)
    _busy(story, first, by=client)
    second = story.rung("102", by=client)
    story.wait(1)
    _busy(story, second, by=client)
    story.hangup(client, cause="17")
    assert legs(story.call()) == [("101", "direct", "busy"), ("102", "direct", "busy")]


def test_behind_local_pairs_the_cause_is_inherited_too() -> None:
    story = Story()
    client = story.client()
    doors = []
    for extension in ("101", "102"):
        one, two = story.local(extension, by=client)
        story.dial(client, one, f"{extension}@from-internal/n")
        doors.append((one, two, story.rung(extension, by=two)))
    (one, two, first), (other_one, other_two, second) = doors
    _busy(story, first, by=two)
    story.end_dial(client, one, "BUSY")
    story.hangup(two, one, cause="17")
    story.wait(5)
    story.leaves(client, cause="17")
    story.end_dial(client, other_one, "CANCEL")
    story.hangup(other_one, cause="17")
    story.end_dial(other_two, second, "CANCEL")
    story.hangup(second, other_two, client, cause="17")
    call = story.call()
    assert legs(call) == [("101", "direct", "busy"), ("102", "direct", "cancelled")]
    assert call["hangup_by"] == "caller"


def test_a_caller_who_leaves_a_queue_after_a_busy_member_left_by_himself() -> None:
    story = Story()
    client = story.client()
    story.say("QueueCallerJoin", client.headers(), Queue="sales", Position="1")
    phone = story.rung("101", by=client)
    _busy(story, phone, by=client)
    story.wait(3)
    story.leaves(client, cause="17")
    story.say("QueueCallerAbandon", client.headers(), Queue="sales")
    story.hangup(client, cause="17")
    assert story.call()["hangup_by"] == "caller"


def test_a_caller_whom_the_dialplan_refuses_did_not_leave() -> None:
    """Congestion() answers 503, and what comes of it looks like a hangup of the caller's phone but for the cause."""
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    _busy(story, phone, by=client)
    story.leaves(client, cause="34")
    story.hangup(client, cause="34")
    assert story.call()["hangup_by"] == "system"


@pytest.mark.parametrize("hears", [True, False], ids=["with HangupRequest", "without"])
def test_an_employee_who_gives_up_cancels_an_internal_call_to_a_group(hears: bool) -> None:
    story = Story()
    caller = story.phone("101", dials="700")
    first, second = story.rung("102", by=caller), story.rung("103", by=caller)
    _busy(story, first, by=caller) if hears else story.end_dial(caller, first, "BUSY")
    if not hears:
        story.hangup(first, cause="17")
    story.wait(4)
    if hears:
        story.leaves(caller, cause="17")
    story.end_dial(caller, second, "CANCEL")
    story.hangup(second, caller, cause="17")
    call = story.call()
    assert (call["disposition"], call["hangup_by"]) == ("cancelled", "caller")
    assert legs(call) == [("102", "direct", "busy"), ("103", "direct", "cancelled")]


def test_without_hanguprequest_a_call_that_rang_out_is_nobodys_hanging_up() -> None:
    story = Story()
    caller = story.phone("101", dials="79160000001")
    trunk = story.trunk("79160000001", by=caller)
    story.wait(30)
    story.end_dial(caller, trunk, "NOANSWER")
    story.hangup(trunk, caller)
    call = story.call()
    assert (call["disposition"], call["hangup_by"]) == ("noanswer", "system")
