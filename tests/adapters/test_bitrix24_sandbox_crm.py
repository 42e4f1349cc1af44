"""The sandbox's CRM, employees and timeline, against the documented rules."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.adapters.bitrix24_sandbox_kit import (
    ADMIN,
    ANNA,
    BORIS,
    CONTACT,
    DEAL,
    GRIGORY,
    IVAN,
    LEAD,
    LEFT,
    VERA,
    Bitrix,
    running_sandbox,
)


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix]:
    async with running_sandbox() as running:
        yield running


async def _contact(bitrix: Bitrix, *numbers: str, **fields: Any) -> int:
    phones = [{"VALUE": number, "VALUE_TYPE": "WORK"} for number in numbers]
    return int(await bitrix.ok("crm.contact.add", {"fields": {"NAME": "Пётр", "PHONE": phones, **fields}}))


# ---- the two families of methods


async def test_old_methods_show_texts_and_phones_only_if_selected(bitrix: Bitrix) -> None:
    id_ = await _contact(bitrix, IVAN, ASSIGNED_BY_ID=ANNA)
    whole = await bitrix.ok("crm.contact.get", {"id": id_})
    assert (whole["ID"], whole["ASSIGNED_BY_ID"], whole["HAS_PHONE"]) == (str(id_), str(ANNA), "Y")
    assert {**whole["PHONE"][0], "ID": ""} == {"ID": "", "VALUE": IVAN, "VALUE_TYPE": "WORK", "TYPE_ID": "PHONE"}
    found = await bitrix.ok("crm.contact.list", {"filter": {"ID": id_}})
    assert "PHONE" not in found[0]
    assert "NAME" in found[0]
    found = await bitrix.ok("crm.contact.list", {"filter": {"ID": id_}, "select": ["ID", "PHONE"]})
    assert set(found[0]) == {"ID", "PHONE"}


async def test_items_show_camel_case_numbers_and_fm(bitrix: Bitrix) -> None:
    phones = [{"typeId": "PHONE", "valueType": "MOBILE", "value": IVAN}]
    fields = {"name": "Пётр", "assignedById": ANNA, "fm": phones, "ufCrm_1657": "своё", "noSuchField": 1}
    item = (await bitrix.ok("crm.item.add", {"entityTypeId": CONTACT, "fields": fields}))["item"]
    assert (item["assignedById"], item["createdBy"], item["entityTypeId"]) == (ANNA, ADMIN, CONTACT)
    assert (item["phone"], item["phoneMobile"], item["phoneWork"]) == (IVAN, IVAN, None)
    assert item["fm"][0]["value"] == IVAN
    assert item["ufCrm_1657"] == "своё"
    assert "noSuchField" not in item
    body = {"entityTypeId": CONTACT, "id": item["id"], "useOriginalUfNames": "Y"}
    assert (await bitrix.ok("crm.item.get", body))["item"]["UF_CRM_1657"] == "своё"
    listed = {"entityTypeId": CONTACT, "filter": {"id": item["id"]}}
    few = (await bitrix.ok("crm.item.list", {**listed, "select": ["id", "phone"]}))["items"]
    assert few == [{"id": item["id"], "phone": IVAN}]
    assert "fm" in (await bitrix.ok("crm.item.list", {**listed, "select": ["*"]}))["items"][0]


async def test_old_phones_are_changed_and_deleted_by_id(bitrix: Bitrix) -> None:
    id_ = await _contact(bitrix, "+71", "+72")
    phones = (await bitrix.ok("crm.contact.get", {"id": id_}))["PHONE"]
    sent = [{"ID": phones[0]["ID"], "VALUE": "+73"}, {"ID": phones[1]["ID"], "DELETE": "Y"}, {"VALUE": "+74"}]
    assert await bitrix.ok("crm.contact.update", {"id": id_, "fields": {"PHONE": sent}}) is True
    after = (await bitrix.ok("crm.contact.get", {"id": id_}))["PHONE"]
    assert [each["VALUE"] for each in after] == ["+73", "+74"]
    assert after[0]["ID"] == phones[0]["ID"]


async def test_items_phones_need_their_type_each_time(bitrix: Bitrix) -> None:
    id_ = await _contact(bitrix, "+71", "+72")
    body = {"entityTypeId": CONTACT, "id": id_}
    first, second = (await bitrix.ok("crm.item.get", body))["item"]["fm"]

    async def after(fm: Any) -> list[str]:
        await bitrix.ok("crm.item.update", {**body, "fields": {"fm": fm}})
        return [each["value"] for each in (await bitrix.ok("crm.item.get", body))["item"]["fm"]]

    assert await after({str(first["id"]): {"value": "+79"}}) == ["+71", "+72"], "without typeId silently nothing"
    assert await after({str(first["id"]): {"typeId": "PHONE", "value": "+79"}}) == ["+79", "+72"]
    assert await after({str(second["id"]): {"typeId": "PHONE", "value": ""}}) == ["+79"]
    assert await after({"n0": {"typeId": "PHONE", "valueType": "WORK", "value": "+75"}}) == ["+79", "+75"]


async def test_what_does_not_exist_is_not_found(bitrix: Bitrix) -> None:
    assert await bitrix.refused("crm.lead.get", {"id": 999_999}) == (400, "", "Not found")
    for method in ("update", "delete"):
        assert (await bitrix.refused(f"crm.company.{method}", {"id": 999_999, "fields": {}}))[2] == "Not found"
    assert (await bitrix.refused("crm.item.get", {"entityTypeId": LEAD, "id": 999_999}))[1] == "NOT_FOUND"
    assert (await bitrix.refused("crm.item.list", {"entityTypeId": 999}))[1] == "NOT_FOUND"


async def test_deletion_removes_the_object_and_its_number(bitrix: Bitrix) -> None:
    id_ = await _contact(bitrix, "+79990007788")
    assert await bitrix.ok("crm.contact.delete", {"id": id_}) is True
    body = {"type": "PHONE", "values": ["+79990007788"]}
    assert await bitrix.ok("crm.duplicate.findbycomm", body) == []


async def test_a_deals_stage_says_whether_it_is_closed(bitrix: Bitrix) -> None:
    id_ = await bitrix.ok("crm.deal.add", {"fields": {"TITLE": "Шкаф", "OPPORTUNITY": "1500.5"}})
    deal = await bitrix.ok("crm.deal.get", {"id": id_})
    assert (deal["STAGE_ID"], deal["CLOSED"], deal["OPPORTUNITY"]) == ("NEW", "N", "1500.50")
    await bitrix.ok("crm.deal.update", {"id": id_, "fields": {"STAGE_ID": "WON", "CLOSED": "N"}})
    deal = await bitrix.ok("crm.deal.get", {"id": id_})
    assert (deal["CLOSED"], deal["STAGE_SEMANTIC_ID"]) == ("Y", "S")


async def test_open_deals_are_found_by_any_of_their_contacts(bitrix: Bitrix) -> None:
    first, second = await _contact(bitrix, "+71"), await _contact(bitrix, "+72")
    fields = {"title": "Шкаф", "contactIds": [first, second]}
    deal = (await bitrix.ok("crm.item.add", {"entityTypeId": DEAL, "fields": fields}))["item"]
    assert (deal["contactId"], deal["contactIds"]) == (first, [first, second])

    async def deals(**conditions: Any) -> list[int]:
        body = {"entityTypeId": DEAL, "filter": {"closed": "N", **conditions}}
        return [each["id"] for each in (await bitrix.ok("crm.item.list", body))["items"]]

    assert await deals(contactId=first) == [deal["id"]]
    assert await deals(contactId=second) == [], "contactId is one contact"
    assert await deals(contactIds=[second]) == [deal["id"]]
    await bitrix.ok("crm.item.update", {"entityTypeId": DEAL, "id": deal["id"], "fields": {"stageId": "LOSE"}})
    assert await deals(contactId=first) == []
    contacts = await bitrix.ok("crm.deal.contact.items.get", {"id": deal["id"]})
    assert [each["IS_PRIMARY"] for each in contacts] == ["Y", "N"]


@pytest.mark.parametrize(
    "fields",
    [{"ASSIGNED_BY_ID": "x"}, {"PHONE": "text"}, {"PHONE": [None, 5, "a"]}, {"OPPORTUNITY": {}}, {"NAME": ["a"]}, []],
)
async def test_hostile_fields_are_answered(bitrix: Bitrix, fields: Any) -> None:
    id_ = await bitrix.ok("crm.lead.add", {"fields": fields})
    assert await bitrix.ok("crm.lead.get", {"id": id_})


@pytest.mark.parametrize("fm", [None, "text", [None], {"n0": 5}, [{"typeId": "PHONE"}]])
async def test_hostile_phones_of_items_are_answered(bitrix: Bitrix, fm: Any) -> None:
    body = {"entityTypeId": CONTACT, "fields": {"name": "А", "fm": fm}}
    assert (await bitrix.ok("crm.item.add", body))["item"]["fm"] == []


# ---- search


async def test_the_search_by_phone_compares_text(bitrix: Bitrix) -> None:
    async def found(*values: str, **more: str) -> Any:
        body = {"type": "PHONE", "values": list(values), **more}
        return await bitrix.ok("crm.duplicate.findbycomm", body)

    ivan = (await found(IVAN))["CONTACT"]
    assert len(ivan) == 1
    assert await found("89161234567") == [], "nothing found is an empty list"
    assert (await found("89161234567", "79161234567", IVAN))["CONTACT"] == ivan
    both = await found("+79037654321")
    assert (len(both["LEAD"]), len(both["CONTACT"])) == (1, 2)
    assert list(await found("+79037654321", entity_type="LEAD")) == ["LEAD"]


async def test_twenty_hits_of_a_type_hide_the_types_after_it(bitrix: Bitrix) -> None:
    number = "+79990004455"
    for _ in range(21):
        await bitrix.ok("crm.lead.add", {"fields": {"TITLE": "Копия", "PHONE": [{"VALUE": number}]}})
    await _contact(bitrix, number)
    body = {"type": "PHONE", "values": [number]}
    found = await bitrix.ok("crm.duplicate.findbycomm", body)
    assert list(found) == ["LEAD"]
    assert len(found["LEAD"]) == 20
    assert len((await bitrix.ok("crm.duplicate.findbycomm", {**body, "entity_type": "CONTACT"}))["CONTACT"]) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"values": ["1"]}, "Communication type is not defined"),
        ({"type": "FAX", "values": ["1"]}, "Communication type 'FAX' is not supported in current context"),
        ({"type": "PHONE"}, "Communication values is not defined"),
        ({"type": "PHONE", "values": "text"}, "Communication values is not defined"),
    ],
)
async def test_a_wrong_search_is_refused(bitrix: Bitrix, body: dict[str, Any], code: str) -> None:
    assert (await bitrix.refused("crm.duplicate.findbycomm", body))[:2] == (400, code)


async def test_merging_keeps_the_first_and_all_phones(bitrix: Bitrix) -> None:
    first, second = await _contact(bitrix, "+71"), await _contact(bitrix, "+71", "+72")
    body = {"params": {"entityTypeId": CONTACT, "entityIds": [first, second]}}
    assert (await bitrix.ok("crm.entity.mergeBatch", body))["STATUS"] == "SUCCESS"
    phones = (await bitrix.ok("crm.contact.get", {"id": first}))["PHONE"]
    assert [each["VALUE"] for each in phones] == ["+71", "+72"]
    assert (await bitrix.refused("crm.contact.get", {"id": second}))[2] == "Not found"
    assert (await bitrix.ok("crm.entity.mergeBatch", body))["STATUS"] == "ERROR"


async def test_dictionaries(bitrix: Bitrix) -> None:
    sources = await bitrix.ok("crm.status.list", {"filter": {"ENTITY_ID": "SOURCE"}})
    assert "CALL" in {each["STATUS_ID"] for each in sources}


# ---- timeline


async def test_planned_work_and_comments_are_in_the_timeline(bitrix: Bitrix) -> None:
    contact = await _contact(bitrix, "+71")
    owner = {"ownerTypeId": CONTACT, "ownerId": contact}
    todo = {**owner, "deadline": "2026-12-01T10:00:00+03:00", "title": "Перезвонить", "responsibleId": BORIS}
    id_ = (await bitrix.ok("crm.activity.todo.add", todo))["id"]
    activity = await bitrix.ok("crm.activity.get", {"id": id_})
    assert (activity["PROVIDER_ID"], activity["RESPONSIBLE_ID"]) == ("CRM_TODO", str(BORIS))
    assert datetime.datetime.fromisoformat(activity["DEADLINE"]).hour == 10
    assert (await bitrix.refused("crm.activity.todo.add", {**todo, "deadline": "завтра"}))[0] == 400
    assert (await bitrix.refused("crm.activity.todo.add", {**todo, "ownerId": 999_999}))[1] == "OWNER_NOT_FOUND"
    assert await bitrix.ok("crm.activity.update", {"id": id_, "fields": {"COMPLETED": "Y"}}) is True
    bound = {"filter": {"BINDINGS": [{"OWNER_TYPE_ID": CONTACT, "OWNER_ID": contact}]}, "select": ["ID", "COMPLETED"]}
    assert await bitrix.ok("crm.activity.list", bound) == [{"ID": str(id_), "COMPLETED": "Y"}]
    assert await bitrix.ok("crm.activity.delete", {"id": id_}) is True
    comment = {"fields": {"ENTITY_TYPE": "contact", "ENTITY_ID": contact, "COMMENT": "Просил скидку"}}
    assert isinstance(await bitrix.ok("crm.timeline.comment.add", comment), int)
    found = await bitrix.ok("crm.timeline.comment.list", {"filter": {"ENTITY_ID": contact}})
    assert [each["COMMENT"] for each in found] == ["Просил скидку"]


# ---- people


async def test_employees_have_extensions_departments_and_activity(bitrix: Bitrix) -> None:
    anna = (await bitrix.ok("user.get", {"ID": ANNA}))[0]
    assert (anna["UF_PHONE_INNER"], anna["UF_DEPARTMENT"], anna["ACTIVE"]) == ("101", [3], True)
    assert anna["ID"] == str(ANNA)
    assert [each["ID"] for each in await bitrix.ok("user.get", {"FILTER": {"UF_PHONE_INNER": "102"}})] == [str(BORIS)]
    assert [each["ID"] for each in await bitrix.ok("user.get", {"FILTER": {"UF_DEPARTMENT": 5}})] == [str(GRIGORY)]
    assert (await bitrix.ok("user.current", token=await bitrix.as_user(VERA)))["ID"] == str(VERA)
    assert [each["ID"] for each in await bitrix.ok("user.search", {"FIND": "клим"})] == [str(BORIS)]
    departments = await bitrix.ok("department.get")
    assert departments[1] == {"ID": "3", "NAME": "Отдел продаж", "SORT": 500, "PARENT": "1", "UF_HEAD": str(ANNA)}


async def test_the_brief_scope_has_no_phones(bitrix: Bitrix) -> None:
    bitrix.install.app.scopes = "user_brief"
    anna = (await bitrix.ok("user.get", {"ID": ANNA}))[0]
    assert "UF_PHONE_INNER" in anna
    assert not {"EMAIL", "PERSONAL_MOBILE"} & set(anna)


@pytest.mark.parametrize(
    ("extension", "is_taken"), [("1234", True), ("", True), ("12345", False), ("10a", False), ("102", False)]
)
async def test_an_extension_has_four_digits_and_one_owner(bitrix: Bitrix, extension: str, is_taken: bool) -> None:
    answer = await bitrix.call("user.update", {"ID": ANNA, "UF_PHONE_INNER": extension})
    assert ("error" not in answer.body) is is_taken
    kept = (await bitrix.ok("user.get", {"ID": ANNA}))[0]["UF_PHONE_INNER"]
    assert kept == (extension if is_taken else "101")


async def test_the_working_day_has_four_states(bitrix: Bitrix) -> None:
    async def status(user: int) -> str:
        return str((await bitrix.ok("timeman.status", {"USER_ID": user}))["STATUS"])

    assert [await status(user) for user in (ANNA, BORIS, VERA)] == ["OPENED", "PAUSED", "CLOSED"]
    token = await bitrix.as_user(VERA)
    opened = await bitrix.ok("timeman.open", token=token)
    assert (opened["STATUS"], opened["ACTIVE"], opened["DURATION"]) == ("OPENED", True, "00:00:00")
    bitrix.clock.time += 1800
    await bitrix.ok("timeman.pause", token=token)
    bitrix.clock.time += 600
    await bitrix.ok("timeman.open", token=token)
    closed = await bitrix.ok("timeman.close", token=token)
    assert closed["STATUS"] == "CLOSED"
    assert closed["TIME_LEAKS"] == "00:10:01"
    assert (await bitrix.refused("timeman.status", {"USER_ID": LEFT}))[1:] == ("", "User not found")
    assert (await bitrix.refused("timeman.status", {"USER_ID": ANNA}, token=token))[1] == "ACCESS_DENIED"


async def test_a_notice_with_the_same_tag_replaces_the_old_one(bitrix: Bitrix) -> None:
    body = {"USER_ID": ANNA, "MESSAGE": "Пропущенный звонок", "TAG": "missed"}
    first = await bitrix.ok("im.notify.system.add", body)
    second = await bitrix.ok("im.notify.system.add", body)
    assert [each["ID"] for each in bitrix.portal.notices] == [second] != [first]
    assert await bitrix.ok("im.notify.system.add", {**body, "USER_ID": LEFT}) is False
    assert (await bitrix.refused("im.notify.system.add", {"MESSAGE": "x"}))[1] == "USER_ID_EMPTY"
    assert (await bitrix.refused("im.notify.system.add", {"USER_ID": ANNA}))[1] == "MESSAGE_EMPTY"


async def test_a_task_answers_in_camel_case(bitrix: Bitrix) -> None:
    fields = {"TITLE": "Перезвонить", "RESPONSIBLE_ID": ANNA, "UF_CRM_TASK": ["C_41"]}
    task = (await bitrix.ok("tasks.task.add", {"fields": fields}))["task"]
    assert isinstance(task["id"], str)
    assert (task["responsibleId"], task["ufCrmTask"]) == (str(ANNA), ["C_41"])
    assert (await bitrix.refused("tasks.task.add"))[1] == "100"
    assert (await bitrix.refused("tasks.task.add", {"fields": {"TITLE": "x"}}))[1] == "ERROR_CORE"
