"""PostgreSQL through asyncpg, with a pool. No tables of ours here.

Row-level security (docs/adr/0011): each unit of work says whose rows it may touch (`dozvon.account`, or `dozvon.all`
with the reason), and the tables' policies show it no others; one that says nothing sees nothing. A transaction says it
for itself (SET LOCAL). A read has no transaction: there the connection keeps what it was told last, and is told anew
when the next read is another account's.
"""

from __future__ import annotations

import structlog
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from integration.storage.database import Across, Dialect, Scope, T, Work
from integration.storage.failures import translating
from integration.storage.locks import AdvisoryLocks
from integration.storage.migrate import upgrade

POOL = 8  # connections kept; as many again may be opened when it is busy
POOL_WAIT_SECONDS = 10.0
CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 30.0
IDLE_MILLISECONDS = 2500  # a process that is paused in the middle of a transaction must not keep its locks

log = structlog.get_logger()

_SCOPE = text("SELECT set_config('dozvon.account', :account, :local), set_config('dozvon.all', :reason, :local)")
_TOLD = "dozvon_scope"  # in a connection's `info`: whose rows its reads see now
_IS_ABOVE = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")

MIGRATION_LOCK = 0x646F7A766F6E  # "dozvon" in ASCII: one process at a time takes the steps


class PostgresDatabase:
    """Implements `database.Database`."""

    dialect: Dialect = "postgresql"

    def __init__(self, url: URL) -> None:
        self._engine = create_async_engine(
            asyncpg_url(url),
            pool_size=POOL,
            max_overflow=POOL,
            pool_timeout=POOL_WAIT_SECONDS,
            pool_pre_ping=True,  # after a restart of the server the first to come gets a new connection, no error
            connect_args={
                "timeout": CONNECT_SECONDS,
                "command_timeout": STATEMENT_SECONDS,
                "server_settings": {"idle_in_transaction_session_timeout": str(IDLE_MILLISECONDS)},
            },
        )

        # A read is one statement, so it needs no BEGIN and no ROLLBACK on the way.
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        # Opened for one lock and closed after it: who holds one must not keep a connection from who would end the wait.
        self.lock = AdvisoryLocks(
            create_async_engine(asyncpg_url(url), poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS})
        )

    async def start(self) -> None:
        """Bring the tables up to date."""
        with translating():
            async with self._engine.begin() as connection:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
                await say_scope(connection, Across.MIGRATION)
                await connection.run_sync(upgrade)
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
                    told[_TOLD] = ()  # nobody's: a change that is interrupted is made again
                    await say_scope(connection, scope, is_local=False)
                    told[_TOLD] = scope
                return await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()


async def say_scope(connection: AsyncConnection, scope: Scope, *, is_local: bool = True) -> None:
    """Until the transaction's end, or (not `is_local`) for all that follows on this connection."""
    reason = str(scope) if isinstance(scope, Across) else ""
    account = "" if scope is None or reason else str(scope)
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
