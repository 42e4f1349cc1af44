"""amoCRM's words and ours, value by value: causes, deals that are over, pipelines, numbers that no database stores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.amocrm import mapping
from integration.domain.calls.call import Direction, Disposition
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import ManagerId, Timestamp
from tests.unit.test_amocrm_mapping import CALL, NUMBER, RECORD, contact

WRONG_NUMBER, NOT_THERE, NOT_REACHED, BUSY, TALKED = 5, 3, 6, 7, 4


@pytest.mark.parametrize("cause", [1, 2, 3, 4, 22, 28])
def test_a_call_fails_by_a_wrong_number(cause: int) -> None:
    assert mapping.call_status(replace(CALL, disposition=Disposition.FAILED, hangup_cause=cause)) == WRONG_NUMBER


@pytest.mark.parametrize("cause", [20, 27, 34, 38, 41, 42])
def test_a_call_fails_by_what_is_not_there_now(cause: int) -> None:
    assert mapping.call_status(replace(CALL, disposition=Disposition.FAILED, hangup_cause=cause)) == NOT_THERE


@pytest.mark.parametrize("cause", [None, 0, 5, 16, 17, 18, 19, 21, 23, 29, 31, 127])
def test_a_call_that_fails_by_anything_else_was_not_put_through(cause: int | None) -> None:
    assert mapping.call_status(replace(CALL, disposition=Disposition.FAILED, hangup_cause=cause)) == NOT_REACHED


@pytest.mark.parametrize(
    ("disposition", "status"),
    [
        (Disposition.ANSWERED, TALKED),
        (Disposition.BUSY, BUSY),
        (Disposition.MISSED, NOT_REACHED),
        (Disposition.NOANSWER, NOT_REACHED),
        (Disposition.CANCELLED, NOT_REACHED),
    ],
)
@pytest.mark.parametrize("cause", [1, 20])
def test_the_cause_speaks_only_of_a_call_that_failed(disposition: Disposition, status: int, cause: int) -> None:
    assert mapping.call_status(replace(CALL, disposition=disposition, hangup_cause=cause)) == status


@pytest.mark.parametrize(
    ("disposition", "talked", "seconds"),
    [
        (Disposition.ANSWERED, 0.0, 1),
        (Disposition.ANSWERED, 1.4, 1),
        (Disposition.ANSWERED, 1.6, 2),
        (Disposition.MISSED, 30.0, 0),
    ],
)
def test_only_an_answered_call_has_a_length(disposition: Disposition, talked: float, seconds: int) -> None:
    assert mapping.talk_seconds(replace(CALL, disposition=disposition, talked_seconds=talked)) == seconds


# ---- deals and pipelines


@pytest.mark.parametrize("status", [55012, "55012", 141, 144, None])
@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_deleted_deal_is_not_open(status: Any, is_deleted: bool) -> None:
    deal = mapping.deal({"id": 1, "status_id": status, "is_deleted": is_deleted}, {})
    assert (deal.is_open, deal.is_deleted) == (not is_deleted, is_deleted)


@pytest.mark.parametrize("status", [142, 143, "142", "143"])
def test_a_deal_that_was_won_or_lost_is_over_however_its_stage_is_written(status: Any) -> None:
    assert not mapping.deal({"id": 1, "status_id": status}, {}).is_open


@pytest.mark.parametrize(("price", "expected"), [(0, 0), ("245000", 245000), (None, None), (12.0, 12), (1.5, 0)])
def test_a_price_of_nothing_is_a_price(price: Any, expected: int | None) -> None:
    assert mapping.deal({"id": 1, "price": price}, {}).price == expected


def test_a_deal_without_a_main_contact_has_none_though_it_has_contacts() -> None:
    item = {"id": 1, "_embedded": {"contacts": [{"id": 2}, "nonsense", {"id": 0}], "companies": None}}
    deal = mapping.deal(item, {})
    assert (deal.main_person, deal.persons) == (None, (EntityRef(EntityKind.CONTACT, "2"),))


def pipeline(id_: int, *, main: bool = False, on: bool = True, archived: bool = False) -> dict[str, Any]:
    return {"id": id_, "is_main": main, "is_unsorted_on": on, "is_archive": archived}


@pytest.mark.parametrize(
    ("pipelines", "chosen"),
    [
        ([pipeline(1), pipeline(2, main=True)], 2),
        ([pipeline(1), pipeline(2)], 1),
        ([pipeline(1), pipeline(2, main=True, on=False)], 1),
        ([pipeline(1), pipeline(2, main=True, archived=True)], 1),
        ([pipeline(1, archived=True)], None),
        ([pipeline(1, on=False)], None),
        ([], None),
    ],
    ids=["the main one", "the first", "the main one has none", "the main one is archived", "archived", "off", "none"],
)
def test_unsorted_goes_where_it_is_on_and_not_archived(pipelines: list[dict[str, Any]], chosen: int | None) -> None:
    assert mapping.unsorted_pipeline(pipelines) == chosen


def test_a_pipeline_without_stages_names_none() -> None:
    named = {"id": 2, "_embedded": {"statuses": [{"id": 3, "name": "Новая"}]}}
    assert mapping.stage_names([{"id": 1}, {"id": 4, "_embedded": {"statuses": None}}, named]) == {("2", "3"): "Новая"}


# ---- people


@pytest.mark.parametrize(
    ("rights", "is_active", "is_paid", "is_admin"),
    [
        ({}, True, True, False),
        (None, True, True, False),
        ({"is_active": False, "is_free": True, "is_admin": True}, False, False, True),
    ],
)
def test_a_user_whose_rights_are_not_told_can_work_and_is_no_administrator(
    rights: Any, is_active: bool, is_paid: bool, is_admin: bool
) -> None:
    manager = mapping.manager({"id": 1, "rights": rights})
    assert (manager.is_active, manager.is_paid, manager.is_admin) == (is_active, is_paid, is_admin)


@pytest.mark.parametrize(
    ("value", "expected"), [(0, None), ("0", None), (None, None), ("x", None), (7, "7"), (True, None)]
)
def test_the_robot_is_nobody(value: Any, expected: str | None) -> None:
    assert mapping.manager_id(value) == expected


def test_of_a_contacts_companies_the_first_is_its_company() -> None:
    person = mapping.person(contact(_embedded={"companies": [{"id": 12}, {"id": 13}]}), EntityKind.CONTACT)
    assert person.company == EntityRef(EntityKind.COMPANY, "12")
    assert mapping.person(contact(is_deleted=True), EntityKind.CONTACT).is_deleted


def test_a_webhook_names_its_fields_by_another_key() -> None:
    fields = [{"code": "PHONE", "values": [{"value": "+7 1"}, {"value": ""}, "?"]}, {"code": "EMAIL", "values": []}]
    assert mapping.field_values(fields, "PHONE") == ("+7 1",)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5), ("5", 5), ("-5", -5), (5.0, 5), (5.5, 0), ("x", 0), (None, 0), (True, 0), ("", 0),
        ("9" * 18, 10**18 - 1), ("9" * 19, 0), ("--5", 0),
    ],
)  # fmt: skip
def test_a_number_that_a_database_cannot_hold_is_none(value: Any, expected: int) -> None:
    assert mapping.whole(value) == expected


# ---- what is sent


def test_names_and_texts_are_cut_to_what_amocrm_takes() -> None:
    assert len(mapping.new_contact("x" * 999, NUMBER, None)["name"]) == 250
    note = mapping.call_note(replace(RECORD, text="y" * 999), 1, "Dozvon")
    assert len(note["params"]["call_result"]) == 250


def test_a_new_contact_has_its_responsible_as_a_number() -> None:
    assert mapping.new_contact("Анна", NUMBER, ManagerId("7"))["responsible_user_id"] == 7


def test_a_note_is_dated_by_the_whole_second_in_which_the_call_began() -> None:
    late = replace(RECORD, call=replace(CALL, started_at=Timestamp(1760000000.99)))
    assert mapping.call_note(late, 1, "Dozvon")["created_at"] == 1760000000
    assert mapping.call_entry(late, "Dozvon")["created_at"] == 1760000000
    entry = mapping.unsorted_sip(late, pipeline_id=None, source="Dozvon", service_code="dozvon")
    assert (entry["created_at"], entry["metadata"]["called_at"]) == (1760000000, 1760000000)
    assert "pipeline_id" not in entry


def test_amocrm_shows_an_entry_of_the_inbox_as_a_call() -> None:
    entry = mapping.unsorted_sip(RECORD, pipeline_id=5501, source="Dozvon", service_code="dozvon")
    assert entry["metadata"]["is_call_event_needed"] is True
    assert entry["metadata"]["duration"] == 73


@pytest.mark.parametrize("direction", [Direction.OUTBOUND, Direction.INTERNAL])
def test_only_a_call_from_outside_came_in(direction: Direction) -> None:
    assert mapping.note_type(direction) == "call_out"
    assert mapping.note_type(Direction.INBOUND) == "call_in"


@pytest.mark.parametrize(("letters", "sent"), [(3, 3), (500, 500), (501, 500), (5000, 500)])
def test_a_tasks_text_is_cut_and_found_again_by_what_is_left(letters: int, sent: int) -> None:
    assert mapping.task_text("я" * letters) == "я" * sent


@pytest.mark.parametrize("too_long", [False, True])
def test_an_id_is_as_long_as_a_database_can_store(too_long: bool) -> None:
    text = "9" * (mapping.LONGEST_NUMBER + too_long)
    assert mapping.id_of(text) == ("" if too_long else text)
