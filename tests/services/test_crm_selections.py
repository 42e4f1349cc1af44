"""Contacts and deals selected in the CRM become entries, with a count of who was left out and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import CampaignId, ManagerId
from integration.ports.campaigns import EntryQuery, ListedEntry
from integration.services.click import Refused
from integration.services.crm_entries import LeftOut
from integration.services.crm_selections import MOST_SELECTED, CrmSelections, Selected
from tests.services.conftest import ACME, World

SPRING = CampaignId("spring")


def contact(number: int, *phones: str, name: str = "") -> Person:
    ref = EntityRef(EntityKind.CONTACT, str(number))
    return Person(ref=ref, name=name or f"Контакт {number}", responsible=ManagerId("7"), phones=phones, updated_at=1)


def deal(number: int, *persons: Person, main: Person | None = None) -> Deal:
    return Deal(
        ref=EntityRef(EntityKind.DEAL, str(number)),
        name=f"Сделка {number}",
        responsible=ManagerId("8"),
        persons=tuple(person.ref for person in persons),
        main_person=main.ref if main is not None else None,
        updated_at=1,
    )


async def select(world: World, *selected: Person | Deal, stored: bool = True) -> Selected:
    """Select these in the CRM. `stored`: the phone book has them."""
    storage = world.storage
    if await storage.campaigns.get(ACME, SPRING) is None:
        await storage.campaigns.make(ACME, SPRING, CampaignPlan(name="Весна"), by="Ольга")
    if stored:
        await know(world, *selected)
    return await selections(world).add(world.account, SPRING, [each.ref for each in selected])


async def know(world: World, *entities: Person | Deal) -> None:
    persons = [each for each in entities if isinstance(each, Person)]
    numbering = world.account.settings.numbering
    await world.storage.phone_book.put_persons(ACME, persons, numbering=numbering)
    await world.storage.phone_book.put_deals(ACME, [each for each in entities if isinstance(each, Deal)])


def selections(world: World) -> CrmSelections:
    storage = world.storage
    return CrmSelections(
        storage.campaigns, storage.entries, storage.phone_book, lambda account: account, world.news.tell
    )


async def listed(world: World) -> list[ListedEntry]:
    return await world.storage.entries.listing(ACME, SPRING, EntryQuery())


async def test_numbers_keep_the_order_of_the_card_and_those_without_are_counted(world: World) -> None:
    anna = contact(1, "+7 926 234-56-78, 8 916 123-45-67", "89161234567", name="Анна")
    done = await select(world, anna, contact(2), contact(3, "позвонить позже", "112"))
    assert done == Selected(added=1, left_out={LeftOut.NO_NUMBER: 2})
    (entry,) = await listed(world)
    assert [number.e164 for number in entry.entry.numbers] == ["+79262345678", "+79161234567"]
    assert (entry.entry.name, entry.entry.refs, entry.entry.responsible) == ("Анна", (anna.ref,), ManagerId("7"))


async def test_of_a_deal_the_main_contact_is_called(world: World) -> None:
    other, main = contact(1, "+79262345678"), contact(2, "+79161234567")
    await know(world, other, main)
    sale = deal(9, other, main, main=main)
    assert await select(world, sale) == Selected(added=1)
    (entry,) = await listed(world)
    assert [number.e164 for number in entry.entry.numbers] == ["+79161234567"]
    assert (entry.entry.refs, entry.entry.card) == ((sale.ref, main.ref), main.ref)
    assert (entry.entry.responsible, entry.comment) == (ManagerId("8"), "Сделка 9")


async def test_of_a_deal_whose_main_contact_has_no_number_another_one_is_called(world: World) -> None:
    silent, loud = contact(1), contact(2, "+79161234567")
    await know(world, silent, loud)
    assert await select(world, deal(9, silent, loud, main=silent), deal(10), deal(11, silent)) == Selected(
        added=1, left_out={LeftOut.NOBODY: 1, LeftOut.NO_NUMBER: 1}
    )


async def test_a_number_of_two_contacts_is_one_entry_with_both(world: World) -> None:
    done = await select(world, contact(1, "+79161234567"), contact(2, "8 (916) 123-45-67"))
    assert done == Selected(added=1, joined=1)
    assert (await select(world, contact(1, "+79161234567"))).left_out == {LeftOut.TWICE: 1}
    assert [ref.id for each in await listed(world) for ref in each.entry.refs] == ["1", "2"]


async def test_who_must_not_be_called_is_counted(world: World) -> None:
    await world.storage.do_not_call.add(ACME, ["+79161234567"], lists_of=[ACME], by="Ольга", why="")
    assert await select(world, contact(1, "+79161234567")) == Selected(left_out={LeftOut.DO_NOT_CALL: 1})


async def test_what_the_phone_book_lacks_is_asked_of_the_crm(world: World) -> None:
    new, gone = contact(101, "+79161234567"), contact(102, "+79262345678")
    world.crm.add(new, replace(gone, is_deleted=True))
    done = await select(world, new, gone, contact(103, "+79033456789"), stored=False)
    assert done == Selected(added=1, left_out={LeftOut.NOT_FOUND: 2})
    (entry,) = await listed(world)
    assert entry.entry.card is None  # the phone book could not say what changes later


async def test_an_enquiry_that_the_phone_book_lacks_is_not_asked_for(world: World) -> None:
    await select(world)
    enquiry = EntityRef(EntityKind.LEAD, "7")
    done = await selections(world).add(world.account, SPRING, [enquiry])
    assert done == Selected(left_out={LeftOut.NOT_FOUND: 1})


async def test_a_campaign_that_is_gone_and_too_many_at_once_are_refused(world: World) -> None:
    with pytest.raises(Refused, match="no such campaign"):
        await selections(world).add(world.account, CampaignId("x"), [contact(1).ref])
    many = [EntityRef(EntityKind.CONTACT, str(number)) for number in range(MOST_SELECTED + 1)]
    with pytest.raises(Refused, match="at most"):
        await selections(world).add(world.account, SPRING, many)
