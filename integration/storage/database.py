"""One database, whichever it is: units of work that run in a transaction. No tables and no SQL of ours here.

A unit of work is a plain function over a SQLAlchemy `Connection`. On SQLite it runs on a thread of the database, a
whole transaction for one hop; on PostgreSQL it runs in SQLAlchemy's greenlet over asyncpg. So each query is written
once, and nothing blocks the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Any, Literal, Protocol, TypeVar

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError

from integration.errors import ConfigError
from integration.storage.short_query import ShortQuery

T = TypeVar("T")
Work = Callable[[Connection], T]
Dialect = Literal["sqlite", "postgresql"]


class Across(StrEnum):
    """Every reason for which a unit of work may see the rows of all accounts; on PostgreSQL its transaction says it."""

    ACCOUNTS = "which accounts there are"
    BACKUP = "backup and restore"
    CALLS_OF_SEVERAL = "steps of several accounts in one transaction"
    DELIVERY = "whose outbox is due"
    DEPTH = "how much waits in all"
    MIGRATION = "schema changes"
    RECORDING = "a recording by its unguessable name"
    RELEASE = "leases of a killed process"
    SECRETS = "encrypting secrets again"


Scope = str | Across | None
"""Whose rows a unit of work may touch: an account's id, all for a named reason, or none (tables without accounts).

SQLite cannot enforce it; there the queries alone keep accounts apart."""


def scope_words(scope: Scope) -> tuple[str, str]:
    """The values of `dozvon.account` and `dozvon.all` on PostgreSQL; one of them is empty, or both."""
    reason = str(scope) if isinstance(scope, Across) else ""
    return "" if scope is None or reason else str(scope), reason


class Database(Protocol):
    """
    Errors of `write`, `read` and `rows`: `Unavailable` when the database cannot be reached or cannot write (disk full,
    read-only), `Rejected` when it refuses the values. In both cases nothing of the unit of work is stored.
    """

    @property
    def dialect(self) -> Dialect: ...

    async def write(self, work: Work[T], scope: Scope = None) -> T:
        """Run `work` in a transaction; when this returns, its writes survive a power cut. On SQLite, units of work
        of one moment share a commit; each still stands or falls alone."""

    async def read(self, work: Work[T], scope: Scope = None) -> T:
        """Run `work`, which must not write. Each statement in it sees the newest state."""

    async def rows(self, query: ShortQuery, values: Mapping[str, str], scope: Scope) -> list[Any]:
        """Read by one short query, by the shortest way. Rows can be unpacked and indexed."""

    def lock(self, name: str) -> AbstractAsyncContextManager[None]:
        """Held by one over all processes on this database, also while it waits for something outside; freed when the
        holder dies. Raises Unavailable when it is not free within a minute."""

    async def close(self) -> None:
        """End after what is queued has been written."""


def insert(dialect: Dialect, table: Table) -> Any:
    """An INSERT that can say `on_conflict_do_update` and `on_conflict_do_nothing`: both databases spell it alike."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


async def open_database(url: str) -> Database:
    """
    Connect and bring the tables up to date.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user:password@host/name`.

    Raises:
        ConfigError: the address is of neither form, or the database of a release beside which this one cannot work.
        Unavailable: the database cannot be opened.
    """
    # Imported here: an office on SQLite does not pay for asyncpg, nor a server for a thread it does not use.
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise ConfigError("The database address cannot be read. Write sqlite:///file.db or postgresql://...") from exc
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:" or "mode=memory" in parsed.database:
            raise ConfigError("The database address needs a file: sqlite:///file.db. A database in memory is lost.")
        from integration.storage.sqlite import open_sqlite

        return await open_sqlite(parsed.database)
    if parsed.get_backend_name() == "postgresql":
        from integration.storage.postgres import open_postgres

        return await open_postgres(parsed)
    raise ConfigError(f"Dozvon stores in SQLite or PostgreSQL, not in {parsed.get_backend_name()!r}.")
