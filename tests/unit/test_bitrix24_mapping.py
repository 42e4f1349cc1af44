"""Bitrix24's JSON, as PHP writes it and as nobody should: numbers as texts, `[]` for `{}`, null, anything at all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.bitrix24 import mapping
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import ManagerId, Timestamp
from integration.errors import ProtocolError, Rejected

CONTACT, COMPANY, LEAD, DEAL = EntityKind.CONTACT, EntityKind.COMPANY, EntityKind.LEAD, EntityKind.DEAL

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "id", "ID", "name", "NAME", "lastName", "LAST_NAME", "title", "assignedById", "fm", "companyId", "contactId",
    "contactIds", "createdTime", "updatedTime", "stageId", "stageSemanticId", "closed", "opportunity", "categoryId",
    "UF_DEPARTMENT", "UF_PHONE_INNER", "ACTIVE", "EMAIL", "USER_TYPE", "UF_HEAD", "SUBJECT", "DESCRIPTION", "DEADLINE",
    "STATUS_ID", "ENTITY_ID",
)  # fmt: skip
items = st.dictionaries(st.sampled_from(FIELDS), anything)

READERS: tuple[Callable[[dict[str, Any]], object], ...] = (
    *(lambda item, kind=kind: mapping.person(item, kind) for kind in (CONTACT, COMPANY, LEAD)),
    lambda item: mapping.deal(item, {}),
    lambda item: mapping.manager(item, {}),
    lambda item: mapping.departments([item]),
    lambda item: mapping.stage_names([item]),
    lambda item: mapping.source_id([item], "Звонок"),
    mapping.next_task,
    mapping.is_employee,
)


@given(item=items, reader=st.sampled_from(READERS))
def test_whatever_arrives_is_read_or_is_a_broken_protocol(
    item: dict[str, Any], reader: Callable[[dict[str, Any]], object]
) -> None:
    with contextlib.suppress(ProtocolError):
        reader(item)


@pytest.mark.parametrize("id_", [7, "7", 7.0])
def test_ids_and_numbers_may_be_texts(id_: Any) -> None:
    person = mapping.person({"id": id_, "assignedById": "14", "companyId": "0", "fm": []}, CONTACT)
    assert (person.ref, person.responsible, person.company, person.phones) == (
        EntityRef(CONTACT, "7"), ManagerId("14"), None, (),
    )  # fmt: skip
    deal = mapping.deal({"id": id_, "opportunity": "185000.00", "closed": "N", "contactIds": {"1": "5"}}, {})
    assert (deal.price, deal.is_open, deal.persons) == (185_000, True, (EntityRef(CONTACT, "5"),))


@pytest.mark.parametrize(
    ("kind", "item", "name"),
    [
        (CONTACT, {"name": " Иван ", "lastName": "Петров"}, "Иван Петров"),
        (CONTACT, {"name": "", "lastName": None}, ""),
        (COMPANY, {"title": "ООО «Вектор»", "name": "x"}, "ООО «Вектор»"),
        (LEAD, {"title": "Заявка с сайта", "name": "Ольга"}, "Ольга (Заявка с сайта)"),
        (LEAD, {"title": "Заявка с сайта"}, "Заявка с сайта"),
    ],
)
def test_the_name_is_the_persons_and_a_companys_its_title(kind: EntityKind, item: dict[str, Any], name: str) -> None:
    assert mapping.person({"id": 1, **item}, kind).name == name


def test_phones_come_in_the_order_of_the_card_and_an_empty_one_is_none() -> None:
    fm = [
        {"typeId": "EMAIL", "value": "a@b.test"},
        {"typeId": "PHONE", "value": " +79161234567 "},
        {"typeId": "PHONE", "value": ""},
        {"typeId": "PHONE", "value": 84955550142},
        "PHONE",
    ]
    person = mapping.person({"id": 1, "fm": fm}, CONTACT)
    assert person.phones == ("+79161234567", "84955550142")
    assert person.emails == ("a@b.test",)


@pytest.mark.parametrize(
    ("semantic", "closed", "is_open"),
    [("P", "Y", True), ("S", "N", False), ("F", "N", False), (None, "N", True), ("", "Y", False), (None, True, False)],
)
def test_the_meaning_of_the_stage_says_whether_a_deal_is_open(semantic: Any, closed: Any, is_open: bool) -> None:
    assert mapping.deal({"id": 1, "stageSemanticId": semantic, "closed": closed}, {}).is_open is is_open


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-29T15:04:05+03:00", 1_795_953_845),
        ("2026-11-29T12:04:05Z", 1_795_953_845),
        ("", 0),
        ("не дата", 0),
        ("0000-00-00", 0),
        (None, 0),
    ],
)
def test_moments(text: Any, seconds: int) -> None:
    assert mapping.moment(text) == seconds
    if seconds:
        assert mapping.moment(mapping.written_at(seconds)) == seconds


def test_an_activity_without_a_deadline_ends_in_the_year_9999() -> None:
    assert mapping.deadline_of({"DEADLINE": "9999-12-31T00:00:00+03:00"}) is None
    assert mapping.deadline_of({"DEADLINE": "2026-11-29T15:04:05+03:00"}) == Timestamp(1_795_953_845)


@pytest.mark.parametrize("id_", ["", "a", "-1", "1.0", "٣", "1" * 30])
def test_what_is_no_id_is_refused_before_anything_is_sent(id_: str) -> None:
    with pytest.raises(Rejected):
        mapping.number_of(id_)


@given(st.text(max_size=300))
def test_texts_are_sent_without_control_characters_and_never_empty(text: str) -> None:
    task, note = mapping.task_text(text), mapping.note_text(text)
    assert task
    assert note
    assert task.isprintable()
    assert all(line.isprintable() for line in note.split("\n"))
    assert mapping.task_text(task) == task, "what was sent is found again"


@pytest.mark.parametrize("name", ["реклама", " Реклама ", "ADVERTISING", "advertising"])
def test_a_source_is_found_by_its_name_or_id(name: str) -> None:
    words = [
        {"ENTITY_ID": "STATUS", "STATUS_ID": "ADVERTISING", "NAME": "Реклама"},
        {"ENTITY_ID": "SOURCE", "STATUS_ID": "ADVERTISING", "NAME": "Реклама"},
    ]
    assert mapping.source_id(words, name) == "ADVERTISING"
    assert mapping.source_id(words[:1], name) == ""
    assert mapping.source_id(words, "") == ""
