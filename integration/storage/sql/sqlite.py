"""SQLite in one file: a writer thread that groups commits, and reader threads. Knows no tables.

Theory of operation. SQLite has one writer, and in WAL mode readers never wait for it. A commit needs an fsync
(`synchronous=FULL`: it survives a power cut, not only `kill -9`), which takes far longer than the statements. So one
thread owns the writing connection. It takes everything queued at the moment, runs each unit of work in a savepoint of
one transaction, commits once, and only then wakes those who wait. During the commit the next batch gathers.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import QueuePool
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from integration.errors import DozvonError, StorageUnavailable
from integration.storage.secrets.private_files import make_file
from integration.storage.sql.database import Dialect, Scope, T, Work
from integration.storage.sql.failures import translated, translating
from integration.storage.sql.locks import FileLocks
from integration.storage.sql.migrate import upgrade
from integration.storage.sql.short_query import ShortQuery

BUSY_SECONDS = 5.0  # how long to wait for another process that writes to the same file
BATCH_SECONDS = 0.02  # a batch closes after this much work: an import must not hold up a ringing call
BATCH_WORKS = 256
READERS = 3  # threads; a look-up takes tens of microseconds, so few suffice
CACHE_KIB = 16 * 1024  # per connection
MMAP_BYTES = 1 << 30  # the file is read through the page cache without copies


def _engine(path: str, *, pool_size: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=path),
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS, "cached_statements": 256},
        poolclass=QueuePool,
        pool_size=pool_size,
        isolation_level="AUTOCOMMIT",  # we say BEGIN and COMMIT ourselves
    )
    event.listen(engine, "connect", _on_connect)
    return engine


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    _use_wal(connection)
    for pragma in (
        "synchronous=FULL",
        "foreign_keys=ON",
        f"cache_size=-{CACHE_KIB}",
        f"mmap_size={MMAP_BYTES}",
        "temp_store=MEMORY",
        "journal_size_limit=67108864",  # bytes; a WAL that grew in an import shrinks again
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _is_busy(exc: BaseException) -> bool:
    return isinstance(exc, sqlite3.OperationalError) and exc.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch a new file to WAL mode, with retries.

    If another process does the same at that moment, SQLite does not wait (that could deadlock) but reports "busy".
    """
    tries = Retrying(
        retry=retry_if_exception(_is_busy),
        wait=wait_random(0.001, 0.02),
        stop=stop_after_delay(BUSY_SECONDS),
        reraise=True,
    )
    tries(connection.execute, "PRAGMA journal_mode=WAL").close()


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        """Must run on the event loop's thread."""
        if self.future.done():  # the waiting task was cancelled; its writes stay
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class SqliteDatabase:
    """Implements `database.Database`."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: str) -> None:
        self.lock = FileLocks(path)
        self._path = path
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._engine = _engine(path, pool_size=READERS + 1)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-read")
        self._own = threading.local()
        self._opened: list[Connection] = []
        self._writer = threading.Thread(target=self._write_forever, name="sqlite-write", daemon=True)
        self._is_closed = False
        self._is_at_end = False

    def start(self) -> None:
        """Open the file and bring its tables up to date. Blocks: call it on a thread.

        Two processes that start together wait for each other at BEGIN. Raises: ConfigError, Unavailable.
        """
        with suppress(OSError):  # SQLite reports it more clearly
            make_file(Path(self._path))  # SQLite gives its side files the same mode
        with translating(), self._engine.connect() as connection:
            _begin(connection)
            try:
                upgrade(connection)
            except BaseException:
                _roll_back(connection)
                raise
            _raw(connection).execute("COMMIT").close()
        self._writer.start()

    async def write(self, work: Work[T], scope: Scope = None) -> T:
        if self._is_closed:
            raise StorageUnavailable("The database is closed.")
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
        self._jobs.put(job)
        result: T = await job.future
        return result

    async def read(self, work: Work[T], scope: Scope = None) -> T:
        if self._is_closed:
            raise StorageUnavailable("The database is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def rows(self, query: ShortQuery, values: Mapping[str, Any], scope: Scope) -> list[Any]:
        sql, ordered = query.for_sqlite(values)
        return await self.read(lambda connection: _raw(connection).execute(sql, ordered).fetchall())

    async def change(self, query: ShortQuery, values: Mapping[str, Any], scope: Scope) -> list[Any]:
        sql, ordered = query.for_sqlite(values)
        return await self.write(lambda connection: _raw(connection).execute(sql, ordered).fetchall())

    def _read(self, work: Work[T]) -> T:
        with translating():
            connection: Connection | None = getattr(self._own, "connection", None)
            if connection is None:
                connection = self._own.connection = self._engine.connect()
                self._opened.append(connection)
            try:
                return work(connection)
            finally:
                connection.rollback()  # ends a transaction of SQLAlchemy's that the driver does not have

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._finish)

    def _finish(self) -> None:
        self._writer.join()
        self._readers.shutdown(wait=True)
        for connection in self._opened:
            connection.close()
        self._engine.dispose()

    # ---- the writer's thread -------------------------------------------------------------------------------------

    def _write_forever(self) -> None:
        connection: Connection | None = None
        while not self._is_at_end and (first := self._jobs.get()) is not None:
            batch = [first]
            try:
                connection = connection or self._engine.connect()
                self._run_batch(connection, batch)
            except Exception as exc:  # noqa: BLE001 - handed to everybody who waits for this batch
                if connection is not None:
                    _roll_back(connection)
                for job in batch:
                    job.error = _ours(exc)
            _settle(batch)
        if connection is not None:
            connection.close()

    def _run_batch(self, connection: Connection, batch: list[_Job]) -> None:
        """Run `batch[0]` and everything else that is queued (added to `batch`), then commit."""
        _begin(connection)
        started = time.monotonic()
        position = 0
        while True:
            _run_job(connection, batch[position])
            position += 1
            if position >= BATCH_WORKS or time.monotonic() - started > BATCH_SECONDS:
                break
            try:
                following = self._jobs.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._is_at_end = True
                break
            batch.append(following)
        _raw(connection).execute("COMMIT").close()


def _begin(connection: Connection) -> None:
    """BEGIN IMMEDIATE: waits for another process here, because SQLite cannot wait in the middle."""
    _raw(connection).execute("BEGIN IMMEDIATE").close()


def _run_job(connection: Connection, job: _Job) -> None:
    if job.future.cancelled():
        return
    raw = _raw(connection)
    raw.execute("SAVEPOINT job").close()
    try:
        job.result = job.work(connection)
    except Exception as exc:
        if not raw.in_transaction:  # a full disk ends the whole transaction: no writes were stored
            raise
        raw.execute("ROLLBACK TO job").close()
        job.error = _ours(exc)
    raw.execute("RELEASE job").close()


def _ours(exc: Exception) -> Exception:
    ours = translated(exc)
    if ours is None:
        return exc
    if ours is not exc:
        ours.__cause__ = exc
    return ours


def _roll_back(connection: Connection) -> None:
    raw = _raw(connection)
    if raw.in_transaction:
        raw.execute("ROLLBACK").close()


def _raw(connection: Connection) -> sqlite3.Connection:
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    return driver


def _settle(batch: list[_Job]) -> None:
    """Wake the waiting tasks, with one wake-up for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in batch:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, jobs in by_loop.items():
        wake: Callable[[list[_Job]], None] = _wake
        if not loop.is_closed():
            loop.call_soon_threadsafe(wake, jobs)


def _wake(jobs: list[_Job]) -> None:
    for job in jobs:
        job.settle()


async def open_sqlite(path: str) -> SqliteDatabase:
    """Open or create the file. Raises: Unavailable."""
    folder = Path(path).parent
    if not await asyncio.to_thread(folder.is_dir):
        raise StorageUnavailable(f"The database file cannot be opened: its folder {folder} does not exist.")
    database = SqliteDatabase(path)
    try:
        await asyncio.to_thread(database.start)
    except DozvonError:
        database._engine.dispose()
        database._readers.shutdown()
        raise
    return database
