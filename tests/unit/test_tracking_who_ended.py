"""Who ended a call, and how it ended: stories of calls that are given up, refused, or let go by the PBX."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.ami_story import Channel, Story, legs

NUMBER = "79161112233"


def ending(call: dict[str, Any]) -> tuple[str, str]:
    return call["hangup_by"], call["disposition"]


def rings(story: Story, called: str) -> tuple[Channel, Channel]:
    """101 dials, and it rings for 3 s."""
    caller = story.phone("101", dials=called)
    callee = story.trunk(called, by=caller) if called == NUMBER else story.rung(called, by=caller)
    story.wait(3)
    return caller, callee


# -- calls that nobody took --------------------------------------------------------


@pytest.mark.parametrize(
    ("called", "status", "cause", "by", "disposition"),
    [
        (NUMBER, "BUSY", "17", "callee", "busy"),
        (NUMBER, "BUSY", "21", "callee", "busy"),
        (NUMBER, "CONGESTION", "34", "callee", "failed"),
        (NUMBER, "NOANSWER", "19", "system", "noanswer"),
        # A colleague's phone refuses: the PBX lets the caller go.
        ("102", "BUSY", "17", "system", "busy"),
        ("102", "NOANSWER", "19", "system", "noanswer"),
    ],
)
@pytest.mark.parametrize("hears_the_tone", [0.0, 4.0])
def test_a_call_that_is_refused_is_ended_by_who_refuses_it(
    called: str, status: str, cause: str, by: str, disposition: str, hears_the_tone: float
) -> None:
    """Also where the caller hears the busy tone for a while before hanging up."""
    story = Story()
    caller, callee = rings(story, called)
    story.end_dial(caller, callee, status)
    story.hangup(callee, cause=cause)
    if hears_the_tone:
        story.wait(hears_the_tone)
        story.leaves(caller)
    story.hangup(caller)
    story.wait(3)
    assert ending(story.call()) == (by, disposition)


@pytest.mark.parametrize("called", [NUMBER, "102"])
def test_a_call_that_is_given_up_is_ended_by_its_caller(called: str) -> None:
    story = Story()
    caller, callee = rings(story, called)
    story.leaves(caller)
    story.end_dial(caller, callee, "CANCEL")
    story.hangup(callee, caller)
    story.wait(3)
    call = story.call()
    assert ending(call) == ("caller", "cancelled")
    assert [leg["result"] for leg in call["legs"]] == ["cancelled"]


def test_a_number_that_cannot_be_dialled_at_all_is_ended_by_the_system_or_by_who_hangs_up() -> None:
    for leaves, by in ((False, "system"), (True, "caller")):
        story = Story()
        caller = story.phone("101", dials=NUMBER)
        story.wait(2)
        if leaves:
            story.leaves(caller)
        story.hangup(caller)
        story.wait(3)
        assert story.call()["hangup_by"] == by


def test_a_carrier_that_ends_the_ringing_without_a_reason_has_refused() -> None:
    """Its HangupRequest has the cause of somebody who just hangs up."""
    story = Story()
    caller, callee = rings(story, NUMBER)
    story.leaves(callee, cause="16")
    story.end_dial(caller, callee, "NOANSWER")
    story.hangup(callee, cause="16")
    story.wait(4)
    story.leaves(caller)
    story.hangup(caller)
    story.wait(3)
    assert ending(story.call())[0] == "callee"


@pytest.mark.parametrize("door", [False, True], ids=["its phone", "through a Local pair"])
@pytest.mark.parametrize(
    ("employee_leaves", "carrier_says", "by"),
    [(True, "CANCEL", "caller"), (False, "BUSY", "callee"), (False, "NOANSWER", "system")],
)
def test_a_click_whose_client_does_not_answer_is_ended_by_the_employee_who_gives_up(
    door: bool, employee_leaves: bool, carrier_says: str, by: str
) -> None:
    story = Story()
    if door:
        first, second = story.local("101")
        story.dial(None, first, "101@from-internal")
        phone = story.rung("101", by=second)
        story.wait(1)
        story.answer(second, phone)
        story.answer(None, first)
        story.bridge("b1", phone, second)
        sides = [phone, first, second]
    else:
        first = phone = story.channel("PJSIP/101-00000001", "101")
        story.dial(None, phone, "101")
        story.wait(1)
        story.answer(None, phone)
        sides = [phone]
    first.exten = NUMBER
    trunk = story.trunk(NUMBER, by=first)
    story.wait(5)
    if employee_leaves:
        story.leaves(phone)
    story.end_dial(first, trunk, carrier_says)
    story.hangup(trunk, cause="17" if carrier_says == "BUSY" else "16")
    story.hangup(*sides)
    story.wait(3)
    assert story.call()["hangup_by"] == by


@pytest.mark.parametrize(
    ("status", "leaves_before", "leaves_after", "by"),
    [
        ("CANCEL", 0.0, None, "callee"),
        ("", 0.0, None, "callee"),
        ("BUSY", 0.0, None, "callee"),
        ("NOANSWER", None, 5.0, "system"),
        ("BUSY", None, 5.0, "system"),
        ("NOANSWER", None, None, "system"),
    ],
    ids=["gives up", "and that is not said", "as the phone gets busy", "rang out", "was busy", "and let go"],
)
def test_a_client_who_was_called_back_ends_the_call_by_leaving_while_somebody_is_rung(
    status: str, leaves_before: float | None, leaves_after: float | None, by: str
) -> None:
    story = Story()
    client = story.channel("PJSIP/trunk-00000001", NUMBER, context="from-trunk")
    story.dial(None, client, f"{NUMBER}@trunk")
    story.wait(2)
    story.answer(None, client)
    phone = story.rung("101", by=client)
    story.wait(3)
    if leaves_before is not None:
        story.leaves(client)
    if status:
        story.end_dial(client, phone, status)
        story.hangup(phone, cause="17" if status == "BUSY" else "16")
    if leaves_after is not None:
        story.wait(leaves_after)
        story.leaves(client)
    story.hangup(client)
    if not status:
        story.wait(5)
        story.hangup(phone)
    story.wait(3)
    assert story.call()["hangup_by"] == by


@pytest.mark.parametrize(("first", "by"), [("client", "caller"), ("phone", "callee")])
def test_of_two_who_hang_up_before_the_pbx_lets_them_go_the_first_has_ended_the_call(first: str, by: str) -> None:
    """Their channels stay in the bridge for longer than a Hangup is waited for."""
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(5)
    for side in (client, phone) if first == "client" else (phone, client):
        story.leaves(side)
        story.wait(0.5)
    story.wait(3)
    story.hangup(client, phone)
    assert ending(story.call()) == (by, "answered")


@pytest.mark.parametrize(("leaves", "by"), [(True, "caller"), (False, "system")])
def test_a_client_whom_nobody_took_left_or_was_let_go(leaves: bool, by: str) -> None:
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(5)
    story.end_dial(client, phone, "NOANSWER")
    story.leaves(phone)  # of its own, so that requests are known to be heard
    story.hangup(phone, cause="19")
    story.wait(2)
    if leaves:
        story.leaves(client)
    story.hangup(client)
    story.wait(3)
    assert ending(story.call()) == (by, "missed")


def test_the_legs_of_a_client_who_gives_up_are_cancelled_but_for_the_one_that_had_refused() -> None:
    story = Story()
    client = story.client()
    busy, ringing = story.rung("101", by=client), story.rung("102", by=client)
    story.wait(1)
    story.end_dial(client, busy, "BUSY")
    story.hangup(busy, cause="17")
    story.wait(3)
    story.leaves(client)
    story.end_dial(client, ringing, "CANCEL")
    story.hangup(ringing, client)
    story.wait(3)
    assert legs(story.call()) == [("101", "direct", "busy"), ("102", "direct", "cancelled")]


# -- talks -------------------------------------------------------------------------


@pytest.mark.parametrize("leaver", ["client", "phone", "nobody"])
@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_a_talk_is_ended_by_who_leaves_first(direction: str, leaver: str) -> None:
    story = Story()
    other = story.phone("105", dials="106")  # so that requests are known to be heard
    story.leaves(other)
    story.hangup(other)
    story.wait(3)
    if direction == "inbound":
        client = story.client()
        phone = story.rung("101", by=client)
        first, second = client, phone
    else:
        phone, client = rings(story, NUMBER)
        first, second = phone, client
    story.wait(1)
    story.talk("b1", first, second)
    story.wait(5)
    sides = {"client": client, "phone": phone}
    if leaver in sides:
        story.leaves(sides[leaver])
        story.hangup(sides.pop(leaver))
        story.wait(0.1)
    for side in sides.values():
        if leaver != "nobody":
            story.leaves(side)  # the phone that was left is put down a moment later
        story.hangup(side)
    story.wait(3)
    is_caller = (leaver == "client") == (direction == "inbound")
    by = "system" if leaver == "nobody" else "caller" if is_caller else "callee"
    call = next(call for call in story.calls() if call["direction"] == direction)
    assert ending(call) == (by, "answered")
    assert call["talk_seconds"] == pytest.approx(5.0, abs=0.2)


@pytest.mark.parametrize(("pause", "by"), [(0.1, "callee"), (0.9, "callee"), (1.5, "caller")])
def test_a_client_who_hangs_up_just_after_the_employee_did_not_end_the_call(pause: float, by: str) -> None:
    """Both put down at the end of a talk; who is left in the menu and hangs up there has ended the call."""
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(5)
    story.leaves(phone)
    story.hangup(phone)
    story.unbridge(client)
    story.wait(pause)
    story.leaves(client)
    story.hangup(client)
    story.wait(3)
    assert ending(story.call()) == (by, "answered")


def test_a_client_whom_the_employee_left_in_the_menu_was_left_by_the_employee() -> None:
    """The employee hangs up; the dialplan goes on (a rating is asked for) and lets the client go."""
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(5)
    story.leaves(phone)
    story.hangup(phone)
    story.unbridge(client)
    story.wait(6)
    story.hangup(client)
    story.wait(3)
    call = story.call()
    assert ending(call) == ("callee", "answered")
    assert call["talk_seconds"] == pytest.approx(5.0, abs=0.2)


def test_a_far_end_that_has_left_ends_the_call_before_its_channel_goes() -> None:
    """Voicemail stores the message for seconds after the caller has hung up."""
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(2)
    story.end_dial(client, phone, "NOANSWER")
    story.hangup(phone, cause="19")
    story.wait(5)
    story.leaves(client)
    left_at = story.now
    story.wait(8)
    story.hangup(client)
    story.wait(3)
    call = story.call()
    assert call["ended"] == pytest.approx(left_at, abs=0.2)
    assert ending(call) == ("caller", "missed")


def test_a_client_who_leaves_ends_the_call_whoever_stays_to_talk() -> None:
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    third = story.rung("102", by=phone)
    story.answer(phone, third)
    story.bridge("b1", third)
    story.wait(4)
    story.leaves(client)
    left_at = story.now
    story.hangup(client)
    story.wait(20)
    story.hangup(third, phone)
    story.wait(3)
    assert story.call()["ended"] == pytest.approx(left_at, abs=0.2)


# -- joined calls -------------------------------------------------------------------


@pytest.mark.parametrize("names_the_parties", [True, False])
def test_a_consultation_that_is_joined_brings_its_legs_as_they_ended(names_the_parties: bool) -> None:
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(1)
    story.talk("b1", client, phone)
    story.wait(3)
    consultation = story.phone("101", dials="600")
    busy, taker = story.rung("102", by=consultation), story.rung("103", by=consultation)
    story.wait(1)
    story.end_dial(consultation, busy, "BUSY")
    story.hangup(busy, cause="17")
    story.wait(2)
    story.talk("b2", consultation, taker)
    story.wait(3)
    story.attended(phone, consultation, *((client, taker) if names_the_parties else (None, None)))
    story.unbridge(consultation, client)
    story.bridge("b2", client)
    story.hangup(phone, consultation)
    story.wait(4)
    story.leaves(client)
    story.hangup(client, taker)
    story.wait(3)
    call = story.call()
    assert legs(call) == [
        ("101", "direct", "answered"), ("102", "consultation", "busy"), ("103", "consultation", "answered"),
    ]  # fmt: skip
    assert [(it["from"], it["to"], it["result"]) for it in call["transfers"]] == [("101", "103", "completed")]
    assert [leg["ring_seconds"] for leg in call["legs"]] == pytest.approx([1.0, 1.0, 3.0], abs=0.2)
