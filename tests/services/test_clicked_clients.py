"""Whom a manager has clicked is looked up in the CRM where the phone book does not know the number yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio

from integration.domain.calls.call import Direction, Origin
from integration.domain.calls.events import CallEvent
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.numbers.phone import read_number
from integration.errors import Unavailable
from integration.services.clicked_clients import ClickedClients
from integration.services.hub import Page
from integration.services.tracking import CallObserver, CallTracking
from tests.services.conftest import ANNA, CLIENT, DEAL, STRANGER, World, ended, offered, started
from tests.services.test_card import messages

OLGA = Person(ref=EntityRef(EntityKind.CONTACT, "77"), name="Ольга", phones=(f"+{STRANGER}",), responsible=ANNA)
DOORS = replace(DEAL, ref=EntityRef(EntityKind.DEAL, "78"), name="Двери", persons=(OLGA.ref,), main_person=OLGA.ref)


CLICK = Origin(kind="click")


@dataclass
class Clicking:
    world: World
    clicked: ClickedClients
    page: Page

    async def cards(self, *events: CallEvent) -> list[dict[str, Any]]:
        """Let this happen; the cards that Anna's page gets until the CRM has been asked."""
        await self.world.emit(*events)
        await asyncio.gather(*self.clicked.asking)
        return [message["call"] for message in await messages(self.page)]


@pytest_asyncio.fixture
async def clicking(world: World) -> AsyncIterator[Clicking]:
    """Calls are followed by cards, and by what is tried here."""
    clicked = ClickedClients(world.storage.phone_book, world.cards)
    calls = world.storage.calls
    observers: list[CallObserver] = [world.cards, clicked]
    world.tracking = CallTracking(world.account, world.pbx.id, calls, world.clock, observers, asyncio.Event())
    world.cards.read_calls(lambda account, call: calls.get(account.id, call))
    yield Clicking(world, clicked, world.page(ANNA))
    await clicked.close()


def click(world: World, number: str = STRANGER, origin: Origin | None = CLICK) -> tuple[CallEvent, CallEvent]:
    now = world.clock.now()
    begun = replace(started(now), direction=Direction.OUTBOUND, caller="101", called=number, origin=origin)
    return begun, offered(now, "101")


def names(cards: list[dict[str, Any]]) -> set[str | None]:
    return {card["person"] and card["person"]["name"] for card in cards}


async def test_a_client_whom_the_phone_book_lacks_is_shown_with_their_deals(clicking: Clicking) -> None:
    clicking.world.crm.add(replace(OLGA, deals=(DOORS.ref,)), DOORS)
    cards = await clicking.cards(*click(clicking.world))
    assert cards[0]["person"] is None, "the card does not wait for the CRM"
    assert cards[-1]["person"]["name"] == "Ольга"
    assert [deal["name"] for deal in cards[-1]["person"]["deals"]] == ["Двери"]


@pytest.mark.parametrize(("number", "origin"), [(CLIENT, CLICK), (STRANGER, None)])
async def test_the_crm_is_not_asked_for_whom_the_book_knows_nor_for_calls_by_the_phone(
    clicking: Clicking, number: str, origin: Origin | None
) -> None:
    clicking.world.crm.add(OLGA)
    clicking.world.crm.fail_before = [Unavailable("nobody should have asked")]
    assert "Ольга" not in names(await clicking.cards(*click(clicking.world, number, origin)))
    assert len(clicking.world.crm.fail_before) == 1


async def test_a_crm_that_does_not_answer_leaves_the_card_as_it_is(clicking: Clicking) -> None:
    clicking.world.crm.add(OLGA)
    clicking.world.crm.fail_before = [Unavailable("away")]
    assert names(await clicking.cards(*click(clicking.world))) == {None}
    assert clicking.world.crm.fail_before == []


async def test_what_comes_after_the_end_of_the_call_is_kept_for_the_next_one(clicking: Clicking) -> None:
    clicking.world.crm.add(OLGA)
    over = ended(clicking.world.clock.now() + 1)
    cards = await clicking.cards(*click(clicking.world), over)
    assert [card["state"] for card in cards].count("ended") == 1
    assert cards[-1]["state"] == "ended"
    number = read_number(STRANGER, DEFAULT_NUMBERING)
    assert number is not None
    found = await clicking.world.storage.phone_book.lookup(clicking.world.account.id, number.match_key)
    assert [each.ref for each in found] == [OLGA.ref]
