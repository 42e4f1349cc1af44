"""The client's next task comes into the card behind it: the CRM may be slow or away, and is asked once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from integration.domain.crm.entities import EntityRef
from integration.domain.ids import Timestamp
from integration.domain.settings import CardField
from integration.errors import Unavailable
from integration.ports.crm import NextTask
from integration.services.hub import Page
from tests.services.conftest import (
    ANNA,
    CLIENT,
    DEAL,
    IVAN,
    STRANGER,
    World,
    answered,
    call,
    ended,
    offered,
    started,
)


class SlowTasks:
    """Takes the place of the CRM's `next_task`: answers when a test allows it."""

    def __init__(self) -> None:
        self.asked: list[tuple[EntityRef, tuple[EntityRef, ...]]] = []
        self.may_answer = asyncio.Event()
        self.answer: NextTask | Exception | None = NextTask(text="Отправить расчёт", due_at=Timestamp(2000.0))

    async def __call__(self, _: Any, person: EntityRef, deals: Sequence[EntityRef]) -> NextTask | None:
        self.asked.append((person, tuple(deals)))
        await self.may_answer.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def tasks(world: World, monkeypatch: pytest.MonkeyPatch) -> SlowTasks:
    slow = SlowTasks()
    monkeypatch.setattr(type(world.crm), "next_task", lambda *args: slow(*args))
    return slow


async def ring(world: World, client: str | None = None, uniqueid: str = "1.0") -> None:
    now = world.clock.now()
    first = started(now, client or CLIENT, uniqueid)
    await world.emit(first, offered(now, "101", uniqueid))


async def card(page: Page) -> dict[str, Any]:
    async with asyncio.timeout(10):
        message = await page.messages.get()
    assert message is not None
    assert message["type"] == "call_updated"
    found: dict[str, Any] = message["call"]
    return found


def waiting(page: Page) -> int:
    return page.messages.qsize()


async def settled() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


async def test_the_card_is_shown_without_and_again_with_the_task(world: World, tasks: SlowTasks) -> None:
    page = world.page(ANNA)
    await ring(world)
    await settled()
    while waiting(page):
        assert (await card(page))["next_task"] is None
    assert tasks.asked == [(IVAN.ref, (DEAL.ref,))]
    tasks.may_answer.set()
    shown = await card(page)
    assert (shown["state"], shown["next_task"]) == ("ringing", {"text": "Отправить расчёт", "due_at": 2000.0})


async def test_the_task_comes_with_the_calls_present_state(world: World, tasks: SlowTasks) -> None:
    """The call was answered while the CRM was asked."""
    page = world.page(ANNA)
    await ring(world)
    await world.emit(*answered(world.clock.now() + 2, "101"))
    while waiting(page):
        await card(page)
    tasks.may_answer.set()
    shown = await card(page)
    assert (shown["state"], shown["next_task"]["text"]) == ("talking", "Отправить расчёт")
    assert len(tasks.asked) == 1


async def test_the_crm_is_asked_once_a_minute_and_client(world: World, tasks: SlowTasks) -> None:
    tasks.may_answer.set()
    page = world.page(ANNA)
    await ring(world)
    await settled()
    await world.emit(ended(world.clock.now() + 5))
    await ring(world, uniqueid="2.0")
    while waiting(page):
        shown = await card(page)
    assert (shown["id"], shown["next_task"]["text"]) == (call("2.0"), "Отправить расчёт")
    assert len(tasks.asked) == 1


async def test_nobody_is_asked_for_a_stranger_or_without_the_block(world: World, tasks: SlowTasks) -> None:
    await ring(world, STRANGER)
    world.account.settings = replace(world.account.settings, card_fields=(CardField.DEALS,))
    await ring(world, uniqueid="2.0")
    await settled()
    assert tasks.asked == []


async def test_a_crm_in_trouble_or_without_tasks_is_not_asked(world: World, tasks: SlowTasks) -> None:
    world.crm.abilities = replace(world.crm.abilities, tasks=False)
    await ring(world)
    await settled()
    assert tasks.asked == []


async def test_an_error_leaves_the_card_as_it_is_and_is_not_repeated_by_each_call(
    world: World, tasks: SlowTasks
) -> None:
    tasks.answer = Unavailable("silence")
    tasks.may_answer.set()
    page = world.page(ANNA)
    await ring(world)
    await settled()
    await ring(world, uniqueid="2.0")
    await settled()
    shown = [(await card(page))["next_task"] for _ in range(waiting(page))]
    assert set(shown) == {None}
    assert len(tasks.asked) == 1


async def test_a_call_that_is_over_is_not_shown_again(world: World, tasks: SlowTasks) -> None:
    page = world.page(ANNA)
    await ring(world)
    await world.emit(ended(world.clock.now() + 5))
    while waiting(page):
        await card(page)
    tasks.may_answer.set()
    await settled()
    assert waiting(page) == 0
