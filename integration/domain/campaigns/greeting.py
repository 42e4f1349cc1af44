"""What a supervisor decides about clients who have answered: the words they hear, the keys, what follows a machine.

It is kept with the campaign's plan as texts, or ids of recorded sounds in their place; `reception()` makes what the PBX
does of it, when all of them are sounds on the PBX.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from integration.domain.campaigns.model import Mode
from integration.domain.campaigns.reception import (
    MOST_ROUNDS,
    Key,
    KeyMeaning,
    MachineAction,
    MachineCheck,
    Reception,
    VoiceMessage,
)

LONGEST_TEXT = 1_000
KEY_EMPLOYEE, KEY_REPEAT, KEY_DO_NOT_CALL = "1", "2", "9"
"""The same in every campaign, so that clients and employees can learn them. They are spoken by the message itself."""

_USUAL = MachineCheck()
_EXTENSION = re.compile(r"[0-9A-Za-z_.*#\-]{0,40}")
_SOUND = re.compile(r"([0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Words:
    """What a client hears: a text that is spoken, or the id of a recorded sound, which goes before the text."""

    text: str = ""
    sound: str = ""

    def __bool__(self) -> bool:
        return bool(self.text or self.sound)


def is_sound_id(text: str) -> bool:
    """Of a recorded sound; or empty: none is chosen."""
    return _SOUND.fullmatch(text) is not None


class OnMachine(StrEnum):
    """What follows if a machine answered."""

    NOT_ASKED = "not_asked"  # nobody listens for one: the client is through at once
    HANG_UP = "hang_up"
    LEAVE_MESSAGE = "leave_message"
    GO_ON = "go_on"


_ACTIONS = {
    OnMachine.HANG_UP: MachineAction.HANG_UP,
    OnMachine.LEAVE_MESSAGE: MachineAction.LEAVE_MESSAGE,
    OnMachine.GO_ON: MachineAction.GO_ON,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """
    Attributes:
        message: a text; of a voice campaign. message_sound: the recorded sound that is played in its place.
        hand_over_to: an extension or a group of the PBX, for the client who presses 1; empty: the key does nothing.
        rounds: how often the message is played to who presses nothing.
        machine_message: a text, for LEAVE_MESSAGE; empty: `message`. machine_message_sound: as `message_sound`.
        machine_speech_ms, person_pause_ms, machine_words, silence_level: as `MachineCheck.greeting`, `after_greeting`,
            `most_words`, `silence_level`.
    """

    message: str = ""
    hand_over_to: str = ""
    rounds: int = 1
    on_machine: OnMachine = OnMachine.NOT_ASKED
    machine_message: str = ""
    machine_speech_ms: int = _USUAL.greeting
    person_pause_ms: int = _USUAL.after_greeting
    machine_words: int = _USUAL.most_words
    silence_level: int = _USUAL.silence_level
    message_sound: str = ""
    machine_message_sound: str = ""


BOUNDS: Mapping[str, tuple[int, int]] = {
    "rounds": (1, MOST_ROUNDS),
    "machine_speech_ms": (500, 10_000),
    "person_pause_ms": (200, 5_000),
    "machine_words": (1, 30),
    "silence_level": (1, 32_767),
}


def faults(greeting: Greeting, mode: Mode) -> Iterator[tuple[str, str, str]]:
    """Field, code and detail of what is wrong, as `plan.PlanFault` has them."""
    for field in ("message", "machine_message"):
        if len(getattr(greeting, field)) > LONGEST_TEXT:
            yield field, "too_long", str(LONGEST_TEXT)
    for field in ("message_sound", "machine_message_sound"):
        if not is_sound_id(getattr(greeting, field)):
            yield field, "no_sound", ""
    if mode is Mode.VOICE and not _said(greeting):
        yield "message", "no_words", ""
    if greeting.on_machine is OnMachine.LEAVE_MESSAGE and not _left(greeting):
        yield "machine_message", "no_words", ""
    if not _EXTENSION.fullmatch(greeting.hand_over_to):
        yield "hand_over_to", "no_extension", ""
    for field, (least, most) in BOUNDS.items():
        if not least <= getattr(greeting, field) <= most:
            yield field, "out_of_bounds", f"{least}…{most}"


def heard(greeting: Greeting, mode: Mode) -> tuple[Words, ...]:
    """What this campaign plays: each has to be a sound on the PBX before anybody is called."""
    wanted = [_said(greeting)] if mode is Mode.VOICE else []
    wanted += [_left(greeting)] if greeting.on_machine is OnMachine.LEAVE_MESSAGE else []
    return tuple(dict.fromkeys(words for words in wanted if words))


def reception(
    greeting: Greeting, mode: Mode, sounds: Mapping[Words, str], *, announcement: str = "", wait_seconds: int = 2
) -> Reception:
    """
    Args:
        sounds: for each of `heard()` the name of its sound on the PBX.
        announcement: a sound's name, for a client whom nobody takes in time; empty: released without a word.
        wait_seconds: how long a client waits for an employee.
    """
    return Reception(
        wait_seconds=wait_seconds,
        announcement=announcement,
        check=_check(greeting, sounds),
        message=_message(greeting, sounds) if mode is Mode.VOICE else None,
    )


def _check(greeting: Greeting, sounds: Mapping[Words, str]) -> MachineCheck | None:
    action = _ACTIONS.get(greeting.on_machine)
    if action is None:
        return None
    return MachineCheck(
        greeting=greeting.machine_speech_ms,
        after_greeting=greeting.person_pause_ms,
        most_words=greeting.machine_words,
        silence_level=greeting.silence_level,
        then=action,
        message=sounds[_left(greeting)] if action is MachineAction.LEAVE_MESSAGE else "",
    )


def _message(greeting: Greeting, sounds: Mapping[Words, str]) -> VoiceMessage:
    keys = [
        Key(key=KEY_REPEAT, meaning=KeyMeaning.REPEAT),
        Key(key=KEY_DO_NOT_CALL, meaning=KeyMeaning.DO_NOT_CALL),
    ]
    if greeting.hand_over_to:
        keys.append(Key(key=KEY_EMPLOYEE, meaning=KeyMeaning.HAND_OVER, extension=greeting.hand_over_to))
    return VoiceMessage(sound=sounds[_said(greeting)], keys=tuple(keys), rounds=greeting.rounds)


def _said(greeting: Greeting) -> Words:
    return Words(sound=greeting.message_sound) if greeting.message_sound else Words(greeting.message.strip())


def _left(greeting: Greeting) -> Words:
    if greeting.machine_message_sound:
        return Words(sound=greeting.machine_message_sound)
    return Words(greeting.machine_message.strip()) or _said(greeting)
