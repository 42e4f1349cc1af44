"""Attended transfers by REFER: whoever made the consultation, whichever call the phone refers on, whoever rings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.ami_story import Channel, Story, legs


def _client_with_101(story: Story) -> tuple[Channel, Channel]:
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(2)
    story.talk("b1", client, phone)
    story.wait(3)
    return client, phone


def _called(story: Story, caller: str, called: str, bridge: str) -> tuple[Channel, Channel]:
    """An internal call that is answered after 2 s."""
    first = story.phone(caller, dials=called)
    second = story.rung(called, by=first)
    story.wait(2)
    story.talk(bridge, first, second)
    story.wait(3)
    return first, second


def _join(story: Story, first: Channel, second: Channel, transferee: Channel, target: Channel, told: str) -> None:
    """The transferer's channels leave, the transferee moves into the target's bridge; `told`: when that is said."""
    if told == "first":
        story.attended(first, second, transferee, target)
    story.unbridge(second, transferee)
    story.bridge(target.bridge, transferee)
    if told == "between":
        story.attended(first, second, transferee, target)
    story.unbridge(first)
    story.hangup(second, first)
    if told == "last":
        story.attended(first, second, transferee, target)
    story.wait(4)


def _end(story: Story, leaver: Channel, other: Channel) -> None:
    story.leaves(leaver)
    story.hangup(leaver, other)


def _transfers(call: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(it["kind"], it["from"], it["to"], it["result"]) for it in call["transfers"]]


TOLD = pytest.mark.parametrize("told", ["first", "between", "last"])


@TOLD
@pytest.mark.parametrize("refers_on_consultation", [False, True])
def test_a_colleague_who_called_the_employee_gets_the_client(told: str, refers_on_consultation: bool) -> None:
    story = Story()
    client, phone = _client_with_101(story)
    colleague, second = _called(story, "103", "101", "b2")
    if refers_on_consultation:
        _join(story, second, phone, colleague, client, told)
    else:
        _join(story, phone, second, client, colleague, told)
    _end(story, client, colleague)
    call = story.call()
    assert _transfers(call) == [("attended", "101", "103", "completed")]
    assert (call["answered_by"], call["final_responsible"], call["hangup_by"]) == ("101", "103", "caller")
    assert call["transfers"][0]["consultation_seconds"] == pytest.approx(3, abs=0.2)


@TOLD
def test_a_client_who_called_during_a_talk_with_a_colleague_gets_the_colleague(told: str) -> None:
    """The consultation is the older call here."""
    story = Story()
    colleague, second = _called(story, "103", "101", "b2")
    client, phone = _client_with_101(story)
    _join(story, phone, second, client, colleague, told)
    _end(story, colleague, client)
    call = story.call()
    assert _transfers(call) == [("attended", "101", "103", "completed")]
    assert (call["caller"], call["final_responsible"], call["hangup_by"]) == ("79160000001", "103", "callee")


@TOLD
@pytest.mark.parametrize("refers_on_consultation", [False, True])
def test_the_caller_of_an_internal_call_joins_the_callee_with_a_third(told: str, refers_on_consultation: bool) -> None:
    story = Story()
    first, callee = _called(story, "101", "102", "b1")
    second, third = _called(story, "101", "103", "b2")
    if refers_on_consultation:
        _join(story, second, first, third, callee, told)
    else:
        _join(story, first, second, callee, third, told)
    _end(story, third, callee)
    call = story.call()
    assert _transfers(call) == [("attended", "101", "103", "completed")]
    assert (call["direction"], call["caller"], call["called"]) == ("internal", "101", "102")
    assert (call["answered_by"], call["final_responsible"], call["disposition"]) == ("102", "103", "answered")


@TOLD
def test_the_callee_of_an_internal_call_joins_the_caller_with_a_third(told: str) -> None:
    story = Story()
    caller, first = _called(story, "101", "102", "b1")
    second, third = _called(story, "102", "103", "b2")
    _join(story, first, second, caller, third, told)
    _end(story, caller, third)
    call = story.call()
    assert _transfers(call) == [("attended", "102", "103", "completed")]
    assert (call["final_responsible"], call["hangup_by"]) == ("103", "caller")


@TOLD
def test_an_employee_who_was_called_by_two_colleagues_joins_them(told: str) -> None:
    story = Story()
    one, first = _called(story, "102", "101", "b1")
    other, second = _called(story, "103", "101", "b2")
    _join(story, first, second, one, other, told)
    _end(story, one, other)
    call = story.call()
    assert _transfers(call) == [("attended", "101", "103", "completed")]
    assert (call["caller"], call["answered_by"], call["final_responsible"]) == ("102", "101", "103")


def _group(story: Story, caller: Channel, *, through_local: bool) -> list[tuple[Channel, list[Channel]]]:
    """102 and 103, ringing. Each with the halves of the pair through which it was reached."""
    found: list[tuple[Channel, list[Channel]]] = []
    for extension in ("102", "103"):
        if through_local:
            one, two = story.local(extension, by=caller)
            story.dial(caller, one, f"{extension}@from-internal/n")
            found.append((story.rung(extension, by=two), [one, two]))
        else:
            found.append((story.rung(extension, by=caller), []))
    return found


def _hand_over(story: Story, client: Channel, phone: Channel, second: Channel, app: str = "Dial") -> None:
    """The client takes the place of the phone that waits for somebody to answer."""
    story.unbridge(client)
    story.attended(phone, second, client, None, app=app)
    story.unbridge(phone)
    story.hangup(second, phone)
    client.exten = second.exten


@pytest.mark.parametrize("taker", [0, 1])
@pytest.mark.parametrize("through_local", [False, True], ids=["dialled", "through Local pairs"])
def test_a_client_handed_over_to_a_ringing_group_is_taken_by_one_of_it(taker: int, through_local: bool) -> None:
    story = Story()
    client, phone = _client_with_101(story)
    second = story.phone("101", dials="700")
    group = _group(story, second, through_local=through_local)
    story.wait(2)
    _hand_over(story, client, phone, second)
    story.wait(3)
    (winner, doors), (loser, other_doors) = group[taker], group[1 - taker]
    if doors:
        story.talk("b5", doors[1], winner)
        story.end_dial(client, other_doors[0], "CANCEL")
        story.answer(client, doors[0])
        story.bridge("b3", doors[0], client)
        story.hangup(other_doors[0], loser, other_doors[1], cause="26")
    else:
        story.end_dial(client, loser, "CANCEL")
        story.hangup(loser, cause="26")
        story.talk("b3", client, winner)
    story.wait(4)
    story.leaves(client)
    story.hangup(client, *doors, winner)
    call = story.call()
    to = ("102", "103")[taker]
    assert _transfers(call) == [("attended", "101", to, "completed")]
    assert call["final_responsible"] == to
    assert [result for _, via, result in legs(call) if via == "consultation"].count("cancelled") == 1


def test_a_client_handed_over_to_a_group_that_does_not_answer_has_nobody() -> None:
    story = Story()
    client, phone = _client_with_101(story)
    second = story.phone("101", dials="700")
    group = _group(story, second, through_local=False)
    _hand_over(story, client, phone, second)
    story.wait(10)
    for ringing, _ in group:
        story.end_dial(client, ringing, "NOANSWER")
        story.hangup(ringing)
    story.hangup(client)
    call = story.call()
    assert _transfers(call) == [("attended", "101", "700", "aborted")]
    assert call["final_responsible"] == "101"


def test_a_client_handed_over_to_a_queue_is_taken_by_whoever_it_rings_next() -> None:
    story = Story()
    client, phone = _client_with_101(story)
    second = story.phone("101", dials="600")
    story.say("QueueCallerJoin", second.headers(), Queue="sales", Position="1")
    _hand_over(story, client, phone, second, app="Queue")
    story.wait(5)
    member = story.rung("104", by=client)
    story.wait(2)
    story.talk("b4", client, member)
    story.wait(3)
    _end(story, member, client)
    call = story.call()
    assert _transfers(call) == [("attended", "101", "104", "completed")]
    assert (call["final_responsible"], call["talk_seconds"]) == ("104", pytest.approx(6, abs=0.3))


def test_the_caller_of_an_internal_call_hands_the_callee_over_to_a_ringing_phone() -> None:
    story = Story()
    first, callee = _called(story, "101", "102", "b1")
    second = story.phone("101", dials="103")
    third = story.rung("103", by=second)
    story.wait(1)
    _hand_over(story, callee, first, second)
    story.wait(2)
    story.talk("b3", callee, third)
    story.wait(3)
    _end(story, third, callee)
    call = story.call()
    assert _transfers(call) == [("attended", "101", "103", "completed")]
    assert (call["caller"], call["answered_by"], call["final_responsible"]) == ("101", "102", "103")
