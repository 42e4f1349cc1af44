"""What a campaign's client meets, as variables and actions for the context `dozvon-campaign` of our dialplan; pure.

Asterisk's dialplan does all of it by itself once the client has answered: a Dozvon that dies meanwhile leaves nobody
waiting for ever.
"""

from __future__ import annotations

import re

from integration.domain.campaigns.reception import (
    Key,
    KeyMeaning,
    MachineAction,
    MachineCheck,
    Reception,
    VoiceMessage,
    faults,
)
from integration.errors import Rejected
from pbx_adapter.asterisk.ami.commands import Action, channel_id, checked_extension

CONTEXT = "dozvon-campaign"
BEGINS_AT = "s"
_SOUND = re.compile(r"(?!.*\.\.)[A-Za-z0-9_./\-]{1,300}")
_CLASS = re.compile(r"[A-Za-z0-9_\-]{1,80}")
_MOST_RING_SECONDS = 999
_THEN = {
    MachineAction.HANG_UP: "hangup",
    MachineAction.LEAVE_MESSAGE: "leave",
    MachineAction.GO_ON: "person",
}


def variables(reception: Reception) -> tuple[str, ...]:
    """
    For the `Variable` headers of the Originate; no value has a comma, at which AMI would cut it.

    Raises: Rejected (`bad_reception`): it makes no sense, or a name in it is none.
    """
    wrong = faults(reception)
    if wrong:
        raise Rejected(f"wrong in what a client meets: {', '.join(each.field for each in wrong)}", code="bad_reception")
    told = [f"DOZVON_WAIT={reception.wait_seconds}"]
    told += _named("DOZVON_ANNOUNCEMENT", reception.announcement)
    told += [f"DOZVON_MUSIC={_checked(_CLASS, reception.music)}"] if reception.music else []
    told += _check(reception.check) if reception.check is not None else []
    told += _message(reception.message) if reception.message is not None else []
    return tuple(told)


def _check(check: MachineCheck) -> list[str]:
    """The arguments of AMD() in its order. Source: `core show application AMD` on 16.28 and 22.10.1."""
    arguments = (
        check.initial_silence,
        check.greeting,
        check.after_greeting,
        check.total,
        check.least_word,
        check.between_words,
        check.most_words,
        check.silence_level,
    )
    told = [f"DOZVON_AMD_{number}={value}" for number, value in enumerate(arguments, start=1)]
    return [*told, f"DOZVON_MACHINE={_THEN[check.then]}", *_named("DOZVON_LEFT", check.message)]


def _message(message: VoiceMessage) -> list[str]:
    told = [
        *_named("DOZVON_MESSAGE", message.sound),
        *_named("DOZVON_GOODBYE", message.goodbye),
        f"DOZVON_ROUNDS={message.rounds}",
        f"DOZVON_KEY_SECONDS={message.key_seconds}",
    ]
    return told + [f"DOZVON_KEY_{key.key}={_leads_to(key, message.ring_seconds)}" for key in message.keys]


def _leads_to(key: Key, ring_seconds: int) -> str:
    match key.meaning:
        case KeyMeaning.HAND_OVER:
            return _extension(key.extension, ring_seconds, answers_itself=False)
        case KeyMeaning.DO_NOT_CALL:
            return "bye"
    return "repeat"


def hand_over(attempt_channel: str, extension: str, *, ring_seconds: int, answers_itself: bool) -> Action:
    """
    Ring an extension for the client on this channel.

    Redirect takes a Uniqueid in place of a name on 16 and 22 (`ast_channel_get_by_name`): nothing has to be looked up
    in the two seconds that there are.

    Raises: Rejected.
    """
    headers = (
        ("Channel", channel_id(attempt_channel)),
        ("Context", CONTEXT),
        ("Exten", _extension(extension, ring_seconds, answers_itself=answers_itself)),
        ("Priority", "1"),
    )
    return Action("Redirect", headers, changes=True)


def _extension(extension: str, ring_seconds: int, *, answers_itself: bool) -> str:
    """`to` + three digits of seconds + 1 or 0 + the extension, as the dialplan takes it apart."""
    if not 1 <= ring_seconds <= _MOST_RING_SECONDS:
        raise Rejected("not a time for which a phone can ring", code="bad_ring_seconds")
    return f"to{ring_seconds:03}{int(answers_itself)}{checked_extension(extension)}"


def _named(variable: str, sound: str) -> list[str]:
    return [f"{variable}={_checked(_SOUND, sound)}"] if sound else []


def _checked(pattern: re.Pattern[str], value: str) -> str:
    if not pattern.fullmatch(value):
        raise Rejected("not a name that the PBX can play", code="bad_reception")
    return value
