"""What the description of REST says of documents, and the word for a revision that was read."""

from __future__ import annotations

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from integration.documents.office import office_document
from integration.documents.pbx import read_pbx
from integration.documents.schema import document_schemas
from integration.domain.ids import AccountId, PbxId
from integration.domain.settings import AccountSettings
from integration.ports.offices import Seen
from tests.unit.test_office_document_round_trip import ids, offices

SCHEMAS = document_schemas(crms=["crm_kind"], pbxs=["pbx_kind"], address="#/$defs/")


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


@given(office=st.integers(0, 10**9 - 1), people=st.dictionaries(ids.map(AccountId), st.integers(0, 10**9 - 1)))
def test_the_word_for_what_was_read_comes_back_as_it_was(office: int, people: dict[AccountId, int]) -> None:
    seen = Seen(office=office, people=people)
    assert Seen.read(str(seen)) == seen


@given(st.text())
def test_any_other_word_is_none(word: str) -> None:
    seen = Seen.read(word)
    assert seen is None or Seen.read(str(seen)) == seen
