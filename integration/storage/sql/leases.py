"""Leases with fencing tokens: one row each, by the database's clock. Services do the work under a lease.

Theory of operation. A lease that changes hands gets the next token. A write under a lease names its token, and the same
transaction checks that it is still the newest (`guard`). So a process that was paused and replaced finds out at its
first write, whatever its own clock says. On PostgreSQL the check locks the row until the writer's commit, so nobody can
take the lease in between; SQLite has one writer anyway.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import Connection, select, tuple_, update
from sqlalchemy.sql.elements import ColumnElement

from integration.errors import LeaseLost, StorageUnavailable
from integration.ports.coordination import HUNG_SECONDS, Lease
from integration.storage.sql.database import Database, Dialect, insert
from integration.storage.sql.migrate import NOW
from integration.storage.sql.schema import leases as table

_NEVER = 0.0


class SqlLeases:
    """Implements `ports.Leases`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acquire(self, names: Sequence[str], *, holder: str, ttl_seconds: float) -> list[Lease]:
        """In the order of `names`. If two processes ask for the same names, each name goes to one of them."""
        wanted = sorted(set(names))  # one order for all processes prevents a deadlock
        asked = time.monotonic()
        return await self._database.write(
            lambda connection: self._acquire(connection, wanted, holder, ttl_seconds, asked)
        )

    def _acquire(
        self, connection: Connection, wanted: list[str], holder: str, ttl_seconds: float, asked: float
    ) -> list[Lease]:
        dialect = self._database.dialect
        now = float(connection.execute(select(NOW[dialect])).scalar_one())
        # The database hung, so leases ran out because nobody could renew them: take none. If it hangs after this line,
        # `now` is from before the hang, and by it the leases have not run out.
        if time.monotonic() - asked > HUNG_SECONDS:
            raise StorageUnavailable("The database has not answered for a moment.")
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

        def work(connection: Connection) -> set[str]:
            now = float(connection.execute(select(NOW[self._database.dialect])).scalar_one())
            statement = update(table).where(_are(leases)).values(until=now + ttl_seconds).returning(table.c.name)
            return set(connection.execute(statement).scalars())

        kept = await self._database.write(work)
        return [lease for lease in leases if lease.name in kept]

    async def release(self, leases: Sequence[Lease]) -> None:
        if leases:
            statement = update(table).where(_are(leases)).values(until=_NEVER)
            await self._database.write(lambda connection: connection.execute(statement))


def _are(leases: Sequence[Lease]) -> ColumnElement[bool]:
    return tuple_(table.c.name, table.c.token).in_([(lease.name, lease.token) for lease in leases])


def guard(connection: Connection, dialect: Dialect, lease: Lease) -> None:
    """In a transaction: keep others from taking this lease before the commit. Raises: LeaseLost if it was taken."""
    query = select(table.c.token).where(table.c.name == lease.name)
    if dialect == "postgresql":
        query = query.with_for_update(read=True)
    if connection.execute(query).scalar() != lease.token:
        raise LeaseLost(f"Another process has taken over {lease.name}.")
