"""The port Crm on a portal: people, clients, deals, leads; against the sandbox, with hostile values and faults."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.bitrix24.api.transport import Transport
from connectors.bitrix24.client import Bitrix24Crm
from integration.domain.crm.entities import CrmTrouble, EntityKind, EntityRef, GroupKind, Person
from integration.domain.ids import ManagerId, Timestamp
from integration.domain.numbers.numbering import DialRules, Numbering
from integration.domain.numbers.phone import PhoneNumber, read_number
from integration.domain.people.working_day import WorkingDay
from integration.errors import AuthFailed, NotFound, OutcomeUnknown, Rejected, Unavailable, Unpaid
from integration.ports.crm import Crm
from tests.adapters.bitrix24_kit import OFFICE, TRIES, Connected, connected, office
from tests.adapters.bitrix24_sandbox_kit import ANNA, BORIS, GRIGORY, IVAN, LEFT, VERA

CONTACT, COMPANY, LEAD, DEAL = EntityKind.CONTACT, EntityKind.COMPANY, EntityKind.LEAD, EntityKind.DEAL


@pytest.fixture
async def crm() -> AsyncIterator[Connected]:
    async with office() as made:
        yield made


def number(text: str, numbering: Numbering | None = None) -> PhoneNumber:
    found = read_number(text, numbering or Numbering("RU"))
    assert found is not None
    return found


async def everybody(made: Connected, since: int | None = None) -> list[Person]:
    return [person async for page in made.crm.all_persons(updated_since=since) for person in page]


def test_the_client_is_a_crm(crm: Connected) -> None:
    port: Crm = crm.crm  # mypy reads this line
    assert port.abilities.deals


# ---- people


async def test_managers_have_their_departments_with_heads_and_dismissed_ones_are_not_active(crm: Connected) -> None:
    managers = {each.id: each for each in await crm.crm.managers()}
    anna, left = managers[ManagerId(str(ANNA))], managers[ManagerId(str(LEFT))]
    assert (anna.name, anna.email, anna.phone, anna.extension) == (
        "Анна Орлова", "orlova@acme.test", "+79995550101", "101",
    )  # fmt: skip
    assert [(group.kind, group.name, group.head) for group in anna.groups] == [
        (GroupKind.DEPARTMENT, "Отдел продаж", ManagerId(str(ANNA)))
    ]
    assert anna.is_active
    assert not left.is_active
    assert managers[ManagerId(str(GRIGORY))].extension is None


async def test_an_office_of_many_people_is_read_whole(crm: Connected) -> None:
    template = crm.portal.users[BORIS]
    for id_ in range(200, 330):
        crm.portal.users[id_] = {**template, "ID": id_, "UF_PHONE_INNER": "", "NAME": f"Сотрудник {id_}"}
    assert len(await crm.crm.managers()) == len(crm.portal.users)


async def test_guests_of_an_extranet_are_no_managers(crm: Connected) -> None:
    crm.portal.users[BORIS]["USER_TYPE"] = "extranet"
    assert ManagerId(str(BORIS)) not in {each.id for each in await crm.crm.managers()}


async def test_without_the_right_to_departments_managers_are_read_without_them() -> None:
    async with office(scopes="crm,user,im,timeman") as made:
        managers = await made.crm.managers()
        assert managers
        assert all(each.groups == () for each in managers)
        assert made.crm.condition.trouble is None, "a scope that is missing for one method is no withdrawn consent"


# ---- who has a number


@pytest.mark.parametrize(
    "typed",
    [
        "+79217654321",
        "79217654321",
        "89217654321",
        "9217654321",
        "+7 921 765-43-21",
        "8 (921) 765-43-21",
        "+7 (921) 765-43-21",
        "+7(921)765-43-21",
        "8(921)765-43-21",
        "8-921-765-43-21",
        "+7 921 765 43 21",
    ],
)
async def test_a_contact_is_found_however_its_number_was_typed(crm: Connected, typed: str) -> None:
    ref = crm.add(CONTACT, typed, NAME="Пётр", LAST_NAME="Лис")
    assert [each.ref for each in await crm.crm.find_persons(number("+79217654321"))] == [ref]


async def test_ukrainian_and_local_spellings_are_asked_for(crm: Connected) -> None:
    async with connected(crm.bitrix, numbering=Numbering("UA")) as kyiv:
        ref = kyiv.add(CONTACT, "067 123 45 67", NAME="Олена")
        assert [each.ref for each in await kyiv.crm.find_persons(number("0671234567", Numbering("UA")))] == [ref]
    moscow = Numbering("RU", DialRules(area_code="495"))
    async with connected(crm.bitrix, numbering=moscow) as local:
        ref = local.add(COMPANY, "2667777", TITLE="Рядом")
        assert [each.ref for each in await local.crm.find_persons(number("+74952667777"))] == [ref]


async def test_several_who_have_one_number_are_all_found_the_oldest_first(crm: Connected) -> None:
    found = await crm.crm.find_persons(number("+79037654321"))
    assert sorted(each.ref.kind for each in found) == [CONTACT, CONTACT, LEAD]
    assert [each.created_at for each in found] == sorted(each.created_at for each in found)


async def test_a_contact_with_several_phones_has_all_of_them(crm: Connected) -> None:
    (ivan,) = await crm.crm.find_persons(number(IVAN))
    assert ivan.phones == (IVAN, "+74951234567")
    assert ivan.name == "Иван Петров"
    assert ivan.responsible == ManagerId(str(ANNA))


async def test_a_closed_lead_is_nobody(crm: Connected) -> None:
    ref = crm.add(LEAD, "+79211112233", TITLE="Заявка", NAME="Олег")
    assert [each.ref for each in await crm.crm.find_persons(number("+79211112233"))] == [ref]
    crm.change(ref, STATUS_ID="CONVERTED")
    assert await crm.crm.find_persons(number("+79211112233")) == []
    gone = await crm.crm.person(ref)
    assert gone is not None
    assert gone.is_deleted


async def test_more_contacts_than_the_search_tells_hide_neither_each_other_nor_other_kinds(crm: Connected) -> None:
    many = {crm.add(CONTACT, "+79210000000", NAME=f"Тёзка {index}") for index in range(37)}
    company = crm.add(COMPANY, "+79210000000", TITLE="Проходная")
    lead = crm.add(LEAD, "8 (921) 000-00-00", TITLE="Заявка")
    assert {each.ref for each in await crm.crm.find_persons(number("+79210000000"))} == {*many, company, lead}


async def test_a_number_that_nobody_has_costs_one_request(crm: Connected) -> None:
    before = crm.requests
    assert await crm.crm.find_persons(number("+79998887766")) == []
    assert crm.requests == before + 1


async def test_a_portal_that_compares_digits_shows_no_strangers() -> None:
    """An older rule takes leading noughts off; each hit is checked by our own key."""
    async with office(matches_digits=True) as made:
        made.add(CONTACT, "0079217654321999", NAME="Другой")
        ref = made.add(CONTACT, "8 921 765 43-21", NAME="Свой")
        assert [each.ref for each in await made.crm.find_persons(number("+79217654321"))] == [ref]


class _WithoutLeads:
    """A portal that closes leads to the application's user."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def call(self, method: str, parameters: dict[str, Any], **options: Any) -> dict[str, Any]:
        answer = await self._transport.call(method, parameters, **options)
        closed = {
            label: {"error": "ACCESS_DENIED", "error_description": "Access denied"}
            for label, command in parameters.get("cmd", {}).items()
            if "entity_type=LEAD" in command or "entityTypeId=1&" in command
        }
        if closed:
            results = dict(answer["result"]["result"])
            answer["result"]["result"] = {label: each for label, each in results.items() if label not in closed}
            answer["result"]["result_error"] = closed
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def test_leads_that_are_closed_to_us_hide_nobody_else(crm: Connected) -> None:
    closed: Any = _WithoutLeads(crm.transport)
    portal = Bitrix24Crm(OFFICE, closed, portal_url=str)
    found = await portal.find_persons(number("+79037654321"))
    assert [each.ref.kind for each in found] == [CONTACT, CONTACT]
    everyone = [person async for page in portal.all_persons() for person in page]
    assert {each.ref.kind for each in everyone} == {CONTACT, COMPANY}


# ---- hostile values


async def test_hostile_values_are_read_as_they_are_and_end_nowhere(crm: Connected) -> None:
    name = "<script>alert(1)</script>\u202e" + "Я" * 20_000
    ref = crm.add(CONTACT, "+79214445566", "", "не звонить", NAME=name, LAST_NAME="\0x")
    (found,) = await crm.crm.find_persons(number("+79214445566"))
    assert found.ref == ref
    assert len(found.name) == 10_000
    assert found.name.startswith("<script>")
    assert "\0" not in found.name
    assert "\u202e" not in found.name
    assert found.phones == ("+79214445566", "не звонить")


@pytest.mark.parametrize("id_", ["", "0x1", "1; DROP", "١", "9" * 40, "-1"])
async def test_an_id_that_is_none_never_reaches_the_portal(crm: Connected, id_: str) -> None:
    before = crm.requests
    with pytest.raises(Rejected):
        await crm.crm.person(EntityRef(CONTACT, id_))
    assert crm.requests == before


async def test_what_is_not_there_is_none(crm: Connected) -> None:
    assert await crm.crm.person(EntityRef(CONTACT, "999999")) is None
    assert await crm.crm.deal(EntityRef(DEAL, "999999")) is None
    with pytest.raises(Rejected):
        await crm.crm.person(EntityRef(DEAL, "1"))
    with pytest.raises(Rejected):
        await crm.crm.deal(EntityRef(CONTACT, "1"))


# ---- everything


async def test_everybody_is_read_once_by_kinds_and_in_few_requests() -> None:
    async with office(contacts=1234) as made:
        before = made.requests
        persons = await everybody(made)
        refs = [each.ref for each in persons]
        stored = sum(len(made.portal.tables[type_id]) for type_id in (1, 3, 4))
        assert len(refs) == len(set(refs)) == stored
        assert made.requests - before <= 9, "twice as many pages in each request"


async def test_nobody_is_left_out_by_a_deletion_during_the_reading() -> None:
    async with office(contacts=300) as made:
        before = {each.ref for each in await everybody(made)}
        seen: set[EntityRef] = set()
        gone = EntityRef(CONTACT, "1000010")
        async for page in made.crm.all_persons():
            if not seen:
                made.delete(gone)
            seen |= {each.ref for each in page}
        assert before - seen <= {gone}


async def test_only_what_changed_since_is_read(crm: Connected) -> None:
    crm.bitrix.clock.time += 3600
    since = int(crm.bitrix.clock())
    crm.bitrix.clock.time += 10
    ref = crm.add(CONTACT, "+79214445566", NAME="Новый")
    lead = crm.add(LEAD, "+79214445567", TITLE="Новый лид")
    assert {each.ref for each in await everybody(crm, since)} == {ref, lead}
    deal = crm.add(DEAL, TITLE="Новая", CONTACT_IDS=[int(ref.id)])
    found = [each async for page in crm.crm.all_deals(updated_since=since) for each in page]
    assert [each.ref for each in found] == [deal]


async def test_deals_have_their_stage_their_persons_and_whether_they_are_open(crm: Connected) -> None:
    found = [each async for page in crm.crm.all_deals() for each in page]
    deals = {each.name: each for each in reversed(found)}  # of several with one name the oldest
    rack = deals["Стойка ресепшен"]
    assert (rack.stage_name, rack.price, rack.is_open, rack.pipeline) == ("В работе", 64_000, True, "0")
    assert len(rack.persons) == 2
    assert rack.main_person == rack.persons[0]
    chairs = deals["Поставка кресел"]
    assert [each.kind for each in chairs.persons] == [COMPANY]
    crm.change(rack.ref, STAGE_ID="WON")
    won = await crm.crm.deal(rack.ref)
    assert won is not None
    assert not won.is_open


async def test_addresses_of_cards_follow_the_portal(crm: Connected) -> None:
    assert crm.crm.entity_url(EntityRef(LEAD, "7")) == f"{crm.bitrix.base}/crm/lead/details/7/"


# ---- what is made


async def test_a_contact_is_made_with_its_number_and_its_responsible(crm: Connected) -> None:
    made = await crm.crm.create_contact(
        name="  Юлия\n\t<b>", number=number("+79219998877"), responsible=ManagerId(str(VERA))
    )
    assert (made.name, made.phones, made.responsible) == ("Юлия  <b>", ("+79219998877",), ManagerId(str(VERA)))
    assert [each.ref for each in await crm.crm.find_persons(number("+79219998877"))] == [made.ref]
    renamed = await crm.crm.rename_contact(made.ref, "Юлия Сергеевна")
    assert renamed.name == "Юлия Сергеевна"
    assert renamed.phones == made.phones
    with pytest.raises(NotFound):
        await crm.crm.rename_contact(EntityRef(CONTACT, "999999"), "Никто")


async def test_a_lead_is_made_where_the_portal_has_leads_and_a_contact_where_it_has_none(crm: Connected) -> None:
    vera = ManagerId(str(VERA))
    lead = await crm.crm.create_lead(name="Юлия", number=number("+79219998877"), responsible=vera)
    assert (lead.ref.kind, lead.name, lead.phones, lead.responsible) == (LEAD, "Юлия", ("+79219998877",), vera)
    unnamed = await crm.crm.create_lead(name="+79219998878", number=number("+79219998878"), responsible=None)
    assert unnamed.name == "+79219998878"
    assert [each.ref for each in await crm.crm.find_persons(number("+79219998877"))] == [lead.ref]
    crm.portal.mode = 2
    crm.crm.forget()
    contact = await crm.crm.create_lead(name="Олег", number=number("+79219998879"), responsible=None)
    assert contact.ref.kind is CONTACT


async def test_a_lost_answer_to_a_new_contact_is_not_repeated_and_is_found(crm: Connected) -> None:
    await crm.fault(kind="timeout_after_store", method="crm.item.add", count=1, seconds=0.1)
    with pytest.raises(OutcomeUnknown):
        await crm.crm.create_contact(name="Юлия", number=number("+79219998877"), responsible=None)
    assert len(await crm.crm.find_persons(number("+79219998877"))) == 1


async def test_a_deal_is_made_for_a_client_and_found_again(crm: Connected) -> None:
    (ivan,) = await crm.crm.find_persons(number(IVAN))
    since = Timestamp(crm.clock.now())
    crm.bitrix.clock.time += 5
    assert await crm.crm.find_deal(name="Шкаф", person=ivan.ref, since=since) is None
    made = await crm.crm.create_deal(name="Шкаф", person=ivan.ref, responsible=ManagerId(str(BORIS)))
    assert (made.name, made.main_person, made.responsible, made.is_open) == (
        "Шкаф", ivan.ref, ManagerId(str(BORIS)), True,
    )  # fmt: skip
    found = await crm.crm.find_deal(name="Шкаф", person=ivan.ref, since=since)
    assert found is not None
    assert found.ref == made.ref
    assert found.stage_name == "Новая"
    assert await crm.crm.find_deal(name="Шкаф", person=crm.oldest(COMPANY), since=since) is None
    company = await crm.crm.create_deal(name="Кресла", person=crm.oldest(COMPANY), responsible=None)
    assert company.persons == (crm.oldest(COMPANY),)


async def test_a_lead_becomes_a_deal_in_the_portal_only(crm: Connected) -> None:
    with pytest.raises(Rejected, match="converting"):
        await crm.crm.create_deal(name="Шкаф", person=crm.oldest(LEAD), responsible=None)


# ---- the condition


async def test_the_condition_follows_the_answers(crm: Connected) -> None:
    told: list[CrmTrouble | None] = []
    crm.transport.standing.told = lambda condition: told.append(condition.trouble)
    crm.portal.has_rest = False
    with pytest.raises(Unpaid):
        await crm.crm.person(EntityRef(CONTACT, "1"))
    crm.portal.has_rest = True
    await crm.crm.person(EntityRef(CONTACT, "1"))
    await crm.bitrix.control("install/remove")
    with pytest.raises(AuthFailed):
        await crm.crm.person(EntityRef(CONTACT, "1"))
    assert told == [CrmTrouble.UNPAID, None, CrmTrouble.NEEDS_CONSENT]


async def test_one_lost_answer_is_no_state_and_two_are(crm: Connected) -> None:
    await crm.fault(kind="html", status=502, count=-1)
    troubles = []
    for _ in range(2):
        with pytest.raises(Unavailable):
            await crm.crm.person(EntityRef(CONTACT, "1"))
        troubles.append(crm.crm.condition.trouble)
    assert troubles == [None, CrmTrouble.AWAY]


async def test_the_portals_clock_is_known_from_its_answers(crm: Connected) -> None:
    assert crm.crm.clock_ahead == 0.0
    crm.clock.behind = 90.0
    await crm.crm.person(crm.oldest(CONTACT))
    assert crm.crm.clock_ahead == pytest.approx(90, abs=5)


async def test_a_robot_is_nobodys_manager(crm: Connected) -> None:
    ref = crm.add(CONTACT, "+79214445566", NAME="Без ответственного", ASSIGNED_BY_ID=0)
    person = await crm.crm.person(ref)
    assert person is not None
    assert person.responsible is None


# ---- working days


async def test_the_working_days_of_an_office_cost_one_request(crm: Connected) -> None:
    before = crm.requests
    people = [ManagerId(str(each)) for each in (ANNA, BORIS, VERA, LEFT, 999)]
    assert await crm.crm.working_days(people) == {
        ManagerId(str(ANNA)): WorkingDay.RUNS,
        ManagerId(str(BORIS)): WorkingDay.PAUSED,
        ManagerId(str(VERA)): WorkingDay.NOT_BEGUN,
    }
    assert crm.requests == before + 1


async def test_a_portal_that_lets_nobody_see_working_days_passes_nobody_over() -> None:
    async with office(scopes="crm,user,department,im") as made:
        assert await made.crm.working_days([ManagerId(str(VERA))]) == {}
        assert made.crm.condition.trouble is None


async def test_a_portal_that_does_not_answer_about_working_days_is_an_error(crm: Connected) -> None:
    await crm.fault(kind="html", status=502, method="batch", count=TRIES)
    with pytest.raises(Unavailable):
        await crm.crm.working_days([ManagerId(str(VERA))])
