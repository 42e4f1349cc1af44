"""A table of a document: frozen, strict, without unknown keys. It remembers which keys were written."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    def values(self) -> dict[str, Any]:
        """The written keys with the domain's values."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}

    def plain(self) -> dict[str, Any]:
        """The written keys with a document's values."""
        return {name: plain(value) for name, value in self.values().items()}


def plain(value: Any) -> Any:
    """A value as a document writes it. None becomes an empty text, because TOML has no null."""
    match value:
        case None:
            return ""
        case StrEnum():
            return str(value)
        case Table():
            return value.plain()
        case dict():
            return {key: plain(one) for key, one in value.items()}
        case tuple():  # as JSON and TOML give it back: a stored document equals one that was just read
            return [plain(one) for one in value]
    return value
