"""Errors in a document: each with its field, and their sentences in the reader's language."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from integration.errors import ConfigError
from integration.texts.settings import KindProblem, Problem, setting_problem

Path = tuple[str | int, ...]

MOST_PROBLEMS = 50  # in one message
_SHOWN = 40  # characters of a foreign value or key in a sentence


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One wrong setting: its place, the problem, and the facts for the sentence about it (`Problem`)."""

    path: Path
    problem: Problem | KindProblem
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The path as one word: `line.74950000001.card`."""
        return dotted(self.path)

    def inside(self, tables: int) -> FieldProblem:
        """As the table sees it in which it stands, that many tables further in."""
        return replace(self, path=self.path[tables:])

    def sentence(self, language: str) -> str:
        return setting_problem(self.problem, self.facts, language)


class InvalidDocument(ConfigError):
    """An invalid document. `str()` is in English, with the full name of every wrong key."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self._every = _each_once(problems)
        self.problems = self._every[:MOST_PROBLEMS]
        super().__init__(_in_a_file(self.problems, is_all=len(self._every) <= MOST_PROBLEMS))

    def sentences(self, language: str) -> dict[str, str]:
        """For a form: the key of each wrong field, and what to show beside it."""
        found: dict[str, str] = {}
        for each in self.problems:
            said = each.sentence(language)
            found[each.key] = f"{found[each.key]} {said}" if each.key in found else said
        return found

    def below(self, *path: str | int) -> list[FieldProblem]:
        """The same problems in a larger document that has this one at `path`."""
        return [replace(each, path=(*path, *each.path)) for each in self._every]


def unknown_key(path: Path, known: Iterable[str]) -> FieldProblem:
    """An unknown key, with the known key that was probably meant."""
    words = sorted(known)
    near = difflib.get_close_matches(str(path[-1])[:_SHOWN], words, n=1, cutoff=0.7)
    if near:
        return FieldProblem(path, Problem.UNKNOWN_KEY_NEAR, {"near": near[0]})
    return FieldProblem(path, Problem.UNKNOWN_KEY, {"known": ", ".join(words)})


def shortened(value: Any) -> str:
    """A foreign value for a sentence: one short printable line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 64 else "…"
    if isinstance(value, str):
        cut = value[:_SHOWN] + ("…" if len(value) > _SHOWN else "")
        return "".join(c if c.isprintable() else "\ufffd" for c in cut)
    if isinstance(value, float):
        return str(value)
    return "[…]" if isinstance(value, list | tuple) else "{…}"


def dotted(path: Path) -> str:
    """`account[0].line.74950000001.card`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{shortened(part)}"
    return text.removeprefix(".")


def _each_once(problems: Iterable[FieldProblem]) -> tuple[FieldProblem, ...]:
    """Name a key once if two checks refuse it for the same reason."""
    return tuple({(each.path, each.problem): each for each in problems}.values())


def _in_a_file(problems: tuple[FieldProblem, ...], *, is_all: bool) -> str:
    lines = []
    for each in problems:
        said = each.sentence("en").removesuffix(".")
        lines.append(f"{each.key}: {said[:1].lower()}{said[1:]}" if each.path else said)
    if len(lines) == 1:
        return lines[0]
    if not is_all:
        lines.append("and more")
    return "\n  ".join(["several settings are wrong:", *lines])
