"""Migrates a PostgreSQL while other processes work on it: one process takes the steps, each in its own transaction.

Also says whether the database role is subject to row-level security.
"""

from __future__ import annotations

import structlog
from sqlalchemy import text
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from integration.errors import Unavailable
from integration.storage.sql.migrate import take_step

log = structlog.get_logger()

MIGRATION_LOCK = 0x646F7A766F6E  # "dozvon" in ASCII: one process at a time takes the steps
_TABLE_WAIT = "3s"  # while one waits for a table's lock, all others wait behind it
_PAUSED = "20s"  # a process that hangs in the middle of a step must not keep its locks
_TRIES = 10
_LOCK_NOT_AVAILABLE = "55P03"


async def bring_up_to_date(url: URL, connect_seconds: float, scope: str) -> None:
    """
    Take the missing steps, or wait while another process does. The connection has no deadline, because a step may fill
    a column of a large table.

    Args:
        url: with asyncpg's driver name.
        scope: why the steps may see the rows of all accounts.

    Raises:
        ConfigError: the database belongs to an incompatible release.
        Unavailable: a step waits for processes of an older release to stop, or the tables stay busy.
    """
    settings = {"idle_in_transaction_session_timeout": _PAUSED}
    arguments = {"timeout": connect_seconds, "server_settings": settings}
    engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments)
    failed = 0
    while True:
        try:
            async with engine.begin() as connection:
                await _alone(connection)
                await connection.execute(text("SELECT set_config('dozvon.all', :why, true)"), {"why": scope})
                await connection.execute(text(f"SET LOCAL lock_timeout = '{_TABLE_WAIT}'"))
                if not await connection.run_sync(_step):
                    return
        except DBAPIError as exc:
            failed += 1
            if getattr(exc.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            if failed == _TRIES:
                raise Unavailable("A step of the schema waits for tables that are busy; try again later.") from exc
            log.info("a step of the schema waits for tables that are busy", tries=failed)


async def _alone(connection: AsyncConnection) -> None:
    """Hold the migration lock until the transaction's end."""
    key = {"key": MIGRATION_LOCK}
    if not (await connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), key)).scalar():
        log.info("another process changes the schema, waiting for it")
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), key)


def _step(connection: Connection) -> bool:
    return take_step(connection)


def role_of(connection: Connection) -> tuple[str, bool]:
    """The role's name, and whether it bypasses row-level security."""
    query = text("SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
    role, is_above = connection.execute(query).one()
    return str(role), bool(is_above)
