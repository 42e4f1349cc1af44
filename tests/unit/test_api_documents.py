"""What the description of REST says of documents, and the word for a revision that was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.documents.office import office_document
from integration.documents.pbx import read_pbx
from integration.documents.problems import InvalidDocument
from integration.documents.schema import KindTable, document_schemas
from integration.domain.ids import AccountId, PbxId
from integration.domain.settings import AccountSettings
from integration.ports.offices import Seen
from integration.process.adapters import CRMS, PBXS, tables_of
from integration.texts.settings import Problem
from tests.unit.test_office_document_round_trip import ids, offices


@dataclass
class CrmTable:
    key: int = 0


@dataclass
class PbxTable:
    host: str


SCHEMAS = document_schemas(
    crms={"crm_kind": KindTable(CrmTable, ())}, pbxs={"pbx_kind": KindTable(PbxTable, ())}, address="#/$defs/"
)
REAL = document_schemas(crms=tables_of(CRMS), pbxs=tables_of(PBXS), address="#/$defs/")


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMAS})


@given(settings=offices, has_own=st.booleans())
def test_every_account_that_is_shown_is_as_the_description_says(settings: AccountSettings, has_own: bool) -> None:
    document = office_document(
        settings,
        crm="crm_kind",
        crm_options={"key": 1},
        pbx="pbx_kind",
        pbx_id=PbxId("p"),
        pbx_options={"host": "h"} if has_own else None,
        pbxs=() if has_own else (PbxId("p"),),
    )
    validator("AccountDocument").validate(document.plain())
    wrong = {**document.plain(), "what": "is this"}
    assert not validator("AccountDocument").is_valid(wrong)
    assert not validator("AccountDocument").is_valid({**document.plain(), "language": 5})


def test_so_is_every_pbx() -> None:
    document = read_pbx({"id": "branch", "office": "acme", "kind": "pbx_kind", "pbx_kind": {"host": "h"}}, kind="x")
    validator("PbxDocument").validate(document.plain())


_UNKNOWN = (Problem.UNKNOWN_KEY, Problem.UNKNOWN_KEY_NEAR)


def unknown_keys(kind: str, table: Mapping[str, Any]) -> set[tuple[str, ...]]:
    """What the kind's own check does not know."""
    try:
        if kind in CRMS:
            CRMS[kind].check(table)
        else:
            PBXS[kind].check(PbxId("p"), table, key=kind)
    except InvalidDocument as exc:
        return {tuple(map(str, each.path)) for each in exc.problems if each.problem in _UNKNOWN}
    return set()


def keys_of(schema: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for each in (schema, *schema.get("anyOf", ())):
        table = REAL[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        for key, value in table.get("properties", {}).items():
            found += [(*path, key), *keys_of(value, (*path, key))]
    return found


@pytest.mark.parametrize("kind", [*CRMS, *PBXS])
def test_the_table_of_each_kind_is_described_key_by_key(kind: str) -> None:
    """Its check knows each described key, and refuses others, as the description does."""
    schema = REAL["AccountDocument"]["properties"][kind]
    keys = keys_of(schema)
    assert len(keys) > 10
    for key in keys:
        table: Any = "a text"
        for name in reversed(key):
            table = {name: table}
        assert not unknown_keys(kind, table), key
    described = jsonschema.Draft202012Validator({**schema, "$defs": REAL})
    needed = dict.fromkeys(REAL[schema["$ref"].rpartition("/")[2]].get("required", ()), "a text")
    assert described.is_valid(needed)
    assert not described.is_valid({**needed, "odd": 1})
    assert unknown_keys(kind, {"odd": 1}) == {(kind, "odd")}


def test_secrets_of_a_kind_are_described_as_written_only_and_may_be_left_out() -> None:
    table = REAL["AsteriskSettings"]
    assert table["properties"]["secret"]["writeOnly"]
    assert "secret" not in table["required"]
    assert REAL["RecordsSettings"]["properties"]["url"]["writeOnly"]
    assert "writeOnly" not in table["properties"]["host"]
    described = jsonschema.Draft202012Validator({**table, "$defs": REAL})
    described.validate({"host": "10.0.0.5", "username": "dozvon", "tls": True})
    described.validate({"host": "10.0.0.5", "username": "dozvon", "tls": {"verify": False}})
    assert not described.is_valid({"host": "10.0.0.5", "username": "dozvon", "tls": {"verified": False}})


@given(office=st.integers(0, 10**9 - 1), people=st.dictionaries(ids.map(AccountId), st.integers(0, 10**9 - 1)))
def test_the_word_for_what_was_read_comes_back_as_it_was(office: int, people: dict[AccountId, int]) -> None:
    seen = Seen(office=office, people=people)
    assert Seen.read(str(seen)) == seen


@given(st.text())
def test_any_other_word_is_none(word: str) -> None:
    seen = Seen.read(word)
    assert seen is None or Seen.read(str(seen)) == seen
