"""Calls, notes, popups and incoming leads of the sandbox behave as documented."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.adapters.amocrm_sandbox_kit import ANNA, BORIS, INACTIVE, OFFICE, Crm, running_sandbox

IVAN = "+79161234567"
STRANGER = "+79995550011"


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    async with running_sandbox() as running:
        yield running


def call(phone: str = IVAN, **changes: Any) -> dict[str, Any]:
    return {"direction": "inbound", "phone": phone, "duration": 73, "source": "Test PBX", "uniq": "u-1", **changes}


def incoming(phone: str = STRANGER, uniq: str = "u-1", **metadata: Any) -> dict[str, Any]:
    known = {"phone": phone, "called_at": 1_789_000_000, "duration": 0, "service_code": "test", "uniq": uniq}
    field = {"field_code": "PHONE", "values": [{"value": phone}]}
    return {
        "request_id": "r-1",
        "source_name": "Test PBX",
        "source_uid": f"test-{uniq}",
        "metadata": {**known, **metadata},
        "_embedded": {
            "leads": [{"name": "Пропущенный звонок"}],
            "contacts": [{"name": phone, "custom_fields_values": [field]}],
        },
    }


# ---- calls


async def test_a_call_lands_on_the_only_active_lead_of_the_contact(crm: Crm) -> None:
    body = await crm.ok("POST", "/api/v4/calls", [call(phone="8 (916) 123-45-67", request_id="r")])
    (logged,) = body["_embedded"]["calls"]
    assert (logged["entity_type"], logged["entity_id"], logged["request_id"]) == ("lead", 9002, "r")
    assert (logged["account_id"], body["errors"]) == (OFFICE, [])


async def test_without_or_with_several_active_leads_it_lands_on_the_contact(crm: Crm) -> None:
    for phone, contact in (("+79261112233", "Мария Кузнецова"), ("+74955550142", "Олег Смирнов")):
        (logged,) = (await crm.ok("POST", "/api/v4/calls", [call(phone)]))["_embedded"]["calls"]
        entity = await crm.ok("GET", f"/api/v4/contacts/{logged['entity_id']}")
        assert (logged["entity_type"], entity["name"]) == ("contact", contact)


async def test_a_companys_number_is_found_too(crm: Crm) -> None:
    (logged,) = (await crm.ok("POST", "/api/v4/calls", [call("+74955550100")]))["_embedded"]["calls"]
    lead = await crm.ok("GET", f"/api/v4/leads/{logged['entity_id']}")
    assert "Вектор" in lead["name"]


async def test_an_unknown_number_is_refused_and_nothing_is_stored(crm: Crm) -> None:
    answer = await crm.call("POST", "/api/v4/calls", [call(STRANGER)])
    assert answer.status == 400
    assert (answer.body["_total_items"], answer.body["_embedded"]) == (0, {"calls": []})
    assert answer.body["errors"][0]["title"] == "Entity not found"
    assert crm.office.calls == []


async def test_a_mixed_batch_succeeds_partly_and_errors_carry_the_request_id(crm: Crm) -> None:
    answer = await crm.call("POST", "/api/v4/calls", [call(request_id="a"), call(STRANGER, request_id="b")])
    assert answer.status == 200
    assert [each["request_id"] for each in answer.body["_embedded"]["calls"]] == ["a"]
    assert [each["request_id"] for each in answer.body["errors"]] == ["b"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"link": None}, ("NotNullable", "link")),
        ({"source": "  "}, ("NotBlank", "source")),
        ({"duration": "73"}, ("InvalidType", "duration")),
        ({"direction": "sideways"}, ("NotSupportedChoice", "direction")),
        ({"call_status": 9}, ("NotSupportedChoice", "call_status")),
        ({"responsible_user_id": INACTIVE}, ("NotSupportedChoice", "responsible_user_id")),
        ({"responsible_user_id": str(ANNA)}, ("InvalidType", "responsible_user_id")),
        ({"contact_id": 1}, ("FieldNotExpected", "contact_id")),
    ],
)
async def test_a_faulty_call_refuses_the_whole_batch(
    crm: Crm, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert await crm.codes("POST", "/api/v4/calls", [call(), call(**changes)]) == [expected]
    assert crm.office.calls == []


async def test_nothing_is_deduplicated_and_calls_cannot_be_read_or_changed(crm: Crm) -> None:
    await crm.ok("POST", "/api/v4/calls", [call()])
    await crm.ok("POST", "/api/v4/calls", [call()])
    notes = await crm.ok("GET", "/api/v4/leads/notes?filter[note_type][]=call_in")
    assert [note["params"]["uniq"] for note in notes["_embedded"]["notes"]] == ["u-1", "u-1"]
    for method in ("GET", "PATCH", "DELETE"):
        assert (await crm.call(method, "/api/v4/calls")).status == 405


async def test_the_author_is_call_responsible_as_a_number_then_created_by_then_the_robot(crm: Crm) -> None:
    calls = [
        call(call_responsible=ANNA, created_by=BORIS),
        call(created_by=BORIS),
        call(),
        call(call_responsible=str(ANNA)),
    ]
    await crm.ok("POST", "/api/v4/calls", calls)
    notes = await crm.ok("GET", "/api/v4/leads/notes?filter[note_type]=call_in")
    assert [note["created_by"] for note in notes["_embedded"]["notes"]] == [ANNA, BORIS, 0, 0]


async def test_a_back_dated_call_keeps_its_time(crm: Crm) -> None:
    await crm.ok("POST", "/api/v4/calls", [call(created_at=1_780_000_000)])
    (note,) = (await crm.ok("GET", "/api/v4/leads/9002/notes?filter[note_type]=call_in"))["_embedded"]["notes"]
    assert note["created_at"] == 1_780_000_000


# ---- notes


def call_note(**params: Any) -> dict[str, Any]:
    return {"entity_id": 9001, "note_type": "call_out", "params": {"duration": 5, "source": "Test PBX", **params}}


async def test_a_call_note_stays_on_the_entity_that_was_chosen(crm: Crm) -> None:
    item = {**call_note(uniq="n-1", link="https://rec.test/1.mp3", call_status=4), "created_at": 1_780_000_000}
    body = await crm.ok("POST", "/api/v4/contacts/notes", [{**item, "request_id": "r"}])
    (made,) = body["_embedded"]["notes"]
    assert (made["entity_id"], made["request_id"]) == (9001, "r")
    body = await crm.ok("GET", "/api/v4/contacts/notes?filter[note_type][]=call_out&filter[entity_id][]=9001")
    (note,) = body["_embedded"]["notes"]
    assert (note["params"]["uniq"], note["created_at"]) == ("n-1", 1_780_000_000)
    assert (await crm.call("GET", "/api/v4/leads/notes?filter[note_type][]=call_out")).status == 204


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (call_note(source=""), ("NotBlank", "params.source")),
        (call_note(link=None), ("NotNullable", "params.link")),
        (call_note(surprise=1), ("FieldNotExpected", "params.surprise")),
        ({"entity_id": 9001, "note_type": "call_in", "params": {"source": "x"}}, ("FieldMissing", "params.duration")),
        ({"entity_id": 9001, "note_type": "sms_in", "params": {"text": "t", "phone": "1", "uniq": "x"}},
         ("FieldNotExpected", "params.uniq")),
        ({"entity_id": 1, "note_type": "common", "params": {"text": "x"}}, ("NotSupportedChoice", "entity_id")),
        ({"entity_id": 9001, "note_type": "shout", "params": {}}, ("NotSupportedChoice", "note_type")),
    ],
)  # fmt: skip
async def test_faulty_notes_are_refused(crm: Crm, item: dict[str, Any], expected: tuple[str, str]) -> None:
    assert await crm.codes("POST", "/api/v4/contacts/notes", [item]) == [expected]


async def test_a_note_can_be_changed(crm: Crm) -> None:
    made = await crm.ok("POST", "/api/v4/contacts/notes", [call_note()])
    id_ = made["_embedded"]["notes"][0]["id"]
    change = {"note_type": "call_out", "params": {"link": "https://rec.test/late.mp3"}}
    await crm.ok("PATCH", f"/api/v4/contacts/notes/{id_}", change)
    note = await crm.ok("GET", f"/api/v4/contacts/notes/{id_}")
    assert (note["params"]["link"], note["params"]["duration"]) == ("https://rec.test/late.mp3", 5)


# ---- popups


async def test_a_popup_is_202_and_shows_the_match_of_the_last_eight_digits(crm: Crm) -> None:
    event = {"type": "phone_call", "phone_number": "+70001234567"[:4] + IVAN[-8:], "users": [ANNA, 1]}
    answer = await crm.call("POST", "/api/v2/events", {"add": [event]})
    assert answer.status == 202
    (popup,) = crm.office.popups
    assert popup["users"] == [ANNA]
    assert popup["entity"] == {"type": "leads", "id": 9002, "name": "Кухонный гарнитур для Петрова"}


async def test_a_popup_of_a_stranger_has_no_entity(crm: Crm) -> None:
    event = {"type": "phone_call", "phone_number": STRANGER, "users": [ANNA]}
    await crm.ok("POST", "/api/v2/events", {"add": [event]})
    assert crm.office.popups[0]["entity"] is None


# ---- incoming leads


async def test_an_incoming_lead_hides_its_contact_from_search_and_calls(crm: Crm) -> None:
    body = await crm.ok("POST", "/api/v4/leads/unsorted/sip", [incoming()])
    (made,) = body["_embedded"]["unsorted"]
    assert made["uid"]
    assert made["request_id"] == "r-1"
    assert made["_embedded"]["leads"][0]["id"]
    assert made["_embedded"]["contacts"][0]["id"]
    assert (await crm.call("GET", "/api/v4/contacts?query=9995550011")).status == 204
    assert (await crm.call("POST", "/api/v4/calls", [call(STRANGER)])).status == 400


async def test_identical_data_are_refused_the_second_time(crm: Crm) -> None:
    await crm.ok("POST", "/api/v4/leads/unsorted/sip", [incoming()])
    again = {**incoming(), "request_id": "another"}
    assert (await crm.call("POST", "/api/v4/leads/unsorted/sip", [again])).status == 400
    await crm.ok("POST", "/api/v4/leads/unsorted/sip", [incoming(uniq="u-2")])
    assert len(crm.office.unsorted) == 2


async def test_accepting_makes_contact_and_lead_with_the_call(crm: Crm) -> None:
    item = incoming(is_call_event_needed=True, duration=12, link="https://rec.test/1.mp3", call_responsible=ANNA)
    (made,) = (await crm.ok("POST", "/api/v4/leads/unsorted/sip", [item]))["_embedded"]["unsorted"]
    path = f"/api/v4/leads/unsorted/{made['uid']}"
    await crm.ok("POST", f"{path}/accept", {"user_id": BORIS, "status_id": 55012})
    lead = await crm.ok("GET", f"/api/v4/leads/{made['_embedded']['leads'][0]['id']}?with=contacts")
    assert (lead["responsible_user_id"], lead["status_id"]) == (BORIS, 55012)
    assert lead["_embedded"]["contacts"] == [{"id": made["_embedded"]["contacts"][0]["id"], "is_main": True}]
    found = await crm.ok("GET", "/api/v4/contacts?query=9995550011")
    assert found["_embedded"]["contacts"][0]["responsible_user_id"] == BORIS
    (note,) = (await crm.ok("GET", f"/api/v4/leads/{lead['id']}/notes"))["_embedded"]["notes"]
    assert (note["note_type"], note["params"]["link"], note["created_by"]) == (
        "call_in",
        "https://rec.test/1.mp3",
        ANNA,
    )
    assert (await crm.call("GET", path)).status == 404
    assert (await crm.call("POST", f"{path}/accept", {})).status == 404


async def test_declining_deletes_the_data(crm: Crm) -> None:
    (made,) = (await crm.ok("POST", "/api/v4/leads/unsorted/sip", [incoming()]))["_embedded"]["unsorted"]
    await crm.ok("DELETE", f"/api/v4/leads/unsorted/{made['uid']}/decline", {"user_id": ANNA})
    assert (await crm.call("GET", f"/api/v4/leads/{made['_embedded']['leads'][0]['id']}")).status == 204
    assert (await crm.call("GET", f"/api/v4/contacts/{made['_embedded']['contacts'][0]['id']}")).status == 204


async def test_incoming_leads_are_listed_and_counted(crm: Crm) -> None:
    assert (await crm.call("GET", "/api/v4/leads/unsorted")).status == 204
    await crm.ok("POST", "/api/v4/leads/unsorted/sip", [incoming(is_call_event_needed=True)])
    body = await crm.ok("GET", "/api/v4/leads/unsorted?filter[category][]=sip&order[created_at]=asc")
    (entry,) = body["_embedded"]["unsorted"]
    assert entry["metadata"]["phone"] == STRANGER
    assert "is_call_event_needed" not in entry["metadata"]
    assert (await crm.ok("GET", "/api/v4/leads/unsorted/summary"))["total"] == 1


async def test_a_note_can_be_put_on_the_lead_of_an_incoming_call(crm: Crm) -> None:
    (made,) = (await crm.ok("POST", "/api/v4/leads/unsorted/sip", [incoming()]))["_embedded"]["unsorted"]
    lead = made["_embedded"]["leads"][0]["id"]
    await crm.ok("POST", "/api/v4/leads/notes", [{**call_note(), "entity_id": lead}])


async def test_complex_with_metadata_makes_an_incoming_lead(crm: Crm) -> None:
    metadata = {**incoming()["metadata"], "category": "sip"}
    contacts = incoming()["_embedded"]["contacts"]
    body = [{"name": "Звонок", "_embedded": {"contacts": contacts, "metadata": metadata}}]
    await crm.ok("POST", "/api/v4/leads/complex", body)
    assert len(crm.office.unsorted) == 1
    assert (await crm.call("GET", "/api/v4/contacts?query=9995550011")).status == 204


# ---- tasks and the events feed


async def test_tasks_are_created_completed_and_filtered(crm: Crm) -> None:
    item = {"text": "Перезвонить", "complete_till": 1_790_090_000, "entity_id": 9001, "entity_type": "contacts"}
    made = await crm.ok("POST", "/api/v4/tasks", [{**item, "responsible_user_id": BORIS, "task_type_id": 1}])
    id_ = made["_embedded"]["tasks"][0]["id"]
    path = f"/api/v4/tasks?filter[responsible_user_id]={BORIS}&filter[is_completed]=0"
    assert [task["id"] for task in (await crm.ok("GET", path))["_embedded"]["tasks"]] == [id_]
    await crm.ok("PATCH", f"/api/v4/tasks/{id_}", {"is_completed": True, "result": {"text": "Перезвонил"}})
    assert (await crm.call("GET", path)).status == 204
    assert (await crm.ok("GET", f"/api/v4/tasks/{id_}"))["result"] == {"text": "Перезвонил"}


async def test_a_tasks_entity_type_is_plural(crm: Crm) -> None:
    item = {"text": "x", "complete_till": 1, "entity_id": 9001, "entity_type": "contact"}
    assert await crm.codes("POST", "/api/v4/tasks", [item]) == [("NotSupportedChoice", "entity_type")]
    assert await crm.codes("POST", "/api/v4/tasks", [{}]) == [
        ("FieldMissing", "text"),
        ("FieldMissing", "complete_till"),
    ]


async def test_the_events_feed_tells_of_calls_owners_and_stages(crm: Crm) -> None:
    await crm.ok("POST", "/api/v4/calls", [call()])
    await crm.ok("PATCH", "/api/v4/leads/9002", {"responsible_user_id": BORIS, "status_id": 55014})
    body = await crm.ok("GET", "/api/v4/events?filter[entity_id]=9002&limit=100")
    events = {event["type"]: event for event in body["_embedded"]["events"]}
    assert set(events) == {"incoming_call", "entity_responsible_changed", "lead_status_changed"}
    assert events["incoming_call"]["value_after"][0]["note"]["id"] in crm.office.notes
    assert events["lead_status_changed"]["value_before"][0]["lead_status"]["id"] == 55012
