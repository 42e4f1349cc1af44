"""Settings in an office's documents that are not the office's alone to change: of the machine, and an owner's word."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from integration.documents.problems import FieldProblem, InvalidDocument
from integration.domain.access import Permission
from integration.process.adapters import PBXS
from integration.texts.settings import Problem

Parts = Mapping[str, Mapping[str, Any]]  # by part
Value = tuple[str, str, object]
"""The part, the key, `asterisk.recordings.path`, and the value."""

_OF_OWNERS = ("crm_administrators",)  # keys of an account


def refuse_others_settings(
    before: Parts, after: Parts, allowed: Collection[Permission], *, proposed: Collection[Value] = ()
) -> None:
    """
    Args:
        before: the stored documents; `after`: those that would be stored.
        allowed: what their author may in the whole installation.
        proposed: settings that this machine itself proposes, which everybody may take.

    Raises:
        InvalidDocument: names every one that the author may not set, or change to this value.
    """
    wrong: list[FieldProblem] = []
    if Permission.CHANGE_INSTALLATION not in allowed:
        known = {*proposed, *_server_values(before)}
        wrong += [_problem(each, Problem.OF_SERVER) for each in _server_values(after) if each not in known]
    if Permission.MANAGE_ADMINISTRATORS not in allowed:
        was = set(_owner_values(before))
        wrong += [_problem(each, Problem.OF_OWNER) for each in _owner_values(after) if each not in was]
    if wrong:
        raise InvalidDocument(wrong)


def _problem(value: Value, problem: Problem) -> FieldProblem:
    part, key, _ = value
    kind, _, name = part.partition("/")
    return FieldProblem((kind, name, *key.split(".")), problem)


def server_values(part: str, document: Mapping[str, Any]) -> Iterator[Value]:
    """The values of a document that name something of this machine."""
    for name, kind in PBXS.items():
        for key in kind.server_options:
            value = _at(document, (name, *key.split(".")))
            if value not in (None, ""):
                yield part, f"{name}.{key}", value


def _server_values(parts: Parts) -> Iterator[Value]:
    for part, document in parts.items():
        yield from server_values(part, document)


def _owner_values(parts: Parts) -> Iterator[Value]:
    """Those that are set: leaving such a right away takes it, which everybody may."""
    for part, document in parts.items():
        for key in _OF_OWNERS:
            if document.get(key):
                yield part, key, document[key]


def _at(document: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = document
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
