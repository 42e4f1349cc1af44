"""Three processes send requests for one amoCRM account: together they stay below its limit, with and without Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import aiohttp
import pytest

from connectors.amocrm import AmocrmConnector, Senders, connect
from connectors.amocrm.api.pacing import SharedPacer
from connectors.amocrm.sandbox.sandbox import Traffic
from integration.clock import SystemClock
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.ports.coordination import Coordination, RateBudget
from integration.services.cluster.rate_budget import SharedBudget
from integration.storage import open_coordination
from integration.storage.coordination.memory import InProcessCoordination
from tests.adapters.amocrm_kit import OFFICE, Loopback, Office, office

PROCESSES = 3


def _budgets(coordination: Coordination, queue: str) -> Callable[[str], RateBudget]:
    return lambda _: SharedBudget(coordination, queue, lambda: PROCESSES)


@asynccontextmanager
async def processes(crm: Office, redis_url: str) -> AsyncIterator[list[AmocrmConnector]]:
    """Each has separate connections to Redis and to amoCRM."""
    made = []
    queue = f"amocrm:{uuid4().hex}"
    for _ in range(PROCESSES):
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=Loopback(), use_dns_cache=False),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        coordination = open_coordination(redis_url)
        senders = Senders(session, _budgets(coordination, queue))
        connector = connect(OFFICE, crm.table, tokens=crm.store, senders=senders, clock=SystemClock())
        made.append((connector, senders, session, coordination))
    try:
        yield [connector for connector, *_ in made]
    finally:
        for connector, senders, session, coordination in made:
            await connector.close()
            await senders.close()
            await session.close()
            await coordination.close()


async def ask(connectors: list[AmocrmConnector], times: int) -> float:
    """The number of answers a second."""
    began = time.monotonic()
    deal = EntityRef(EntityKind.DEAL, "1")
    await asyncio.gather(*(each.crm.deal(deal) for each in connectors for _ in range(times)))
    return len(connectors) * times / (time.monotonic() - began)


@pytest.mark.servers
async def test_together_they_use_the_rate_and_never_more(redis_url: str) -> None:
    async with office() as crm, processes(crm, redis_url) as connectors:
        await ask(connectors, 1)  # an unknown queue begins with a pause
        crm.sandbox.traffic = Traffic()
        rate = await ask(connectors, 13)
        assert crm.sandbox.traffic.max_rate <= 7
        assert "429" not in crm.sandbox.traffic.by_status
        assert rate > 3  # 6.5 on an idle machine


async def test_without_redis_each_takes_a_small_share() -> None:
    async with office() as crm, processes(crm, "redis://127.0.0.1:1/0") as connectors:
        crm.sandbox.traffic = Traffic()
        await ask(connectors, 3)
        assert crm.sandbox.traffic.max_rate <= 7
        assert "429" not in crm.sandbox.traffic.by_status


async def test_a_card_overtakes_what_waits_and_a_cancelled_request_costs_no_turn() -> None:
    budget = SharedBudget(InProcessCoordination(), "q", lambda: 1)
    pacer = SharedPacer(50, budget)
    order: list[Priority] = []

    async def send(priority: Priority) -> None:
        slot = await pacer.slot(priority)
        order.append(priority)
        pacer.answered(slot)

    tasks = [asyncio.create_task(send(Priority.IMPORT)) for _ in range(3)]
    await asyncio.sleep(0)
    card = asyncio.create_task(send(Priority.CARD))
    tasks[0].cancel()
    await asyncio.gather(*tasks, card, return_exceptions=True)
    assert order == [Priority.CARD, Priority.IMPORT, Priority.IMPORT]
    slot = await pacer.slot(Priority.LOG)
    assert pacer.refused(slot) == pytest.approx(1, abs=0.5)
    before = time.monotonic()
    await pacer.slot(Priority.LOG)
    assert time.monotonic() - before > 0.8
    await pacer.close()
