"""Lists, search, filters, writing and linking of contacts, companies and leads behave as documented."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.adapters.amocrm_sandbox_kit import ADMIN, ANNA, FREE, INACTIVE, Crm, running_sandbox


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    async with running_sandbox() as running:
        yield running


async def test_an_empty_list_and_an_unknown_id_are_204_without_a_body(crm: Crm) -> None:
    for path in ("/api/v4/contacts?query=nobodyatall", "/api/v4/leads/1", "/api/v4/tasks?page=99", "/api/v4/events"):
        answer = await crm.call("GET", path)
        assert (answer.status, answer.body) == (204, ""), path


async def test_pages_have_a_next_link_until_the_last(crm: Crm) -> None:
    seen: list[int] = []
    path = "/api/v4/contacts?limit=100&page=1"
    while path:
        body = await crm.ok("GET", path)
        seen += [contact["id"] for contact in body["_embedded"]["contacts"]]
        path = body["_links"].get("next", {}).get("href", "").removeprefix(crm.base)
    assert len(seen) == len(set(seen)) == len(crm.office.contacts)


async def test_a_page_never_holds_more_than_250(crm: Crm) -> None:
    body = await crm.ok("GET", "/api/v4/contacts?limit=500")
    assert len(body["_embedded"]["contacts"]) == 250


async def test_order_by_time_of_change(crm: Crm) -> None:
    body = await crm.ok("GET", "/api/v4/leads?order[updated_at]=desc&limit=50")
    times = [lead["updated_at"] for lead in body["_embedded"]["leads"]]
    assert times == sorted(times, reverse=True)


async def test_text_search_finds_a_substring_of_any_field_and_prefixes_differ(crm: Crm) -> None:
    id_ = await crm.contact("Пётр 9991234567 в имени", "8 (916) 000-11-22")
    by_phone = await crm.ok("GET", "/api/v4/contacts?query=9160001122")
    assert [c["id"] for c in by_phone["_embedded"]["contacts"]] == [id_]
    by_name = await crm.ok("GET", "/api/v4/contacts?query=9991234567")
    assert [c["id"] for c in by_name["_embedded"]["contacts"]] == [id_]
    assert (await crm.call("GET", "/api/v4/contacts?query=%2B79160001122")).status == 204


async def test_with_leads_embeds_ids_only(crm: Crm) -> None:
    plain = await crm.ok("GET", "/api/v4/contacts/9001")
    assert "leads" not in plain["_embedded"]
    rich = await crm.ok("GET", "/api/v4/contacts/9001?with=leads,customers")
    assert rich["_embedded"]["leads"] == [{"id": 9002}]
    assert rich["_embedded"]["customers"] == []
    lead = await crm.ok("GET", "/api/v4/leads/9002?with=contacts")
    assert lead["_embedded"]["contacts"] == [{"id": 9001, "is_main": True}]


async def test_filters_by_id_time_and_field(crm: Crm) -> None:
    body = await crm.ok("GET", "/api/v4/leads?filter[id][]=9002&filter[id][]=9005")
    assert [lead["id"] for lead in body["_embedded"]["leads"]] == [9002, 9005]
    since = crm.office.moment()
    id_ = await crm.contact("Новый", "+79160001122")
    body = await crm.ok("GET", f"/api/v4/contacts?filter[updated_at][from]={since}")
    assert [each["id"] for each in body["_embedded"]["contacts"]] == [id_]
    body = await crm.ok("GET", "/api/v4/contacts?filter[custom_fields_values][71][]=%2B79160001122")
    assert [each["id"] for each in body["_embedded"]["contacts"]] == [id_]


async def test_where_filtering_is_off_the_filter_is_silently_ignored(crm: Crm) -> None:
    crm.office.is_api_filter_enabled = False
    body = await crm.ok("GET", "/api/v4/contacts?filter[custom_fields_values][71][]=%2B70000000000&limit=250")
    assert len(body["_embedded"]["contacts"]) == 250
    account = await crm.ok("GET", "/api/v4/account?with=is_api_filter_enabled")
    assert account["is_api_filter_enabled"] is False


async def test_a_contact_is_created_and_read_back(crm: Crm) -> None:
    field = {"field_code": "PHONE", "values": [{"value": "+79991234567", "enum_code": "MOB"}]}
    body = [{"name": "Иван Иванов", "responsible_user_id": ANNA, "request_id": "r", "custom_fields_values": [field]}]
    answer = await crm.ok("POST", "/api/v4/contacts", body)
    created = answer["_embedded"]["contacts"][0]
    assert created["request_id"] == "r"
    contact = await crm.ok("GET", f"/api/v4/contacts/{created['id']}")
    assert (contact["first_name"], contact["last_name"], contact["responsible_user_id"]) == ("Иван", "Иванов", ANNA)
    stored = contact["custom_fields_values"][0]
    assert (stored["field_id"], stored["field_code"], stored["values"]) == (
        71,
        "PHONE",
        [{"value": "+79991234567", "enum_id": 103, "enum_code": "MOB"}],
    )


async def test_a_multitext_field_is_replaced_as_a_whole(crm: Crm) -> None:
    id_ = await crm.contact("Два телефона", "+79160001122")
    values = [{"field_code": "PHONE", "values": [{"value": "+79160003344"}]}]
    await crm.ok("PATCH", f"/api/v4/contacts/{id_}", {"custom_fields_values": values})
    contact = await crm.ok("GET", f"/api/v4/contacts/{id_}")
    assert [value["value"] for value in contact["custom_fields_values"][0]["values"]] == ["+79160003344"]
    assert (await crm.call("GET", "/api/v4/contacts?query=9160001122")).status == 204


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"name": None}, ("NotNullable", "name")),
        ({"surprise": 1}, ("FieldNotExpected", "surprise")),
        ({"responsible_user_id": str(ANNA)}, ("InvalidType", "responsible_user_id")),
        ({"responsible_user_id": INACTIVE}, ("NotSupportedChoice", "responsible_user_id")),
        ({"responsible_user_id": 1}, ("NotSupportedChoice", "responsible_user_id")),
        ({"custom_fields_values": [{"field_id": 5, "values": []}]},
         ("NotSupportedChoice", "custom_fields_values.0.field_id")),
        ({"custom_fields_values": [{"field_code": "PHONE"}]}, ("FieldMissing", "custom_fields_values.0.values")),
    ],
)  # fmt: skip
async def test_faulty_fields_are_refused_with_the_documented_codes(
    crm: Crm, item: dict[str, object], expected: tuple[str, str]
) -> None:
    assert await crm.codes("POST", "/api/v4/contacts", [item]) == [expected]


async def test_one_bad_item_refuses_the_batch_and_names_itself(crm: Crm) -> None:
    before = len(crm.office.contacts)
    answer = await crm.call("POST", "/api/v4/contacts", [{"name": "good"}, {"name": None}, {"x": 1, "request_id": "b"}])
    assert [item["request_id"] for item in answer.body["validation-errors"]] == ["1", "b"]
    assert len(crm.office.contacts) == before


async def test_batches_have_a_limit(crm: Crm) -> None:
    assert (await crm.call("POST", "/api/v4/contacts", [{"name": "x"}] * 251)).status == 400
    assert (await crm.call("POST", "/api/v4/leads/complex", [{"name": "x"}] * 51)).status == 400
    assert (await crm.call("POST", "/api/v4/contacts", [])).status == 400


async def test_a_lead_takes_a_stage_of_its_pipeline_only(crm: Crm) -> None:
    wrong = [{"name": "x", "pipeline_id": 5501, "status_id": 55021}]
    assert await crm.codes("POST", "/api/v4/leads", wrong) == [("NotSupportedChoice", "status_id")]
    unsorted = [{"name": "x", "pipeline_id": 5501, "status_id": 55010}]
    assert await crm.codes("POST", "/api/v4/leads", unsorted) == [("NotSupportedChoice", "status_id")]


async def test_links_are_made_listed_and_undone(crm: Crm) -> None:
    contact = await crm.contact("Ссылка", "+79160001122")
    to = [{"to_entity_id": contact, "to_entity_type": "contacts", "metadata": {"is_main": True}}]
    await crm.ok("POST", "/api/v4/leads/9002/link", to)
    lead = await crm.ok("GET", "/api/v4/leads/9002?with=contacts")
    assert lead["_embedded"]["contacts"][0] == {"id": contact, "is_main": True}
    links = await crm.ok("GET", "/api/v4/leads/9002/links")
    assert contact in [each["to_entity_id"] for each in links["_embedded"]["links"]]
    await crm.ok("POST", "/api/v4/leads/9002/unlink", to)
    lead = await crm.ok("GET", "/api/v4/leads/9002?with=contacts")
    assert lead["_embedded"]["contacts"] == [{"id": 9001, "is_main": True}]


async def test_complex_creates_a_lead_with_its_contact(crm: Crm) -> None:
    contact = {"name": "К", "custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "+79160001122"}]}]}
    body = [{"name": "Сделка", "request_id": "q", "_embedded": {"contacts": [contact], "tags": [{"name": "pbx"}]}}]
    (made,) = await crm.ok("POST", "/api/v4/leads/complex", body)
    assert made["request_id"] == ["q"]
    assert (made["company_id"], made["merged"]) == (None, False)
    lead = await crm.ok("GET", f"/api/v4/leads/{made['id']}?with=contacts")
    assert lead["_embedded"]["contacts"] == [{"id": made["contact_id"], "is_main": True}]
    assert [tag["name"] for tag in lead["_embedded"]["tags"]] == ["pbx"]


async def test_users_and_their_rights_are_listed_for_an_administrator_only(crm: Crm) -> None:
    body = await crm.ok("GET", "/api/v4/users?with=role,group,phone_number&limit=3")
    assert (body["_total_items"], body["_page_count"]) == (7, 3)
    assert body["_embedded"]["users"][0]["phone_number"] == "+79995550101"
    rights = {each["id"]: each["rights"] for each in (await crm.ok("GET", "/api/v4/users"))["_embedded"]["users"]}
    assert rights[ADMIN]["is_admin"]
    assert rights[FREE]["is_free"]
    assert not rights[INACTIVE]["is_active"]
    crm.token = await crm.long_lived(user_id=ANNA)
    assert (await crm.call("GET", "/api/v4/users")).status == 403


async def test_an_administrators_token_may_act_as_another_user(crm: Crm) -> None:
    answer = await crm.call("GET", "/api/v4/account", headers={"X-Context-User-ID": str(ANNA)})
    assert answer.body["current_user_id"] == ANNA


async def test_pipelines_have_an_unsorted_column_and_the_two_closing_stages(crm: Crm) -> None:
    body = await crm.ok("GET", "/api/v4/leads/pipelines")
    for pipeline in body["_embedded"]["pipelines"]:
        stages = pipeline["_embedded"]["statuses"]
        assert [stage["type"] for stage in stages].count(1) == 1
        assert {142, 143} <= {stage["id"] for stage in stages}


async def test_a_million_generated_contacts_are_paged_and_searched_without_being_kept() -> None:
    async with running_sandbox(contacts=1_000_000) as crm:
        body = await crm.ok("GET", "/api/v4/contacts?limit=250&page=4001")
        assert len(body["_embedded"]["contacts"]) == 250
        assert len(crm.office.contacts) == 1_000_307
        found = await crm.ok("GET", "/api/v4/contacts?query=9000123456")
        (contact,) = found["_embedded"]["contacts"]
        await crm.ok("PATCH", f"/api/v4/contacts/{contact['id']}", {"name": "Изменён"})
        assert len(crm.office.contacts) == 1_000_307
        assert (await crm.ok("GET", f"/api/v4/contacts/{contact['id']}"))["name"] == "Изменён"
