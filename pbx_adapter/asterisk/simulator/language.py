"""Asterisk's dialplan language, as far as Dozvon's own include uses it: contexts, values, expressions. Pure.

The simulated PBX runs `dialplan/extensions_dozvon.conf` itself where a call depends on it (`receiving.py`), and no copy
of it in Python that could say something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import unquote

_EXTEN = re.compile(r"exten\s*=>\s*([^,]+),1,(.*)")
_SAME = re.compile(r"same\s*=>\s*n(?:\((\w+)\))?,(.*)")
_CALL = re.compile(r"(\w+)(?:\((.*)\))?\s*$")
_SLICE = re.compile(r"(\w+)(?::(-?\d+))?(?::(\d+))?$")
_TOKEN = re.compile(r'"[^"]*"|!=|[|&=<>+*-]|[^\s"|&=!<>+*-]+')
_STRENGTH = {"|": 1, "&": 2, "=": 3, "!=": 3, "<": 3, ">": 3, "+": 4, "-": 4, "*": 5}
_PATTERN = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", ".": ".+", "!": ".*"}

Place = tuple[str, int]
"""Extension and priority."""


class Line(NamedTuple):
    """One priority: an application with its data before anything in it is replaced."""

    application: str
    data: str


class Context:
    """One context of a dialplan's text."""

    def __init__(self, text: str, name: str) -> None:
        """Raises: LookupError: the text has no such context."""
        self._lines: dict[str, list[Line]] = {}
        self._labels: dict[tuple[str, str], int] = {}
        found = re.search(rf"^\[{re.escape(name)}\]\n(.*?)(?=^\[|\Z)", text, re.DOTALL | re.MULTILINE)
        if found is None:
            raise LookupError(f"no context {name}")
        extension = ""
        for line in found[1].splitlines():
            said = line.partition(";")[0].strip()
            label, call = "", ""
            if match := _EXTEN.fullmatch(said):
                extension, call = match[1].strip(), match[2]
                self._lines[extension] = []
            elif match := _SAME.fullmatch(said):
                label, call = match[1] or "", match[2]
            if match := _CALL.fullmatch(call):
                self._lines[extension].append(Line(match[1], match[2] or ""))
                if label:
                    self._labels[extension, label] = len(self._lines[extension])

    def line(self, place: Place) -> Line | None:
        """None: there is no such priority."""
        lines = self._lines.get(self._name_of(place[0]), [])
        return lines[place[1] - 1] if 0 < place[1] <= len(lines) else None

    def leads_to(self, target: str, here: str) -> Place:
        """`label`, `extension,priority` and `extension,label`, seen from extension `here`. Raises: LookupError."""
        *before, last = target.split(",")
        extension = before[-1] if before else here
        if last.isdigit():
            return extension, int(last)
        return extension, self._labels[self._name_of(extension), last]

    def _name_of(self, extension: str) -> str:
        if extension in self._lines:
            return extension
        return next((name for name in self._lines if name.startswith("_") and _matches(name, extension)), "")


def _matches(pattern: str, extension: str) -> bool:
    return re.fullmatch("".join(_PATTERN.get(each, re.escape(each)) for each in pattern[1:]), extension) is not None


# ---- values ----------------------------------------------------------------------------------------------------------

Functions = Mapping[str, Callable[[str], str]]
"""Each takes what stands between its brackets."""


class Values:
    """
    Replaces `${...}` and `$[...]` in a text.

    Args:
        variable: the value of a variable by its name; empty for one that is not set.
        functions: those that ask the PBX, besides the functions of texts that are here.
    """

    def __init__(self, variable: Callable[[str], str], functions: Functions) -> None:
        self._variable = variable
        self._functions: Functions = {
            "IF": _if,
            "FILTER": _filter,
            "URIDECODE": unquote,
            "STRREPLACE": self._replace,
            **functions,
        }

    def replaced(self, text: str) -> str:
        """Raises: LookupError: a function that nobody knows."""
        found, at = "", 0
        while at < len(text):
            if text[at : at + 2] not in ("${", "$["):
                found += text[at]
                at += 1
                continue
            end = _closing(text, at + 1)
            inner = self.replaced(text[at + 2 : end])
            found += self._value(inner) if text[at + 1] == "{" else evaluated(inner)
            at = end + 1
        return found

    def _value(self, asked: str) -> str:
        if match := _SLICE.match(asked):
            name, begin, length = match.groups()
            value = self._variable(name)[int(begin or 0) :]
            return value if length is None else value[: int(length)]
        name, _, inside = asked.partition("(")
        return self._functions[name](inside.removesuffix(")"))

    def _replace(self, inside: str) -> str:
        name, wanted, instead = inside.split(",", 2)
        return self._variable(name).replace(wanted, instead)


def _if(inside: str) -> str:
    condition, _, values = inside.partition("?")
    yes, _, no = values.partition(":")
    return yes if is_true(condition) else no


def _filter(inside: str) -> str:
    allowed, _, text = inside.partition(",")
    return "".join(each for each in text if re.match(f"[{allowed}]", each))


def is_true(condition: str) -> bool:
    """Asterisk's: neither empty nor zero."""
    return condition.strip() not in ("", "0")


def _closing(text: str, at: int) -> int:
    """Where the bracket at `at` closes. Raises: LookupError: nowhere."""
    opened, closed, depth = text[at], {"{": "}", "[": "]"}[text[at]], 0
    for place in range(at, len(text)):
        depth += (text[place] == opened) - (text[place] == closed)
        if not depth:
            return place
    raise LookupError(f"a bracket that never closes: {text}")


def evaluated(expression: str) -> str:
    """The value of what stands in `$[...]`: texts in quotes, whole numbers, comparisons, sums."""
    tokens = _TOKEN.findall(expression)
    value = _joined(tokens, 0)
    return value.strip('"')


def _joined(tokens: list[str], least: int) -> str:
    """Take operators that bind at least so strongly from the front of `tokens`."""
    left = tokens.pop(0) if tokens else ""
    if left == "-" and tokens:  # a negative number
        left += tokens.pop(0)
    while tokens and _STRENGTH.get(tokens[0], 0) > least:
        operator = tokens.pop(0)
        left = _applied(operator, left, _joined(tokens, _STRENGTH[operator]))
    return left


def _applied(operator: str, left: str, right: str) -> str:
    one, two = left.strip('"'), right.strip('"')
    match operator:
        case "|":
            return one if is_true(one) else two
        case "&":
            return one if is_true(one) and is_true(two) else "0"
        case "=" | "!=":
            return str(int((one == two) is (operator == "=")))
        case "<" | ">":
            is_less = int(one) < int(two) if operator == "<" else int(one) > int(two)
            return str(int(is_less))
        case "+":
            return str(int(one) + int(two))
        case "-":
            return str(int(one) - int(two))
    return str(int(one) * int(two))
