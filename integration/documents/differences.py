"""Compares two documents and shows the differences as readable lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from integration.documents.problems import shortened

_LONGEST = 60


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
    """The differences by key, in alphabetical order. A missing document has no keys."""
    old, new = dict(_leaves(before or {})), dict(_leaves(after or {}))
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return [Difference(key, old.get(key), new.get(key)) for key in keys]


def changed_secret(key: str, *, is_new: bool, is_removed: bool = False) -> Difference:
    """A changed secret, without its value."""
    if is_removed:
        return Difference(key, "***", None)
    return Difference(key, None if is_new else "***", "***" if is_new else "*** (another)")


def _leaves(document: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        key = f"{path}.{shortened(name)}" if path else shortened(name)
        if isinstance(value, Mapping):
            yield from _leaves(value, key)
            if not value:
                yield key, "{}"
        else:
            yield key, _written(value)


def _written(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
