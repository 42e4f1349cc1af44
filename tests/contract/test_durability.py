"""Completed writes survive `kill -9`; a database that cannot write reports it, and recovers when it can."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from integration.domain.ids import CallId, Timestamp
from integration.errors import Rejected, Unavailable
from integration.ports.stores import OutboxState, SavedStep
from integration.storage import open_storage
from integration.storage.sql import postgres, short_queries
from integration.storage.sql.database import Across, open_database
from tests.contract.calls import OFFICE, PBX, a_call, an_intent

LINES_BEFORE_THE_KILL = 400


async def _said_before_it_was_killed(url: str, folder: Path) -> list[list[str]]:
    """Killed after many lines, of which each kind is one: how fast the kinds follow each other is chance."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.contract.storage_child", url, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    lines: list[list[str]] = []
    kinds: set[str] = set()
    while len(lines) < LINES_BEFORE_THE_KILL or not kinds >= {"saved", "claimed", "done"}:
        line = await child.stdout.readline()
        assert line, "it ended by itself"
        lines.append(line.decode().split())
        kinds.add(lines[-1][0])
    child.kill()
    rest = (await child.stdout.read()).decode()
    await child.wait()
    whole = rest[: rest.rfind("\n") + 1]  # a line may have been cut off
    return lines + [line.split() for line in whole.splitlines()]


async def test_what_has_returned_survives_a_kill_and_another_goes_on(database_url: str, tmp_path: Path) -> None:
    said = await _said_before_it_was_killed(database_url, tmp_path)
    saved = {words[1] for words in said if words[0] == "saved"}
    done = {words[1] for words in said if words[0] == "done"}
    claimed = {words[1] for words in said if words[0] == "claimed"}
    assert saved
    assert done

    storage = await open_storage(database_url, tmp_path)
    stored = {call.id for call in await storage.calls.live(OFFICE, PBX)}
    items = await storage.outbox.listing(OFFICE, list(OutboxState), limit=100_000)
    assert saved <= stored
    assert stored == {item.call for item in items}  # state and intent together or not at all
    assert done <= {item.call for item in items if item.state is OutboxState.DONE}

    rest = await storage.outbox.claim(OFFICE, now=Timestamp(2e9 + 101), lease_seconds=1, limit=100_000)
    assert {item.call for item in rest} == {item.call for item in items if item.state is OutboxState.WAITING}
    assert claimed - done <= {item.call for item in rest if item.is_uncertain} | {
        item.call for item in items if item.state is OutboxState.DONE
    }
    await storage.close()


async def test_a_read_only_file_is_said_and_reading_goes_on(tmp_path: Path) -> None:
    storage = await open_storage(f"sqlite:///{tmp_path}/x.db", tmp_path)
    await storage.calls.save([SavedStep(call=a_call(1))])
    await storage.database.write(lambda c: c.execute(text("PRAGMA query_only=ON")))
    with pytest.raises(Unavailable, match="read-only"):
        await storage.calls.save([SavedStep(call=a_call(2))])
    assert await storage.calls.get(OFFICE, a_call(1).id) == a_call(1)
    await storage.close()


async def test_a_full_disk_is_said_and_saving_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """SQLite may not let the file grow, which has the same effect as a full disk."""
    storage = await open_storage(f"sqlite:///{tmp_path}/x.db", tmp_path)
    pages = await storage.database.write(lambda c: c.execute(text("PRAGMA page_count")).scalar_one())
    await storage.database.write(lambda c: c.execute(text(f"PRAGMA max_page_count={pages}")))
    big = {"event": "x" * 100_000}
    steps = [SavedStep(call=a_call(n), event=big, intents=[an_intent(a_call(n))]) for n in range(5)]
    results = await asyncio.gather(*(storage.calls.save([step]) for step in steps), return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    assert "full" in str(results[0])
    await storage.database.write(lambda c: c.execute(text("PRAGMA max_page_count=100000")))
    await storage.calls.save(steps)
    assert len(await storage.calls.live(OFFICE, PBX)) == 5
    assert (await storage.outbox.depth())[OutboxState.WAITING] == 5
    await storage.close()


async def test_a_file_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself does not wait here: it reports "busy" within microseconds, so opening would fail."""
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("CREATE TABLE made_by_another (id INTEGER)")
    other.execute("BEGIN IMMEDIATE")
    opening = asyncio.create_task(open_storage(f"sqlite:///{tmp_path}/x.db", tmp_path))
    await asyncio.wait([opening], timeout=0.3)
    assert not opening.done()
    other.execute("COMMIT")
    other.close()
    storage = await opening
    await storage.calls.save([SavedStep(call=a_call(1))])
    await storage.close()


async def test_processes_make_a_new_file_together(tmp_path: Path) -> None:
    for number in range(20):
        url = f"sqlite:///{tmp_path}/{number}.db"
        opened = await asyncio.gather(*(open_storage(url, tmp_path) for _ in range(4)))
        for storage in opened:
            await storage.close()


async def test_another_process_that_keeps_the_file_locked_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integration.storage.sql.sqlite.BUSY_SECONDS", 0.05)
    storage = await open_storage(f"sqlite:///{tmp_path}/x.db", tmp_path)
    stranger = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        await storage.calls.save([SavedStep(call=a_call(1))])
    stranger.execute("ROLLBACK")
    stranger.close()
    await storage.calls.save([SavedStep(call=a_call(1))])
    await storage.close()


async def test_one_bad_unit_of_work_does_not_harm_its_neighbours(database_url: str) -> None:
    database = await open_database(database_url)
    insert = text("INSERT INTO accounts (account, country, settings, saved_at) VALUES (:a, 'RU', '{}', 0)")
    names = ["a", "b", "a", "c", "\ud800"]
    work = [lambda c, n=name: c.execute(insert, {"a": n}).rowcount for name in names]
    results = await asyncio.gather(*(database.write(w, Across.ACCOUNTS) for w in work), return_exceptions=True)
    refused = [name for name, result in zip(names, results, strict=True) if isinstance(result, Rejected)]
    assert refused == ["a", "\ud800"]  # the later of the two
    stored = await database.read(
        lambda c: c.execute(text("SELECT account FROM accounts")).scalars().all(), Across.ACCOUNTS
    )
    assert sorted(stored) == ["a", "b", "c"]
    await database.close()


async def test_what_is_committed_waits_for_the_disk(tmp_path: Path) -> None:
    """WAL with synchronous=FULL (2): a power cut loses no commit that has returned."""
    database = await open_database(f"sqlite:///{tmp_path}/x.db")
    pragmas = ("journal_mode", "synchronous", "foreign_keys")
    values = [await database.write(lambda c, p=p: c.execute(text(f"PRAGMA {p}")).scalar()) for p in pragmas]  # type: ignore[misc]
    assert values == ["wal", 2, 1]
    await database.close()
    with pytest.raises(Unavailable, match="closed"):
        await database.read(lambda c: None)
    with pytest.raises(Unavailable, match="closed"):
        await database.write(lambda c: None)
    await database.close()


async def test_what_was_queued_before_the_end_is_written(tmp_path: Path) -> None:
    storage = await open_storage(f"sqlite:///{tmp_path}/x.db", tmp_path)
    saving = [asyncio.ensure_future(storage.calls.save([SavedStep(call=a_call(n))])) for n in range(50)]
    await asyncio.sleep(0)
    saving[7].cancel()
    await storage.close()
    await asyncio.gather(*saving, return_exceptions=True)
    storage = await open_storage(f"sqlite:///{tmp_path}/x.db", tmp_path)
    assert len(await storage.calls.live(OFFICE, PBX)) >= 49
    await storage.close()


@pytest.mark.servers
async def test_connections_that_the_server_ended_are_replaced_without_an_error(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All connections, as by a restart of the server; reads and writes, through SQLAlchemy and the driver."""
    for module, name in ((postgres, "UNUSED_SECONDS"), (short_queries, "_UNUSED_SECONDS")):
        monkeypatch.setattr(module, name, 0.0)  # instead of waiting that long
    storage, other = [await open_storage(postgres_url, tmp_path) for _ in range(2)]
    call = a_call(1)
    await storage.calls.save([SavedStep(call=call)])
    end = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    beside = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for use in (
        lambda: storage.calls.get(OFFICE, call.id),
        lambda: storage.calls.live(OFFICE, PBX),
        lambda: storage.calls.save([SavedStep(call=a_call(2))]),
    ):
        await asyncio.gather(*(storage.calls.get(OFFICE, call.id) for _ in range(5)))
        await asyncio.gather(*(storage.calls.save([SavedStep(call=call)]) for _ in range(5)))
        await other.database.read(lambda c: c.execute(end).all())
        async with asyncio.timeout(30):
            while await other.database.read(lambda c: c.execute(beside).scalar()):
                pass
        await use()
        # The new connections have no scope: each query sets it again.
        assert await storage.calls.get(OFFICE, call.id) == call
    await storage.close()
    await other.close()


async def test_a_query_straight_to_the_driver_says_what_is_wrong(database_url: str, tmp_path: Path) -> None:
    storage = await open_storage(database_url, tmp_path)
    with pytest.raises(Rejected):
        await storage.calls.get(OFFICE, CallId("\ud800"))
    await storage.database.write(lambda c: c.execute(text("DROP TABLE person_phones")), Across.MIGRATION)
    with pytest.raises(Unavailable):
        await storage.phone_book.known(OFFICE, "79161234567")
    assert await storage.calls.live(OFFICE, PBX) == []
    await storage.close()


@pytest.mark.servers
@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8, 13, 21, 34])
async def test_a_write_that_is_cancelled_anywhere_leaves_no_open_transaction(
    postgres_url: str, tmp_path: Path, turns: int
) -> None:
    storage = await open_storage(postgres_url, tmp_path)
    database = storage.database

    def insert_slowly(connection: Connection) -> None:
        connection.execute(text("INSERT INTO leases (name, holder, until, token) VALUES ('x', 'y', 0, 1)"))
        connection.execute(text("SELECT pg_sleep(0.05)"))

    await database.write(lambda c: None, OFFICE)  # a connection is open, as in a process that runs
    writing = asyncio.ensure_future(database.write(insert_slowly, OFFICE))
    for _ in range(turns):
        await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert writing.cancelled()
    open_ones = text("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
    found = "SELECT count(*) FROM leases WHERE name = 'x'"
    assert await database.read(lambda c: c.execute(open_ones).scalar()) == 0
    assert await database.write(lambda c: c.execute(text(found)).scalar(), OFFICE) == 0
    await storage.close()


@pytest.mark.servers
async def test_a_network_that_passes_nothing_on_ends_a_connection_within_seconds(
    postgres_url: str, tmp_path: Path
) -> None:
    """Tested between two network namespaces (docs/results/2026-11-22-faults.md); here: the socket has the option."""
    storage = await open_storage(postgres_url, tmp_path)
    database = storage.database
    assert isinstance(database, postgres.PostgresDatabase)

    def told(driver: Any) -> list[int]:
        link = driver._transport.get_extra_info("socket")
        return [link.getsockopt(socket.IPPROTO_TCP, o) for o in (socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE)]

    async with database._engine.connect() as connection:
        assert told((await connection.get_raw_connection()).driver_connection) == [5000, 5]
    await storage.phone_book.lookup(OFFICE, "9161234567")
    await storage.calls.save([SavedStep(call=a_call(1))])
    for queries in (database._reads, database._writes):
        assert [told(link.connection) for link in queries._free] == [[5000, 5]]
    await storage.close()
