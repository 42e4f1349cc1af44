"""Separates the secrets from a document and puts them back, to show, compare and store settings without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Document = Mapping[str, Any]


def without_secrets(document: Document, keys: Iterable[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """
    Args:
        keys: of the secrets, such as `amocrm.client_secret`.

    Returns:
        The document without secrets, and its secrets by key. Empty ones are left out of both.
    """
    plain, secrets = _copied(document), dict[str, str]()
    for key in keys:
        *tables, last = key.split(".")
        table: Any = plain
        for name in tables:
            table = table.get(name) if isinstance(table, dict) else None
        if isinstance(table, dict) and last in table:
            value = table.pop(last)
            if value not in ("", None):
                secrets[key] = str(value)
    return plain, secrets


def with_secrets(document: Document, secrets: Mapping[str, str]) -> dict[str, Any]:
    """The inverse. A secret whose table is missing is left out: its settings were removed."""
    whole = _copied(document)
    for key, value in secrets.items():
        *tables, last = key.split(".")
        table: Any = whole
        for name in tables:
            table = table.get(name) if isinstance(table, dict) else None
        if isinstance(table, dict):
            table[last] = value
    return whole


def _copied(value: Document) -> dict[str, Any]:
    return {key: _copied(each) if isinstance(each, Mapping) else each for key, each in value.items()}
