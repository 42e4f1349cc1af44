"""The Crm port on amoCRM, against the sandbox."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from connectors.amocrm.sandbox.api_unsorted import accept_entry
from integration.domain.calls.call import ChosenClient, Direction, Disposition
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import ManagerId, Timestamp
from integration.domain.numbers.phone import BareDigits
from integration.errors import NotFound, Rejected
from integration.ports.findings import FindingLevel
from tests.adapters.amocrm_kit import ANNA, DISMISSED, Office, contact, number, office, record

DEAL = EntityKind.DEAL


def lead_of(crm: Office, contact_id: int, name: str = "Кухня") -> EntityRef:
    lead = crm.account.create("leads", {"name": name, "contacts": [contact_id]}, int(ANNA))
    return EntityRef(DEAL, str(lead["id"]))


def notes(crm: Office, ref: EntityRef) -> list[dict[str, Any]]:
    kind = {"contact": "contacts", "company": "companies", "deal": "leads"}[ref.kind]
    return crm.account.notes_of(kind, int(ref.id))


# ---- people and persons


async def test_managers_say_who_may_be_called(crm: Office) -> None:
    managers = {each.id: each for each in await crm.crm.managers()}
    assert managers[ANNA].name == "Анна Орлова"
    assert managers[ANNA].phone == "+79995550101"
    assert not managers[DISMISSED].is_active
    assert not managers[ManagerId("610083")].is_paid
    assert managers[ManagerId("610081")].is_admin


@pytest.mark.parametrize(
    ("dialled", "names"),
    [
        ("8 (916) 123-45-67", ["Иван Петров"]),
        ("+74955550142", ["Олег Смирнов"]),  # typed as 8 (495) 555-01-42
        ("74955550100", ["ООО «Вектор»"]),
        ("+79990009999", []),
    ],
)
async def test_a_number_finds_its_card_however_it_is_typed(crm: Office, dialled: str, names: list[str]) -> None:
    assert [person.name for person in await crm.crm.find_persons(number(dialled))] == names


async def test_two_cards_with_one_number_come_oldest_first(crm: Office) -> None:
    younger = crm.contact("Младший", "+7 901 222-33-44", at=1_700_000_500)
    older = crm.contact("Старший", "8 901 222 33 44", at=1_700_000_000)
    found = await crm.crm.find_persons(number("+79012223344"))
    assert [person.ref.id for person in found] == [str(older), str(younger)]


async def test_a_number_in_another_field_is_no_phone(crm: Office) -> None:
    """The CRM's search finds these digits everywhere: in names, notes, and within other numbers."""
    crm.contact("Звонил с 9012223344", "+7 999 000-00-01")
    crm.contact("Без телефона 9012223344")
    crm.contact("Длиннее", "+49 901 222334455")
    assert await crm.crm.find_persons(number("+79012223344")) == []


async def test_a_person_has_deals_and_a_deal_its_stage(crm: Office) -> None:
    known = crm.contact("Клиент", "+79012223344")
    ref = lead_of(crm, known)
    person = await crm.crm.person(contact(known))
    assert person is not None
    assert person.deals == (ref,)
    deal = await crm.crm.deal(ref)
    assert deal is not None
    assert deal.stage_name == "Первичный контакт"
    assert deal.main_person == contact(known)
    assert deal.is_open


@pytest.mark.parametrize("bad", ["", "abc", "1/../leads/2", "1?x=2"])
async def test_an_id_that_is_none_is_not_sent(crm: Office, bad: str) -> None:
    before = crm.sandbox.traffic.total
    with pytest.raises(Rejected):
        await crm.crm.person(contact(bad))
    assert crm.sandbox.traffic.total == before


async def test_the_import_reads_every_page() -> None:
    async with office(contacts=600) as crm:
        persons = [person async for page in crm.crm.all_persons() for person in page]
        deals = [deal async for page in crm.crm.all_deals() for deal in page]
        assert len(persons) == len(crm.account.contacts) + len(crm.account.companies)
        assert len({person.ref for person in persons}) == len(persons)
        assert len(deals) == len(crm.account.leads)
        assert all(deal.stage_name for deal in deals)


@pytest.mark.parametrize("is_filter_enabled", [True, False])
async def test_only_what_changed_is_read_even_where_the_filter_is_ignored(is_filter_enabled: bool) -> None:
    async with office(contacts=600, api_filter_enabled=is_filter_enabled) as crm:
        since = int(time.time()) - 5
        fresh = crm.contact("Новый", "+79012223344", at=int(time.time()))
        before = crm.sandbox.traffic.total
        persons = [person async for page in crm.crm.all_persons(updated_since=since) for person in page]
        assert [person.ref.id for person in persons] == [str(fresh)]
        assert crm.sandbox.traffic.total - before <= 4  # one or two pages of each kind, not the whole book


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\r\nb\x00c", "x" * 5000, "'; DROP TABLE", "  "])
async def test_hostile_names_are_only_names(crm: Office, name: str) -> None:
    person = await crm.crm.create_contact(name=name, number=number("+79012223344"), responsible=ANNA)
    stored = crm.account.contacts.get(int(person.ref.id))
    assert stored is not None
    assert stored["name"] == person.name
    assert person.name.isprintable()
    assert 0 < len(person.name) <= 250
    assert [each.ref for each in await crm.crm.find_persons(number("+79012223344"))] == [person.ref]


# ---- calls


async def test_a_call_becomes_a_note_of_the_entity_that_was_chosen(crm: Office) -> None:
    known = crm.contact("Клиент", "+79161234567")
    company = EntityRef(EntityKind.COMPANY, str(crm.contact("Фирма", kind="companies")))
    for target in (contact(known), lead_of(crm, known), company):
        logged = await crm.crm.log_call(record(), target)
        assert logged.entity == target
        (note,) = notes(crm, target)
        assert str(note["id"]) == logged.id
        assert note["note_type"] == "call_in"
        assert note["responsible_user_id"] == int(ANNA)
        assert note["params"]["uniq"] == "pbx:1.1"
        assert note["params"]["link"] == "https://rec.example.test/r/abc.mp3"
        assert note["params"]["duration"] == 60
        assert await crm.crm.find_logged_call(record(), target) == logged


async def test_a_missed_outgoing_call_has_no_link_and_no_length(crm: Office) -> None:
    known = crm.contact("Клиент", "+79161234567")
    missed = record(direction=Direction.OUTBOUND, disposition=Disposition.NOANSWER, recording_url=None)
    await crm.crm.log_call(missed, contact(known))
    (note,) = notes(crm, contact(known))
    assert note["note_type"] == "call_out"
    assert "link" not in note["params"]
    assert (note["params"]["duration"], note["params"]["call_status"]) == (0, 6)
    assert await crm.crm.find_logged_call(missed, contact(known)) is not None


async def test_another_call_is_not_taken_for_this_one(crm: Office) -> None:
    known = crm.contact("Клиент", "+79161234567")
    await crm.crm.log_call(record("pbx:1.1"), contact(known))
    assert await crm.crm.find_logged_call(record("pbx:1.10"), contact(known)) is None


async def test_a_call_for_a_deleted_card_says_so(crm: Office) -> None:
    known = crm.contact("Клиент", "+79161234567")
    crm.account.delete("contacts", known, int(ANNA))
    with pytest.raises(NotFound):
        await crm.crm.log_call(record(), contact(known))
    assert await crm.crm.find_logged_call(record(), contact(known)) is None


async def test_calls_may_be_left_to_amocrm() -> None:
    """`log_via = "calls"`: with one active deal the call is logged to it (README: where the call lands)."""
    async with office(options={"log_via": "calls"}) as crm:
        client = number("+79012223344")
        known = crm.contact("Клиент", client.e164)
        deal = lead_of(crm, known)
        logged = await crm.crm.log_call(record(client=client), contact(known))
        assert logged.entity == deal
        found = await crm.crm.find_logged_call(record(client=client), contact(known))
        assert found is not None
        assert found.entity == deal


async def test_a_call_that_amocrm_cannot_place_becomes_a_note() -> None:
    async with office(options={"log_via": "calls"}) as crm:
        known = crm.contact("Клиент")
        client = number("+79012223344")
        logged = await crm.crm.log_call(record(client=client), contact(known))
        assert logged.entity == contact(known)
        assert len(notes(crm, contact(known))) == 1


async def test_a_call_whose_card_a_manager_chose_is_not_left_to_amocrm() -> None:
    async with office(options={"log_via": "calls"}) as crm:
        client = number("+79012223344")
        first, second = crm.contact("Первый", client.e164), crm.contact("Второй", client.e164)
        lead_of(crm, first)
        call = record(client=client)
        choice = ChosenClient(person=contact(second), by="101", at=Timestamp(time.time()))
        logged = await crm.crm.log_call(replace(call, call=replace(call.call, chosen=choice)), contact(second))
        assert logged.entity == contact(second)
        assert len(notes(crm, contact(second))) == 1


# ---- unknown callers


async def test_an_unknown_caller_goes_into_unsorted_and_is_found_there(crm: Office) -> None:
    call = record(client=number("+79012223344"))
    logged = await crm.crm.log_to_inbox(call)
    assert logged.entity == EntityRef(EntityKind.LEAD, logged.id)
    entry = crm.account.unsorted[logged.id]
    assert entry["metadata"]["phone"] == entry["metadata"]["from"] == "+79012223344"
    assert await crm.crm.find_in_inbox(call) == logged
    assert await crm.crm.find_in_inbox(record("pbx:other", client=call.client)) is None


async def test_an_accepted_entry_is_found_where_it_went(crm: Office) -> None:
    """Somebody accepted the entry between the lost answer and the second look: no second log."""
    call = record(client=number("+79012223344"))
    logged = await crm.crm.log_to_inbox(call)
    entry = crm.account.unsorted[logged.id]
    accept_entry(crm.account, entry, int(ANNA), None)
    found = await crm.crm.find_in_inbox(call)
    assert found is not None
    assert found.entity == EntityRef(DEAL, str(entry["lead_id"]))


async def test_digits_that_are_no_number_go_into_unsorted_as_they_are(crm: Office) -> None:
    """They are found again after a person accepted the entry, so that a lost answer makes no second entry."""
    call = record(client=BareDigits("2667777"))
    logged = await crm.crm.log_to_inbox(call)
    entry = crm.account.unsorted[logged.id]
    assert entry["metadata"]["phone"] == entry["metadata"]["from"] == "2667777"
    assert await crm.crm.find_in_inbox(call) == logged
    accept_entry(crm.account, entry, int(ANNA), None)
    found = await crm.crm.find_in_inbox(call)
    assert found is not None
    assert found.entity == EntityRef(DEAL, str(entry["lead_id"]))


async def test_a_contact_is_found_by_every_number_of_a_field_and_not_by_glued_digits(crm: Office) -> None:
    crm.contact("Ромашка", "8 (495) 916-12-34 доб. 567 / 8 926 777-10-09")
    for text in ("84959161234", "+79267771009"):
        assert [person.name for person in await crm.crm.find_persons(number(text))] == ["Ромашка"]
    assert "Ромашка" not in [person.name for person in await crm.crm.find_persons(number("+79161234567"))]


async def test_a_second_call_joins_an_open_entry(crm: Office) -> None:
    client = number("+79012223344")
    first = await crm.crm.log_to_inbox(record("pbx:1", client=client))
    logged = await crm.crm.log_call(record("pbx:2", client=client), first.entity)
    lead_id = crm.account.unsorted[first.id]["lead_id"]
    assert [str(note["id"]) for note in crm.account.notes_of("leads", lead_id)] == [logged.id]
    crm.account.unsorted.clear()
    with pytest.raises(NotFound):
        await crm.crm.log_call(record("pbx:3", client=client), first.entity)


async def test_an_outgoing_call_has_no_inbox(crm: Office) -> None:
    with pytest.raises(Rejected, match="incoming calls only"):
        await crm.crm.log_to_inbox(record(direction=Direction.OUTBOUND))


async def test_unsorted_switched_off_is_said(crm: Office) -> None:
    for pipeline in crm.account.pipelines.values():
        pipeline["is_unsorted_on"] = False
    with pytest.raises(Rejected, match="switched off"):
        await crm.crm.log_to_inbox(record())


# ---- tasks, popup, addresses, check


async def test_a_task_is_as_it_was_said_and_its_result_says_how_it_was_done(crm: Office) -> None:
    known = crm.contact("Клиент", "+79161234567")
    due = Timestamp(time.time() + 3600)
    task = await crm.crm.create_task(text="Перезвонить", due_at=due, responsible=ANNA, target=contact(known))
    stored = crm.account.tasks[int(task)]
    assert (stored["entity_type"], stored["entity_id"], stored["complete_till"]) == ("contacts", known, int(due))
    assert stored["text"] == "Перезвонить"
    await crm.crm.complete_task(task, result="Разговор состоялся")
    assert (stored["is_completed"], stored["result"]["text"]) == (True, "Разговор состоялся")


async def test_the_popup_is_one_request_for_all(crm: Office) -> None:
    await crm.crm.notify_ringing(number(), [ANNA, ManagerId("610078")])
    (popup,) = crm.account.popups
    assert popup["users"] == [610077, 610078]
    assert popup["phone_number"] == "+79161234567"


async def test_a_popup_for_nobody_is_not_sent(crm: Office) -> None:
    before = crm.sandbox.traffic.total
    await crm.crm.notify_ringing(number(), [])
    assert crm.sandbox.traffic.total == before


async def test_cards_have_addresses(crm: Office) -> None:
    base = f"http://romashka.localhost:{crm.port}"
    assert crm.crm.entity_url(contact(1)) == f"{base}/contacts/detail/1"
    assert crm.crm.entity_url(EntityRef(EntityKind.COMPANY, "2")) == f"{base}/companies/detail/2"
    assert crm.crm.entity_url(EntityRef(DEAL, "3")) == f"{base}/leads/detail/3"
    assert crm.crm.entity_url(EntityRef(EntityKind.LEAD, "uid")) == f"{base}/leads/"


async def test_the_check_says_what_works_and_what_to_do(crm: Office) -> None:
    assert [each.level for each in await crm.connector.check()] == [FindingLevel.OK] * 3
    crm.store.pairs.clear()
    crm.crm.tokens.forget()
    (finding,) = await crm.connector.check()
    assert finding.level is FindingLevel.ERROR
    assert "allow the integration" in finding.remedy


# ---- webhook subscriptions


async def test_webhooks_are_subscribed_once_and_revived(crm: Office) -> None:
    destination = "https://pbx.example.test/hooks/amocrm/office/secret"
    for _ in range(2):
        assert await crm.crm.ensure_webhooks(destination)
    (hook,) = crm.sandbox.hooks[31_000_000]
    assert "delete_unsorted" in hook.settings
    assert crm.requests["POST /api/v4/webhooks"] == crm.requests["GET /api/v4/webhooks"] == 1
    hook.disabled = True
    assert await crm.crm.ensure_webhooks(destination, believed_seconds=0)
    assert not hook.disabled


async def test_a_plan_without_webhooks_is_asked_once_an_hour() -> None:
    async with office(webhooks_available=False) as crm:
        for _ in range(5):
            assert not await crm.crm.ensure_webhooks("https://pbx.example.test/hook")
        assert crm.requests["POST /api/v4/webhooks"] == 1
