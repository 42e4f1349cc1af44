"""Reads and writes AGI: the head of a question, commands, replies, and the plan stored on a channel; pure.

Sockets and deadlines are in `agi/server.py`. Everything read here is hostile input: a caller's name comes from outside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from integration.domain.routing.route import RouteQuestion, Step, StepKind
from integration.errors import ProtocolError

MAX_HEAD_BYTES = 16 * 1024  # Asterisk sends about 600; arguments and names are below 1 KiB each
_MAX_HEAD_VALUE = 1000  # characters
_PLAN_VERSION = "1"
_MAX_PLAN = 900
_KINDS = frozenset(kind.value for kind in StepKind)
_MAX_STEP = 16
_VARIABLE = re.compile(r"[A-Z_]{1,40}")
_VALUE = re.compile(r"[0-9A-Za-z_+*#./:~-]{0,1000}")  # Asterisk cuts a command at 2048 characters
_TARGET = re.compile(r"[0-9A-Za-z+*#_-]{0,40}")
_SOUND = re.compile(r"[0-9A-Za-z_./-]{0,200}")
_SECONDS = re.compile(r"[0-9]{0,4}")
_REPLY = re.compile(r"([0-9]{3})(?: result=(-?[0-9]{1,9})?(?: \((.*)\))?|[ -].*|$)")
_ABSENT = frozenset({"", "unknown", "(null)", "<unknown>"})  # how Asterisk writes "none" in the head


@dataclass(frozen=True, slots=True, kw_only=True)
class AgiQuestion:
    """
    One question of `extensions_dozvon.conf`.

    `script` is the path of the address (agi://host/SCRIPT), `step` counts from 1, `plan` is the text that an earlier
    answer left on the channel, `uniqueid` that of the call's first channel.
    """

    script: str
    route: RouteQuestion
    uniqueid: str
    step: int
    plan: str


@dataclass(frozen=True, slots=True)
class AgiReply:
    """`code` 200 is success; `result` and `data` are as Asterisk sent them."""

    code: int
    result: int | None
    data: str


def parse_head(text: str) -> AgiQuestion:
    """
    Read the head of a session: lines of `agi_name: value`.

    Raises:
        ProtocolError: it is not a head, or lacks what every Asterisk sends.
    """
    head: dict[str, str] = {}
    for line in text.split("\n"):  # not splitlines(): a caller's name may contain U+2028 and a false header
        name, separator, value = line.partition(":")
        if not separator or not name.startswith("agi_"):
            raise ProtocolError("an AGI head has a line that is not `agi_name: value`")
        head[name] = value
    uniqueid = _value(head, "agi_arg_4") or _value(head, "agi_uniqueid")
    if not uniqueid:
        raise ProtocolError("an AGI head names no channel")
    step = _value(head, "agi_arg_2") or "1"
    if not (step.isascii() and step.isdigit() and 1 <= int(step[:4]) <= _MAX_STEP):
        raise ProtocolError("an AGI question has an impossible step number")
    return AgiQuestion(
        script=_value(head, "agi_network_script"),
        route=RouteQuestion(
            did=_value(head, "agi_arg_1"),
            caller=_present(head, "agi_callerid"),
            caller_name=_present(head, "agi_calleridname"),
        ),
        uniqueid=uniqueid[:150],
        step=int(step),
        plan=_value(head, "agi_arg_3"),
    )


def _value(head: Mapping[str, str], name: str) -> str:
    return _clean(head.get(name, ""))


def _clean(value: str) -> str:
    value = value[:_MAX_HEAD_VALUE]
    return (value if value.isprintable() else "".join(c for c in value if c.isprintable())).strip()


def _present(head: Mapping[str, str], name: str) -> str:
    value = _value(head, name)
    return "" if value.lower() in _ABSENT else value


def set_variables(values: Mapping[str, str]) -> bytes:
    """
    One command that sets these channel variables in this order: one exchange instead of five.

    Raises:
        ValueError: a name is not one of ours, or characters of a value could end it early and begin another command.
    """
    if not all(_VARIABLE.fullmatch(name) for name in values) or not all(map(_VALUE.fullmatch, values.values())):
        raise ValueError("a channel variable has a name or a value that AGI would misread")
    return f'SET VARIABLE ARRAY({",".join(values)}) "{",".join(values.values())}"\n'.encode()


def parse_reply(line: str) -> AgiReply:
    """Read one reply line: `200 result=1 (data)`, `510 Invalid or unknown command`. Raises: ProtocolError."""
    matched = _REPLY.match(line)
    if not matched:
        raise ProtocolError("an AGI reply is not a number and a text")
    code, result, data = matched.groups()
    return AgiReply(int(code), int(result) if result else None, data or "")


def encode_plan(steps: Sequence[Step]) -> str:
    """
    A plan as one word that fits into a channel variable and an argument of AGI(): no commas, quotes, blanks or `$`.

    Raises:
        ValueError: a step has characters that a dialplan would misread, or the plan is too long.
    """
    words = [_PLAN_VERSION]
    for step in steps:
        target, seconds, sound = step.target or "", "" if step.seconds is None else str(step.seconds), step.sound or ""
        if not (_TARGET.fullmatch(target) and _SECONDS.fullmatch(seconds) and _SOUND.fullmatch(sound)):
            raise ValueError("a step holds characters that a dialplan would misread")
        words.append(f"{step.kind}:{target}:{seconds}:{sound}")
    text = "~".join(words)
    if len(text) > _MAX_PLAN or len(steps) > _MAX_STEP:
        raise ValueError("the plan is too long for a channel variable")
    return text


def decode_plan(text: str) -> tuple[Step, ...] | None:
    """Read a plan that `encode_plan` wrote; None for anything else, and for another version. Never raises."""
    version, *words = text[: _MAX_PLAN + 1].split("~")
    if version != _PLAN_VERSION or not 1 <= len(words) <= _MAX_STEP:
        return None
    steps = [_decode_step(word) for word in words]
    return tuple(step for step in steps if step) if all(steps) else None


def _decode_step(word: str) -> Step | None:
    parts = word.split(":")
    if len(parts) != 4 or parts[0] not in _KINDS:
        return None
    kind, target, seconds, sound = parts
    if not (_TARGET.fullmatch(target) and _SECONDS.fullmatch(seconds) and _SOUND.fullmatch(sound)):
        return None
    return Step(
        kind=StepKind(kind), target=target or None, seconds=int(seconds) if seconds else None, sound=sound or None
    )
