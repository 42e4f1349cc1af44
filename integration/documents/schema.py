"""The documents as JSON Schema, for the description of the API; made from the models that check them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from integration.documents.office import OfficeDocument
from integration.documents.pbx import PbxDocument

_DERIVED = ("crm_options", "pbx_options", "options", "has_own_pbx")  # a document writes them otherwise, or not at all
_NAMES = {"OfficeDocument": "AccountDocument"}  # as the API calls what is below /account/


@dataclass(frozen=True, slots=True)
class KindTable:
    """The table in a document that a kind of CRM or PBX checks itself."""

    settings: type
    """The dataclass that the kind makes of it. Its fields are the table's keys."""

    secrets: tuple[str, ...]
    """Keys that are written and never shown. A dot stands before those of a table in it: `records.url`."""

    left_out: tuple[str, ...] = ()
    """Fields that are no keys."""

    or_flag: tuple[str, ...] = ()
    """Tables that may also be `true` or `false`."""


def document_schemas(
    *, crms: Mapping[str, KindTable], pbxs: Mapping[str, KindTable], address: str
) -> dict[str, dict[str, Any]]:
    """
    By name: `AccountDocument`, `PbxDocument`, and the tables in them, those of the kinds too.

    Args:
        crms: by kind. `pbxs` likewise.
        address: where a schema of a name is found, as `#/components/schemas/`.
    """
    tables = {**crms, **pbxs}
    models: dict[str, TypeAdapter[Any]] = {each.__name__: TypeAdapter(each) for each in (OfficeDocument, PbxDocument)}
    models |= {kind: TypeAdapter(table.settings) for kind, table in tables.items()}
    found, definitions = TypeAdapter.json_schemas(
        [(name, "validation", model) for name, model in models.items()], ref_template=address + "{model}"
    )
    schemas: dict[str, dict[str, Any]] = definitions["$defs"]
    own = {kind: found[kind, "validation"] for kind in tables}
    for name, kinds in (("OfficeDocument", tables), ("PbxDocument", pbxs)):
        schema = schemas[name]
        kept = {key: value for key, value in schema["properties"].items() if key not in _DERIVED}
        schema["properties"] = kept | {kind: own[kind] for kind in kinds}
        schema.pop("required")  # the address and the table of kinds say what is left out
    people = schemas["OfficeDocument"]["properties"]["employee"]
    people["additionalProperties"] = {"anyOf": [people["additionalProperties"], {"type": "string"}]}
    for kind, table in tables.items():
        _describe(schemas, own[kind], table)
    return {_NAMES.get(name, name): _plain(schema) for name, schema in schemas.items()}


_Schemas = Mapping[str, dict[str, Any]]


def _describe(schemas: _Schemas, schema: Mapping[str, Any], table: KindTable) -> None:
    """Turn the schema of a kind's dataclass into that of its table."""
    for path in table.left_out:
        for owner, key in _owners(schemas, schema, path):
            del owner["properties"][key]
            _require_no_longer(owner, key)
    for path in table.secrets:
        for owner, key in _owners(schemas, schema, path):
            owner["properties"][key]["writeOnly"] = True
            _require_no_longer(owner, key)  # the stored one stays
    for path in table.or_flag:
        for owner, key in _owners(schemas, schema, path):
            owner["properties"][key] = {"anyOf": [{"type": "boolean"}, owner["properties"][key]]}
    for each in _tables(schemas, schema):
        each["additionalProperties"] = False  # kinds refuse keys that they do not know


def _require_no_longer(owner: dict[str, Any], key: str) -> None:
    owner["required"] = [each for each in owner.get("required", ()) if each != key]


def _owners(schemas: _Schemas, schema: Mapping[str, Any], path: str) -> Iterable[tuple[dict[str, Any], str]]:
    """The tables that have the key at a path, as `records.url`."""
    first, _, rest = path.partition(".")
    for table in _named(schemas, schema):
        if not rest:
            yield table, first
        else:
            yield from _owners(schemas, table["properties"][first], rest)


def _tables(schemas: _Schemas, schema: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """A kind's table, and those in it."""
    for table in _named(schemas, schema):
        if "properties" in table:
            yield table
            for each in table["properties"].values():
                yield from _tables(schemas, each)


def _named(schemas: _Schemas, schema: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """What a field's schema refers to, also as one of several."""
    if "$ref" in schema:
        yield schemas[schema["$ref"].rpartition("/")[2]]
    for each in schema.get("anyOf", ()):
        yield from _named(schemas, each)


def _plain(schema: Any) -> Any:
    """Without what is for readers of the code, and without null, which no document has: an empty text is none."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(kept) == 1:
        schema = {key: value for key, value in schema.items() if key != "anyOf"} | kept[0]
    found = {}
    for key, value in schema.items():
        if key == "properties":
            found[key] = {name: _plain(each) for name, each in value.items()}
        elif key not in ("title", "description") and (key, value) != ("default", None):
            found[key] = _plain(value)
    return found
