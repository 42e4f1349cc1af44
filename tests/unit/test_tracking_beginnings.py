"""How a call begins: when it is told, its direction and numbers, its first channel, the Originate that made it."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from integration.domain.calls.call import Direction
from integration.domain.calls.events import CallDescribed, CallEnded, CallEvent, CallStarted
from integration.domain.ids import PbxId, Timestamp
from pbx_adapter.asterisk.replay import Line, replay
from pbx_adapter.asterisk.tracker.office import OfficeShape
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.ami_story import Channel, Story, events, legs, told

CLIENT = "79162223344"
DID = "74950000001"


def at_once(lines: Sequence[Line]) -> list[CallEvent]:
    """What is told by these lines alone, without waiting for anything."""
    tracker, heard = Tracker(PbxId("pbx")), list[CallEvent]()
    for at, _, said in lines[1:]:
        assert not isinstance(said, str)
        heard += tracker.feed(said, at)
    return heard


def later(story: Story, line: int) -> None:
    """Move one line of the story to its end, as if the event had come only now."""
    _, kind, said = story.lines.pop(line)
    story.lines.append((Timestamp(story.now), kind, said))
    story.wait(0.001)


# -- when it is told ----------------------------------------------------------------


def test_a_clients_call_is_told_at_once_when_its_line_is_known() -> None:
    story = Story()
    story.client(did=DID)
    (begun,) = at_once(story.lines)
    assert isinstance(begun, CallStarted)
    assert (begun.called, begun.seen_from_start) == (DID, True)


def test_a_clients_call_without_a_line_is_told_as_soon_as_a_variable_names_the_line() -> None:
    story = Story()
    client = story.client(did="s")
    assert at_once(story.lines) == []
    story.say("VarSet", client.headers(), Variable="FROM_DID", Value=DID)
    (begun,) = at_once(story.lines)
    assert isinstance(begun, CallStarted)
    assert begun.called == DID


def test_a_line_that_tells_the_callers_number_late_is_known_by_the_variable_that_comes_after() -> None:
    story = Story()
    client = story.channel("DAHDI/33-1", context="from-pstn", state="4")
    client.number = "79160000001"
    story.say("NewCallerid", client.headers())
    story.say("VarSet", client.headers(), Variable="FROM_DID", Value=DID)
    story.hangup(client)
    call = story.call()
    assert (call["direction"], call["caller"], call["called"]) == ("inbound", "79160000001", DID)


def test_a_phone_that_talks_to_the_pbx_itself_has_a_call_though_nothing_more_is_heard_of_it() -> None:
    story = Story()
    story.phone("101", dials="300")
    assert at_once(story.lines) == []
    (begun,) = events(story.lines)
    assert isinstance(begun, CallStarted)
    assert begun.called == "300"


def test_a_variable_that_names_a_line_begins_no_call_of_a_phone() -> None:
    story = Story()
    phone = story.phone("101", dials="*8")
    story.say("VarSet", phone.headers(), Variable="FROM_DID", Value=DID)
    assert at_once(story.lines) == []


@pytest.mark.parametrize("code", ["*8", "*97", "#1"])
def test_a_command_to_the_pbx_is_no_call(code: str) -> None:
    story = Story()
    phone = story.phone("101", dials=code)
    story.wait(5)
    story.hangup(phone)
    assert story.calls() == []


# -- direction and numbers ------------------------------------------------------------


@pytest.mark.parametrize(
    ("dials", "phones", "mobiles", "direction", "called"),
    [
        ("102", ["102"], [], "internal", "102"),
        ("102", ["102"], ["79031112233"], "internal", "102"),
        ("102", [], ["79031112233"], "outbound", "79031112233"),
        ("012345678", [], ["79031112233"], "outbound", "79031112233"),
        ("1234567", [], [], "outbound", "1234567"),
        ("123456", [], [], "internal", "123456"),
    ],
    ids=["a colleague", "one with a mobile", "a short dial", "a prefix", "nothing rung yet", "a long extension"],
)
def test_a_phones_call_goes_outside_when_its_first_leg_does_or_its_number_is_too_long_for_the_office(
    dials: str, phones: list[str], mobiles: list[str], direction: str, called: str
) -> None:
    story = Story()
    phone = story.phone("101", dials=dials)
    for extension in phones:
        story.rung(extension, by=phone)
    for number in mobiles:
        story.trunk(number, by=phone)
    story.wait(2)
    story.leaves(phone)
    story.hangup(phone)
    (call,) = story.calls(OfficeShape(extension=r"(\d{3})"))
    assert (call["direction"], call["called"]) == (direction, called)


@pytest.mark.parametrize(
    ("known", "said", "name"),
    [("", "Ivan", "Ivan"), ("Petr", "Ivan", "Petr"), ("", "79160000001", None)],
    ids=["its first name", "a second name", "its number once more"],
)
def test_a_callers_name_is_the_first_that_is_no_number(known: str, said: str, name: str | None) -> None:
    story = Story()
    client = story.channel("DAHDI/33-1", context="from-pstn", state="4")
    if known:
        story.lines[-1][2]["CallerIDName"] = known  # type: ignore[index]
    client.number = "79160000001"
    story.say("NewCallerid", client.headers(), CallerIDName=said)
    story.rung("101", by=client)
    assert [call.caller_name for call in replay(story.lines)] == [name]


def test_a_carriers_line_that_shows_a_name_late_names_no_caller() -> None:
    story = Story()
    phone = story.phone("101", dials=CLIENT)
    line = story.channel("DAHDI/33-1", context="from-pstn", of=phone)
    story.dial(phone, line, f"33/{CLIENT}")
    line.number = CLIENT
    story.say("NewCallerid", line.headers(), CallerIDName="Ivan")
    assert [call.caller_name for call in replay(story.lines)] == [None]


# -- events out of order, streams that begin in the middle ---------------------------------


def test_the_line_is_where_the_client_came_in_also_when_a_later_event_was_quicker() -> None:
    story = Story()
    client = story.client(did=DID)
    client.exten = "01"
    story.say("VarSet", client.headers(), Variable="DIALSTATUS", Value="")
    later(story, 1)
    story.rung("101", by=client)
    assert story.call()["called"] == DID


@pytest.mark.parametrize(("late", "seen"), [(0.1, True), (1.0, False)])
def test_a_call_that_was_told_is_seen_from_its_start_if_its_first_channel_is_told_just_after(
    late: float, seen: bool
) -> None:
    story = Story()
    client = story.client()
    story.rung("101", by=client)
    story.wait(late)
    later(story, 1)
    story.wait(3)
    story.leaves(client)
    story.hangup(client)
    call = story.call()
    assert ("seen_from_start" not in call, "end_inferred" not in call) == (seen, seen)


def test_a_new_phone_in_a_call_does_not_show_how_the_call_began() -> None:
    story = Story()
    client = story.client()
    begin = len(story.lines)
    story.say("VarSet", client.headers(), Variable="DIALSTATUS", Value="")
    story.rung("101", by=client)
    story.wait(3)
    story.leaves(client)
    story.hangup(client)
    (call,) = told([story.lines[0], *story.lines[begin:]])
    assert call["seen_from_start"] is False
    assert (call["direction"], call["called"]) == ("inbound", DID)


def test_a_call_that_is_heard_of_by_the_hangup_of_a_phone_alone_is_told_for_the_records_to_be_asked() -> None:
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    begin = len(story.lines)
    story.hangup(phone)
    (call,) = told([story.lines[0], *story.lines[begin:]])
    assert (call["direction"], call["caller"], call["end_inferred"]) == ("internal", "", True)


def test_a_channel_that_is_told_of_again_after_its_hangup_keeps_no_call_open() -> None:
    story = Story()
    phone = story.phone("101", dials="102")
    colleague = story.rung("102", by=phone)
    made = next(said for _, _, said in story.lines if isinstance(said, dict) and said.get("Channel") == colleague.name)
    story.hangup(colleague, cause="17")
    story.lines.append((Timestamp(story.now), "event", made))
    story.hangup(phone)
    assert [event for event in events(story.lines) if isinstance(event, CallEnded)]


def test_a_channel_whose_making_is_told_after_it_was_named_need_not_be_asked_about_so_soon() -> None:
    story = Story()
    client = story.client()
    story.say("VarSet", client.headers(), Variable="DIALSTATUS", Value="")
    tracker = Tracker(PbxId("pbx"))
    asked = []
    for line, minute in ((2, 0), (1, 60)):
        _, _, said = story.lines[line]
        assert not isinstance(said, str)
        tracker.feed(said, Timestamp(minute))
        asked.append(len(tracker.silent(Timestamp(minute + 50), after=3600, half_seen_after=30)))
    assert asked == [1, 0]


# -- Originates -------------------------------------------------------------------------


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
