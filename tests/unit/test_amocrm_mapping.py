"""amoCRM's JSON to our words and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.amocrm import mapping
from connectors.amocrm.api.wire import ENTITY_NOT_FOUND, UNKNOWN_USER, problem_code, problem_text
from integration.domain.calls.call import Call, Direction, Disposition
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Manager, Person
from integration.domain.ids import AccountId, CallId, ManagerId, PbxId, Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.numbers.phone import PhoneNumber
from integration.errors import ProtocolError, Rejected
from integration.ports.crm import CallRecord

NUMBER = PhoneNumber("+79161234567", "8 916 123-45-67")

CALL = Call(
    id=CallId("pbx:1760000000.1"),
    account=AccountId("office"),
    pbx=PbxId("pbx"),
    native_id="1760000000.1",
    direction=Direction.INBOUND,
    caller="79161234567",
    called="74950000000",
    started_at=Timestamp(1760000000.7),
    answered_at=Timestamp(1760000010.0),
    ended_at=Timestamp(1760000083.0),
    disposition=Disposition.ANSWERED,
    talked_seconds=72.6,
)
RECORD = CallRecord(
    key="pbx:1760000000.1",
    call=CALL,
    client=NUMBER,
    responsible=ManagerId("610077"),
    recording_url="https://rec.example.test/r/abc.mp3",
    text="101, ожидание 10 с",
)


def contact(**changes: Any) -> dict[str, Any]:
    return {
        "id": 9001,
        "name": "Иван Петров",
        "responsible_user_id": 610077,
        "created_at": 1760000000,
        "updated_at": 1760000100,
        "is_deleted": False,
        "custom_fields_values": [
            {"field_code": "PHONE", "values": [{"value": "8 (916) 123-45-67", "enum_id": 101, "enum_code": "WORK"}]},
            {"field_code": "EMAIL", "values": [{"value": "ivan@client.test"}]},
            {"field_code": None, "values": [{"value": "+7 999 000-00-00"}]},
        ],
        "_embedded": {"companies": [{"id": 12}], "leads": [{"id": 7001}]},
        **changes,
    }


def test_a_contact_becomes_a_person() -> None:
    assert mapping.person(contact(), EntityKind.CONTACT) == Person(
        ref=EntityRef(EntityKind.CONTACT, "9001"),
        name="Иван Петров",
        responsible=ManagerId("610077"),
        phones=("8 (916) 123-45-67",),
        emails=("ivan@client.test",),
        company=EntityRef(EntityKind.COMPANY, "12"),
        deals=(EntityRef(EntityKind.DEAL, "7001"),),
        created_at=1760000000,
        updated_at=1760000100,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"custom_fields_values": None, "_embedded": None},
        {"custom_fields_values": "nonsense", "_embedded": {}},
        {"custom_fields_values": [None, 7, {"field_code": "PHONE", "values": None}], "_embedded": {"leads": None}},
    ],
)
def test_what_may_lack_lacks(changes: dict[str, Any]) -> None:
    person = mapping.person(contact(**changes), EntityKind.CONTACT)
    assert (person.phones, person.deals) == ((), ())


def test_an_object_without_id_is_a_broken_protocol() -> None:
    with pytest.raises(ProtocolError):
        mapping.person({"name": "nobody"}, EntityKind.CONTACT)


@pytest.mark.parametrize("id_", ["9" * 19, 10**18, "7" * 5000, "-1", "1e3", "٣", 5.0, True, None, "", "x"])
def test_what_is_no_id_of_amocrm_is_none(id_: Any) -> None:
    """No index of a database takes a key of thousands of digits: one such link would keep the whole page out."""
    links = {"contacts": [{"id": id_}, {"id": 7}], "companies": [{"id": id_}], "leads": [{"id": id_}, {"id": "8"}]}
    assert mapping.refs(links["contacts"], EntityKind.CONTACT) == (EntityRef(EntityKind.CONTACT, "7"),)
    person = mapping.person(contact(_embedded=links, responsible_user_id=id_), EntityKind.CONTACT)
    assert (person.company, person.responsible) == (None, None)
    assert person.deals == (EntityRef(EntityKind.DEAL, "8"),)
    with pytest.raises(ProtocolError):
        mapping.person(contact(id=id_), EntityKind.CONTACT)


@pytest.mark.parametrize("moment", [1e30, 10**30, "9" * 30, 1.5, float("inf"), float("nan"), "soon", None])
def test_a_moment_that_no_database_keeps_is_none(moment: Any) -> None:
    assert mapping.person(contact(updated_at=moment, created_at=moment), EntityKind.CONTACT).updated_at == 0


def test_names_hold_nothing_that_a_database_refuses() -> None:
    assert mapping.person(contact(name="a\x00b\ud800c"), EntityKind.CONTACT).name == "ab?c"


def test_a_lead_becomes_a_deal_with_its_stage_and_persons() -> None:
    pipelines = [{"id": 5501, "_embedded": {"statuses": [{"id": 55012, "name": "Переговоры"}]}}]
    item = {
        "id": 7001,
        "name": "Кухня",
        "responsible_user_id": 0,
        "price": 245000,
        "pipeline_id": 5501,
        "status_id": 55012,
        "updated_at": 5,
        "_embedded": {"contacts": [{"id": 1, "is_main": False}, {"id": 2, "is_main": True}], "companies": [{"id": 3}]},
    }
    assert mapping.deal(item, mapping.stage_names(pipelines)) == Deal(
        ref=EntityRef(EntityKind.DEAL, "7001"),
        name="Кухня",
        responsible=None,  # 0 is the robot
        pipeline="5501",
        stage="55012",
        stage_name="Переговоры",
        price=245000,
        persons=(
            EntityRef(EntityKind.CONTACT, "1"),
            EntityRef(EntityKind.CONTACT, "2"),
            EntityRef(EntityKind.COMPANY, "3"),
        ),
        main_person=EntityRef(EntityKind.CONTACT, "2"),
        updated_at=5,
    )


@pytest.mark.parametrize(("status_id", "is_open"), [(55012, True), (142, False), (143, False)])
def test_won_and_lost_deals_are_closed(status_id: int, is_open: bool) -> None:
    assert mapping.deal({"id": 1, "status_id": status_id}, {}).is_open is is_open


def test_a_user_becomes_a_manager() -> None:
    rights = {"is_active": True, "is_free": True, "is_admin": False}
    item = {"id": 1, "name": "Жанна", "email": "z@firm.test", "phone_number": None, "rights": rights}
    assert mapping.manager(item) == Manager(id=ManagerId("1"), name="Жанна", email="z@firm.test", is_paid=False)


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("+7 916 123 45 67", True),
        ("8(916)1234567", True),
        ("79161234567", True),
        ("9161234567", True),
        ("+7 916 123 45 68", False),
        ("доб. 4567", False),
        ("", False),
    ],
)
def test_only_a_phone_of_the_card_matches(phone: str, expected: bool) -> None:
    person = Person(ref=EntityRef(EntityKind.CONTACT, "1"), name="", responsible=None, phones=(phone,))
    assert mapping.has_number(person, NUMBER, DEFAULT_NUMBERING) is expected


# ---- calls


@pytest.mark.parametrize(
    ("disposition", "cause", "expected"),
    [
        (Disposition.ANSWERED, 16, 4),
        (Disposition.MISSED, None, 6),
        (Disposition.NOANSWER, 19, 6),
        (Disposition.CANCELLED, None, 6),
        (Disposition.BUSY, 17, 7),
        (Disposition.FAILED, 1, 5),  # unallocated number
        (Disposition.FAILED, 28, 5),  # invalid format
        (Disposition.FAILED, 34, 3),  # no circuit
        (Disposition.FAILED, None, 6),
    ],
)
def test_a_result_has_amocrms_number(disposition: Disposition, cause: int | None, expected: int) -> None:
    assert mapping.call_status(replace(CALL, disposition=disposition, hangup_cause=cause)) == expected


def test_a_call_note_carries_numbers_as_numbers() -> None:
    assert mapping.call_note(RECORD, 7001, "Dozvon") == {
        "entity_id": 7001,
        "note_type": "call_in",
        "created_at": 1760000000,
        "created_by": 610077,
        "responsible_user_id": 610077,
        "request_id": "pbx:1760000000.1",
        "params": {
            "uniq": "pbx:1760000000.1",
            "duration": 73,
            "source": "Dozvon",
            "phone": "+79161234567",
            "link": "https://rec.example.test/r/abc.mp3",
            "call_responsible": 610077,
            "call_status": 4,
            "call_result": "101, ожидание 10 с",
        },
    }


def test_absent_values_are_left_out() -> None:
    """amoCRM answers 400 for a null link (README: call as a note)."""
    missed = replace(CALL, disposition=Disposition.MISSED, talked_seconds=0.0, answered_at=None)
    note = mapping.call_note(replace(RECORD, call=missed, responsible=None, recording_url=None, text=""), 1, "Dozvon")
    assert set(note) == {"entity_id", "note_type", "created_at", "request_id", "params"}
    assert set(note["params"]) == {"uniq", "duration", "source", "phone", "call_status"}
    assert note["params"]["duration"] == 0


def test_an_answered_call_is_never_zero_seconds_long() -> None:
    assert mapping.talk_seconds(replace(CALL, talked_seconds=0.2)) == 1


def test_directions() -> None:
    outgoing = replace(RECORD, call=replace(CALL, direction=Direction.OUTBOUND))
    assert mapping.call_note(outgoing, 1, "Dozvon")["note_type"] == "call_out"
    assert mapping.call_entry(outgoing, "Dozvon")["direction"] == "outbound"
    assert mapping.call_entry(RECORD, "Dozvon")["direction"] == "inbound"


def test_unsorted_has_the_client_in_both_fields() -> None:
    item = mapping.unsorted_sip(RECORD, pipeline_id=5501, source="Dozvon", service_code="dozvon")
    assert (item["metadata"]["from"], item["metadata"]["phone"]) == ("+79161234567", "+79161234567")
    assert item["source_uid"] == "dozvon-pbx:1760000000.1"
    assert item["metadata"]["call_responsible"] == 610077


@pytest.mark.parametrize("text", ["a\r\nb\x1b[31m", "‮evil", "x" * 999])
def test_text_of_strangers_is_one_plain_line(text: str) -> None:
    result = mapping.call_note(replace(RECORD, text=text), 1, "Dozvon")["params"]["call_result"]
    assert result.isprintable()
    assert len(result) <= 250


@pytest.mark.parametrize("bad", ["", "12a", "-1", "٣", "1/2", "None"])
def test_only_ids_of_amocrm_are_sent(bad: str) -> None:
    with pytest.raises(Rejected):
        mapping.number_of(bad)


# ---- contacts and tasks


def test_a_new_contact_without_a_name_is_called_by_its_number() -> None:
    assert mapping.new_contact(" \n ", NUMBER, None) == {
        "name": "+79161234567",
        "custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "+79161234567", "enum_code": "WORK"}]}],
    }


def test_a_task_says_what_it_was_given_and_nothing_else() -> None:
    task = mapping.new_task(
        text="Перезвонить", due_at=5, responsible=ManagerId("7"), entity=("contacts", 9001), type_id=1
    )
    assert task == {
        "text": "Перезвонить",
        "complete_till": 5,
        "task_type_id": 1,
        "entity_type": "contacts",
        "entity_id": 9001,
        "responsible_user_id": 7,
    }


def test_unsorted_goes_to_the_main_pipeline_that_has_it() -> None:
    pipelines = [
        {"id": 1, "is_main": False, "is_unsorted_on": True},
        {"id": 2, "is_main": True, "is_unsorted_on": True},
        {"id": 3, "is_main": False, "is_unsorted_on": True, "is_archive": True},
    ]
    assert mapping.unsorted_pipeline(pipelines) == 2
    assert mapping.unsorted_pipeline([{**each, "is_main": False} for each in pipelines[:1]]) == 1
    assert mapping.unsorted_pipeline([{"id": 1, "is_main": True, "is_unsorted_on": False}]) is None


# ---- problems


def problem(code: str, path: str) -> dict[str, Any]:
    errors = [{"code": code, "path": path, "detail": "This value is wrong."}]
    return {"title": "Bad Request", "validation-errors": [{"request_id": "0", "errors": errors}]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (problem("NotSupportedChoice", "entity_id"), ENTITY_NOT_FOUND),
        (problem("NotSupportedChoice", "params.call_responsible"), UNKNOWN_USER),
        (problem("NotSupportedChoice", "responsible_user_id"), UNKNOWN_USER),
        (problem("FieldMissing", "params.source"), "FieldMissing"),
        ({"errors": [{"title": "Entity not found"}], "_embedded": {"calls": []}}, ENTITY_NOT_FOUND),
        ({"errors": {"0": {"title": "Other"}}}, ""),
        ({"validation-errors": "nonsense"}, ""),
        ("<html>", ""),
        (None, ""),
    ],
)
def test_a_problem_says_what_it_is_about(body: Any, code: str) -> None:
    assert problem_code(body) == code


def test_a_problem_is_readable() -> None:
    text = problem_text(problem("NotBlank", "params.source"))
    assert text == "Bad Request; params.source: This value is wrong. (NotBlank)"
    assert problem_text(["?"]) == ""
