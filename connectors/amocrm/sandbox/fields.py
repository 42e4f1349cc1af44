"""The custom fields of the sandbox's accounts (phone, e-mail, position, a text), and writing their values.

Other properties of a contact do not belong here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from connectors.amocrm.sandbox.tables import Record
from connectors.amocrm.sandbox.validation import Error, Rule, Schema

_PHONE_ENUMS = {101: "WORK", 102: "WORKDD", 103: "MOB", 104: "FAX", 105: "HOME", 106: "OTHER"}
_EMAIL_ENUMS = {111: "WORK", 112: "PRIV", 113: "OTHER"}

_PHONE = {"id": 71, "name": "Телефон", "code": "PHONE", "type": "multitext", "enums": _PHONE_ENUMS}
_EMAIL = {"id": 73, "name": "Email", "code": "EMAIL", "type": "multitext", "enums": _EMAIL_ENUMS}
_POSITION = {"id": 75, "name": "Должность", "code": "POSITION", "type": "text", "enums": {}}
_SOURCE = {"id": 79, "name": "Откуда узнали", "code": None, "type": "text", "enums": {}}
_ADDRESS = {"id": 83, "name": "Адрес", "code": "ADDRESS", "type": "textarea", "enums": {}}

FIELDS: dict[str, tuple[dict[str, Any], ...]] = {
    "contacts": (_PHONE, _EMAIL, _POSITION, _SOURCE),
    "companies": (_PHONE, _EMAIL, _ADDRESS),
    "leads": (_SOURCE,),
}

_VALUE: Schema = {
    "value": Rule("any"),
    "enum_id": Rule("int", nullable=True),
    "enum_code": Rule("str", nullable=True),
    "enum": Rule("any", nullable=True),
}
CUSTOM_FIELDS_RULE = Rule(
    "list",
    nullable=True,
    items={
        "field_id": Rule("int"),
        "field_code": Rule("str", nullable=True),
        "field_name": Rule("str", nullable=True),
        "field_type": Rule("str", nullable=True),
        "is_computed": Rule("bool", nullable=True),
        "values": Rule("list", required=True, nullable=True, items=_VALUE),
    },
)


def phone_field(*numbers: str, code: str = "WORK") -> Record:
    return {"field_code": "PHONE", "values": [{"value": number, "enum_code": code} for number in numbers]}


def written(
    kind: str, incoming: Iterable[Record], existing: Iterable[Record] | None
) -> tuple[list[Record] | None, list[Error]]:
    """
    Merge written fields into the stored ones. A field is replaced as a whole, so a multitext loses values that are not
    sent again. `values: null` or [] removes it.

    Returns:
        The new `custom_fields_values` (None if nothing is left), and the errors: unknown field, unknown enum.
    """
    merged = {field["field_id"]: field for field in existing or []}
    errors: list[Error] = []
    for index, item in enumerate(incoming):
        path = f"custom_fields_values.{index}"
        definition = _find(kind, item)
        if definition is None:
            name = "field_id" if "field_id" in item else "field_code"
            errors.append(
                {"code": "NotSupportedChoice", "path": f"{path}.{name}", "detail": "The field does not exist."}
            )
            continue
        values = []
        for number, value in enumerate(item["values"] or []):
            enum = _enum(definition, value)
            if enum is None:
                errors.append(
                    {
                        "code": "NotSupportedChoice",
                        "path": f"{path}.values.{number}.enum_code",
                        "detail": "The value you selected is not a valid choice.",
                    }
                )
                continue
            if str(value.get("value") or "").strip():
                values.append({"value": value["value"], **enum})
        merged.pop(definition["id"], None)
        if values:
            merged[definition["id"]] = {
                "field_id": definition["id"],
                "field_name": definition["name"],
                "field_code": definition["code"],
                "field_type": definition["type"],
                "values": values,
            }
    return list(merged.values()) or None, errors


def _find(kind: str, item: Record) -> dict[str, Any] | None:
    for definition in FIELDS[kind]:
        if item.get("field_id") == definition["id"]:
            return definition
        if "field_id" not in item and item.get("field_code") and item["field_code"] == definition["code"]:
            return definition
    return None


def _enum(definition: dict[str, Any], value: Record) -> dict[str, Any] | None:
    """The enum members of a stored value; {} if the field has none; None for an unknown enum."""
    enums: dict[int, str] = definition["enums"]
    if not enums:
        return {}
    wanted = value.get("enum_id") or value.get("enum_code") or value.get("enum") or next(iter(enums))
    for id_, code in enums.items():
        if wanted in (id_, code, str(id_)):
            return {"enum_id": id_, "enum_code": code}
    return None


def text_of(record: Record) -> str:
    """
    The text that the search looks in: the name and the values of every field. Numbers are also included as digits, but
    `+7...`, `7...` and `8...` stay different strings.
    """
    parts = [str(record.get(name) or "") for name in ("name", "first_name", "last_name", "price")]
    for field in record.get("custom_fields_values") or []:
        values = [str(value.get("value") or "") for value in field["values"]]
        parts += values
        if field["field_code"] == "PHONE":
            parts += [re.sub(r"[^0-9+]", "", value) for value in values]
    return "\n".join(parts).lower()


def definition_json(kind: str, account_id: int) -> list[Record]:
    """The body of `GET /api/v4/{kind}/custom_fields`."""
    return [
        {
            "id": definition["id"],
            "name": definition["name"],
            "type": definition["type"],
            "code": definition["code"],
            "sort": index + 500,
            "entity_type": kind,
            "account_id": account_id,
            "is_api_only": False,
            "enums": [
                {"id": id_, "value": code, "sort": n} for n, (id_, code) in enumerate(definition["enums"].items())
            ]
            or None,
        }
        for index, definition in enumerate(FIELDS[kind])
    ]
