"""Turns written fields of both forms (`PHONE`, `fm`) into stored values; unknown fields are ignored, as documented.

`rest_crm_old.py` and `rest_crm_items.py` call it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.bitrix24.sandbox.crm_kinds import (
    INTEGERS,
    MULTI_KINDS,
    VALUE_TYPES,
    Field,
    Kind,
    Record,
    field_name,
)
from connectors.bitrix24.sandbox.filtering import moment
from connectors.bitrix24.sandbox.parameters import as_flag, as_int, as_number, as_text


def stored_value(value: Any, shape: Field) -> Any:
    if shape.is_multiple:
        each = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value]
        return [number for one in each if (number := as_int(one))]
    if shape.type in INTEGERS:
        return as_int(value) or None
    if shape.type == "double":
        return as_number(value)
    if shape.type == "char":
        return "Y" if as_flag(value) else "N"
    if shape.type == "datetime":
        return moment(as_text(value))
    return as_text(value)


def old_fields(kind: Kind, fields: Mapping[str, Any], record: Record | None) -> Record:
    """Values of `crm.contact.add` and its kind. `record`: what is there already, whose phones are merged."""
    values = _plain(kind, {str(name).upper(): value for name, value in fields.items()})
    if kind.has_phones:
        values["FM"] = _old_multi(fields, record["FM"] if record else [])
    return values


def _plain(kind: Kind, fields: Mapping[str, Any]) -> Record:
    values: Record = {}
    for name, value in fields.items():
        shape = kind.fields.get(name)
        if shape is not None and not shape.is_read_only:
            values[name] = stored_value(value, shape)
        elif name.startswith("UF_"):
            values[name] = value
    return values


def _old_multi(fields: Mapping[str, Any], existing: list[Record]) -> list[Record]:
    kept = [dict(each) for each in existing]
    for type_id in MULTI_KINDS:
        sent = fields.get(type_id)
        entries = list(sent.values()) if isinstance(sent, dict) else sent if isinstance(sent, list) else []
        for entry in entries:
            if isinstance(entry, dict):
                kept = _merged(kept, type_id, as_int(entry.get("ID")), entry)
    return kept


def _merged(existing: list[Record], type_id: str, id_: int, entry: Mapping[str, Any]) -> list[Record]:
    """One written entry: with an id it changes or deletes that value, without one it adds a value."""
    value = as_text(entry.get("VALUE")).strip()
    value_type = as_text(entry.get("VALUE_TYPE")).upper() or "WORK"
    value_type = value_type if value_type in VALUE_TYPES else "OTHER"
    if not id_:
        return [*existing, {"TYPE_ID": type_id, "VALUE_TYPE": value_type, "VALUE": value}] if value else existing
    is_deleted = as_text(entry.get("DELETE")).upper() == "Y" or not value
    result = []
    for each in existing:
        if each.get("ID") != id_:
            result.append(each)
        elif not is_deleted:
            result.append({**each, "VALUE": value, "VALUE_TYPE": value_type})
    return result


def item_fields(kind: Kind, fields: Mapping[str, Any], record: Record | None) -> Record:
    """Values of `crm.item.add` and `crm.item.update`."""
    named = {field_name(kind, str(name)): value for name, value in fields.items() if name != "fm"}
    values = _plain(kind, named)
    if kind.has_phones and "fm" in fields:
        values["FM"] = _item_multi(fields["fm"], record["FM"] if record else [])
    return values


def _item_multi(sent: Any, existing: list[Record]) -> list[Record]:
    """A list adds; a map changes the values named by their ids, and `n0` adds. Without `typeId` silently nothing."""
    entries = list(sent.items()) if isinstance(sent, dict) else [("n0", each) for each in sent or []]
    kept = [dict(each) for each in existing]
    for key, entry in entries:
        type_id = as_text(entry.get("typeId")).upper() if isinstance(entry, dict) else ""
        if type_id in MULTI_KINDS:
            known = as_int(key) or as_int(entry.get("id"))
            kept = _merged(kept, type_id, known, {"VALUE": entry.get("value"), "VALUE_TYPE": entry.get("valueType")})
    return kept
