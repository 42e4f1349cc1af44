"""PostgreSQL through asyncpg, with a pool. No tables of ours here."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from integration.storage.database import Dialect, T, Work
from integration.storage.failures import translating
from integration.storage.locks import AdvisoryLocks
from integration.storage.migrate import upgrade

POOL = 8  # connections kept; as many again may be opened when it is busy
POOL_WAIT_SECONDS = 10.0
CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 30.0

_MIGRATION_LOCK = 0x646F7A766F6E  # "dozvon" in ASCII: one process at a time takes the steps


class PostgresDatabase:
    """Implements `database.Database`."""

    dialect: Dialect = "postgresql"

    def __init__(self, url: URL) -> None:
        self._engine = create_async_engine(
            _asyncpg(url),
            pool_size=POOL,
            max_overflow=POOL,
            pool_timeout=POOL_WAIT_SECONDS,
            pool_pre_ping=True,  # after a restart of the server the first to come gets a new connection, no error
            connect_args={"timeout": CONNECT_SECONDS, "command_timeout": STATEMENT_SECONDS},
        )

        # A read is one statement, so it needs no BEGIN and no ROLLBACK on the way.
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        # Opened for one lock and closed after it: who holds one must not keep a connection from who would end the wait.
        self.lock = AdvisoryLocks(
            create_async_engine(_asyncpg(url), poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS})
        )

    async def start(self) -> None:
        """Bring the tables up to date."""
        with translating():
            async with self._engine.begin() as connection:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                await connection.run_sync(upgrade)

    async def write(self, work: Work[T]) -> T:
        with translating():
            async with self._engine.begin() as connection:
                return await connection.run_sync(work)

    async def read(self, work: Work[T]) -> T:
        with translating():
            async with self._reading.connect() as connection:
                return await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()


def _asyncpg(url: URL) -> URL:
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
