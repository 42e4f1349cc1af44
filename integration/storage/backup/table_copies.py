"""Copies PostgreSQL's tables to files and back, by COPY, each way in one transaction. `archive.py` packs the files."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.engine import URL, Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from integration.errors import Rejected, Unavailable
from integration.storage.backup.archive import Copied, Manifest
from integration.storage.secrets.sealing import stored_secrets
from integration.storage.sql.database import Across
from integration.storage.sql.failures import disk_failure, translating
from integration.storage.sql.migrate import upgrade
from integration.storage.sql.postgres import CONNECT_SECONDS, asyncpg_url, say_scope
from integration.storage.sql.postgres_steps import MIGRATION_LOCK
from integration.storage.sql.schema import NOT_KEPT, OWN_AFFAIRS, metadata

_LOCK_WAIT = "30s"  # for tables that running processes read
_BUFFER = 1 << 20  # bytes collected for one write to the disk
_TABLES = """SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
    ORDER BY relname"""
_COLUMNS = """SELECT attname FROM pg_attribute
    WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""
_FORCED = """SELECT relname FROM pg_class
    WHERE relforcerowsecurity AND relnamespace = current_schema()::regnamespace"""


async def export(url: URL, folder: Path, say: Callable[[str], None], stopping: threading.Event) -> Copied:
    """
    Copy every table of the schema into `folder` as `<table>.copy`, as of one moment. Writers do not wait.

    Raises:
        Unavailable: the database or the disk fails, or `stopping` was set.
        Rejected: the database has no tables of Dozvon.
    """
    with _translating():
        connection = await asyncpg.connect(
            url.set(drivername="postgresql").render_as_string(hide_password=False), timeout=CONNECT_SECONDS
        )
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute("SELECT set_config('dozvon.all', $1, true)", str(Across.BACKUP))
                return await _export(connection, folder, say, stopping)
        finally:
            await connection.close()


async def _export(connection: Any, folder: Path, say: Callable[[str], None], stopping: threading.Event) -> Copied:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        raise Rejected("This database has no tables of Dozvon.")
    revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    names = [row["relname"] for row in await connection.fetch(_TABLES) if row["relname"] not in NOT_KEPT]
    tables, columns, sequences = {}, {}, {}
    for name in names:
        columns[name] = [row["attname"] for row in await connection.fetch(_COLUMNS, f'"{name}"')]
        sink = _Sink(folder / f"{name}.copy", stopping)
        status = await connection.copy_from_table(name, columns=columns[name], output=sink.write)
        await sink.finish()
        tables[name] = int(status.rpartition(" ")[2])
        say(f"{name}: {tables[name]} rows")
        for column in columns[name]:
            sequence = await connection.fetchval("SELECT pg_get_serial_sequence($1, $2)", f'"{name}"', column)
            if sequence is not None:
                # A later query is safe: sequences grow outside transactions, so this is at least the rows' last id.
                row = await connection.fetchrow(f"SELECT last_value, is_called FROM {sequence}")  # noqa: S608
                sequences[f"{name}.{column}"] = row["last_value"] if row["is_called"] else 0
    recordings = await connection.fetch("SELECT opaque_id FROM recordings WHERE bytes IS NOT NULL")
    return Copied(
        revision=revision,
        tables=tables,
        columns=columns,
        sequences=sequences,
        key_id=await connection.fetchval("SELECT key_id FROM secret_key") if "secret_key" in names else None,
        recordings=[row["opaque_id"] for row in recordings],
    )


async def is_empty(url: URL) -> bool:
    """Whether all our tables are empty. Raises: Unavailable."""
    async with _transaction(url) as connection:
        return await connection.run_sync(_is_empty)


def _is_empty(connection: Connection) -> bool:
    present = set(connection.execute(text(_TABLES)).scalars())
    return not any(
        connection.execute(table.select().limit(1)).first() is not None
        for table in metadata.sorted_tables
        if table.name in present and table.name not in OWN_AFFAIRS
    )


@asynccontextmanager
async def importing(
    url: URL,
    manifest: Manifest,
    folder: Path,
    say: Callable[[str], None],
    check_secrets: Callable[[list[tuple[str, str, str]]], None],
) -> AsyncIterator[None]:
    """
    Replace our tables by those in `folder` and migrate them, in one transaction. It is committed when the block ends,
    and rolled back if the block raises.

    Raises:
        Unavailable: the database fails, or running processes keep its tables busy.
        Rejected: the number of rows differs from the manifest.
        Whatever `check_secrets` raises about the secrets among the rows.
    """
    async with _transaction(url) as connection:
        await connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'"))
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        await connection.run_sync(_empty)
        await connection.run_sync(upgrade, manifest.revision)
        forced = set((await connection.execute(text(_FORCED))).scalars())
        # COPY FROM does not work with policies; the owner may switch them off until the commit.
        for name in sorted(forced):
            await connection.execute(text(f'ALTER TABLE "{name}" NO FORCE ROW LEVEL SECURITY'))
        driver: Any = (await connection.get_raw_connection()).driver_connection
        for name in _in_order(manifest.tables):
            status = await driver.copy_to_table(
                name, columns=manifest.columns[name], source=str(folder / f"{name}.copy"), timeout=None
            )
            say(f"{name}: {status.rpartition(' ')[2]} rows")
        for place, last in manifest.sequences.items():
            table, _, column = place.partition(".")
            await driver.execute(
                "SELECT setval(pg_get_serial_sequence($1, $2), greatest($3::bigint, 1), $3::bigint > 0)",
                f'"{table}"',
                column,
                last,
            )
        for name in sorted(forced):
            await connection.execute(text(f'ALTER TABLE "{name}" FORCE ROW LEVEL SECURITY'))
        await connection.run_sync(_compare, manifest)
        check_secrets(await connection.run_sync(stored_secrets))
        await connection.run_sync(upgrade)
        yield


def _empty(connection: Connection) -> None:
    present = set(connection.execute(text(_TABLES)).scalars())
    ours = [f'"{table.name}"' for table in metadata.sorted_tables if table.name in present]
    connection.execute(text(f"DROP TABLE IF EXISTS {', '.join([*ours, 'alembic_version'])}"))


def _in_order(names: dict[str, int]) -> list[str]:
    """The tables, each before those that refer to it."""
    order = [table.name for table in metadata.sorted_tables]
    return sorted(names, key=lambda name: order.index(name) if name in order else -1)


async def counts(url: URL, tables: dict[str, int]) -> dict[str, int]:
    """The present number of rows by table. Raises: Unavailable."""
    async with _transaction(url) as connection:
        return {name: await connection.run_sync(_count, name) for name in tables}


def _count(connection: Connection, name: str) -> int:
    return int(connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one())  # noqa: S608


def _compare(connection: Connection, manifest: Manifest) -> None:
    for name, rows in manifest.tables.items():
        if _count(connection, name) != rows:
            raise Rejected(f"The backup's {name} did not arrive whole. Nothing was changed.")


@asynccontextmanager
async def _transaction(url: URL) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(asyncpg_url(url), poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS})
    with _translating():
        async with engine.begin() as connection:
            await say_scope(connection, Across.BACKUP)
            yield connection


class _Sink:
    """The file of a COPY. A thread writes to the disk, a megabyte at a time.

    Errors are raised at the end only: asyncpg cannot use a connection after an unfinished COPY.
    """

    def __init__(self, path: Path, stopping: threading.Event) -> None:
        self._path = path
        self._stopping = stopping
        self._buffer = bytearray()
        self._error: Exception | None = None

    async def write(self, chunk: bytes) -> None:
        if self._error is not None:
            return
        if self._stopping.is_set():
            self._error = Unavailable("The backup was stopped.")
            return
        self._buffer.extend(chunk)
        if len(self._buffer) >= _BUFFER:
            await self._flush()

    async def finish(self) -> None:
        """Raises: Unavailable, also for earlier errors."""
        if self._error is None:
            await self._flush()
        if self._error is not None:
            raise self._error

    async def _flush(self) -> None:
        try:
            await asyncio.to_thread(_append, self._path, bytes(self._buffer))
        except OSError as exc:
            self._error = disk_failure(exc, "The backup cannot be written")
        self._buffer.clear()


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


@contextmanager
def _translating() -> Iterator[None]:
    """Translate the driver's errors; here it is also used without SQLAlchemy."""
    try:
        with translating():
            yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as exc:
        raise Unavailable(f"The database cannot be used: {type(exc).__name__}. Nothing was changed.") from exc
