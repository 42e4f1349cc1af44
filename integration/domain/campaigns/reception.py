"""What a campaign does with a client who has answered before an employee is on the line. Values only; a PBX does it.

In this order: it may listen whether a machine answered; it may play a message, in which keys mean something; otherwise
the client waits for an employee. A client whom nobody takes in time hears an announcement and is released.
Source: reference "dialling", 4.4 and 6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

MOST_WAIT_SECONDS = 60
MOST_ROUNDS = 5
KEYS = "0123456789"


class MachineAction(StrEnum):
    """What follows if a machine answered."""

    HANG_UP = "hang_up"
    LEAVE_MESSAGE = "leave_message"  # when its greeting and its beep are over
    GO_ON = "go_on"  # as with a person; the opinion is only kept


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineCheck:
    """
    When a PBX takes who answered for a machine: by the first words and pauses. Milliseconds.

    A person says a word or two and waits; a machine speaks on. Who speaks longer than `greeting`, or more than
    `most_words`, is a machine; who is silent for `after_greeting` after the first words is a person. Until the verdict
    the client hears nothing: 1.5 to 5 seconds, which predictive calls do not have.

    The usual values are chosen by `dozvon bench amd` so that few people are taken for machines; most machines then are
    "not sure". Fewer words and a shorter greeting find more machines, and hang up on more people.

    Attributes:
        initial_silence: so long without a word at the beginning is a machine; above `total`: it is not sure, because a
            person who speaks softly, or late, is silent too.
        total: after so long without a verdict it is not sure.
        least_word, between_words: shorter sounds are no word; a pause of this length ends a word.
        silence_level: average samples below it are silence, 0 to 32767.
        message: a sound's name, for LEAVE_MESSAGE.
    """

    initial_silence: int = 15_000
    greeting: int = 2600
    after_greeting: int = 600
    total: int = 5500
    least_word: int = 100
    between_words: int = 50
    most_words: int = 6
    silence_level: int = 500
    then: MachineAction = MachineAction.HANG_UP
    message: str = ""


class KeyMeaning(StrEnum):
    HAND_OVER = "hand_over"  # to an employee or a group
    DO_NOT_CALL = "do_not_call"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """
    Attributes:
        key: one of `KEYS`.
        extension: who is rung for HAND_OVER.
    """

    key: str
    meaning: KeyMeaning
    extension: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceMessage:
    """
    Attributes:
        sound: its name, from `Pbx.place_sound`.
        rounds: how often it is played to a client who presses nothing.
        key_seconds: after its end a key may still be pressed.
        ring_seconds: of an employee's phone, for HAND_OVER.
        goodbye: a sound's name; played after DO_NOT_CALL and at the end; empty: none.
    """

    sound: str
    keys: tuple[Key, ...] = ()
    rounds: int = 1
    key_seconds: int = 3
    ring_seconds: int = 20
    goodbye: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """
    Attributes:
        wait_seconds: how long a client waits for an employee; whole seconds, because that is what PBXs count in.
        announcement: a sound's name; played to a client whom nobody took; empty: released without a word.
        music: of the PBX, while the client waits; empty: silence.
        message: instead of waiting.
    """

    wait_seconds: int = 2
    announcement: str = ""
    music: str = ""
    check: MachineCheck | None = None
    message: VoiceMessage | None = None


@dataclass(frozen=True, slots=True)
class ReceptionFault:
    """`field` is wrong: `wait_seconds`, `check.greeting`, `message.keys`."""

    field: str


_CHECK_BOUNDS = {
    "initial_silence": (500, 15_000),
    "greeting": (500, 10_000),
    "after_greeting": (200, 5_000),
    "total": (1_000, 15_000),
    "least_word": (20, 1_000),
    "between_words": (20, 1_000),
    "most_words": (1, 30),
    "silence_level": (1, 32_767),
}


@dataclass(slots=True)
class _Faults:
    found: list[ReceptionFault] = field(default_factory=list)

    def unless(self, is_right: bool, name: str) -> None:
        if not is_right:
            self.found.append(ReceptionFault(name))


def faults(reception: Reception) -> list[ReceptionFault]:
    """What is wrong with it; empty: nothing. Whether the PBX has the sounds and extensions is the PBX's to say."""
    faults = _Faults()
    faults.unless(0 <= reception.wait_seconds <= MOST_WAIT_SECONDS, "wait_seconds")
    check, message = reception.check, reception.message
    if check is not None:
        for name, (least, most) in _CHECK_BOUNDS.items():
            faults.unless(least <= getattr(check, name) <= most, f"check.{name}")
        faults.unless(check.then is not MachineAction.LEAVE_MESSAGE or bool(check.message), "check.message")
    if message is not None:
        faults.unless(bool(message.sound), "message.sound")
        faults.unless(1 <= message.rounds <= MOST_ROUNDS, "message.rounds")
        faults.unless(0 <= message.key_seconds <= 30, "message.key_seconds")
        faults.unless(5 <= message.ring_seconds <= MOST_WAIT_SECONDS, "message.ring_seconds")
        pressed = [each.key for each in message.keys]
        is_each_once = len(set(pressed)) == len(pressed) and all(len(key) == 1 and key in KEYS for key in pressed)
        leads_somewhere = all(bool(key.extension) for key in message.keys if key.meaning is KeyMeaning.HAND_OVER)
        faults.unless(is_each_once and leads_somewhere, "message.keys")
    return faults.found


def wishes_no_calls(reception: Reception, pressed: str) -> bool:
    """Whether the client pressed a key that means "do not call me again". `pressed`: `Received.keys`."""
    keys = reception.message.keys if reception.message is not None else ()
    return any(key.key in pressed for key in keys if key.meaning is KeyMeaning.DO_NOT_CALL)
