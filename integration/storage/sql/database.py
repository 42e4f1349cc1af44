"""`Database`: SQLite and PostgreSQL behind one interface that runs units of work in transactions. Knows no tables.

A unit of work is a plain function of a SQLAlchemy `Connection`. On SQLite a thread of the database runs it, with one
hop for the whole transaction; on PostgreSQL it runs in SQLAlchemy's greenlet over asyncpg. So each query is written
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
from integration.storage.sql.short_query import ShortQuery

T = TypeVar("T")
Work = Callable[[Connection], T]
Dialect = Literal["sqlite", "postgresql"]


class Across(StrEnum):
    """Reasons why a unit of work may see the rows of all accounts. On PostgreSQL its transaction names the reason."""

    ACCOUNTS = "which accounts there are"
    BACKUP = "backup and restore"
    CALLS_OF_SEVERAL = "steps of several accounts in one transaction"
    DELIVERY = "whose outbox is due"
    DIALLING = "which campaigns are dialled"
    DEPTH = "how much waits in all"
    IMPORTS = "which files are on their way into lists"
    LEFTOVERS = "what removed accounts have left"
    MIGRATION = "schema changes"
    OWN_LISTS = "which managers' lists are due"
    OFFICE = "an office and its accounts"
    RECORDING = "a recording by its unguessable name"
    RELEASE = "leases of a killed process"
    SECRETS = "encrypting secrets again"
    TIES = "which CRM users an administrator is"


Scope = str | Across | None
"""Whose rows a unit of work may touch: one account's, all for a reason, or none (tables without accounts).

SQLite cannot enforce it: there only the queries keep accounts apart."""


def scope_words(scope: Scope) -> tuple[str, str]:
    """The values of `dozvon.account` and `dozvon.all` on PostgreSQL; at least one of them is empty."""
    reason = str(scope) if isinstance(scope, Across) else ""
    return "" if scope is None or reason else str(scope), reason


class Database(Protocol):
    """
    All methods raise `Unavailable` if the database cannot be reached or cannot write (disk full, read-only), and
    `Rejected` if it refuses the values. In both cases nothing of the unit of work is stored.
    """

    @property
    def dialect(self) -> Dialect: ...

    async def write(self, work: Work[T], scope: Scope = None) -> T:
        """Run `work` in a transaction. After the return its writes survive a power cut.

        On SQLite simultaneous units of work share a commit, but each succeeds or fails alone.
        """

    async def read(self, work: Work[T], scope: Scope = None) -> T:
        """Run `work`, which must not write. Each of its statements sees the newest state."""

    async def rows(self, query: ShortQuery, values: Mapping[str, Any], scope: Scope) -> list[Any]:
        """Run one short query with the least overhead. Rows can be unpacked and indexed."""

    async def change(self, query: ShortQuery, values: Mapping[str, Any], scope: Scope) -> list[Any]:
        """Run one short statement that writes, in its own transaction, with the least overhead. Returns the rows
        of its RETURNING."""

    def lock(self, name: str) -> AbstractAsyncContextManager[None]:
        """A lock over all processes on this database; it may be held while waiting for a CRM.

        Freed when its holder dies. Raises: Unavailable if it is not free within a minute.
        """

    async def close(self) -> None:
        """Close, once queued writes are done."""


def insert(dialect: Dialect, table: Table) -> Any:
    """An INSERT with `on_conflict_do_update` and `on_conflict_do_nothing`, which both databases have."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


async def open_database(url: str) -> Database:
    """
    Connect and bring the tables up to date.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user:password@host/name`.

    Raises:
        ConfigError: the address has neither form, or the database belongs to an incompatible release.
        Unavailable: the database cannot be opened.
    """
    # Imported here: an office on SQLite does not load asyncpg, and one on PostgreSQL starts no SQLite threads.
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise ConfigError("The database address cannot be read. Write sqlite:///file.db or postgresql://...") from exc
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:" or "mode=memory" in parsed.database:
            raise ConfigError("The database address needs a file: sqlite:///file.db. A database in memory is lost.")
        from integration.storage.sql.sqlite import open_sqlite

        return await open_sqlite(parsed.database)
    if parsed.get_backend_name() == "postgresql":
        from integration.storage.sql.postgres import open_postgres

        return await open_postgres(parsed)
    raise ConfigError(f"Dozvon stores in SQLite or PostgreSQL, not in {parsed.get_backend_name()!r}.")
