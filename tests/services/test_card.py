"""The card appears where a phone rings, shows what is known, and closes where it no longer rings."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from integration.domain.calls.call import Direction, LegResult, Origin, TransferKind
from integration.domain.calls.events import (
    CallStarted,
    ClientReleased,
    HangUpPressed,
    HoldEnded,
    HoldStarted,
    LegEnded,
    TransferStarted,
)
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import LegId, Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.settings import CardField, CardMoment, LineSettings
from integration.services.card import display_number
from integration.services.hub import Page
from tests.services.conftest import (
    ACME,
    ANNA,
    BORIS,
    CLIENT,
    STRANGER,
    World,
    answered,
    answered_call,
    call,
    ended,
    offered,
    started,
    unanswered,
)


async def messages(page: Page) -> list[dict[str, Any]]:
    """The page's messages so far; the hub delivers them in the loop's next iterations."""
    for _ in range(20):
        await asyncio.sleep(0)
    got = []
    while not page.messages.empty():
        message = page.messages.get_nowait()
        assert message is not None
        got.append(message)
    return got


async def test_the_card_of_a_known_client(world: World) -> None:
    await world.emit(*answered_call(world.clock.now() - 500, uniqueid="0.9"))
    page = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    card = (await messages(page))[-1]["call"]
    assert card["state"] == "ringing"
    assert (card["number"], card["raw_number"], card["line"]) == (
        "+7 916 123-45-67",
        "+79161234567",
        "+7 495 000-00-01",
    )
    assert card["person"]["name"] == "Иван <b>Петров</b>"  # as typed: the browser writes it as text
    assert card["person"]["responsible"] == {"id": ANNA, "name": "Анна Орлова"}
    assert card["person"]["deals"] == [
        {"id": "9", "name": "Окна", "url": "https://crm.example/deals/9", "stage": "Переговоры", "price": 120000}
    ]
    assert [past["by"] for past in card["last_calls"]] == ["Анна Орлова"]
    assert card["can_create"] is False


async def test_a_stranger_can_be_made_a_contact(world: World) -> None:
    page = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now, STRANGER), offered(now, "101"))
    card = (await messages(page))[-1]["call"]
    assert (card["person"], card["can_create"]) == (None, True)


async def test_a_withheld_number_shows_nothing_and_offers_nothing(world: World) -> None:
    page = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now, "anonymous"), offered(now, "101"))
    card = (await messages(page))[-1]["call"]
    assert (card["number"], card["raw_number"], card["can_create"]) == ("", None, False)


async def test_who_did_not_answer_sees_who_did(world: World) -> None:
    """The card does not vanish while somebody types a contact's name into it."""
    anna, boris = world.page(ANNA), world.page(BORIS)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), offered(now, "102"))
    await world.emit(*answered(now + 3, "102"), unanswered(now + 3, "101"))
    seen = [message["call"] for message in await messages(anna)]
    states = dict.fromkeys(card["state"] for card in seen)
    assert list(states) == ["ringing", "ended"]  # never "talking": somebody else does
    last = seen[-1]
    assert (last["result"], last["colleague"]) == (
        "answered_elsewhere",
        {"extension": "102", "name": "Борис Климов"},
    )
    assert last["ended_at"] == now + 3
    kept = (await messages(boris))[-1]["call"]
    assert (kept["state"], kept["extension"], kept["result"]) == ("talking", "102", None)


async def test_who_was_rung_sees_that_the_call_was_missed(world: World) -> None:
    """Also the first manager, whose phone stopped long before the client gave up."""
    anna, boris = world.page(ANNA), world.page(BORIS)
    now = world.clock.now()
    await world.emit(started(now, STRANGER), offered(now, "101"))
    await world.emit(unanswered(now + 10, "101"), offered(now + 10, "102"))
    on = (await messages(anna))[-1]["call"]
    assert (on["state"], on["result"], on["ended_at"]) == ("ended", "passed_on", now + 10)
    await world.emit(unanswered(now + 40, "102"), ended(now + 40))
    for page in (anna, boris):
        last = (await messages(page))[-1]["call"]
        assert (last["state"], last["result"], last["disposition"]) == ("ended", "missed", "missed")
        assert (last["ended_at"], last["can_create"]) == (now + 40, True)


async def test_a_group_that_rings_at_once_gets_one_card_each(world: World) -> None:
    anna, boris = world.page(ANNA), world.page(BORIS)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), offered(now, "102"))
    for page in (anna, boris):
        assert [said["call"]["state"] for said in await messages(page)] == ["ringing"]


async def test_a_call_that_is_missed_at_once_is_first_seen_ringing(world: World) -> None:
    anna = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), unanswered(now, "101"), ended(now))
    assert [said["call"]["state"] for said in await messages(anna)] == ["ringing", "ended"]


async def test_whose_part_is_over_and_told_hears_nothing_more(world: World) -> None:
    anna, boris = world.page(ANNA), world.page(BORIS)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), offered(now, "102"))
    await world.emit(*answered(now + 3, "102"), unanswered(now + 3, "101"))
    await messages(anna)
    await world.emit(ended(now + 60))
    assert await messages(anna) == []
    assert (await messages(boris))[-1]["call"]["result"] == "answered"


async def test_a_card_that_was_missed_while_the_page_was_away_is_in_the_snapshot(world: World) -> None:
    """For a minute, as in widgets/README.md; from the store, on any process."""
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), unanswered(now + 10, "101"), ended(now + 10))
    for later, expected in ((30, ["missed"]), (69, ["missed"]), (71, [])):
        since = Timestamp(now + later - 60)
        calls = await world.storage.calls.ended_since(world.account.id, since)
        cards = await world.cards.snapshot(world.account, ANNA, calls, ended_since=since)
        assert [card["result"] for card in cards] == expected


async def test_a_transfer_says_from_whom_and_counts_from_when_it_began_to_ring(world: World) -> None:
    anna, boris = world.page(ANNA), world.page(BORIS)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), *answered(now + 3, "101"))
    await messages(anna)
    handed = TransferStarted(call=call(), at=Timestamp(now + 60), kind=TransferKind.BLIND, from_="101", to="102")
    await world.emit(
        ClientReleased(call=call(), at=Timestamp(now + 60)), handed, offered(now + 60, "102", via="transfer")
    )
    card = (await messages(boris))[-1]["call"]
    assert (card["state"], card["rings_since"], card["answered_at"]) == ("ringing", now + 60, None)
    assert card["came"] == {"how": "transfer", "from": {"extension": "101", "name": "Анна Орлова"}}
    gone = (await messages(anna))[-1]["call"]
    assert (gone["state"], gone["result"], gone["colleague"]["name"]) == ("ended", "transferred", "Борис Климов")
    await world.emit(*answered(now + 70, "102"))
    talk = (await messages(boris))[-1]["call"]
    assert (talk["state"], talk["answered_at"], talk["came"]["from"]["name"]) == ("talking", now + 70, "Анна Орлова")


async def test_the_end_is_shown(world: World) -> None:
    page = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), *answered(now + 3, "101"), ended(now + 9))
    last = (await messages(page))[-1]["call"]
    assert (last["state"], last["disposition"], last["ended_at"]) == ("ended", "answered", now + 9)


@pytest.mark.parametrize(("moment", "expected"), [(CardMoment.NEVER, []), (CardMoment.ANSWER, ["talking", "ended"])])
async def test_the_line_says_when_the_card_is_shown(world: World, moment: CardMoment, expected: list[str]) -> None:
    world.line(LineSettings(card=moment))
    page = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    await world.emit(*answered(now + 3, "101"))
    await world.emit(ended(now + 9))
    states = [message["call"]["state"] for message in await messages(page)]
    assert list(dict.fromkeys(states)) == expected


async def test_a_page_that_opens_in_the_middle_sees_the_call(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    cards = await world.cards.snapshot(world.account, ANNA, world.tracking.live_calls)
    assert [card["state"] for card in cards] == ["ringing"]
    assert await world.cards.snapshot(world.account, BORIS, world.tracking.live_calls) == []


async def test_a_switched_off_integration_shows_nothing(world: World) -> None:
    world.account.settings = replace(world.account.settings, enabled=False)
    page = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    assert await messages(page) == []


async def test_a_page_that_does_not_read_is_closed_and_the_others_go_on(world: World) -> None:
    slow, quick = world.page(ANNA), world.page(ANNA)
    for _ in range(250):
        await world.hub.send(world.account.id, [ANNA], {"type": "pong"})
        await messages(quick)
    assert slow.messages.qsize() <= 200
    left = [slow.messages.get_nowait() for _ in range(slow.messages.qsize())]
    assert left[-1] is None
    await world.hub.send(world.account.id, [ANNA], {"type": "pong"})
    assert await messages(quick) == [{"type": "pong"}]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("79161234567", "+7 916 123-45-67"),
        ("101", "101"),
        ("anonymous", ""),
        (None, ""),
        ("<script>", ""),
        ("266-77-77", "2667777"),
    ],
)
def test_numbers_for_people(text: str | None, shown: str) -> None:
    assert display_number(text, DEFAULT_NUMBERING) == shown


@pytest.mark.parametrize(
    ("result", "pressed", "failure"),
    [
        (LegResult.NOANSWER, False, "agent_noanswer"),
        (LegResult.BUSY, False, "agent_busy"),
        (LegResult.REJECTED, False, "agent_rejected"),
        (LegResult.NOANSWER, True, "agent_cancelled"),  # the phone stopped because the manager pressed "hang up"
    ],
)
async def test_a_click_that_never_dialled_the_client_says_why(
    world: World, result: LegResult, pressed: bool, failure: str
) -> None:
    page = world.page(ANNA)
    now = Timestamp(world.clock.now())
    click = CallStarted(
        call=call(), at=now, native_id="1.0", direction=Direction.OUTBOUND, caller="101", called=CLIENT,
        origin=Origin(kind="click", request_id="a"),
    )  # fmt: skip
    await world.emit(click, offered(now, "101", via="click"))
    ringing = (await messages(page))[-1]["call"]
    assert (ringing["state"], ringing["is_own"], ringing["failure"]) == ("ringing", True, None)
    if pressed:
        await world.emit(HangUpPressed(call=call(), at=now, extension="101", own_leg=False))
    await world.emit(LegEnded(call=call(), at=now, leg=LegId("101"), result=result), ended(now))
    last = (await messages(page))[-1]["call"]
    assert (last["state"], last["failure"]) == ("ended", failure)
    assert last["person"]["name"].startswith("Иван"), "whom it was for"


async def test_the_card_names_the_line_and_has_the_blocks_of_the_settings(world: World) -> None:
    line = LineSettings(source="Реклама")
    world.account.settings = replace(
        world.account.settings, lines={"74950000001": line}, card_fields=(CardField.DEALS, CardField.LINE)
    )
    page = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    card = (await messages(page))[-1]["call"]
    assert (card["line"], card["line_name"], card["fields"]) == ("+7 495 000-00-01", "Реклама", ["deals", "line"])


async def test_hold_is_shown_to_who_has_the_client_and_to_nobody_else(world: World) -> None:
    anna, boris = world.page(ANNA), world.page(BORIS)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), offered(now, "102"), *answered(now + 2, "101"))
    await world.emit(unanswered(now + 2, "102"))
    await messages(anna)
    await messages(boris)
    await world.emit(HoldStarted(call=call(), at=Timestamp(now + 9)))
    assert (await messages(anna))[-1]["call"]["held_since"] == now + 9
    assert await messages(boris) == []
    await world.emit(HoldEnded(call=call(), at=Timestamp(now + 20)))
    card = (await messages(anna))[-1]["call"]
    assert (card["state"], card["held_since"]) == ("talking", None)


async def test_a_lead_is_shown_like_a_person_and_offers_no_deal(world: World) -> None:
    """It becomes a deal by being converted in the CRM."""
    lead = Person(
        ref=EntityRef(EntityKind.LEAD, "9"), name="Ольга", responsible=ANNA, phones=("+79990001122",), updated_at=1
    )
    await world.storage.phone_book.put_persons(ACME, [lead], numbering=world.account.settings.numbering)
    page = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now, STRANGER), offered(now, "101"))
    card = (await messages(page))[-1]["call"]
    assert (card["person"]["kind"], card["person"]["name"]) == ("lead", "Ольга")
    assert (card["can_create"], card["can_create_deal"]) == (False, False)
