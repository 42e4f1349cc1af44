"""Numbers that an office does not call, and their removal from all of its lists in the same transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select, update

from integration.domain.ids import AccountId, EntryId, Timestamp
from integration.ports.campaigns import NotCalled
from integration.ports.clock import Clock
from integration.storage.sql.campaign_rows import Moves, count_moves, lock_entry, not_called, put_entry, struck
from integration.storage.sql.codec import storable
from integration.storage.sql.database import Across, Database, Scope, insert
from integration.storage.sql.schema.campaigns import campaign_numbers
from integration.storage.sql.schema.campaigns import do_not_call as table

_COUNTS = table.c.removed_at.is_(None)


class SqlDoNotCall:
    """Implements `ports.campaigns.DoNotCall`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(
        self, account: AccountId, numbers: Sequence[str], *, lists_of: Sequence[AccountId], by: str, why: str
    ) -> int:
        wanted = sorted(set(numbers))
        if not wanted:
            return 0
        now = self._clock.now()
        row = {"account": account, "added_at": now, "added_by": storable(by), "why": storable(why)}
        put = insert(self._database.dialect, table)
        put = put.on_conflict_do_update(
            index_elements=[table.c.account, table.c.number],
            set_={
                **{name: put.excluded[name] for name in ("added_at", "added_by", "why")},
                "removed_at": None,
                "removed_by": None,
                "removed_why": None,
            },
            where=table.c.removed_at.is_not(None),
        )

        def work(connection: Connection) -> int:
            before = not_called(connection, account, wanted)
            connection.execute(put, [{**row, "number": number} for number in wanted])
            for each in sorted(lists_of):
                self._strike(connection, each, wanted, now)
            return len(wanted) - len(before)

        scope: Scope = account if set(lists_of) <= {account} else Across.OFFICE
        return await self._database.write(work, scope)

    def _strike(self, connection: Connection, account: AccountId, numbers: Sequence[str], now: Timestamp) -> None:
        query = select(campaign_numbers.c.entry).where(
            campaign_numbers.c.account == account, campaign_numbers.c.number.in_(numbers)
        )
        entries = sorted(set(connection.execute(query).scalars()))
        locked = [lock_entry(connection, account, EntryId(entry)) for entry in entries]
        moves: Moves = Counter()
        for known in locked:
            if known is not None and (after := struck(known, numbers)) != known:
                moves.update(put_entry(connection, account, after, known.state, now))
        count_moves(connection, self._database.dialect, account, moves)

    async def remove(self, account: AccountId, number: str, *, by: str, why: str) -> bool:
        values = {"removed_at": self._clock.now(), "removed_by": storable(by), "removed_why": storable(why)}
        statement = update(table).where(table.c.account == account, table.c.number == number, _COUNTS).values(**values)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount > 0, account)

    async def listing(
        self, account: AccountId, *, number: str = "", after: NotCalled | None = None, limit: int = 100
    ) -> list[NotCalled]:
        query = select(table).where(table.c.account == account)
        query = query.where(table.c.number == number) if number else query.where(_COUNTS)
        if after is not None:
            is_older = table.c.added_at < after.added_at
            query = query.where(or_(is_older, and_(table.c.added_at == after.added_at, table.c.number > after.number)))
        query = query.order_by(table.c.added_at.desc(), table.c.number).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all(), account)
        return [_row(row) for row in rows]

    async def among(self, account: AccountId, numbers: Sequence[str]) -> set[str]:
        return await self._database.read(lambda connection: not_called(connection, account, list(numbers)), account)

    async def count(self, account: AccountId) -> int:
        query = select(func.count()).select_from(table).where(table.c.account == account, _COUNTS)
        return await self._database.read(lambda connection: connection.execute(query).scalar_one(), account)


def _row(row: Row[Any]) -> NotCalled:
    return NotCalled(
        number=row.number,
        added_at=Timestamp(row.added_at),
        added_by=row.added_by,
        why=row.why,
        removed_at=None if row.removed_at is None else Timestamp(row.removed_at),
        removed_by=row.removed_by or "",
        removed_why=row.removed_why or "",
    )
