"""A database that takes questions and gives no answers: calls are followed and shown all the same, and told later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from integration.domain.calls.call import Disposition
from integration.errors import Rejected, Unavailable
from integration.services import late_reads, tracking
from integration.services.hub import Page
from integration.storage.sql.calls import SqlCallStore
from integration.storage.sql.phone_book import SqlPhoneBook
from tests.lab.waiting import until
from tests.services.conftest import ACME, ANNA, STRANGER, World, answered, call, ended, offered, started

IVAN = "Иван <b>Петров</b>"
SOON = 5.0


class Hanging:
    """Until `goes_on` is set, the methods it stands in front of do not answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.goes_on = asyncio.Event()
        self.asked = 0

    def on(self, store: type, method: str) -> None:
        real: Callable[..., Any] = getattr(store, method)

        async def hang(*args: Any, **named: Any) -> Any:
            self.asked += 1
            await self.goes_on.wait()
            return await real(*args, **named)

        self._patch.setattr(store, method, hang)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Hanging:
    monkeypatch.setattr(late_reads, "_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(late_reads, "_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(tracking, "_SAVE_SECONDS", 0.05)
    monkeypatch.setattr(tracking, "_READ_SECONDS", 0.05)
    monkeypatch.setattr(tracking, "_SAVE_AGAIN_SECONDS", 0.01)
    return Hanging(monkeypatch)


async def shown(page: Page) -> dict[str, Any]:
    """The next card."""
    while True:
        async with asyncio.timeout(SOON):
            message = await page.messages.get()
        assert message is not None
        if message["type"] == "call_updated":
            card: dict[str, Any] = message["call"]
            return card


async def test_a_card_is_shown_without_its_client_and_filled_in_later(world: World, hanging: Hanging) -> None:
    hanging.on(SqlPhoneBook, "known")
    page = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    card = await shown(page)
    assert (card["state"], card["raw_number"]) == ("ringing", "+79161234567")
    assert (card["person"], card["last_calls"], card["is_looked_up"], card["can_create"]) == (None, [], False, False)
    await world.emit(*answered(now + 3, "101"))
    assert (await shown(page))["state"] == "talking"
    assert hanging.asked == 1  # a call whose client is being looked up is not looked up beside it
    hanging.goes_on.set()
    card = await shown(page)
    assert (card["state"], card["person"]["name"], card["is_looked_up"]) == ("talking", IVAN, True)


async def test_other_calls_do_not_wait_either(world: World, hanging: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging.on(SqlPhoneBook, "known")
    page = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    monkeypatch.setattr(late_reads, "_WAIT_SECONDS", 1000.0)  # the next one is not to be waited for at all
    await world.emit(started(now, STRANGER, "2.0"), offered(now, "101", "2.0"))
    assert [(await shown(page))["id"] for _ in range(2)] == [call("1.0"), call("2.0")]
    hanging.goes_on.set()
    filled: dict[str, Any] = {}
    while len(filled) < 2:
        card = await shown(page)
        filled |= {card["id"]: card} if card["is_looked_up"] else {}
    assert filled[call("1.0")]["person"]["name"] == IVAN
    assert (filled[call("2.0")]["person"], filled[call("2.0")]["can_create"]) == (None, True)
    assert hanging.asked == 2, "two late cards that read again found each other late, again and again"


async def test_a_database_that_is_away_shows_the_card_too(world: World, hanging: Hanging) -> None:
    failures = [Unavailable("away"), Unavailable("away")]
    real = SqlPhoneBook.known

    async def known(book: SqlPhoneBook, *args: Any) -> Any:
        if failures:
            raise failures.pop()
        return await real(book, *args)

    hanging._patch.setattr(SqlPhoneBook, "known", known)
    page = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    assert (await shown(page))["is_looked_up"] is False
    assert (await shown(page))["person"]["name"] == IVAN


async def test_a_page_that_opens_meanwhile_gets_the_card_and_is_filled_in(world: World, hanging: Hanging) -> None:
    hanging.on(SqlPhoneBook, "known")
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    page = world.page(ANNA)
    (card,) = await world.cards.snapshot(world.account, ANNA, world.tracking.live_calls)
    assert (card["person"], card["is_looked_up"]) == (None, False)
    hanging.goes_on.set()
    assert (await shown(page))["person"]["name"] == IVAN


async def test_a_card_nobody_can_be_read_for_is_given_up(
    world: World, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_reads, "_WORTH_SECONDS", 0.05)
    hanging.on(SqlPhoneBook, "known")
    page = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    assert (await shown(page))["is_looked_up"] is False
    await until(lambda: not world.cards._late._late, timeout_seconds=SOON)
    hanging.goes_on.set()
    monkeypatch.setattr(late_reads, "_WAIT_SECONDS", SOON)  # which a busy machine may need
    await world.emit(*answered(now + 3, "101"))  # the next message looks again
    assert (await shown(page))["person"]["name"] == IVAN


async def test_steps_that_are_not_saved_in_time_are_saved_once(world: World, hanging: Hanging) -> None:
    """The write under way may succeed yet: it is waited for, and nobody writes the same beside it."""
    hanging.on(SqlCallStore, "save")
    now = world.clock.now()
    async with asyncio.timeout(SOON):
        await world.emit(started(now), offered(now, "101"))
        await world.emit(*answered(now + 3, "101"), ended(now + 9))
    assert hanging.asked == 1
    assert world.tracking.unsaved_steps == 4 + 1  # ClientConnected is a step, too
    hanging.goes_on.set()
    await until(lambda: not world.tracking.unsaved_steps, timeout_seconds=SOON)
    stored = await world.storage.calls.get(ACME, call())
    assert stored is not None
    assert stored.disposition is Disposition.ANSWERED
    timeline = [entry["event"] for entry in await world.storage.calls.timeline(ACME, call())]
    assert timeline == ["CallStarted", "LegOffered", "LegAnswered", "ClientConnected", "CallEnded"]
    assert [item.key for item in await world.waiting()].count("log_call") == 1


async def test_a_call_that_begins_while_the_database_hangs_is_not_looked_for_in_it(
    world: World, hanging: Hanging
) -> None:
    hanging.on(SqlCallStore, "save")
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    reads = Hanging(hanging._patch)
    reads.on(SqlCallStore, "get")
    await world.emit(started(now, STRANGER, "2.0"), offered(now, "101", "2.0"))
    assert reads.asked == 0
    assert {each.id for each in world.tracking.live_calls} == {call("1.0"), call("2.0")}
    for each in (reads, hanging):
        each.goes_on.set()
    await until(lambda: not world.tracking.unsaved_steps, timeout_seconds=SOON)


async def test_a_step_of_the_backlog_that_is_refused_for_good_does_not_keep_the_others(
    world: World, hanging: Hanging
) -> None:
    real, away = SqlCallStore.save, [True]

    async def save(store: SqlCallStore, steps: Any, **named: Any) -> None:
        if away:
            raise Unavailable("away")
        if any(step.call.id == call("2.0") for step in steps):
            raise Rejected("The database refuses these values.")
        await real(store, steps, **named)

    hanging._patch.setattr(SqlCallStore, "save", save)
    now = world.clock.now()
    for uniqueid in ("1.0", "2.0", "3.0"):
        await world.emit(started(now, STRANGER, uniqueid), ended(now + 9, uniqueid))
    away.clear()
    await until(lambda: not world.tracking.unsaved_steps, timeout_seconds=SOON)
    stored = [await world.storage.calls.get(ACME, call(uniqueid)) for uniqueid in ("1.0", "2.0", "3.0")]
    assert [each is not None and not each.is_live for each in stored] == [True, False, True]
