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
        The document without them, and those that it has with their keys. Empty ones are left out of both; what can be
        no secret, a table for example, stays where it is, and is refused there.
    """
    plain, secrets = _copied(document), dict[str, str]()
    for key in keys:
        *tables, last = key.split(".")
        table: Any = plain
        for name in tables:
            table = table.get(name) if isinstance(table, dict) else None
        if isinstance(table, dict) and _may_be_secret(table.get(last, ())):
            value = table.pop(last)
            if value not in ("", None):
                secrets[key] = str(value)
    return plain, secrets


def removed_secrets(document: Document, keys: Iterable[str]) -> list[str]:
    """The keys for which the document says null, as JSON can: the secret shall go."""
    found = []
    for key in keys:
        *tables, last = key.split(".")
        table: Any = document
        for name in tables:
            table = table.get(name) if isinstance(table, Mapping) else None
        if isinstance(table, Mapping) and table.get(last, "") is None:
            found.append(key)
    return found


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


def _may_be_secret(value: Any) -> bool:
    return value is None or (isinstance(value, str | int) and not isinstance(value, bool))


def _copied(value: Document) -> dict[str, Any]:
    return {key: _copied(each) if isinstance(each, Mapping) else each for key, each in value.items()}
