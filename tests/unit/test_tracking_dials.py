"""Dials that are heard of twice, late, or long after their channel; and ports, which are no numbers."""

from __future__ import annotations

import pytest

from integration.domain.calls.events import LegEnded, LegOffered
from tests.unit.ami_story import Story, events, legs


def test_a_dial_that_is_told_again_later_is_no_second_offer() -> None:
    story = Story()
    client = story.client()
    phone = story.rung("101", by=client)
    story.wait(3)
    story.dial(client, phone, "101")
    story.say("DialBegin", client.headers(), DialString="101")  # of nobody
    story.wait(3)
    story.end_dial(client, phone, "NOANSWER")
    story.hangup(phone, client)
    assert [leg[0] for leg in legs(story.call())] == ["101"]


def test_a_phone_that_has_hung_up_before_its_dial_is_heard_of_ended_with_its_own_cause() -> None:
    story = Story()
    client = story.client()
    phone = story.channel("PJSIP/101-00000009", "101", of=client)
    story.hangup(phone, cause="17")
    story.dial(client, phone, "101")
    story.wait(5)
    (ended,) = [event for event in events(story.lines) if isinstance(event, LegEnded)]
    assert (ended.result, ended.cause) == ("busy", 17)


def test_a_door_that_was_made_before_it_was_dialled_counts_from_its_dial() -> None:
    story = Story()
    client = story.client()
    one, two = story.local("101", by=client)
    story.wait(0.5)
    dialled = story.now
    story.dial(client, one, "101@from-internal")
    story.rung("101", by=two)
    story.wait(1)
    (offered,) = [event for event in events(story.lines) if isinstance(event, LegOffered)]
    assert offered.at == pytest.approx(dialled, abs=0.1)


def test_a_line_that_is_dialled_by_its_port_is_known_by_the_number_it_shows() -> None:
    story = Story()
    phone = story.phone("101", dials="02")
    line = story.channel("DAHDI/33-1", "102030", context="from-pstn", of=phone)
    story.dial(phone, line, "33")
    story.ring(line)
    story.wait(3)
    assert [leg[0] for leg in legs(story.call())] == ["102030"]


def test_an_inbound_call_without_a_did_is_not_called_by_what_its_phones_show() -> None:
    story = Story()
    story.rung("101", by=story.client(did="s"))
    story.wait(1)
    assert story.call()["called"] == ""


@pytest.mark.parametrize(
    ("dialled", "via"),
    [("Local/101@from-internal,20", "forward"), ("Local/101@from-internal&PJSIP/102,20", "direct")],
    ids=["alone", "in a group"],
)
def test_a_mobile_behind_the_door_of_an_employee_who_is_dialled_alone_is_a_forwarding(dialled: str, via: str) -> None:
    story = Story()
    client = story.client()
    client.exten = "101"
    story.say("Newexten", client.headers(), Application="Dial", AppData=dialled)
    one, two = story.local("101", by=client)
    story.dial(client, one, "101@from-internal")
    story.trunk("79031112233", by=two)
    story.wait(3)
    assert [leg[1] for leg in legs(story.call())] == [via]


def test_a_second_dial_is_alone_whatever_the_first_one_rang() -> None:
    """Where an AMI user's filter drops Newexten, DIALSTATUS tells that another Dial begins: it is emptied."""
    story = Story()
    client = story.client()
    phone = story.rung("102", by=client)
    story.wait(3)
    story.end_dial(client, phone, "NOANSWER")
    story.hangup(phone)
    story.say("VarSet", client.headers(), Variable="DIALSTATUS", Value="NOANSWER")
    story.wait(1)
    client.exten = "101"
    story.say("VarSet", client.headers(), Variable="DIALSTATUS", Value="")
    one, two = story.local("101", by=client)
    story.dial(client, one, "101@from-internal")
    story.trunk("79031112233", by=two)
    story.wait(3)
    assert [leg[:2] for leg in legs(story.call())] == [("102", "direct"), ("79031112233", "forward")]


def test_a_phone_that_cannot_be_dialled_is_one_leg_however_often_that_is_said() -> None:
    story = Story()
    client = story.client()
    client.exten = "101"
    story.say("Newexten", client.headers(), Application="Dial", AppData="PJSIP/101,20")
    for _ in range(2):
        story.say("VarSet", client.headers(), Variable="DIALSTATUS", Value="CHANUNAVAIL")
        story.wait(2)
    assert legs(story.call()) == [("101", "direct", "unavailable")]
