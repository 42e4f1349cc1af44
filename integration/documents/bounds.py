"""First check of a foreign document, before anything else reads it: size, depth, and texts that can be stored.

It also checks the tables of adapters, whose size nothing else limits. It takes a fraction of a second for any input.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from integration.documents.problems import MOST_PROBLEMS, FieldProblem, Path
from integration.texts.settings import Problem

MOST_DEEP = 10  # levels of nested tables and lists
MOST_ENTRIES = 5_000  # of one table or list: lines and employees of an office
MOST_VALUES = 50_000  # of the whole document
MOST_CHARACTERS = 20_000  # of one text: a certificate, a long-lived token
MOST_KEY_CHARACTERS = 100
_LARGEST = 2**63

_Wrong = tuple[Problem, dict[str, object]]


def beyond_bounds(document: dict[str, Any]) -> list[FieldProblem]:
    """The problems for which a document is refused without a closer look; usually none. Never raises."""
    found: list[FieldProblem] = []
    waiting: deque[tuple[Path, dict[Any, Any] | list[Any]]] = deque([((), document)])
    values = 0
    while waiting and len(found) <= MOST_PROBLEMS:
        path, table = waiting.popleft()
        beyond = _table_beyond(path, table)
        if beyond is not None:
            found.append(beyond)
            continue
        values += len(table)
        if values > MOST_VALUES:
            return [*found, FieldProblem((), Problem.TOO_LARGE, {"most": MOST_VALUES})]
        for key, value in table.items() if isinstance(table, dict) else enumerate(table):
            wrong = _value_beyond(key, MOST_KEY_CHARACTERS) or _value_beyond(value, MOST_CHARACTERS)
            if wrong is not None:
                found.append(FieldProblem((*path, key), *wrong))
            elif isinstance(value, dict | list):
                waiting.append(((*path, key), value))
    return found


def _table_beyond(path: Path, table: dict[Any, Any] | list[Any]) -> FieldProblem | None:
    if len(path) >= MOST_DEEP:
        return FieldProblem(path, Problem.TOO_DEEP, {"most": MOST_DEEP})
    if len(table) > MOST_ENTRIES:
        return FieldProblem(path, Problem.TOO_MANY, {"count": len(table), "most": MOST_ENTRIES})
    if isinstance(table, dict) and not all(isinstance(key, str) for key in table):
        return FieldProblem(path, Problem.UNFIT)
    return None


def _value_beyond(value: Any, most: int) -> _Wrong | None:
    if isinstance(value, str):
        return _text_beyond(value, most)
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        return Problem.HUGE_NUMBER, {}
    return None


def _text_beyond(text: str, most: int) -> _Wrong | None:
    """Databases refuse a NUL, and no encoder accepts a lone surrogate."""
    if len(text) > most:
        return Problem.TOO_LONG, {"length": len(text), "most": most}
    if "\0" in text:
        return Problem.UNREADABLE, {}
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return Problem.UNREADABLE, {}
    return None
