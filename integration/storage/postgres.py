"""PostgreSQL through asyncpg, with a pool. No tables of ours here.

Row-level security (docs/adr/0011): each unit of work says whose rows it may touch (`dozvon.account`, or `dozvon.all`
with the reason), and the tables' policies show it no others; one that says nothing sees nothing. A transaction says it
for itself (SET LOCAL). A read has no transaction: there the connection keeps what it was told last, and is told again
when the next read is another account's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import asyncpg
import structlog
from sqlalchemy import event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from integration.storage import silent_network
from integration.storage.database import Across, Dialect, Scope, T, Work, scope_words
from integration.storage.failures import driver_failure, translating
from integration.storage.locks import AdvisoryLocks
from integration.storage.postgres_steps import bring_up_to_date
from integration.storage.short_query import ShortQuery
from integration.storage.short_reads import ShortReads

# Connections, opened when they are needed and then kept: one that is closed after a burst is missed in the next, and
# opening one costs as much as fifty look-ups.
POOL = 16
POOL_WAIT_SECONDS = 10.0
CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 30.0
UNUSED_SECONDS = 1.0  # a connection that nobody took for so long is tried before it is used
IDLE_MILLISECONDS = 2500  # a process that is paused in the middle of a transaction must not keep its locks

log = structlog.get_logger()

_SCOPE = text("SELECT set_config('dozvon.account', :account, :local), set_config('dozvon.all', :reason, :local)")
_TOLD = "dozvon_scope"  # in a connection's `info`: whose rows its reads see now
_LEFT = "dozvon_left"  # there too: when it came back to the pool
_DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_IS_ABOVE = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")


class PostgresDatabase:
    """Implements `database.Database`."""

    dialect: Dialect = "postgresql"

    def __init__(self, url: URL) -> None:
        options = {
            "timeout": CONNECT_SECONDS,
            "command_timeout": STATEMENT_SECONDS,
            # Every query here is short: compiling one costs more than it takes.
            "server_settings": {"idle_in_transaction_session_timeout": str(IDLE_MILLISECONDS), "jit": "off"},
        }
        self._engine = create_async_engine(
            asyncpg_url(url),
            pool_size=POOL,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS,
            pool_use_lifo=True,  # the one that is used most has its statements prepared
            connect_args=options,
        )
        _, address = self._engine.dialect.create_connect_args(url)
        self._short = ShortReads({**address, **options})
        event.listen(self._engine.sync_engine, "connect", _notice_a_silent_network)
        event.listen(self._engine.sync_engine, "checkin", _note_the_time)
        event.listen(self._engine.sync_engine, "checkout", _refuse_a_dead_one)
        # A read is one statement, so it needs no BEGIN and no ROLLBACK on the way.
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        # Opened for one lock and closed after it: who holds one must not keep a connection from who would end the wait.
        locking = create_async_engine(asyncpg_url(url), poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS})
        event.listen(locking.sync_engine, "connect", _notice_a_silent_network)
        self.lock = AdvisoryLocks(locking)

    async def start(self) -> None:
        """Bring the tables up to date."""
        with translating():
            await bring_up_to_date(self._engine.url, CONNECT_SECONDS, str(Across.MIGRATION))
            async with self._engine.connect() as connection:
                if (await connection.execute(_IS_ABOVE)).scalar():
                    log.warning("the database role is above row-level security: use one that is no superuser")

    async def write(self, work: Work[T], scope: Scope = None) -> T:
        with translating():
            async with self._engine.begin() as connection:
                if scope is not None or connection.info.get(_TOLD) is not None:
                    await say_scope(connection, scope)
                return await connection.run_sync(work)

    async def read(self, work: Work[T], scope: Scope = None) -> T:
        with translating():
            async with self._reading.connect() as connection:
                told = connection.info
                if told.get(_TOLD) != scope:
                    told[_TOLD] = ()  # no account's: an interrupted change is repeated
                    await say_scope(connection, scope, is_local=False)
                    told[_TOLD] = scope
                return await connection.run_sync(work)

    async def rows(self, query: ShortQuery, values: Mapping[str, str], scope: Scope) -> list[Any]:
        with translating():
            try:
                rows = await self._short.rows(query.for_postgresql, query.ordered(values), scope)
            except _DRIVER_ERRORS as exc:
                raise driver_failure(exc) from exc
            return rows

    async def close(self) -> None:
        self._short.close()
        await self._engine.dispose()


def _notice_a_silent_network(connection: Any, _record: Any) -> None:
    silent_network.notice(connection.driver_connection)


def _note_the_time(_connection: Any, record: Any) -> None:
    record.info[_LEFT] = time.monotonic()


def _refuse_a_dead_one(connection: Any, record: Any, _checked_out: Any) -> None:
    """
    After a restart of the server the first to come gets a new connection, no error. The driver hears of the end of a
    connection by itself, unless the network forgot it or the end is being said this moment. So those in steady use are
    not tried: asking the server each time (`pool_pre_ping`) is three round trips, more than the read itself.
    """
    is_dead = connection.driver_connection.is_closed()
    left = record.info.get(_LEFT)  # None: it is new
    if not is_dead and left is not None and time.monotonic() - left >= UNUSED_SECONDS:
        try:
            connection.ping()
        except Exception:  # noqa: BLE001 - of whatever kind: it is not to be used
            is_dead = True
    if is_dead:
        raise InvalidatePoolError("the connection has ended")  # those beside it are tried too, or made again


async def say_scope(connection: AsyncConnection, scope: Scope, *, is_local: bool = True) -> None:
    """Until the transaction's end, or (not `is_local`) for all that follows on this connection."""
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
