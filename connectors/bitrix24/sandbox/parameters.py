"""The parameters of one call: from JSON, a form or a batch's query, with names in any case and values in any type.

Bitrix24 takes `1`, `"1"`, `true` and `"Y"` for yes, and numbers as text; so does this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_YES = frozenset({"1", "Y", "YES", "TRUE"})


class Parameters:
    """Reads parameters without raising: what does not fit counts as absent, as in PHP."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = {str(name).upper(): value for name, value in values.items()}

    def __contains__(self, name: str) -> bool:
        return self._values.get(name.upper()) is not None

    def raw(self, name: str) -> Any:
        return self._values.get(name.upper())

    def text(self, name: str, default: str = "") -> str:
        return as_text(self.raw(name), default)

    def integer(self, name: str, default: int = 0) -> int:
        return as_int(self.raw(name), default)

    def number(self, name: str, default: float = 0) -> float:
        return as_number(self.raw(name), default)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.raw(name)
        return default if value is None or value == "" else as_flag(value)

    def mapping(self, name: str) -> dict[str, Any]:
        """A map; empty if absent, or if it is a list (PHP's empty map is one)."""
        value = self.raw(name)
        return {str(key): each for key, each in value.items()} if isinstance(value, dict) else {}

    def items(self, name: str) -> list[Any]:
        """A list. A single value counts as a list of one, a map as its values."""
        value = self.raw(name)
        if value is None or value == "":
            return []
        if isinstance(value, dict):
            return list(value.values())
        return list(value) if isinstance(value, list) else [value]

    def integers(self, name: str) -> list[int]:
        return [number for each in self.items(name) if (number := as_int(each))]


def as_text(value: Any, default: str = "") -> str:
    if isinstance(value, bool):
        return "1" if value else ""
    return str(value) if isinstance(value, str | int | float) else default


def as_int(value: Any, default: int = 0) -> int:
    """The number of a value, at most 18 digits; `default` for anything else."""
    text = as_text(value).strip()
    body = text.removeprefix("-")
    return int(text) if body.isascii() and body.isdigit() and len(body) <= 18 else default


def as_number(value: Any, default: float = 0) -> float:
    """A finite number; `default` for anything else."""
    try:
        number = float(as_text(value))
    except ValueError:
        return default
    return number if math.isfinite(number) else default


def as_flag(value: Any) -> bool:
    return as_text(value).strip().upper() in _YES
