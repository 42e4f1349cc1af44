"""Lines that tell the caller's number late, and phones on ports of a card: who calls, and who is called."""

from __future__ import annotations

import pytest

from pbx_adapter.asterisk.replay import replay
from tests.unit.ami_story import Channel, Story, legs

NUMBER = "79160000001"


def _answered_by_101(story: Story, client: Channel) -> None:
    phone = story.rung("101", by=client)
    story.wait(2)
    story.talk("b1", client, phone)
    story.wait(4)
    story.leaves(client)
    story.hangup(client, phone)


@pytest.mark.parametrize(
    ("name", "context", "shown"),
    [
        ("DAHDI/33-1", "from-pstn", ""),
        ("Dongle/dongle0-010000000a", "from-gsm", ""),
        ("PJSIP/trunk-00000001", "from-trunk", "anonymous"),
        ("Khomp/B0C5-1.0", "city", ""),
    ],
)
@pytest.mark.parametrize("exten", ["s", "74950000001"], ids=["without a DID", "with a DID"])
def test_a_number_that_comes_after_the_channel_is_the_callers(name: str, context: str, shown: str, exten: str) -> None:
    story = Story()
    client = story.channel(name, shown, context=context, exten=exten, state="4")
    story.wait(2)
    client.number = NUMBER
    story.say("NewCallerid", client.headers(), CallerIDName="Ivan")
    _answered_by_101(story, client)
    call = story.call()
    assert (call["direction"], call["caller"], call["answered_by"]) == ("inbound", NUMBER, "101")
    assert [call.caller_name for call in replay(story.lines)] == ["Ivan"]


def test_where_the_filter_drops_newcallerid_the_next_event_tells_the_number() -> None:
    story = Story()
    client = story.channel("DAHDI/33-1", context="from-pstn", state="4")
    story.wait(2)
    client.number = NUMBER
    _answered_by_101(story, client)
    assert story.call()["caller"] == NUMBER


def test_a_callers_name_cannot_turn_round_the_text_beside_it() -> None:
    """Controls of direction are taken out, whether the name comes with the channel or after it."""
    early, late = Story(), Story()
    known = early.client()
    early.lines[-1][2]["CallerIDName"] = "\u202eIvan\u2066"  # type: ignore[index]
    heard = late.channel("DAHDI/33-1", context="from-pstn", state="4")
    heard.number = NUMBER
    late.say("NewCallerid", heard.headers(), CallerIDName="\u202eIvan\u2066")
    for story, client in ((early, known), (late, heard)):
        _answered_by_101(story, client)
        assert [call.caller_name for call in replay(story.lines)] == ["Ivan"]


def test_a_number_that_is_known_is_not_replaced_by_what_the_dialplan_shows_the_phones() -> None:
    story = Story()
    client = story.client()
    client.number = "700"
    story.say("NewCallerid", client.headers(), CallerIDName="Sales")
    _answered_by_101(story, client)
    assert story.call()["caller"] == NUMBER


def _lifted(story: Story, shown: str) -> Channel:
    return story.channel("DAHDI/12-1", shown, context="from-internal", exten="", state="1")


@pytest.mark.parametrize("shown", ["201", ""], ids=["with its number", "number told after"])
def test_an_analogue_phone_that_dials_outside_is_an_employee(shown: str) -> None:
    story = Story()
    phone = _lifted(story, shown)
    story.wait(5)
    phone.number, phone.exten, phone.state = "201", NUMBER, "4"
    story.say("NewCallerid", phone.headers())
    trunk = story.trunk(NUMBER, by=phone)
    story.wait(3)
    story.talk("b1", phone, trunk)
    story.wait(3)
    story.leaves(phone)
    story.hangup(phone, trunk)
    call = story.call()
    assert (call["direction"], call["caller"], call["called"]) == ("outbound", "201", NUMBER)
    assert (call["final_responsible"], call["hangup_by"]) == ("201", "caller")


def test_an_analogue_phone_that_calls_another_one_calls_its_extension() -> None:
    story = Story()
    phone = _lifted(story, "201")
    story.wait(3)
    phone.exten, phone.state = "202", "4"
    other = story.channel("DAHDI/13-1", "202", context="from-internal", of=phone)
    story.dial(phone, other, "13")
    story.ring(other)
    story.wait(2)
    story.talk("b1", phone, other)
    story.wait(2)
    story.leaves(other)
    story.hangup(other, phone)
    call = story.call()
    assert (call["direction"], call["caller"], call["called"]) == ("internal", "201", "202")
    assert (call["answered_by"], call["hangup_by"]) == ("202", "callee")


def test_a_receiver_that_is_lifted_and_put_back_is_no_call() -> None:
    story = Story()
    phone = _lifted(story, "201")
    story.wait(6)
    story.leaves(phone)
    story.hangup(phone)
    assert story.calls() == []


def test_an_analogue_phone_that_cannot_be_reached_is_known_by_the_exten() -> None:
    story = Story()
    client = story.client()
    client.exten = "201"
    story.say("Newexten", client.headers(), Application="Dial", AppData="DAHDI/12,20")
    story.say("VarSet", client.headers(), Variable="DIALSTATUS", Value="CHANUNAVAIL")
    story.hangup(client, cause="20")
    assert legs(story.call()) == [("201", "direct", "unavailable")]


def test_the_port_of_a_trunk_is_not_the_number_dialled() -> None:
    story = Story()
    phone = story.phone("101", dials=NUMBER)
    trunk = story.channel("DAHDI/12-1", NUMBER, context="from-pstn", of=phone)
    story.dial(phone, trunk, f"12/{NUMBER}")
    story.wait(2)
    story.talk("b1", phone, trunk)
    story.wait(2)
    story.leaves(trunk)
    story.hangup(trunk, phone)
    call = story.call()
    assert (call["direction"], call["called"], legs(call)) == ("outbound", NUMBER, [(NUMBER, "direct", "answered")])
