"""Compares two documents and shows the differences as readable lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from integration.documents.problems import shortened

_LONGEST = 60  # characters of a value, as it is shown
_SAME_BEFORE = 12  # of them before the first that differs, where the values begin alike


@dataclass(frozen=True, slots=True)
class Difference:
    """One key. `before` and `after` are None if the key is missing there."""

    key: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.key} = {self.after}"
        if self.after is None:
            return f"- {self.key} = {self.before}"
        return f"~ {self.key}: {self.before} -> {self.after}"


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Difference]:
    """
    The differences by key, in alphabetical order. A missing document has no keys.

    Values are compared whole; of long ones that part is shown in which they differ.
    """
    old, new = dict(_leaves(before or {})), dict(_leaves(after or {}))
    found = [
        Difference(".".join(map(shortened, path)), *_shown(old.get(path), new.get(path)))
        for path in old.keys() | new.keys()
        if old.get(path) != new.get(path)
    ]
    return sorted(found, key=lambda each: each.key)


def changed_secret(key: str, *, is_new: bool, is_removed: bool = False) -> Difference:
    """A changed secret, without its value."""
    if is_removed:
        return Difference(key, "***", None)
    return Difference(key, None if is_new else "***", "***" if is_new else "*** (another)")


def _leaves(document: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, value in document.items():
        path = (*above, name)
        if isinstance(value, Mapping):
            yield from _leaves(value, path)
            if not value:
                yield path, "{}"
        else:
            yield path, json.dumps(value, ensure_ascii=False)


def _shown(before: str | None, after: str | None) -> tuple[str | None, str | None]:
    pairs = zip(before or "", after or "", strict=False)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    begin = alike - _SAME_BEFORE if alike >= _LONGEST - 1 else 0
    return _cut(before, begin), _cut(after, begin)


def _cut(text: str | None, begin: int) -> str | None:
    if text is None:
        return None
    rest = f"…{text[begin + 1 :]}" if begin else text
    return rest if len(rest) <= _LONGEST else rest[: _LONGEST - 1] + "…"
