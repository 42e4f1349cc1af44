"""PostgreSQL through asyncpg, with a pool. Knows no tables.

Row-level security (ADR 11): each unit of work sets whose rows it may touch (`dozvon.account`, or `dozvon.all` with the
reason), and the tables' policies show it only those; without a setting it sees nothing. A transaction sets it for
itself (SET LOCAL). A read has no transaction: the setting stays on the connection, and changes when the next read is
for another account.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import asyncpg
import structlog
from sqlalchemy import event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from integration.storage.sql import silent_network
from integration.storage.sql.database import Across, Dialect, Scope, T, Work, scope_words
from integration.storage.sql.failures import driver_failure, translating
from integration.storage.sql.locks import AdvisoryLocks
from integration.storage.sql.postgres_steps import bring_up_to_date
from integration.storage.sql.short_queries import ShortQueries
from integration.storage.sql.short_query import ShortQuery

# Connections, opened on demand and then kept: opening one costs as much as fifty look-ups, so closing them after a
# burst would slow down the next burst.
POOL = 16
READERS, WRITERS = 3, 6  # of short statements; a write waits for the server's disk, a read does not
POOL_WAIT_SECONDS = 10.0
CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 30.0
UNUSED_SECONDS = 1.0  # a connection unused for this long is tested before use
IDLE_MILLISECONDS = 2500  # a process paused in the middle of a transaction must not keep its locks

log = structlog.get_logger()

_SCOPE = text("SELECT set_config('dozvon.account', :account, :local), set_config('dozvon.all', :reason, :local)")
_TOLD = "dozvon_scope"  # key in a connection's `info`: whose rows its reads see now
_LEFT = "dozvon_left"  # another key there: when it came back to the pool
_DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_IS_ABOVE = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")


class PostgresDatabase:
    """Implements `database.Database`."""

    dialect: Dialect = "postgresql"

    def __init__(self, url: URL) -> None:
        options = {
            "timeout": CONNECT_SECONDS,
            "command_timeout": STATEMENT_SECONDS,
            # Every query here is short: compiling one (JIT) takes longer than running it.
            "server_settings": {
                "idle_in_transaction_session_timeout": str(IDLE_MILLISECONDS),
                "jit": "off",
                "standard_conforming_strings": "on",
            },
        }
        self._engine = create_async_engine(
            asyncpg_url(url),
            pool_size=POOL,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS,
            pool_use_lifo=True,  # the connection used last has its statements prepared
            connect_args=options,
        )
        _, address = self._engine.dialect.create_connect_args(url)
        self._reads = ShortQueries({**address, **options}, connections=READERS)
        self._writes = ShortQueries({**address, **options}, connections=WRITERS)
        event.listen(self._engine.sync_engine, "connect", _notice_a_silent_network)
        event.listen(self._engine.sync_engine, "checkin", _note_the_time)
        event.listen(self._engine.sync_engine, "checkout", _refuse_a_dead_one)
        # A read is one statement, so it needs no BEGIN and no ROLLBACK; `_transaction` sends them for a write.
        self._connections = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        # Each lock opens its own connection: locks that wait must not use up the pool that their holders need.
        locking = create_async_engine(asyncpg_url(url), poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS})
        event.listen(locking.sync_engine, "connect", _notice_a_silent_network)
        self.lock = AdvisoryLocks(locking)

    async def start(self) -> None:
        """Bring the tables up to date."""
        with translating():
            await bring_up_to_date(self._engine.url, CONNECT_SECONDS, str(Across.MIGRATION))
            async with self._engine.connect() as connection:
                if (await connection.execute(_IS_ABOVE)).scalar():
                    log.warning("the database role bypasses row-level security: use a role that is not a superuser")

    async def write(self, work: Work[T], scope: Scope = None) -> T:
        with translating(), _driver_translated():
            async with self._connections.connect() as connection, _transaction(connection, scope):
                return await connection.run_sync(work)

    async def read(self, work: Work[T], scope: Scope = None) -> T:
        with translating():
            async with self._connections.connect() as connection:
                told = connection.info
                if told.get(_TOLD) != scope:
                    told[_TOLD] = ()  # unknown until the change succeeds, so that an interrupted one is repeated
                    await say_scope(connection, scope, is_local=False)
                    told[_TOLD] = scope
                return await connection.run_sync(work)

    async def rows(self, query: ShortQuery, values: Mapping[str, Any], scope: Scope) -> list[Any]:
        with translating(), _driver_translated():
            return await self._reads.read(*query.for_postgresql(values), scope)

    async def change(self, query: ShortQuery, values: Mapping[str, Any], scope: Scope) -> list[Any]:
        with translating(), _driver_translated():
            return await self._writes.write(*query.for_postgresql(values), scope)

    async def close(self) -> None:
        self._reads.close()
        self._writes.close()
        await self._engine.dispose()


@asynccontextmanager
async def _transaction(connection: AsyncConnection, scope: Scope) -> AsyncIterator[None]:
    """
    A transaction with its scope. SQLAlchemy would send BEGIN and the scope apart: two messages more for each write.

    Where it is not known how the transaction ended, the connection is closed: an open one must not return to the pool.
    """
    driver: Any = (await connection.get_raw_connection()).driver_connection
    is_over = False
    try:
        await driver.execute(_begin(scope))
        try:
            yield
        except BaseException:
            if not driver.is_closed():  # as SQLAlchemy closes it after a cancellation
                with suppress(*_DRIVER_ERRORS, OSError):  # the first error counts
                    await driver.execute("ROLLBACK")
                    is_over = True
            raise
        await driver.execute("COMMIT")
        is_over = True
    finally:
        if not is_over:
            driver.terminate()
            await connection.invalidate()


def _begin(scope: Scope) -> str:
    """One message, which has no room for parameters."""
    account, reason = map(_quoted, scope_words(scope))
    return f"BEGIN; SELECT set_config('dozvon.account', {account}, true), set_config('dozvon.all', {reason}, true)"


@contextmanager
def _driver_translated() -> Iterator[None]:
    """The driver's errors as ours, where SQLAlchemy is not between us and it."""
    try:
        yield
    except _DRIVER_ERRORS as exc:
        raise driver_failure(exc) from exc


def _quoted(text: str) -> str:
    """An SQL literal. Whatever the text is, it stays one: `standard_conforming_strings` is on."""
    return "'" + text.replace("\0", "\ufffd").replace("'", "''") + "'"


def _notice_a_silent_network(connection: Any, _record: Any) -> None:
    silent_network.notice(connection.driver_connection)


def _note_the_time(_connection: Any, record: Any) -> None:
    record.info[_LEFT] = time.monotonic()


def _refuse_a_dead_one(connection: Any, record: Any, _checked_out: Any) -> None:
    """
    Replace a dead connection of the pool, so that the first query after a restart of the server does not fail.

    The driver notices a closed connection by itself, unless the network forgot it or it is closing at this moment. So
    connections in steady use are not tested: `pool_pre_ping` takes three round trips each time, more than the read.
    """
    is_dead = connection.driver_connection.is_closed()
    left = record.info.get(_LEFT)  # None: a new connection
    if not is_dead and left is not None and time.monotonic() - left >= UNUSED_SECONDS:
        try:
            connection.ping()
        except Exception:  # noqa: BLE001 - of whatever kind: it is not to be used
            is_dead = True
    if is_dead:
        raise InvalidatePoolError(
            "the connection has ended"
        )  # makes SQLAlchemy replace the pool's other connections too


async def say_scope(connection: AsyncConnection, scope: Scope, *, is_local: bool = True) -> None:
    """Set the scope until the transaction ends, or, without `is_local`, for all later queries on this connection."""
    account, reason = scope_words(scope)
    await connection.execute(_SCOPE, {"account": account, "reason": reason, "local": is_local})


def asyncpg_url(url: URL) -> URL:
    return url.set(drivername="postgresql+asyncpg")


async def open_postgres(url: URL) -> PostgresDatabase:
    """Connect and bring the tables up to date. Raises: Unavailable."""
    database = PostgresDatabase(url)
    try:
        await database.start()
    except BaseException:
        await database.close()
        raise
    return database
