"""A manager says in the card which of several contacts with one number is calling: for all cards, and for the log."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from integration.domain.calls.intents import IntentKind
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.errors import OutcomeUnknown
from integration.services.click import Refused
from integration.services.client_choice import ClientChoices, answer_choices
from integration.services.cluster import pbx_relay, peers
from integration.services.cluster.live_calls import LiveCalls
from integration.services.hub import Page
from integration.storage.coordination.memory import InProcessCoordination
from tests.services.conftest import (
    ACME,
    ANNA,
    BORIS,
    CLIENT,
    IVAN,
    PBX,
    STRANGER,
    World,
    answered,
    call,
    ended,
    offered,
    started,
    unanswered,
)
from tests.services.test_several_processes import process, until

MARIA = Person(
    ref=EntityRef(EntityKind.CONTACT, "56"),
    name="Мария Петрова",
    responsible=BORIS,
    phones=("+79161234567",),
    created_at=5,
    updated_at=5,
)
OTHER = Person(ref=EntityRef(EntityKind.CONTACT, "70"), name="Чужой", responsible=BORIS, phones=(STRANGER,))


@pytest.fixture
async def shared(world: World) -> World:
    """Ivan, who has the open deal, and Maria share one number."""
    await world.storage.phone_book.put_persons(ACME, [MARIA, OTHER], numbering=DEFAULT_NUMBERING)
    world.crm.add(MARIA, OTHER)
    await world.tracking.begin()
    return world


async def cards(page: Page) -> list[dict[str, Any]]:
    for _ in range(20):
        await asyncio.sleep(0)
    got = []
    while not page.messages.empty():
        message = page.messages.get_nowait()
        if message is not None and message["type"] == "call_updated":
            got.append(message["call"])
    return got


async def ring(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), offered(now, "102"))


async def choose(world: World, person: EntityRef = MARIA.ref, manager: Any = ANNA) -> None:
    await world.choices.choose(world.account, manager, world.tracking.call(call()), person)


async def test_the_card_offers_all_who_have_the_number_the_likeliest_first(shared: World) -> None:
    page = shared.page(ANNA)
    await ring(shared)
    card = (await cards(page))[-1]
    assert card["person"]["id"] == IVAN.ref.id
    assert [(each["id"], each["name"], each["responsible"]) for each in card["persons"]] == [
        ("55", IVAN.name, "Анна Орлова"),
        ("56", "Мария Петрова", "Борис Климов"),
    ]
    assert (card["persons_count"], card["chosen_by"]) == (2, None)


async def test_one_alone_is_no_choice(world: World) -> None:
    page = world.page(ANNA)
    await ring(world)
    assert (await cards(page))[-1]["persons"] == []


async def test_everybodys_card_shows_who_was_chosen_and_by_whom(shared: World) -> None:
    anna, boris = shared.page(ANNA), shared.page(BORIS)
    await ring(shared)
    await choose(shared)
    for page in (anna, boris):
        card = (await cards(page))[-1]
        assert (card["person"]["id"], card["person"]["name"]) == ("56", "Мария Петрова")
        assert card["chosen_by"] == {"extension": "101", "name": "Анна Орлова"}
        assert [each["id"] for each in card["persons"]] == ["56", "55"]
    await choose(shared, IVAN.ref, BORIS)  # the last choice counts
    card = (await cards(anna))[-1]
    assert (card["person"]["id"], card["chosen_by"]["extension"]) == ("55", "102")


async def test_the_call_is_written_to_the_chosen_one_with_the_reason(shared: World) -> None:
    now = shared.clock.now()
    await ring(shared)
    await shared.emit(*answered(now + 3, "101"), unanswered(now + 3, "102"))
    await choose(shared)
    await shared.emit(ended(now + 60))
    await shared.deliver()
    assert [record.call.id for record in shared.crm.notes[MARIA.ref]] == [call()]
    assert shared.crm.notes[IVAN.ref] == []
    results = await shared.storage.outbox.results(ACME, call())
    reasons = {reason["code"]: reason["detail"] for reason in results[IntentKind.LOG_CALL]["reasons"]}
    assert reasons["client_chosen"] == {"extension": "101"}
    assert reasons["several_persons"] == {"count": "2", "name": "Мария Петрова"}


async def test_a_missed_call_belongs_to_the_responsible_of_the_chosen_one(shared: World) -> None:
    """Both were rung at once, so nobody personally."""
    now = shared.clock.now()
    await ring(shared)
    await choose(shared)
    await shared.emit(unanswered(now + 9, "101"), unanswered(now + 9, "102"), ended(now + 9))
    await shared.deliver()
    [record] = shared.crm.notes[MARIA.ref]
    assert record.responsible == BORIS


async def test_a_chosen_card_that_loses_the_number_before_the_end_does_not_get_the_call(shared: World) -> None:
    now = shared.clock.now()
    await ring(shared)
    await shared.emit(*answered(now + 3, "101"), unanswered(now + 3, "102"))
    await choose(shared)
    await shared.storage.phone_book.remove(ACME, [MARIA.ref])
    await shared.storage.phone_book.put_persons(
        ACME,
        [Person(ref=EntityRef(EntityKind.CONTACT, "57"), name="Пётр", responsible=ANNA, phones=(CLIENT,))],
        numbering=DEFAULT_NUMBERING,
    )
    await shared.emit(ended(now + 60))
    await shared.deliver()
    assert len(shared.crm.notes[IVAN.ref]) == 1
    results = await shared.storage.outbox.results(ACME, call())
    assert "chosen_is_gone" in {reason["code"] for reason in results[IntentKind.LOG_CALL]["reasons"]}


@pytest.mark.parametrize(
    "person",
    [OTHER.ref, EntityRef(EntityKind.CONTACT, "999"), EntityRef(EntityKind.COMPANY, "56")],
    ids=["another number", "nobody", "another kind"],
)
async def test_who_does_not_have_the_number_cannot_be_chosen(shared: World, person: EntityRef) -> None:
    await ring(shared)
    with pytest.raises(Refused) as caught:
        await choose(shared, person)
    assert caught.value.code == "not_this_number"
    live = shared.tracking.call(call())
    assert live is not None
    assert live.chosen is None


async def test_after_the_call_or_ones_own_part_of_it_nobody_is_chosen(shared: World) -> None:
    now = shared.clock.now()
    await ring(shared)
    await shared.emit(*answered(now + 3, "102"), unanswered(now + 3, "101"))
    live = shared.tracking.call(call())
    with pytest.raises(Refused, match="over"):
        await choose(shared)  # Boris has the client
    await shared.emit(ended(now + 60))
    for known in (live, shared.tracking.call(call()), await shared.storage.calls.get(ACME, call())):
        with pytest.raises(Refused) as caught:
            await shared.choices.choose(shared.account, BORIS, known, MARIA.ref)
        assert caught.value.code == "call_unknown"
    stored = await shared.storage.calls.get(ACME, call())
    assert stored is not None
    assert stored.chosen is None


async def test_a_stranger_to_the_call_chooses_nothing(shared: World) -> None:
    now = shared.clock.now()
    await shared.emit(started(now), offered(now, "101"))
    with pytest.raises(Refused) as caught:
        await choose(shared, manager=BORIS)
    assert caught.value.code == "call_unknown"


async def test_the_same_choice_again_changes_nothing(shared: World) -> None:
    page = shared.page(ANNA)
    await ring(shared)
    await choose(shared)
    await cards(page)
    await choose(shared, manager=BORIS)
    assert await cards(page) == []


async def test_a_choice_survives_a_restart(shared: World) -> None:
    await ring(shared)
    await choose(shared)
    await shared.tracking.end()
    await shared.tracking.begin()
    live = shared.tracking.call(call())
    assert live is not None
    assert live.chosen is not None
    assert (live.chosen.person, live.chosen.by) == (MARIA.ref, "101")


async def test_the_process_that_follows_the_pbx_takes_the_choice_of_a_page_elsewhere(
    shared: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "_BEAT_SECONDS", 0.02)
    monkeypatch.setattr(pbx_relay, "_ANSWER_SECONDS", 0.5)
    await ring(shared)
    coordination = InProcessCoordination()
    async with process(coordination, shared.clock, "one") as one, process(coordination, shared.clock, "two") as two:
        elsewhere = LiveCalls({}, shared.storage.calls)
        choices = ClientChoices(shared.storage.phone_book, elsewhere, shared.clock, two.relay)
        known = await elsewhere.get(shared.account, call())
        with pytest.raises(Refused) as caught:
            await choices.choose(shared.account, ANNA, known, MARIA.ref)
        assert caught.value.code == "not_chosen", "nobody follows the PBX"
        one.own.is_connected = True
        await until(lambda: two.pbx.is_connected)
        with pytest.raises(Refused) as caught:
            await choices.choose(shared.account, ANNA, known, MARIA.ref)
        assert caught.value.code == "not_chosen", "an older release does not know the command"
        answer_choices(one.relay, LiveCalls({ACME: {PBX: shared.tracking}}, shared.storage.calls))
        await choices.choose(shared.account, ANNA, known, MARIA.ref)
        live = shared.tracking.call(call())
        assert live is not None
        assert live.chosen is not None
        assert live.chosen.person == MARIA.ref
        await shared.emit(ended(shared.clock.now()))
        with pytest.raises(Refused) as caught:
            await choices.choose(shared.account, ANNA, known, IVAN.ref)
        assert caught.value.code == "call_unknown"


async def test_presses_and_the_pbxs_events_at_the_same_moment_do_not_overwrite_each_other(shared: World) -> None:
    now = shared.clock.now()
    await ring(shared)
    await asyncio.gather(
        shared.emit(*answered(now + 3, "101"), unanswered(now + 3, "102")),
        choose(shared),
        shared.emit(*answered(now + 3, "101")),
    )
    live = shared.tracking.call(call())
    assert live is not None
    assert live.chosen is not None
    assert live.answered_by == "101"
    stored = await shared.storage.calls.get(ACME, call())
    assert stored == live


async def test_a_lost_answer_while_choosing_is_said(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await ring(shared)

    async def lost(*_: Any, **__: Any) -> None:
        raise OutcomeUnknown("lost")

    monkeypatch.setattr(shared.storage.phone_book, "lookup", lost)
    with pytest.raises(Refused) as caught:
        await choose(shared)
    assert caught.value.code == "not_chosen"


async def test_a_manager_for_whom_dozvon_is_not_on_chooses_nothing(shared: World) -> None:
    await ring(shared)
    shared.account.settings = replace(shared.account.settings, only_for=frozenset({BORIS}))
    with pytest.raises(Refused) as caught:
        await choose(shared)
    assert caught.value.code == "integration_disabled"
