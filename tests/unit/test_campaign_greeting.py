"""What a supervisor writes for clients who have answered becomes what the PBX does with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.campaigns.greeting import Greeting, OnMachine, Words, faults, heard, reception
from integration.domain.campaigns.model import Mode
from integration.domain.campaigns.reception import KeyMeaning, MachineAction
from integration.domain.campaigns.reception import faults as reception_faults

HELLO, LATER = "Это клиника. Девять: больше не звонить.", "Перезвоним."
SOUNDS = {Words(HELLO): "hello", Words(LATER): "later"}


def test_a_predictive_campaign_waits_and_says_sorry() -> None:
    greeting = Greeting(message=HELLO)
    assert heard(greeting, Mode.PREDICTIVE) == ()
    made = reception(greeting, Mode.PREDICTIVE, SOUNDS, announcement="sorry")
    assert (made.wait_seconds, made.announcement, made.message, made.check) == (2, "sorry", None, None)


def test_a_voice_campaign_plays_its_message_with_the_same_keys_everywhere() -> None:
    greeting = Greeting(message=f" {HELLO} ", hand_over_to="600", rounds=2)
    assert heard(greeting, Mode.VOICE) == (Words(HELLO),)
    message = reception(greeting, Mode.VOICE, SOUNDS).message
    assert message is not None
    assert (message.sound, message.rounds) == ("hello", 2)
    assert {each.key: (each.meaning, each.extension) for each in message.keys} == {
        "1": (KeyMeaning.HAND_OVER, "600"), "2": (KeyMeaning.REPEAT, ""), "9": (KeyMeaning.DO_NOT_CALL, ""),
    }  # fmt: skip
    nobody = reception(replace(greeting, hand_over_to=""), Mode.VOICE, SOUNDS).message
    assert nobody is not None
    assert [each.key for each in nobody.keys] == ["2", "9"]


@pytest.mark.parametrize(("own", "wanted"), [(LATER, "later"), ("", "hello")])
def test_a_machine_gets_its_own_message_or_the_one_for_people(own: str, wanted: str) -> None:
    greeting = Greeting(message=HELLO, machine_message=own, on_machine=OnMachine.LEAVE_MESSAGE, machine_words=9)
    assert SOUNDS.keys() >= set(heard(greeting, Mode.VOICE))
    check = reception(greeting, Mode.VOICE, SOUNDS).check
    assert check is not None
    assert (check.then, check.message, check.most_words) == (MachineAction.LEAVE_MESSAGE, wanted, 9)


def test_a_recorded_sound_is_played_in_place_of_the_text() -> None:
    one, other = "a" * 24, "b" * 24
    placed = {Words(sound=one): "one", Words(sound=other): "other", Words(HELLO): "hello"}
    greeting = Greeting(message=HELLO, message_sound=one, on_machine=OnMachine.LEAVE_MESSAGE)
    assert heard(greeting, Mode.VOICE) == (Words(sound=one),), "a machine gets the message, too"
    made = reception(greeting, Mode.VOICE, placed)
    assert made.message is not None
    assert made.check is not None
    assert (made.message.sound, made.check.message) == ("one", "one")
    own = replace(greeting, message="", machine_message="spoken", machine_message_sound=other)
    assert heard(own, Mode.VOICE) == (Words(sound=one), Words(sound=other))
    assert list(faults(own, Mode.VOICE)) == []


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("on_machine", list(OnMachine))
def test_a_greeting_without_faults_makes_a_reception_without_faults(mode: Mode, on_machine: OnMachine) -> None:
    greeting = Greeting(message=HELLO, hand_over_to="101", on_machine=on_machine)
    assert list(faults(greeting, mode)) == []
    assert reception_faults(reception(greeting, mode, SOUNDS)) == []


@pytest.mark.parametrize(
    ("greeting", "mode", "wanted"),
    [
        (Greeting(), Mode.VOICE, ("message", "no_words")),
        (Greeting(on_machine=OnMachine.LEAVE_MESSAGE), Mode.PREDICTIVE, ("machine_message", "no_words")),
        (Greeting(message="a" * 1001), Mode.PREVIEW, ("message", "too_long")),
        (Greeting(hand_over_to="101,1"), Mode.PREVIEW, ("hand_over_to", "no_extension")),
        (Greeting(message_sound="../../x"), Mode.VOICE, ("message_sound", "no_sound")),
        (Greeting(machine_message_sound="A" * 24), Mode.PREVIEW, ("machine_message_sound", "no_sound")),
        (Greeting(rounds=9), Mode.PREVIEW, ("rounds", "out_of_bounds")),
        (Greeting(machine_speech_ms=1), Mode.PREVIEW, ("machine_speech_ms", "out_of_bounds")),
    ],
)
def test_a_fault_names_its_field(greeting: Greeting, mode: Mode, wanted: tuple[str, str]) -> None:
    assert [(field, code) for field, code, _ in faults(greeting, mode)] == [wanted]
