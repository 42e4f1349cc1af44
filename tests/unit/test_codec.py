"""Stored states: read back unchanged, also by older and newer releases."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, NewType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.calls.call import Call, Leg, Origin, Transfer, Via
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.routing.route import RouteDecision
from integration.domain.settings import AccountSettings
from integration.errors import ProtocolError
from integration.ports.stores import Tokens
from integration.storage.sql.codec import FORMAT, decode, encode

Name = NewType("Name", str)


class Word(StrEnum):
    ONE = "one"
    TWO = "two"


@dataclass(frozen=True)
class Part:
    word: Word
    size: float | None = 1.5


@dataclass(frozen=True)
class Whole:
    name: Name
    parts: tuple[Part, ...] = ()
    best: Part | None = None
    words: frozenset[Word] = frozenset()
    by_name: dict[str, Part] = field(default_factory=dict)
    free: dict[str, Any] | None = None
    flag: bool = True
    names: tuple[str, ...] = ("x",)


_parts = st.builds(Part, word=st.sampled_from(Word), size=st.none() | st.floats(allow_nan=False))
_text = st.text(alphabet=st.characters())  # NULs and lone surrogates too


@given(
    st.builds(
        Whole,
        name=_text.map(Name),
        parts=st.lists(_parts).map(tuple),
        best=st.none() | _parts,
        words=st.frozensets(st.sampled_from(Word)),
        by_name=st.dictionaries(_text, _parts),
        free=st.none() | st.dictionaries(_text, st.integers() | st.none()),
        flag=st.booleans(),
        names=st.lists(_text).map(tuple),
    )
)
def test_what_was_stored_is_read_back(whole: Whole) -> None:
    text = encode(whole)
    assert decode(Whole, text) == whole
    assert text.isascii()
    assert "\0" not in text


@given(st.builds(Person, ref=st.builds(EntityRef, st.sampled_from(EntityKind), _text), responsible=st.none()))
def test_any_person_is_read_back(person: Person) -> None:
    assert decode(Person, encode(person)) == person


def test_none_and_empty_are_left_out_only_where_they_are_the_default() -> None:
    assert json.loads(encode(Whole(Name("a"), names=()))) == {"v": FORMAT, "name": "a", "flag": True, "names": []}
    assert json.loads(encode(Part(Word.ONE, None))) == {"v": FORMAT, "word": "one", "size": None}


def test_a_field_of_a_newer_release_is_ignored_and_a_missing_one_has_its_default() -> None:
    assert decode(Whole, '{"v":1,"name":"a","future":[1],"best":{"word":"two","future":1}}') == Whole(
        Name("a"), best=Part(Word.TWO)
    )


@pytest.mark.parametrize(
    "text", ['{"v":2,"name":"a"}', '{"v":1}', "{}", "[]", "null", "no JSON", '{"name":"a","best":{"word":"three"}}']
)
def test_what_cannot_be_understood_is_said(text: str) -> None:
    with pytest.raises(ProtocolError, match="Whole"):
        decode(Whole, text)


@pytest.mark.parametrize("cls", [Call, Person, AccountSettings, RouteDecision, Tokens])
def test_every_stored_class_has_a_reader(cls: type[object]) -> None:
    with pytest.raises(ProtocolError):
        decode(cls, "{}")


@pytest.mark.parametrize(
    ("stored", "via", "queue"),
    [
        ("queue:sales", Via.QUEUE, "sales"),
        ("queue:a:b", Via.QUEUE, "a:b"),
        ("queue:", Via.QUEUE, None),
        ("direct", Via.DIRECT, None),
    ],
)
def test_a_leg_of_a_release_that_kept_the_queue_in_its_via_is_read(stored: str, via: Via, queue: str | None) -> None:
    text = json.dumps({"id": "l1", "target": "101", "kind": "extension", "via": stored, "offered_at": 1.0, "v": 1})
    leg = decode(Leg, text)
    assert (leg.via, leg.queue) == (via, queue)
    assert decode(Leg, encode(leg)) == leg


def test_a_renamed_field_keeps_its_stored_name_so_that_older_processes_read_it() -> None:
    origin = Origin(kind="click", request_id="dozvon-1", crm_call_id="77")
    assert json.loads(encode(origin)) == {"kind": "click", "action_id": "dozvon-1", "crm_call_id": "77", "v": FORMAT}
    assert decode(Origin, encode(origin)) == origin
    stored = {field.metadata["stored"] for cls in (Call, Transfer, Origin) for field in fields(cls) if field.metadata}
    assert stored == {"uniqueid", "consultation_uniqueid", "action_id"}
