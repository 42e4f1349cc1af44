"""Leases with fencing tokens: one row each, by the database's clock. Services do the work under a lease.

Theory of operation. A lease that changes hands gets the next token. A write under a lease names its token, and the same
transaction checks that it is still the newest (`guard`). So a process that was paused and replaced finds out at its
first write, whatever its own clock says. On PostgreSQL the check locks the row until the writer's commit, so nobody can
take the lease in between; SQLite has one writer anyway.

A process asks for all its leases every second. With a thousand offices these are thousands of names, so they are passed
as one JSON text: to build a statement with a place for each would stop every call for tenths of a second.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from sqlalchemy import Connection, select

from integration.errors import LeaseLost, StorageUnavailable
from integration.ports.coordination import HUNG_SECONDS, Lease
from integration.storage.sql.database import Database, Dialect, insert
from integration.storage.sql.migrate import NOW
from integration.storage.sql.schema.operation import leases as table
from integration.storage.sql.short_query import ShortQuery

_NOW = {dialect: str(moment) for dialect, moment in NOW.items()}
_HELD = {
    "sqlite": """
        (name, token) IN (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:held))
    """,
    "postgresql": """
        (name, token) IN (SELECT each ->> 0, (each ->> 1)::bigint FROM jsonb_array_elements(:held::jsonb) AS _ (each))
    """,
}


def _of_held(change: dict[Dialect, str]) -> ShortQuery:
    """Changes the leases of `held` (JSON, pairs of name and token) that nobody has taken over."""
    sqlite, postgresql = (
        f"UPDATE leases SET until = {change[dialect]} WHERE {_HELD[dialect]} RETURNING name"  # noqa: S608
        for dialect in ("sqlite", "postgresql")
    )
    return ShortQuery(sqlite, postgresql=postgresql)


_RENEW = _of_held({"sqlite": f"{_NOW['sqlite']} + :ttl", "postgresql": f"{_NOW['postgresql']} + :ttl"})
_RELEASE = _of_held({"sqlite": "0.0", "postgresql": "0.0"})
_UNHELD = ShortQuery(  # no text from outside: expressions of ours only
    f"""
        SELECT value FROM json_each(:names)
        WHERE NOT EXISTS (SELECT 1 FROM leases WHERE name = value AND until > {_NOW["sqlite"]})
    """,  # noqa: S608
    postgresql=f"""
        SELECT each FROM jsonb_array_elements_text(:names::jsonb) AS _ (each)
        WHERE NOT EXISTS (SELECT 1 FROM leases WHERE name = each AND until > {_NOW["postgresql"]})
    """,  # noqa: S608
)


class SqlLeases:
    """Implements `ports.Leases`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acquire(self, names: Sequence[str], *, holder: str, ttl_seconds: float) -> list[Lease]:
        """In the order of `names`. If two processes ask for the same names, each name goes to one of them."""
        asked = time.monotonic()
        found = await self._database.rows(_UNHELD, {"names": json.dumps(list(names))}, None)
        _answered_at_once(asked)
        if not found:
            return []
        wanted = sorted({str(name) for (name,) in found})  # one order for all processes prevents a deadlock
        asked = time.monotonic()
        return await self._database.write(
            lambda connection: self._acquire(connection, wanted, holder, ttl_seconds, asked)
        )

    def _acquire(
        self, connection: Connection, wanted: list[str], holder: str, ttl_seconds: float, asked: float
    ) -> list[Lease]:
        dialect = self._database.dialect
        now = float(connection.execute(select(NOW[dialect])).scalar_one())
        _answered_at_once(asked)  # if it hangs after this line, by `now` the leases have not run out
        known = set(connection.execute(select(table.c.name).where(table.c.name.in_(wanted))).scalars())
        # Locked rows are skipped until the next call. A paused process may hold one until PostgreSQL ends its
        # transaction (postgres.py), and we must not wait for it: our own leases need renewing.
        ended = select(table.c.name).where(table.c.name.in_(wanted), table.c.until <= now)
        free = set(connection.execute(ended.with_for_update(skip_locked=True)).scalars())
        put = insert(dialect, table)
        put = put.on_conflict_do_update(
            index_elements=[table.c.name],
            set_={"holder": put.excluded.holder, "until": put.excluded.until, "token": table.c.token + 1},
            where=table.c.until <= now,
        ).returning(table.c.token)
        taken = []
        for name in wanted:
            if name in free or name not in known:
                row = {"name": name, "holder": holder, "until": now + ttl_seconds, "token": 1}
                token = connection.execute(put, row).scalar()
                if token is not None:
                    taken.append(Lease(name, token))
        return taken

    async def renew(self, leases: Sequence[Lease], *, ttl_seconds: float) -> list[Lease]:
        if not leases:
            return []
        renewed = await self._database.change(_RENEW, {"held": _pairs(leases), "ttl": ttl_seconds}, None)
        kept = {name for (name,) in renewed}
        return [lease for lease in leases if lease.name in kept]

    async def release(self, leases: Sequence[Lease]) -> None:
        if leases:
            await self._database.change(_RELEASE, {"held": _pairs(leases)}, None)


def _answered_at_once(asked: float) -> None:
    """If the database hung, leases have run out because nobody could renew them: take none. Raises: Unavailable."""
    if time.monotonic() - asked > HUNG_SECONDS:
        raise StorageUnavailable("The database has not answered for a moment.")


def _pairs(leases: Sequence[Lease]) -> str:
    return json.dumps([(lease.name, lease.token) for lease in leases])


def guard(connection: Connection, dialect: Dialect, lease: Lease) -> None:
    """In a transaction: keep others from taking this lease before the commit. Raises: LeaseLost if it was taken."""
    query = select(table.c.token).where(table.c.name == lease.name)
    if dialect == "postgresql":
        query = query.with_for_update(read=True)
    if connection.execute(query).scalar() != lease.token:
        raise LeaseLost(f"Another process has taken over {lease.name}.")
