"""The documents as JSON Schema, for the description of the API; made from the models that check them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import models_json_schema

from integration.documents.office import OfficeDocument
from integration.documents.pbx import PbxDocument

_DERIVED = ("crm_options", "pbx_options", "options", "has_own_pbx")  # a document writes them otherwise, or not at all
_NAMES = {"OfficeDocument": "AccountDocument"}  # as the API calls what is below /account/


def document_schemas(*, crms: Iterable[str], pbxs: Iterable[str], address: str) -> dict[str, Any]:
    """
    By name: `AccountDocument`, `PbxDocument`, and the tables in them.

    Args:
        crms: the kinds; each has a table of its own in a document, which its adapter checks. `pbxs` likewise.
        address: where a schema of a name is found, as `#/components/schemas/`.
    """
    models = [(OfficeDocument, "validation"), (PbxDocument, "validation")]
    _, found = models_json_schema(models, ref_template=address + "{model}")  # type: ignore[arg-type]
    schemas: dict[str, Any] = found["$defs"]
    for name, kinds in (("OfficeDocument", [*crms, *pbxs]), ("PbxDocument", [*pbxs])):
        schema = schemas[name]
        own = {key: value for key, value in schema["properties"].items() if key not in _DERIVED}
        schema["properties"] = own | {kind: {"type": "object"} for kind in kinds}
        schema.pop("required")  # the address and the table of kinds say what is left out
    people = schemas["OfficeDocument"]["properties"]["employee"]
    people["additionalProperties"] = {"anyOf": [people["additionalProperties"], {"type": "string"}]}
    return {_NAMES.get(name, name): _plain(schema) for name, schema in schemas.items()}


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
