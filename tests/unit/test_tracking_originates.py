"""Calls that an Originate makes: ours or another program's, by any channel, its events in any order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from integration.domain.calls.events import CallEnded, CallStarted
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.replay import Line
from tests.unit.ami_story import Channel, Story, events, legs, told
from tests.unit.pbx_mirror import PbxMirror

CLIENT = "79162223344"


def _through_local(story: Story, exten: str) -> tuple[Channel, Channel, Channel, slice]:
    """`Local/101@from-internal` is originated and 101 rings. Also: which lines tell it."""
    begin = len(story.lines)
    one, two = story.local("101")
    two.number = exten
    story.dial(None, one, "101@from-internal")
    phone = story.rung("101", by=two)
    story.ring(one)
    end = len(story.lines)
    story.wait(2)
    return one, two, phone, slice(begin, end)


def _picked_up(story: Story, one: Channel, two: Channel, phone: Channel, exten: str) -> None:
    story.answer(two, phone)
    story.answer(None, one)
    story.bridge("b1", phone, two)
    one.number, one.exten = exten, exten


def _talked(story: Story, one: Channel, two: Channel, phone: Channel, other: Channel) -> None:
    story.wait(2)
    story.talk("b2", one, other)
    story.wait(5)
    story.leaves(other)
    story.hangup(other, one, two, phone)


def _click(story: Story, **headers: str) -> None:
    story.action(
        Action="Originate", ActionID="crm-1", Context="from-internal", Exten=CLIENT, Async="true",
        Variable="__CRM_CALL_ID=1", CallerID=f"{CLIENT} <{CLIENT}>", **headers,
    )  # fmt: skip


def _a_click_through_local() -> tuple[list[Line], slice]:
    story = Story()
    _click(story, Channel="Local/101@from-internal")
    one, two, phone, beginning = _through_local(story, CLIENT)
    _picked_up(story, one, two, phone, CLIENT)
    trunk = story.trunk(CLIENT, by=one)
    _talked(story, one, two, phone, trunk)
    return story.lines, beginning


def _check_the_click(calls: list[dict[str, Any]]) -> None:
    (call,) = calls
    assert (call["direction"], call["caller"], call["called"]) == ("outbound", "101", CLIENT)
    assert (call["answered_by"], call["final_responsible"], call["hangup_by"]) == (CLIENT, "101", "callee")
    assert call["origin"] == {"kind": "click", "action_id": "crm-1", "crm_call_id": "1"}
    assert legs(call) == [("101", "click", "answered"), (CLIENT, "direct", "answered")]
    assert "seen_from_start" not in call


def _orders(lines: list[Line], beginning: slice) -> Iterator[list[Line]]:
    """The moments stay; what is said at them is exchanged, so that each event may be up to 50 ms late."""
    part = lines[beginning]
    moments = [Timestamp(part[0][0] + 0.05 * place / len(part)) for place in range(len(part))]
    shuffled = random.Random(7)
    for _ in range(300):
        order = shuffled.sample(part, len(part))
        late = [(at, kind, said) for at, (_, kind, said) in zip(moments, order, strict=True)]
        yield lines[: beginning.start] + late + lines[beginning.stop :]


def test_a_click_is_known_in_whatever_order_its_events_come() -> None:
    """The phone's DialBegin 4 ms before the Originate's own lost the click: it was an internal call of nobody."""
    lines, beginning = _a_click_through_local()
    for order in _orders(lines, beginning):
        _check_the_click(told(order))


@pytest.mark.parametrize("late", [0.004, 0.02, 0.05])
def test_a_click_is_known_however_late_one_of_its_events_is(late: float) -> None:
    lines, beginning = _a_click_through_local()
    for place in range(beginning.start, beginning.stop):
        at, kind, said = lines[place]
        moved = sorted([*lines[:place], *lines[place + 1 :], (Timestamp(at + late), kind, said)], key=lambda it: it[0])
        _check_the_click(told(moved))


def test_the_first_thing_told_of_a_click_is_its_start_and_the_last_its_end() -> None:
    lines, _ = _a_click_through_local()
    late: dict[str, str | list[str]] = {
        "Event": "VarSet", "Channel": "PJSIP/101-9", "Uniqueid": "1796000001.9", "Linkedid": "1796000001.1",
        "Variable": "CRM_CALL_ID", "Value": "2",
    }  # fmt: skip
    told_of = events([*lines, (Timestamp(lines[-1][0] + 3.0), "event", late)])
    assert isinstance(told_of[0], CallStarted)
    assert isinstance(told_of[-1], CallEnded)


@pytest.mark.parametrize("channel_id", ["", "1796000001.1"], ids=["by the phone", "by the ChannelId"])
def test_a_click_that_rings_the_phone_itself_is_known_in_whatever_order_its_events_come(channel_id: str) -> None:
    story = Story()
    _click(story, Channel="PJSIP/101", **({"ChannelId": channel_id} if channel_id else {}))
    begin = len(story.lines)
    phone = story.channel("PJSIP/101-00000001", CLIENT)
    story.dial(None, phone, "101")
    story.ring(phone)
    beginning = slice(begin, len(story.lines))
    story.wait(2)
    story.answer(None, phone)
    phone.exten = CLIENT
    trunk = story.trunk(CLIENT, by=phone)
    story.wait(2)
    story.talk("b1", phone, trunk)
    story.wait(4)
    story.leaves(trunk)
    story.hangup(trunk, phone)
    for order in itertools.permutations(story.lines[beginning]):
        _check_the_click(told([*story.lines[: beginning.start], *_at_once(order), *story.lines[beginning.stop :]]))


def _at_once(order: tuple[Line, ...]) -> Iterator[Line]:
    first = min(line[0] for line in order)
    return ((Timestamp(first + 0.01 * place), kind, said) for place, (_, kind, said) in enumerate(order))


@pytest.mark.parametrize("shows", ["102", "101", ""], ids=["whom it is for", "the caller", "nothing"])
def test_another_programs_call_between_colleagues_through_local_is_internal(shows: str) -> None:
    story = Story()
    one, two, phone, _ = _through_local(story, shows)
    _picked_up(story, one, two, phone, "102")
    colleague = story.rung("102", by=one)
    _talked(story, one, two, phone, colleague)
    call = story.call()
    assert (call["direction"], call["caller"], call["called"]) == ("internal", "101", "102")
    assert (call["disposition"], call["answered_by"], call["final_responsible"]) == ("answered", "102", "102")
    assert legs(call) == [("101", "click", "answered"), ("102", "direct", "answered")]
    assert (call["talk_seconds"], call["hangup_by"]) == (pytest.approx(5, abs=0.2), "callee")


@pytest.mark.parametrize("channel", ["PJSIP/101-00000001", "SIP/101-b7e0f1c8", "IAX2/101-8721", "SCCP/101-0000000A"])
@pytest.mark.parametrize("wanted", ["102", CLIENT])
def test_another_programs_call_from_a_phone_of_any_technology(channel: str, wanted: str) -> None:
    story = Story()
    phone = story.channel(channel, wanted)
    story.dial(None, phone, "101")
    story.ring(phone)
    story.wait(2)
    story.answer(None, phone)
    phone.exten = wanted
    other = story.rung("102", by=phone) if wanted == "102" else story.trunk(wanted, by=phone)
    story.wait(2)
    story.talk("b1", phone, other)
    story.wait(4)
    story.leaves(phone)
    story.hangup(phone, other)
    call = story.call()
    direction, responsible = ("internal", "102") if wanted == "102" else ("outbound", "101")
    assert (call["direction"], call["caller"], call["called"]) == (direction, "101", wanted)
    assert (call["answered_by"], call["final_responsible"], call["hangup_by"]) == (wanted, responsible, "caller")
    assert call.get("origin") is None


def test_another_programs_call_to_a_group_is_to_the_group() -> None:
    story = Story()
    one, two, phone, _ = _through_local(story, "")
    _picked_up(story, one, two, phone, "700")
    first, second = story.rung("102", by=one), story.rung("103", by=one)
    story.wait(2)
    story.end_dial(one, first, "CANCEL")
    story.hangup(first, cause="26")
    _talked(story, one, two, phone, second)
    call = story.call()
    assert (call["direction"], call["called"], call["answered_by"]) == ("internal", "700", "103")


def test_another_programs_call_to_a_group_stays_one_to_it_when_the_dialplan_goes_on_to_a_second_group() -> None:
    """Also where the PBX's answer to the Originate names no exten: it led to an application."""
    story = Story()
    one, two, phone, _ = _through_local(story, "")
    _picked_up(story, one, two, phone, "700")
    first = story.rung("102", by=one)
    story.say(
        "OriginateResponse", Response="Success", Channel=one.name, Uniqueid=one.uid, Reason="4", Exten="<unknown>"
    )
    story.wait(2)
    story.end_dial(one, first, "NOANSWER")
    story.hangup(first)
    one.exten = "750"
    _talked(story, one, two, phone, story.rung("103", by=one))
    call = story.call()
    assert (call["direction"], call["called"], call["answered_by"]) == ("internal", "700", "103")


def test_a_callback_over_a_line_of_a_card_is_outgoing() -> None:
    """A channel of DAHDI is reserved when it is made, not down: it looks like one that comes in for a moment."""
    story = Story()
    client = story.channel(f"DAHDI/i1/{CLIENT}-1", CLIENT, context="from-pstn", state="1")
    story.dial(None, client, f"i1/{CLIENT}")
    story.ring(client)
    story.wait(3)
    story.answer(None, client)
    client.exten = "700"
    phone = story.rung("101", by=client)
    story.wait(2)
    story.talk("b1", client, phone)
    story.wait(4)
    story.leaves(client)
    story.hangup(client, phone)
    call = story.call()
    assert (call["direction"], call["caller"], call["called"]) == ("outbound", "101", CLIENT)


@pytest.mark.parametrize(("rung", "employee"), [(["101"], "101"), (["101", "102"], "")])
def test_a_callback_that_nobody_takes_is_of_the_only_employee_it_rang(rung: list[str], employee: str) -> None:
    """The trunk is named like an extension; the dialplan tells no exten that it was for."""
    story = Story()
    client = story.channel("PJSIP/7495-00000001", CLIENT, context="from-trunk")
    story.dial(None, client, f"{CLIENT}@7495")
    story.ring(client)
    story.wait(3)
    story.answer(None, client)
    phones = [story.rung(extension, by=client) for extension in rung]
    story.wait(4)
    story.leaves(client)
    for phone in phones:
        story.end_dial(client, phone, "CANCEL")
    story.hangup(*phones, client)
    call = story.call()
    assert (call["direction"], call["caller"], call["called"]) == ("outbound", employee, CLIENT)


def test_a_click_of_an_employee_whose_phone_is_a_mobile_rings_the_employee_first() -> None:
    story = Story()
    one, two = story.local("101")
    story.dial(None, one, "101@from-internal")
    mobile = story.trunk("79037770000", by=two)
    story.wait(2)
    _picked_up(story, one, two, mobile, CLIENT)
    _talked(story, one, two, mobile, story.trunk(CLIENT, by=one))
    call = story.call()
    assert (call["direction"], call["caller"], call["called"]) == ("outbound", "101", CLIENT)


def test_a_callback_that_rings_two_numbers_of_the_client_is_one_also_when_the_originate_is_heard_of_last() -> None:
    story = Story()
    begin = len(story.lines)
    one, two = story.local(CLIENT)
    story.dial(None, one, f"{CLIENT}@from-internal")
    originate = slice(begin, len(story.lines))
    client, other = story.trunk(CLIENT, by=two), story.trunk("79163334455", by=two)
    rung = slice(originate.stop, len(story.lines))
    story.wait(3)
    story.answer(two, client)
    story.answer(None, one)
    story.bridge("b1", client, two)
    story.hangup(other, cause="26")
    one.exten = "700"
    phone = story.rung("101", by=one)
    _talked(story, one, two, client, phone)
    mixed = [*story.lines[rung], *story.lines[originate]]
    (call,) = told([*story.lines[:begin], *_at_once(tuple(mixed)), *story.lines[rung.stop :]])
    assert (call["direction"], call["caller"], call["called"]) == ("outbound", "101", CLIENT)


def test_another_programs_call_that_its_employee_does_not_take_never_rang_anybody_else() -> None:
    story = Story()
    one, two, phone, _ = _through_local(story, "102")
    story.wait(20)
    story.end_dial(None, one, "NOANSWER")
    story.hangup(one)
    story.end_dial(two, phone, "CANCEL")
    story.hangup(phone, two)
    call = story.call()
    assert (call["direction"], call["caller"], call["called"]) == ("internal", "101", "102")
    assert call["answered_by"] is None
    assert legs(call) == [("101", "click", "noanswer")]


def test_a_colleague_whose_phone_leads_to_a_mobile_is_who_the_click_was_for() -> None:
    story = Story()
    one, two, phone, _ = _through_local(story, "102")
    _picked_up(story, one, two, phone, "102")
    colleague = story.rung("102", by=one)
    story.wait(10)
    story.end_dial(one, colleague, "NOANSWER")
    story.hangup(colleague)
    mobile = story.trunk("79037770000", by=one)
    _talked(story, one, two, phone, mobile)
    call = story.call()
    assert (call["direction"], call["called"]) == ("internal", "102")
    assert call["answered_by"] == "79037770000"


@pytest.mark.parametrize(
    ("said", "result"), [("", "noanswer"), ("HangupRequest", "cancelled"), ("SoftHangupRequest", "cancelled")]
)
def test_a_click_whose_phone_is_rung_directly_rang_out_unless_somebody_ended_it(said: str, result: str) -> None:
    """No OriginateResponse comes for a call that is ordered without `Async`, or while the link is down."""
    story = Story()
    _click(story, Channel="PJSIP/101")
    phone = story.channel("PJSIP/101-00000001", CLIENT)
    story.dial(None, phone, "101")
    story.ring(phone)
    story.wait(20)
    if said:
        story.say(said, phone.headers(), Cause="16")
    story.end_dial(None, phone, "CANCEL")
    story.hangup(phone)
    assert legs(story.call()) == [("101", "click", result)]


def _another_programs_click(story: Story, status: str, cause: str) -> None:
    """`PJSIP/101` is originated, with the client as its caller id; no OriginateResponse comes."""
    phone = story.channel("PJSIP/101-00000001", CLIENT)
    story.dial(None, phone, "101")
    story.ring(phone)
    story.wait(12)
    story.end_dial(None, phone, status)
    story.hangup(phone, cause=cause)


def _another_programs_click_through_local(
    story: Story, exten: str, phones: Sequence[str], status: str, cause: str, *, queue: str = ""
) -> None:
    """`Local/EXTEN@from-internal` is originated: a phone, a group or a queue of the employee's side is rung."""
    one, two = story.local(exten)
    one.number = CLIENT
    story.dial(None, one, f"{exten}@from-internal")
    if queue:
        story.say("QueueCallerJoin", two.headers(), Queue=queue)
    rung = [story.rung(phone, by=two) for phone in phones]
    story.wait(12)
    for phone in rung:
        story.end_dial(two, phone, status)
        story.hangup(phone, cause=cause)
    story.end_dial(None, one, "NOANSWER")
    story.hangup(one, two)


ENDINGS = [("NOANSWER", "19", "agent_noanswer"), ("BUSY", "17", "agent_busy"), ("NOANSWER", "21", "agent_rejected")]


def _check_nobody_dialled_the_client(call: dict[str, Any], failure: str) -> None:
    assert (call["direction"], call["called"], call["answered_by"]) == ("outbound", CLIENT, None)
    assert (call["disposition"], call["failure"]) == ("failed", failure)
    assert "origin" not in call


@pytest.mark.parametrize(("status", "cause", "failure"), ENDINGS)
def test_another_programs_click_that_its_employee_does_not_take_never_dialled_the_client(
    status: str, cause: str, failure: str
) -> None:
    """It was `noanswer` or `busy`, and in the client's feed, as if the client had been called."""
    story = Story()
    _another_programs_click(story, status, cause)
    call = story.call()
    _check_nobody_dialled_the_client(call, failure)
    assert call["caller"] == "101"


@pytest.mark.parametrize("exten", ["101", "600"], ids=["a phone", "a group"])
def test_nor_if_it_rings_the_employees_through_local(exten: str) -> None:
    story = Story()
    phones = ["101"] if exten == "101" else ["101", "102"]
    _another_programs_click_through_local(story, exten, phones, "NOANSWER", "19")
    _check_nobody_dialled_the_client(story.call(), "agent_noanswer")


def test_nor_if_it_rings_a_queue() -> None:
    story = Story()
    _another_programs_click_through_local(story, "700", ["101", "102"], "NOANSWER", "19", queue="sales")
    call = story.call()
    _check_nobody_dialled_the_client(call, "agent_noanswer")
    assert {via for _, via, _ in legs(call)} == {"queue:sales"}


def test_nor_if_the_phone_forwards_to_a_colleague() -> None:
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
    story.wait(12)
    story.end_dial(four, colleague, "NOANSWER")
    story.hangup(colleague, cause="19")
    story.end_dial(two, three, "NOANSWER")
    story.hangup(three, four)
    story.end_dial(None, one, "NOANSWER")
    story.hangup(one, two)
    call = story.call()
    _check_nobody_dialled_the_client(call, "agent_noanswer")
    assert legs(call) == [("101", "click", "forwarded"), ("102", "forward", "noanswer")]


def test_another_programs_click_whose_client_does_not_answer_is_not_answered() -> None:
    story = Story()
    phone = story.channel("PJSIP/101-00000001", CLIENT)
    story.dial(None, phone, "101")
    story.ring(phone)
    story.wait(2)
    story.answer(None, phone)
    phone.exten = CLIENT
    trunk = story.trunk(CLIENT, by=phone)
    story.wait(20)
    story.end_dial(phone, trunk, "NOANSWER")
    story.hangup(trunk, phone, cause="19")
    call = story.call()
    assert (call["disposition"], call.get("failure")) == ("noanswer", None)


@pytest.mark.parametrize(("exten", "queue", "via"), [("600", "", "click"), ("700", "sales", "queue:sales")])
def test_another_programs_click_that_rings_several_is_the_call_of_the_employee_who_takes_it(
    exten: str, queue: str, via: str
) -> None:
    """It was the call of the phone that rang first, or of the queue's number."""
    story = Story()
    one, two = story.local(exten)
    one.number = CLIENT
    story.dial(None, one, f"{exten}@from-internal")
    if queue:
        story.say("QueueCallerJoin", two.headers(), Queue=queue)
    first, second = story.rung("101", by=two), story.rung("102", by=two)
    story.wait(3)
    _picked_up(story, one, two, second, CLIENT)
    story.end_dial(two, first, "CANCEL")
    story.hangup(first, cause="26")
    trunk = story.trunk(CLIENT, by=one)
    _talked(story, one, two, second, trunk)
    call = story.call()
    assert (call["direction"], call["caller"], call["called"]) == ("outbound", "102", CLIENT)
    assert (call["answered_by"], call["final_responsible"]) == (CLIENT, "102")
    assert legs(call) == [("101", via, "cancelled"), ("102", via, "answered"), (CLIENT, "direct", "answered")]


def test_a_callback_found_while_it_rings_the_client_has_dialled_the_client() -> None:
    """The channel list shows a channel that an Originate made, as it does for a click; but it is a trunk's."""
    story = Story()
    trunk = story.channel("PJSIP/trunk-00000001", CLIENT, context="from-trunk")
    story.dial(None, trunk, f"{CLIENT}@trunk")
    story.ring(trunk)
    until_login = len(story.lines)
    story.wait(12)
    story.end_dial(None, trunk, "NOANSWER")
    story.hangup(trunk, cause="19")
    mirror = PbxMirror()
    for at, _, said in story.lines[1:until_login]:
        assert not isinstance(said, str)
        mirror.take(said, at)
    login = Timestamp(story.lines[until_login - 1][0] + 1.0)
    answers: list[Line] = [(login, "event", said) for said in mirror.answers(login)]
    (call,) = told([(login, "link", "up"), *answers, *story.lines[until_login:]])
    assert (call["direction"], call["caller"], call["called"]) == ("outbound", "", CLIENT)
    assert legs(call) == [(CLIENT, "direct", "noanswer")]
    assert call.get("failure") is None
