"""How a call begins: when it is told, its direction and numbers, its first channel."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from integration.domain.calls.events import CallEnded, CallEvent, CallStarted
from integration.domain.ids import PbxId, Timestamp
from pbx_adapter.asterisk.replay import Line, replay
from pbx_adapter.asterisk.tracker.office import OfficeShape
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.ami_story import Story, events, told

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
