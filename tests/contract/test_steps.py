"""Steps of the schema while processes of two releases use the database: what waits, what is refused, what goes on."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text

from integration.errors import ConfigError, Unavailable
from integration.ports.stores import SavedStep
from integration.services.cluster import registration
from integration.services.cluster.registration import Registration
from integration.storage import Storage, migrate, open_storage
from integration.storage.sql.database import Across, open_database
from integration.storage.sql.migrate import HEAD, revision, upgrade
from integration.storage.sql.releases import SqlRegister
from integration.storage.sql.schema import metadata
from tests.contract.calls import OFFICE, a_call
from tests.next_release import BEHIND, CONTRACTED, EXPANDED, STEPS

LONG, SHORT = 60.0, 0.001
Release = Callable[[str], None]


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Release:
    """Make this process one of the release with that newest step."""
    steps: Any = importlib.import_module("integration.storage.sql.migrate")

    def become(head: str) -> None:
        monkeypatch.setattr(steps, "HEAD", head)
        monkeypatch.setattr(steps, "FOLDERS", [steps.FOLDERS[0]] + ([STEPS] if head > HEAD else []))

    return become


async def at(database_url: str) -> str | None:
    database = await open_database(database_url)
    try:
        return await database.read(revision)
    finally:
        await database.close()


async def gets_to(step: str, database_url: str) -> None:
    """By repeated starts."""
    async with asyncio.timeout(20):
        while await at(database_url) != step:  # noqa: ASYNC110 - the database's clock wakes nobody
            await asyncio.sleep(0.01)


async def test_a_process_of_the_release_before_goes_on_beside_a_step(
    storage: Storage, database_url: str, release: Release
) -> None:
    await storage.calls.save([SavedStep(call=a_call(1))])
    release(EXPANDED)
    await migrate(database_url)
    release(HEAD)
    await storage.calls.save([SavedStep(call=a_call(2))])  # the same connections as before
    assert await storage.calls.get(OFFICE, a_call(1).id) == a_call(1)
    rows = await storage.database.read(_origins, OFFICE)
    assert rows == {"pbx:1": "before", "pbx:2": None}
    assert await at(database_url) == EXPANDED  # a start of the previous release does not change it


def _origins(connection: Connection) -> dict[str, str | None]:
    return {row.id: row.origin for row in connection.execute(text("SELECT id, origin FROM calls"))}


async def test_a_step_that_takes_away_waits_for_older_processes(
    storage: Storage, database_url: str, release: Release
) -> None:
    await storage.register.enter("old", ttl_seconds=LONG)
    release(CONTRACTED)
    assert await at(database_url) == EXPANDED
    await storage.register.enter("new", ttl_seconds=LONG)
    assert await at(database_url) == EXPANDED
    await storage.register.leave("old")
    assert await at(database_url) == CONTRACTED
    release(HEAD)
    with pytest.raises(ConfigError, match=f"newer release.*needs step {EXPANDED}"):
        await open_database(database_url)
    with pytest.raises(ConfigError, match="newer release"):
        await storage.register.enter("old", ttl_seconds=LONG)


async def test_who_was_killed_holds_a_step_up_only_until_its_row_runs_out(
    storage: Storage, database_url: str, release: Release
) -> None:
    await storage.register.enter("old", ttl_seconds=SHORT)
    release(CONTRACTED)
    await gets_to(CONTRACTED, database_url)


async def test_a_release_that_needs_more_is_refused_beside_one_that_is_two_behind(
    storage: Storage, database_url: str, release: Release
) -> None:
    await storage.register.enter("old", ttl_seconds=LONG)
    release(BEHIND)
    with pytest.raises(Unavailable, match=f"beside the running processes of an older one .step {CONTRACTED} waits"):
        await open_database(database_url)
    await storage.register.leave("old")
    assert await at(database_url) == BEHIND


async def test_a_process_that_was_paused_too_long_ends(
    storage: Storage, database_url: str, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "_EVERY_SECONDS", SHORT)
    ended = asyncio.Event()
    old = Registration(storage.register, "old", ended.set)
    await storage.register.enter("old", ttl_seconds=SHORT)
    release(CONTRACTED)
    await gets_to(CONTRACTED, database_url)
    release(HEAD)
    running = asyncio.create_task(old.run())
    async with asyncio.timeout(30):
        await ended.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_registering_again_keeps_one_row_and_forgets_the_dead(storage: Storage) -> None:
    await storage.register.enter("dead", ttl_seconds=SHORT)
    await asyncio.sleep(0.01)
    for _ in range(2):
        await storage.register.enter("alive", ttl_seconds=LONG)
    query = text("SELECT id, knows FROM processes")
    rows = await storage.database.read(lambda connection: connection.execute(query).all())
    assert [tuple(row) for row in rows] == [("alive", HEAD)]
    registration_of_a_closed = Registration(SqlRegister(storage.database), "alive", lambda: None)
    await storage.close()
    await registration_of_a_closed.leave()  # the row runs out


async def test_processes_that_start_together_on_an_old_database_share_the_work(
    database_url: str, tmp_path: Path
) -> None:
    await _go_back(database_url, "0001")
    environment = {**os.environ, "DOZVON_DATABASE": database_url, "DOZVON_DATA_DIR": str(tmp_path)}
    command = (sys.executable, "-m", "integration", "migrate")
    starts = [
        asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE) for _ in range(3)
    ]
    said = [await process.communicate() for process in await asyncio.gather(*starts)]
    logs = b"".join(errors for _, errors in said).decode()
    assert logs.count("the database took a step") == int(HEAD) - 1, logs
    assert "Traceback" not in logs
    assert await at(database_url) == HEAD
    storage = await open_storage(database_url, tmp_path)
    assert await storage.settings.accounts() == []
    await storage.close()


async def _go_back(url: str, step: str) -> None:
    database = await open_database(url)

    def back(connection: Connection) -> None:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
        upgrade(connection, step)
        assert not inspect(connection).has_table("leases")

    await database.write(back, Across.MIGRATION)
    await database.close()


@pytest.mark.servers
async def test_a_busy_table_is_waited_for_in_short_turns(
    postgres_url: str, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that waits long makes everybody behind it wait."""
    monkeypatch.setattr("integration.storage.sql.postgres_steps._TABLE_WAIT", "100ms")
    busy, idle = await open_database(postgres_url), await open_database(postgres_url)
    release(EXPANDED)

    def keep(connection: Connection) -> None:
        connection.execute(text("LOCK TABLE calls IN ACCESS SHARE MODE"))
        connection.execute(text("SELECT pg_sleep(0.7)"))

    holding = asyncio.create_task(busy.write(keep))
    locks = text("SELECT count(*) FROM pg_locks WHERE relation = 'calls'::regclass AND mode = 'AccessShareLock'")
    while not await idle.read(lambda connection: connection.execute(locks).scalar_one()):
        pass
    migrating = asyncio.create_task(migrate(postgres_url))
    reads = 0
    while not migrating.done():
        await idle.read(lambda connection: connection.execute(text("SELECT count(*) FROM calls")).scalar(), OFFICE)
        reads += 1
    await asyncio.gather(holding, migrating)
    assert reads > 3
    assert await at(postgres_url) == EXPANDED
    for database in (busy, idle):
        await database.close()
