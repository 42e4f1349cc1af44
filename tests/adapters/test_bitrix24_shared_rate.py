"""Three processes send requests to one portal: they fill its bucket and never overflow it, with and without Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from connectors.bitrix24 import Bitrix24Connector, connect
from connectors.bitrix24.api.pacing import Pacers
from connectors.bitrix24.api.tokens import read_pair
from integration.domain.calls.intents import Priority
from integration.ports.coordination import Coordination, RateBudget
from integration.services.cluster.rate_budget import SharedBudget
from integration.storage import open_coordination
from integration.storage.coordination.memory import InProcessCoordination
from tests.adapters.amocrm_kit import MemoryTokens
from tests.adapters.bitrix24_connector_kit import PORTAL, OurClock
from tests.adapters.bitrix24_sandbox_kit import Bitrix, running_sandbox

PROCESSES = 3
BURST, RATE = 20, 5  # of the portal; a tenth of a usual one's time


def _budgets(coordination: Coordination, name: str) -> Callable[[str], RateBudget]:
    return lambda _: SharedBudget(coordination, name, lambda: PROCESSES)


@asynccontextmanager
async def portal() -> AsyncIterator[Bitrix]:
    """A portal whose bucket drains by the wall clock."""
    async with running_sandbox(requests_burst=BURST, requests_per_second=RATE) as bitrix:
        began, start = time.monotonic(), bitrix.clock.time
        bitrix.sandbox.now = lambda: start + time.monotonic() - began
        yield bitrix


@asynccontextmanager
async def processes(bitrix: Bitrix, coordinations: list[Coordination]) -> AsyncIterator[list[Bitrix24Connector]]:
    name, keys, clock = f"bitrix24:{uuid4().hex}", bitrix.sandbox.settings, OurClock(bitrix.clock)
    store, made, all_pacers = MemoryTokens(), [], []
    store.pairs[PORTAL] = read_pair(await bitrix.control("tokens"), clock)
    options = {
        "client_id": keys.client_id, "client_secret": keys.client_secret, "oauth_url": bitrix.oauth,
        "burst": BURST, "requests_per_second": float(RATE),
    }  # fmt: skip
    for coordination in coordinations:
        pacers = Pacers(_budgets(coordination, name))
        all_pacers.append(pacers)
        made.append(connect(PORTAL, options, tokens=store, session=bitrix.http, pacers=pacers, clock=clock))
    try:
        yield made
    finally:
        for connector in made:
            await connector.close()
        for pacers in all_pacers:
            await pacers.close()
        for coordination in coordinations:
            await coordination.close()


async def ask(connector: Bitrix24Connector, priority: Priority = Priority.LOG) -> None:
    await connector.transport.call("profile", priority=priority)


@pytest.mark.servers
async def test_together_they_fill_the_bucket_and_never_overflow_it(redis_url: str) -> None:
    async with portal() as bitrix, processes(bitrix, [open_coordination(redis_url) for _ in range(3)]) as connectors:
        began = time.monotonic()
        await asyncio.gather(*(ask(each) for each in connectors for _ in range(10)))
        seconds = time.monotonic() - began
        assert bitrix.sandbox.traffic.by_error == {}
        assert bitrix.sandbox.traffic.by_method == {"profile": 30}
        assert seconds < 25, "30 requests, of which the bucket drains 5 a second"


@pytest.mark.servers
async def test_one_process_alone_may_use_all_of_it(redis_url: str) -> None:
    """The others are idle, and nothing is kept for them."""
    async with portal() as bitrix, processes(bitrix, [open_coordination(redis_url) for _ in range(3)]) as connectors:
        await asyncio.gather(*(ask(connectors[0]) for _ in range(20)))
        assert bitrix.sandbox.traffic.by_error == {}
        assert bitrix.sandbox.traffic.by_method == {"profile": 20}


async def test_a_card_of_one_process_does_not_wait_behind_the_import_of_another() -> None:
    shared = InProcessCoordination()
    async with portal() as bitrix, processes(bitrix, [shared, shared]) as (importing, calling):
        imports = [asyncio.create_task(ask(importing, Priority.IMPORT)) for _ in range(30)]
        await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.gather(*(ask(calling, Priority.CARD) for _ in range(3))), 20)
        assert not all(task.done() for task in imports), "the import takes seconds, the card did not wait for it"
        for task in imports:
            task.cancel()
        await asyncio.gather(*imports, return_exceptions=True)
        assert bitrix.sandbox.traffic.by_error == {}


async def test_a_refusal_of_one_process_pauses_the_others() -> None:
    shared = InProcessCoordination()
    async with portal() as bitrix, processes(bitrix, [shared, shared]) as (first, second):
        await bitrix.control("faults", {"kind": "status", "status": 503, "code": "QUERY_LIMIT_EXCEEDED"})
        with pytest.raises(Exception, match="slow down"):
            await ask(first, Priority.CARD)
        began = time.monotonic()
        await ask(second, Priority.CARD)
        assert time.monotonic() - began >= 0.8


async def test_without_redis_each_takes_its_part() -> None:
    away: list[Coordination] = [open_coordination("redis://127.0.0.1:1/0") for _ in range(3)]
    async with portal() as bitrix, processes(bitrix, away) as connectors:
        await asyncio.gather(*(ask(each, Priority.CARD) for each in connectors for _ in range(5)))
        assert bitrix.sandbox.traffic.by_error == {}
        assert bitrix.sandbox.traffic.by_method == {"profile": 15}
