"""Checks bodies of writes field by field and answers with the documented codes.

It checks only the form of values. Handlers know which users and pipelines exist, and pass the allowed values as
`choices`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from connectors.amocrm.sandbox.problems import Problem, validation

type_names: dict[str, str] = {
    "int": "int", "str": "string", "bool": "bool", "list": "array", "object": "object", "number": "float"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """
    The rule for one field.

    `kind`: int, str, bool, number, list, object, any, or party (a user id as a number, else a phone or a name).
    `blank` allows the empty string; `choices` are the allowed values; `items` is the schema of an object, or of
    every object of a list.
    """

    kind: str
    required: bool = False
    nullable: bool = False
    blank: bool = True
    choices: Collection[Any] | None = None
    items: Mapping[str, Rule] | None = None

    def needed(self) -> Rule:
        return replace(self, required=True)


Schema = Mapping[str, Rule]
Error = dict[str, str]

INT, TEXT, FLAG, ANY = Rule("int"), Rule("str"), Rule("bool"), Rule("any", nullable=True)


def check(item: Any, schema: Schema, path: str = "") -> list[Error]:
    """All errors of an object, outermost first; empty if it is valid."""
    if not isinstance(item, dict):
        return [_error("InvalidType", path, "This value should be of type object.")]
    errors = [
        _error("FieldNotExpected", _join(path, name), "This field was not expected.")
        for name in item
        if name not in schema
    ]
    for name, rule in schema.items():
        if name in item:
            errors += _check_value(item[name], rule, _join(path, name))
        elif rule.required:
            errors.append(_error("FieldMissing", _join(path, name), "This field is missing."))
    return errors


def _check_value(value: Any, rule: Rule, path: str) -> list[Error]:
    if value is None:
        return [] if rule.nullable else [_error("NotNullable", path, "This value should not be null.")]
    if not _fits(value, rule.kind):
        name = type_names.get(rule.kind, rule.kind)
        return [_error("InvalidType", path, f"This value should be of type {name}.")]
    if isinstance(value, str) and not rule.blank and not value.strip():
        return [_error("NotBlank", path, "This value should not be blank.")]
    if rule.choices is not None and value not in rule.choices:
        return [_error("NotSupportedChoice", path, "The value you selected is not a valid choice.")]
    if rule.items is None:
        return []
    if isinstance(value, dict):
        return check(value, rule.items, path)
    return [error for i, each in enumerate(value) for error in check(each, rule.items, f"{path}.{i}")]


def _fits(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind in {"bool", "any"}
    types: dict[str, type | tuple[type, ...]] = {
        "int": int, "str": str, "number": (int, float), "list": list, "object": dict, "party": (int, str), "any": object
    }  # fmt: skip
    # The official client and others send times as floats with whole values; amoCRM reads them as integers.
    return isinstance(value, types.get(kind, ())) or (kind == "int" and isinstance(value, float) and value.is_integer())


def _error(code: str, path: str, detail: str) -> Error:
    return {"code": code, "path": path, "detail": detail}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


async def json_body(request: web.Request) -> Any:
    """The request's JSON. Raises: Problem 400 if it is not JSON."""
    try:
        return json.loads(await request.text())
    except (ValueError, RecursionError) as exc:
        raise Problem(400, "Invalid JSON", title="Invalid JSON") from exc


async def batch(request: web.Request, schema: Schema, *, limit: int = 250) -> list[dict[str, Any]]:
    """
    Read and check an array of objects. Each item gets its `request_id`, by default its index.

    Raises:
        Problem: 400; one bad item refuses the whole batch.
    """
    body = await json_body(request)
    if not isinstance(body, list) or not body:
        raise Problem(400, "A non-empty array is expected")
    if len(body) > limit:
        raise Problem(400, f"At most {limit} items in one request")
    schema = {"request_id": TEXT, **schema}
    failures = []
    for index, item in enumerate(body):
        errors = check(item, schema)
        request_id = request_id_of(item, index)
        if errors:
            failures.append({"request_id": request_id, "errors": errors})
        else:
            item["request_id"] = request_id
    if failures:
        raise validation(failures)
    return body


async def single(request: web.Request, schema: Schema) -> dict[str, Any]:
    """Read and check one object."""
    body = await json_body(request)
    errors = check(body, schema)
    if errors:
        raise validation([{"request_id": "0", "errors": errors}])
    return dict(body)


def request_id_of(item: Any, index: int) -> str:
    return item["request_id"] if isinstance(item, dict) and isinstance(item.get("request_id"), str) else str(index)
