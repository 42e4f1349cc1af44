"""One process at a time does a job; another takes over if it dies, stops or is paused, or the database was away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from integration.errors import LeaseLost, Unavailable
from integration.ports.coordination import Lease, Leases
from integration.services.cluster import leadership
from integration.services.cluster.leadership import Leadership
from integration.storage import open_storage
from tests.databases import sqlite_url

NAME = "pbx:office"


class Flaky:
    """Leases that a test can make unavailable."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self.is_away = False

    async def acquire(self, names: Sequence[str], *, holder: str, ttl_seconds: float) -> list[Lease]:
        self._check()
        return await self._leases.acquire(names, holder=holder, ttl_seconds=ttl_seconds)

    async def renew(self, leases: Sequence[Lease], *, ttl_seconds: float) -> list[Lease]:
        self._check()
        return await self._leases.renew(leases, ttl_seconds=ttl_seconds)

    async def release(self, leases: Sequence[Lease]) -> None:
        self._check()
        await self._leases.release(leases)

    def _check(self) -> None:
        if self.is_away:
            raise Unavailable("the database is away")


class Worker:
    """A process with one job that records its begin and end."""

    def __init__(self, leases: Leases, name: str, happened: list[str]) -> None:
        self.name, self.happened = name, happened
        self.leadership = Leadership(leases, name)
        self.leadership.add(NAME, self.job)
        self.give_up = asyncio.Event()

    async def job(self, _: Lease) -> None:
        self.happened.append(f"{self.name} begins")
        try:
            await self.give_up.wait()
            self.give_up.clear()
            raise LeaseLost("overtaken")
        finally:
            self.happened.append(f"{self.name} ends")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.leadership.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Flaky]:
    monkeypatch.setattr(leadership, "TTL_SECONDS", 0.4)
    monkeypatch.setattr(leadership, "_LOOK_EVERY_SECONDS", 0.05)
    storage = await open_storage(sqlite_url(tmp_path), tmp_path)
    yield Flaky(storage.leases)
    await storage.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.01)


async def test_one_does_it_and_another_goes_on_at_once_when_it_stops(leases: Flaky) -> None:
    happened: list[str] = []
    one, two = Worker(leases, "one", happened), Worker(leases, "two", happened)
    async with one.running() as first:
        await until(lambda: happened == ["one begins"])
        async with two.running():
            await asyncio.sleep(0.5)  # longer than a lease: it is renewed
            assert happened == ["one begins"]
            assert [len(worker.leadership.held) for worker in (one, two)] == [1, 0]
            first.cancel()
            await until(lambda: happened == ["one begins", "one ends", "two begins"])


async def test_who_gives_up_may_come_again(leases: Flaky) -> None:
    happened: list[str] = []
    one = Worker(leases, "one", happened)
    async with one.running():
        await until(lambda: happened == ["one begins"])
        one.give_up.set()
        await until(lambda: happened == ["one begins", "one ends", "one begins"])


async def test_who_cannot_renew_is_followed_by_another_and_ends_when_it_learns_of_it(leases: Flaky) -> None:
    """Like a paused process: it is the only one that cannot reach the database."""
    paused = Flaky(leases)
    happened: list[str] = []
    one, two = Worker(paused, "one", happened), Worker(leases, "two", happened)
    async with one.running():
        await until(lambda: happened == ["one begins"])
        async with two.running():
            paused.is_away = True
            await until(lambda: happened == ["one begins", "two begins"])
            paused.is_away = False
            await until(lambda: happened == ["one begins", "two begins", "one ends"])


async def test_a_database_that_was_away_changes_nothing(leases: Flaky) -> None:
    """The leases have run out; their holders renew them, and the others wait for that."""
    happened: list[str] = []
    one, two = Worker(leases, "one", happened), Worker(leases, "two", happened)
    async with one.running(), two.running():
        await until(lambda: bool(happened))
        first = happened[0]
        leases.is_away = True
        await asyncio.sleep(1.5)
        leases.is_away = False
        await asyncio.sleep(0.6)
        assert happened == [first]


async def test_a_job_that_is_removed_ends_and_another_process_may_do_it_at_once(leases: Flaky) -> None:
    happened: list[str] = []
    one, two = Worker(leases, "one", happened), Worker(leases, "two", happened)
    async with one.running():
        await until(lambda: happened == ["one begins"])
        async with two.running():
            await one.leadership.remove(NAME)
            assert (happened[1], one.leadership.held) == ("one ends", frozenset())
            await until(lambda: happened == ["one begins", "one ends", "two begins"])
            await asyncio.sleep(0.5)  # longer than a lease
            assert happened == ["one begins", "one ends", "two begins"]


async def test_a_job_may_be_removed_and_added_again_changed(leases: Flaky) -> None:
    happened: list[str] = []
    one = Worker(leases, "one", happened)
    async with one.running():
        await until(lambda: happened == ["one begins"])
        await one.leadership.remove(NAME)
        one.name = "another"
        one.leadership.add(NAME, one.job)
        await until(lambda: happened == ["one begins", "one ends", "another begins"])


async def test_removing_what_is_not_held_does_nothing(leases: Flaky) -> None:
    one = Worker(leases, "one", [])
    await one.leadership.remove(NAME)
    await one.leadership.remove("never there")
    async with one.running():
        await asyncio.sleep(0.3)
        assert one.happened == []
