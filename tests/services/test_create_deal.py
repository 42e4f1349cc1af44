"""A deal is made from the card once, for the client whom the card shows, or refused with a code."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.errors import AuthFailed, DozvonError, OutcomeUnknown, Rejected, Unavailable, Unpaid
from integration.services.click import Refused
from tests.services.conftest import ACME, ANNA, BORIS, DEAL, IVAN, STRANGER, World, call, offered, started
from tests.services.test_card import messages

REQUEST = "7f3c1d52-0000-4000-8000-000000000001"


async def ring(world: World, client: str | None = None) -> None:
    now = world.clock.now()
    await world.emit(started(now, client) if client else started(now), offered(now, "101"))


async def create(world: World, name: str = "Окна на дачу", request: str = REQUEST) -> EntityRef:
    deal = await world.creations.create_deal(world.account, ANNA, call_id=call(), name=name, request=request)
    return deal.ref


def made(world: World) -> list[str]:
    return [deal.name for deal in world.crm.deals.values() if deal.ref != DEAL.ref]


async def test_the_deal_is_the_managers_and_the_card_shows_it(world: World) -> None:
    page = world.page(ANNA)
    await ring(world)
    first = (await messages(page))[-1]["call"]
    assert first["can_create_deal"] is True
    ref = await create(world, "  Окна \n на дачу ")
    deal = world.crm.deals[ref]
    assert (deal.name, deal.responsible, deal.persons) == ("Окна на дачу", ANNA, (IVAN.ref,))
    card = (await messages(page))[-1]["call"]
    assert "Окна на дачу" in [each["name"] for each in card["person"]["deals"]]


async def test_the_same_form_again_makes_no_second_deal(world: World) -> None:
    await ring(world)
    first = await create(world)
    world.clock.advance(10)
    assert await create(world) == first
    assert made(world) == ["Окна на дачу"]


async def test_two_presses_at_once_are_one_deal(world: World) -> None:
    await ring(world)
    found = await asyncio.gather(create(world), create(world), create(world))
    assert len(set(found)) == 1
    assert made(world) == ["Окна на дачу"]


async def test_a_lost_answer_of_the_crm_makes_no_second_deal(world: World) -> None:
    await ring(world)
    world.crm.fail_after = [OutcomeUnknown("timeout")]
    ref = await create(world)
    assert made(world) == ["Окна на дачу"]
    assert ref in world.crm.deals


async def test_a_form_whose_first_attempt_reached_nobody_can_be_sent_again(world: World) -> None:
    await ring(world)
    world.crm.fail_before = [Unavailable("silence")]
    with pytest.raises(Refused) as caught:
        await create(world)
    assert caught.value.code == "crm_offline"
    await create(world)
    assert made(world) == ["Окна на дачу"]


async def test_what_another_process_is_creating_is_not_created_beside_it(world: World) -> None:
    await ring(world)
    key = f"deal-now:{world.account.id}:{ANNA}:{REQUEST}"
    await world.coordination.count(key, ttl_seconds=30)
    with pytest.raises(Refused) as caught:
        await create(world)
    assert caught.value.code == "busy_deal"
    assert made(world) == []
    await world.coordination.forget_count(key)
    await create(world)


async def test_the_deal_belongs_to_the_chosen_contact(world: World) -> None:
    maria = Person(ref=EntityRef(EntityKind.CONTACT, "56"), name="Мария", responsible=BORIS, phones=("+79161234567",))
    await world.storage.phone_book.put_persons(ACME, [maria], numbering=DEFAULT_NUMBERING)
    world.crm.add(maria)
    await world.tracking.begin()
    await ring(world)
    await world.choices.choose(world.account, ANNA, world.tracking.call(call()), maria.ref)
    assert world.crm.deals[await create(world)].persons == (maria.ref,)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (AuthFailed("withdrawn"), "crm_reauth"),
        (Unpaid("402"), "crm_unpaid"),
        (Unavailable("silence"), "crm_offline"),
        (Rejected("no"), "not_allowed"),
    ],
)
async def test_why_no_deal_can_be_made_is_told_apart(world: World, failure: DozvonError, code: str) -> None:
    await ring(world)
    world.crm.fail_before = [failure]
    with pytest.raises(Refused) as caught:
        await create(world)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "request_id", "code"),
    [(" ", REQUEST, "bad_request"), ("x" * 201, REQUEST, "bad_request"), ("Окна", "../etc", "bad_request")],
)
async def test_hostile_input(world: World, name: str, request_id: str, code: str) -> None:
    await ring(world)
    with pytest.raises(Refused) as caught:
        await create(world, name, request_id)
    assert caught.value.code == code


async def test_without_a_contact_or_a_part_in_the_call_there_is_no_deal(world: World) -> None:
    page = world.page(ANNA)
    await ring(world, STRANGER)
    assert (await messages(page))[-1]["call"]["can_create_deal"] is False
    with pytest.raises(Refused) as caught:
        await create(world)
    assert caught.value.code == "no_person"
    with pytest.raises(Refused) as caught:
        await world.creations.create_deal(world.account, BORIS, call_id=call(), name="Окна", request=REQUEST)
    assert caught.value.code == "call_unknown"


async def test_a_crm_without_deals_is_not_asked_for_one(world: World) -> None:
    world.crm.abilities = replace(world.crm.abilities, deals=False)
    page = world.page(ANNA)
    await ring(world)
    assert (await messages(page))[-1]["call"]["can_create_deal"] is False
    with pytest.raises(Refused) as caught:
        await create(world)
    assert caught.value.code == "not_allowed"


async def test_nothing_is_created_for_a_manager_for_whom_dozvon_is_not_on(world: World) -> None:
    await ring(world)
    world.account.settings = replace(world.account.settings, only_for=frozenset({BORIS}))
    with pytest.raises(Refused) as caught:
        await create(world)
    assert caught.value.code == "integration_disabled"
    with pytest.raises(Refused) as caught:
        await world.creations.create_contact(world.account, ANNA, call_id=call(), name="Пётр")
    assert caught.value.code == "integration_disabled"
    assert made(world) == []
