"""What a campaign's client meets, as variables of the Originate: nothing in them can mean more than it says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.campaigns.reception import (
    Key,
    KeyMeaning,
    MachineAction,
    MachineCheck,
    Reception,
    VoiceMessage,
    faults,
    wishes_no_calls,
)
from integration.errors import Rejected
from pbx_adapter.asterisk.ami import commands, receptions

SOUND = "/var/lib/asterisk/sounds/dozvon-0123"
MESSAGE = VoiceMessage(
    sound=SOUND,
    keys=(
        Key(key="1", meaning=KeyMeaning.HAND_OVER, extension="600"),
        Key(key="2", meaning=KeyMeaning.REPEAT),
        Key(key="9", meaning=KeyMeaning.DO_NOT_CALL),
    ),
)


def test_a_waiting_client_is_three_variables() -> None:
    wait = Reception(wait_seconds=4, announcement=SOUND, music="default")
    assert receptions.variables(wait) == (
        "DOZVON_WAIT=4", f"DOZVON_ANNOUNCEMENT={SOUND}", "DOZVON_MUSIC=default",
    )  # fmt: skip
    assert receptions.variables(Reception()) == ("DOZVON_WAIT=2",)


def test_a_check_has_the_arguments_of_amd_in_its_order() -> None:
    check = MachineCheck(
        initial_silence=2501, greeting=1502, after_greeting=803, total=5004, least_word=105, between_words=56,
        most_words=7, silence_level=258, then=MachineAction.LEAVE_MESSAGE, message=SOUND,
    )  # fmt: skip
    told = receptions.variables(Reception(check=check))
    values = ("2501", "1502", "803", "5004", "105", "56", "7", "258")
    assert told[1:9] == tuple(f"DOZVON_AMD_{number}={value}" for number, value in enumerate(values, start=1))
    assert told[9:] == ("DOZVON_MACHINE=leave", f"DOZVON_LEFT={SOUND}")


def test_each_key_of_a_message_leads_to_a_place_of_the_dialplan() -> None:
    told = receptions.variables(Reception(message=MESSAGE))
    assert {"DOZVON_KEY_1=to0200600", "DOZVON_KEY_2=repeat", "DOZVON_KEY_9=bye", "DOZVON_ROUNDS=1"} <= set(told)


def test_a_hand_over_is_one_redirect_of_the_channel_with_the_attempt_s_name() -> None:
    action = receptions.hand_over("a-1", "101", ring_seconds=15, answers_itself=True)
    assert action.name == "Redirect"
    assert dict(action.headers) == {
        "Channel": "dozvon-a-1", "Context": "dozvon-campaign", "Exten": "to0151101", "Priority": "1",
    }  # fmt: skip


def test_the_client_enters_the_dialplan_where_it_receives_them() -> None:
    action = commands.campaign_call(
        attempt="a-1", number="79161112233", extension="", is_client_first=True, channel_template="PJSIP/{extension}",
        context="internal", ring_seconds=25, enters=(receptions.CONTEXT, receptions.BEGINS_AT), also=("DOZVON_WAIT=2",),
    )  # fmt: skip
    headers = dict(action.headers)
    assert (headers["Channel"], headers["Context"], headers["Exten"]) == (
        "Local/79161112233@internal/n", "dozvon-campaign", "s",
    )  # fmt: skip
    assert ("Variable", "DOZVON_WAIT=2") in action.headers


@pytest.mark.parametrize(
    "reception",
    [
        Reception(wait_seconds=-1),
        Reception(wait_seconds=100),
        Reception(announcement="a,b"),
        Reception(announcement="../../etc/passwd"),
        Reception(announcement="a&b"),
        Reception(music="default,5"),
        Reception(check=MachineCheck(total=0)),
        Reception(check=MachineCheck(then=MachineAction.LEAVE_MESSAGE)),
        Reception(check=MachineCheck(message="${SHELL(id)}")),
        Reception(message=replace(MESSAGE, sound="")),
        Reception(message=replace(MESSAGE, rounds=0)),
        Reception(message=replace(MESSAGE, keys=(Key(key="1", meaning=KeyMeaning.HAND_OVER),))),
        Reception(message=replace(MESSAGE, keys=(Key(key="1", meaning=KeyMeaning.HAND_OVER, extension="1,2"),))),
        Reception(message=replace(MESSAGE, keys=(Key(key="*", meaning=KeyMeaning.REPEAT),))),
        Reception(message=replace(MESSAGE, keys=(Key(key="1", meaning=KeyMeaning.REPEAT),) * 2)),
    ],
)
def test_what_makes_no_sense_or_could_mean_more_is_refused(reception: Reception) -> None:
    with pytest.raises(Rejected):
        receptions.variables(reception)


@pytest.mark.parametrize(("extension", "ring_seconds"), [("101,2", 10), ("", 10), ("101", 0), ("101", 1000)])
def test_a_hand_over_to_no_extension_is_refused(extension: str, ring_seconds: int) -> None:
    with pytest.raises(Rejected):
        receptions.hand_over("a-1", extension, ring_seconds=ring_seconds, answers_itself=False)


TEXTS = st.text(max_size=30)


@given(
    st.builds(
        Reception,
        wait_seconds=st.integers(-5, 80),
        announcement=TEXTS,
        music=TEXTS,
        message=st.none() | st.builds(VoiceMessage, sound=TEXTS, goodbye=TEXTS, keys=st.just(MESSAGE.keys)),
    )
)
def test_no_variable_has_what_ami_or_a_dialplan_would_read_as_more(reception: Reception) -> None:
    try:
        told = receptions.variables(reception)
    except Rejected:
        return
    assert not any(set(each) & set(",;&\r\n\x00${}()") for each in told)


def test_a_fault_names_its_field() -> None:
    wrong = Reception(wait_seconds=99, check=MachineCheck(greeting=1), message=replace(MESSAGE, rounds=0))
    assert [each.field for each in faults(wrong)] == ["wait_seconds", "check.greeting", "message.rounds"]


@pytest.mark.parametrize(("pressed", "wanted"), [("", False), ("12", False), ("29", True)])
def test_a_client_may_wish_no_more_calls(pressed: str, wanted: bool) -> None:
    assert wishes_no_calls(Reception(message=MESSAGE), pressed) is wanted
    assert not wishes_no_calls(Reception(), pressed)
