"""If PostgreSQL hangs for longer than a lease, all leases stay with their holders: nobody could renew them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from integration.services.cluster import leadership
from integration.services.cluster.leadership import Leadership
from integration.storage import Storage, open_storage
from tests.lab.waiting import until
from tests.scaled.servers import own_postgres

pytestmark = [pytest.mark.servers, pytest.mark.timeout(120)]

NAMES = ["pbx:a", "pbx:b", "pbx:c"]


def all_are_held(connection: Connection) -> bool:
    """Whether all leases have a holder, so that nobody can take one."""
    held = text("SELECT count(*) FROM leases WHERE until > extract(epoch FROM clock_timestamp())")
    return bool(connection.execute(held).scalar() == len(NAMES))


async def test_leases_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leadership, "TTL_SECONDS", 2.0)
    monkeypatch.setattr(leadership, "_LOOK_EVERY_SECONDS", 0.2)
    taken: list[tuple[str, str]] = []

    def process(storage: Storage, name: str) -> Leadership:
        made = Leadership(storage.leases, name)
        for each in NAMES:

            async def job(_: object, each: str = each) -> None:
                taken.append((name, each))
                await asyncio.get_running_loop().create_future()

            made.add(each, job)
        return made

    with own_postgres() as server:
        url = f"postgresql://dozvon@127.0.0.1:{server.port}/dozvon"
        opened = [await open_storage(url, tmp_path) for _ in range(3)]
        running = [asyncio.create_task(process(each, f"p{n}").run()) for n, each in enumerate(opened)]
        await until(lambda: len(taken) == len(NAMES), timeout_seconds=30)
        before = list(taken)
        for _ in range(3):
            server.freeze()
            await asyncio.sleep(4.0)  # the fault itself: longer than a lease lives
            server.thaw()
            async with asyncio.timeout(30):
                while not await opened[0].database.read(all_are_held):
                    pass
        assert taken == before
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for storage in opened:
            await storage.close()
