"""What a supervisor decides about clients who have answered: the words they hear, the keys, what follows a machine.

It is kept with the campaign's plan as texts; `reception()` makes what the PBX does of it, when the texts have become
sounds.
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
        message: a text; of a voice campaign.
        hand_over_to: an extension or a group of the PBX, for the client who presses 1; empty: the key does nothing.
        rounds: how often the message is played to who presses nothing.
        machine_message: a text, for LEAVE_MESSAGE; empty: `message`.
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
    if mode is Mode.VOICE and not greeting.message.strip():
        yield "message", "no_words", ""
    if greeting.on_machine is OnMachine.LEAVE_MESSAGE and not _left(greeting):
        yield "machine_message", "no_words", ""
    if not _EXTENSION.fullmatch(greeting.hand_over_to):
        yield "hand_over_to", "no_extension", ""
    for field, (least, most) in BOUNDS.items():
        if not least <= getattr(greeting, field) <= most:
            yield field, "out_of_bounds", f"{least}…{most}"


def texts(greeting: Greeting, mode: Mode) -> tuple[str, ...]:
    """Those that this campaign plays: each has to be a sound before anybody is called."""
    wanted = [greeting.message.strip()] if mode is Mode.VOICE else []
    wanted += [_left(greeting)] if greeting.on_machine is OnMachine.LEAVE_MESSAGE else []
    return tuple(dict.fromkeys(text for text in wanted if text))


def reception(
    greeting: Greeting, mode: Mode, sounds: Mapping[str, str], *, announcement: str = "", wait_seconds: int = 2
) -> Reception:
    """
    Args:
        sounds: for each of `texts()` the name of its sound on the PBX.
        announcement: a sound's name, for a client whom nobody takes in time; empty: released without a word.
        wait_seconds: how long a client waits for an employee.
    """
    return Reception(
        wait_seconds=wait_seconds,
        announcement=announcement,
        check=_check(greeting, sounds),
        message=_message(greeting, sounds) if mode is Mode.VOICE else None,
    )


def _check(greeting: Greeting, sounds: Mapping[str, str]) -> MachineCheck | None:
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


def _message(greeting: Greeting, sounds: Mapping[str, str]) -> VoiceMessage:
    keys = [
        Key(key=KEY_REPEAT, meaning=KeyMeaning.REPEAT),
        Key(key=KEY_DO_NOT_CALL, meaning=KeyMeaning.DO_NOT_CALL),
    ]
    if greeting.hand_over_to:
        keys.append(Key(key=KEY_EMPLOYEE, meaning=KeyMeaning.HAND_OVER, extension=greeting.hand_over_to))
    return VoiceMessage(sound=sounds[greeting.message.strip()], keys=tuple(keys), rounds=greeting.rounds)


def _left(greeting: Greeting) -> str:
    return greeting.machine_message.strip() or greeting.message.strip()
