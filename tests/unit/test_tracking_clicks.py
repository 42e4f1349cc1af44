"""Calls that an Originate makes: when they are known, by what, whose they are; Originates that rang nothing."""

from __future__ import annotations

import random

import pytest

from integration.domain.calls.call import Direction
from integration.domain.calls.events import CallDescribed, CallStarted
from integration.domain.ids import PbxId, Timestamp
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.ami_story import Channel, Story, legs, told
from tests.unit.test_tracking_beginnings import CLIENT, at_once, later


def _ordered(story: Story, channel: str, **headers: str) -> None:
    """An Originate of ours."""
    story.action(
        Action="Originate", ActionID="crm-1", Channel=channel, Context="from-internal", Exten=CLIENT, Async="true",
        Variable="__CRM_CALL_ID=1", **headers,
    )  # fmt: skip


OURS = {"kind": "click", "action_id": "crm-1", "crm_call_id": "1"}


def _an_unanswered_click(story: Story) -> tuple[Channel, list[slice]]:
    """101 is rung through a Local pair and does not answer. Also: the lines that begin it."""
    begin = len(story.lines)
    one, two = story.local("101")
    one.number = CLIENT
    story.dial(None, one, "101@from-internal")
    phone = story.rung("101", by=two)
    story.ring(one)
    beginning = slice(begin, len(story.lines))
    story.wait(12)
    story.end_dial(two, phone, "NOANSWER")
    story.hangup(phone, cause="19")
    story.end_dial(None, one, "NOANSWER")
    story.hangup(one, two)
    return one, [beginning]


def test_a_click_that_is_not_answered_is_known_in_whatever_order_its_events_come() -> None:
    """Nothing that comes after could show it."""
    story = Story()
    _ordered(story, "Local/101@from-internal")
    _, (beginning,) = _an_unanswered_click(story)
    part = story.lines[beginning]
    shuffled = random.Random(3)
    for _ in range(100):
        order = shuffled.sample(part, len(part))
        mixed = [(at, kind, said) for (at, _, _), (_, kind, said) in zip(part, order, strict=True)]
        (call,) = told([*story.lines[: beginning.start], *mixed, *story.lines[beginning.stop :]])
        assert (call["direction"], call["caller"], call["called"]) == ("outbound", "101", CLIENT)
        assert (call["origin"], call.get("failure")) == (OURS, "agent_noanswer")
        assert "seen_from_start" not in call


def test_an_originate_whose_dial_is_not_heard_of_is_known_by_its_channel_which_is_down() -> None:
    story = Story()
    _ordered(story, "Local/101@from-internal")
    _an_unanswered_click(story)
    heard = [
        line for line in story.lines
        if not (isinstance(line[2], dict) and line[2].get("Event") == "DialBegin" and "Channel" not in line[2])
    ]  # fmt: skip
    (call,) = told(heard)
    assert (call["direction"], call["caller"], call["called"]) == ("outbound", "101", CLIENT)
    assert call["origin"] == OURS
    assert legs(call) == [("101", "click", "noanswer")]


@pytest.mark.parametrize("phone_first", [False, True], ids=["in order", "overtaken by its phone"])
def test_a_stream_that_begins_with_the_dial_of_an_originate_knows_its_click(phone_first: bool) -> None:
    story = Story()
    _ordered(story, "PJSIP/101")
    phone = story.channel("PJSIP/101-00000001", CLIENT)
    story.lines.pop()
    if phone_first:
        story.ring(phone)
    story.dial(None, phone, "101")
    story.ring(phone)
    story.wait(12)
    story.end_dial(None, phone, "NOANSWER")
    story.hangup(phone, cause="19")
    call = story.call()
    assert (call["direction"], call["caller"], call["called"], call["origin"]) == ("outbound", "101", CLIENT, OURS)
    assert "seen_from_start" not in call


def test_a_click_on_a_number_at_a_trunk_is_known_by_what_was_to_be_rung() -> None:
    """The channel is named after the trunk alone; the dial tells the number, as the Originate did."""
    story = Story()
    _ordered(story, f"PJSIP/{CLIENT}@trunk")
    line = story.channel("PJSIP/trunk-00000001", CLIENT, context="from-trunk")
    story.dial(None, line, f"{CLIENT}@trunk")
    story.wait(5)
    story.end_dial(None, line, "NOANSWER")
    story.hangup(line)
    assert story.call()["origin"] == OURS


def test_the_crms_id_of_a_click_is_known_by_its_variable_where_another_process_ordered_it() -> None:
    story = Story()
    phone = story.channel("PJSIP/101-00000001", CLIENT)
    story.say("VarSet", phone.headers(), Variable="__CRM_CALL_ID", Value="7")
    story.dial(None, phone, "101")
    story.wait(5)
    story.end_dial(None, phone, "NOANSWER")
    story.hangup(phone)
    assert story.call()["origin"]["crm_call_id"] == "7"


def test_a_failure_that_names_the_phone_alone_is_of_the_click_whose_dial_was_not_heard_of() -> None:
    story = Story()
    phone = story.channel("PJSIP/101-00000001", CLIENT)
    story.ring(phone)
    story.wait(5)
    story.say("OriginateResponse", Response="Failure", Reason="3", Channel="PJSIP/101/n", ActionID="other-1")
    story.hangup(phone)
    assert story.call()["origin"]["action_id"] == "other-1"


def test_a_click_whose_phone_was_quicker_is_told_as_one_as_soon_as_its_originate_is_heard_of() -> None:
    story = Story()
    one, two = story.local("101")
    one.number = CLIENT
    story.rung("101", by=two)
    later(story, 1)
    said = [event.direction for event in at_once(story.lines) if isinstance(event, CallStarted | CallDescribed)]
    assert [direction for direction in said if direction] == [Direction.INTERNAL, Direction.OUTBOUND]


@pytest.mark.parametrize("application", ["AppDial2", "Dial"])
def test_a_click_that_is_found_ringing_is_for_the_number_its_phone_shows(application: str) -> None:
    """A click through a Local pair is one whatever its first half does; a phone's channel says so."""
    name = "PJSIP/101-00000001" if application == "AppDial2" else "Local/101@from-internal-00000001;1"
    story = Story()
    row = story.channel(name, "101", state="5").headers() | {"Application": application, "ConnectedLineNum": CLIENT}
    story.lines[1:] = []
    story.say("Status", row)
    story.say("StatusComplete")
    story.wait(3)
    story.say("Hangup", row, Cause="19")
    call = story.call()
    assert (call["direction"], call["caller"], call["called"]) == ("outbound", "101", CLIENT)


def test_of_a_call_that_is_heard_of_by_a_phone_that_is_added_to_it_the_beginning_was_not_seen() -> None:
    story = Story()
    phone = story.channel("PJSIP/101-00000009", "101", of=story.client())
    story.lines[1:] = []
    story.dial(None, phone, "101")
    story.wait(2)
    story.hangup(phone)
    call = story.call()
    assert (call["seen_from_start"], call["caller"], call.get("origin")) == (False, "101", None)


def test_a_phone_that_an_originate_adds_to_a_clients_call_makes_no_click_of_it() -> None:
    story = Story()
    _ordered(story, "PJSIP/101")
    client = story.client()
    phone = story.channel("PJSIP/101-00000009", "101", of=client)
    story.dial(None, phone, "101")
    story.ring(phone)
    story.wait(2)
    story.leaves(client)
    story.hangup(phone, client)
    call = story.call()
    assert (call["direction"], call["caller"], call.get("origin")) == ("inbound", "79160000001", None)


@pytest.mark.parametrize(
    ("door", "shows", "caller", "called"),
    [
        ("101", "102", "101", "102"),
        ("99101", "99101", "101", ""),
        ("anna", CLIENT, "anna", CLIENT),
        ("anna", "anna", "anna", ""),
    ],
)
def test_an_originate_that_rings_no_phone_is_of_the_employee_it_names_for_the_one_its_channel_shows(
    door: str, shows: str, caller: str, called: str
) -> None:
    story = Story()
    one, two = story.local(door)
    one.number = shows
    story.dial(None, one, f"{door}@from-internal")
    story.wait(3)
    story.end_dial(None, one, "CHANUNAVAIL")
    story.hangup(one, two)
    call = story.call()
    assert (call["caller"], call["called"]) == (caller, called)


def test_an_originate_that_rings_a_group_in_vain_is_of_the_phone_that_was_rung_first() -> None:
    story = Story()
    one, two = story.local("600")
    one.number = CLIENT
    story.dial(None, one, "600@from-internal")
    phones = [story.rung(extension, by=two) for extension in ("101", "102")]
    story.wait(12)
    story.hangup(*phones, one, two)
    assert story.call()["caller"] == "101"


def test_an_originate_that_leads_to_an_application_is_for_the_colleague_it_rings() -> None:
    story = Story()
    phone = story.channel("PJSIP/101-00000001", "101")
    story.dial(None, phone, "101")
    story.wait(2)
    story.answer(None, phone)
    colleague = story.rung("102", by=phone)
    story.wait(2)
    story.talk("b1", phone, colleague)
    story.wait(2)
    story.leaves(colleague)
    story.hangup(colleague, phone)
    call = story.call()
    assert (call["direction"], call["caller"], call["called"]) == ("internal", "101", "102")


def test_a_click_that_a_forwarded_phone_takes_stays_that_of_the_employee_who_clicked() -> None:
    story = Story()
    one, two = story.local("101")
    one.number = CLIENT
    story.dial(None, one, "101@from-internal")
    phone = story.rung("101", by=two)
    story.say("DialEnd", two.headers(), phone.headers("Dest"), DialStatus="CANCEL", Forward="102@from-internal")
    story.hangup(phone, cause="16")
    three, four = story.local("102", by=two)
    story.dial(two, three, "102@from-internal")
    colleague = story.rung("102", by=four)
    story.wait(2)
    story.talk("b0", four, colleague)
    story.answer(two, three)
    story.answer(None, one)
    story.bridge("b1", three, two)
    one.exten = CLIENT
    trunk = story.trunk(CLIENT, by=one)
    story.wait(2)
    story.talk("b2", one, trunk)
    story.wait(2)
    story.leaves(trunk)
    story.hangup(trunk, one, two, three, four, colleague)
    call = story.call()
    assert (call["direction"], call["caller"], call["called"]) == ("outbound", "101", CLIENT)


def test_a_colleague_whom_a_click_rang_and_who_is_handed_on_is_the_client_of_the_third() -> None:
    story = Story()
    phone = story.channel("PJSIP/101-00000001", "102")
    story.dial(None, phone, "101")
    story.wait(1)
    story.answer(None, phone)
    phone.exten = "102"
    colleague = story.rung("102", by=phone)
    story.wait(1)
    story.talk("b1", phone, colleague)
    story.wait(3)
    story.say(
        "BlindTransfer", phone.headers("Transferer"), colleague.headers("Transferee"), Result="Success", Extension="103"
    )
    story.hangup(phone)
    story.unbridge(colleague)
    third = story.rung("103", by=colleague)
    story.wait(2)
    story.talk("b2", colleague, third)
    story.wait(4)
    story.leaves(colleague)
    story.hangup(colleague, third)
    call = story.call()
    assert (call["direction"], call["caller"], call["called"]) == ("internal", "101", "102")
    assert call["final_responsible"] == "103"


# -- phones that never rang -----------------------------------------------------------------


def _failed(channel: str, **headers: str) -> Story:
    """An Originate of another program whose phone is not registered: its answer is all that is heard of it."""
    story = Story()
    said = {"Response": "Failure", "Reason": "0", "Uniqueid": "1796000009.1", "Exten": CLIENT, "CallerIDNum": "101"}
    story.say("OriginateResponse", said | headers, Channel=channel)
    return story


@pytest.mark.parametrize(
    ("channel", "headers", "numbers", "leg"),
    [
        ("PJSIP/101", {}, ("outbound", "101", CLIENT), ("101", "click", "unavailable")),
        ("PJSIP/123456", {}, ("outbound", "123456", CLIENT), ("123456", "click", "unavailable")),
        ("PJSIP/101", {"Exten": "102"}, ("internal", "101", "102"), ("101", "click", "unavailable")),
        ("PJSIP/101", {"Exten": "", "CallerIDNum": CLIENT}, ("outbound", "101", CLIENT),
         ("101", "click", "unavailable")),
        (f"PJSIP/{CLIENT}@trunk", {"Exten": "101"}, ("outbound", "101", CLIENT), (CLIENT, "direct", "failed")),
    ],
    ids=["an outside number", "a long extension", "a colleague", "to an application", "the client first"],
)  # fmt: skip
def test_an_originate_that_rang_nothing_is_a_call_of_one_leg(
    channel: str, headers: dict[str, str], numbers: tuple[str, str, str], leg: tuple[str, str, str]
) -> None:
    call = _failed(channel, **headers).call()
    assert (call["direction"], call["caller"], call["called"]) == numbers
    assert legs(call) == [leg]


def test_an_originate_that_rang_nothing_is_a_click_of_whoever_ordered_it() -> None:
    assert _failed("PJSIP/101", ActionID="other-1").call()["origin"]["action_id"] == "other-1"


@pytest.mark.parametrize("reason", ["1", "3", "4", "5"])
def test_the_answer_of_an_originate_that_rang_begins_no_call(reason: str) -> None:
    assert _failed("PJSIP/101", Reason=reason).calls() == []


@pytest.mark.parametrize("ordered", ["PJSIP/101", "PJSIP/101/n"])
def test_a_click_that_rang_nothing_is_forgotten_with_its_order(ordered: str) -> None:
    """The next Originate of that phone, by another program, was taken for it."""
    story = Story()
    _ordered(story, ordered)
    story.say("OriginateResponse", Response="Failure", Reason="0", Channel=ordered, ActionID="crm-1", Exten=CLIENT)
    story.wait(60)
    phone = story.channel("PJSIP/101-00000001", CLIENT)
    story.dial(None, phone, "101")
    story.wait(5)
    story.end_dial(None, phone, "NOANSWER")
    story.hangup(phone)
    first, second = story.calls()
    assert (first["origin"], second.get("origin")) == (OURS, None)


def test_nothing_is_kept_of_an_originate_that_rang_nothing() -> None:
    story, tracker = _failed("PJSIP/101"), Tracker(PbxId("pbx"))
    _, _, said = story.lines[-1]
    assert not isinstance(said, str)
    tracker.feed(said, Timestamp(1.0))
    tracker.tick(Timestamp(3600.0))
    assert not tracker._board.calls
