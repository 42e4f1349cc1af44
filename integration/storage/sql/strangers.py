"""Strangers, numbers that nobody in the CRM has: which call enters each into the CRM's inbox, and its waiting entry.

One row for each number. `services/strangers.py` decides what to do about them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.sql.elements import ColumnElement

from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, CallId, Timestamp
from integration.errors import StorageUnavailable
from integration.ports.clock import Clock
from integration.ports.stores import Stranger
from integration.storage.sql.database import Database, insert
from integration.storage.sql.schema.crm import strangers

_TRIES = 3  # another process may delete its row between our insert and our look


class SqlStrangers:
    """Implements `ports.Strangers`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._enter = insert(database.dialect, strangers).on_conflict_do_nothing(
            index_elements=[strangers.c.account, strangers.c.match_key]
        )

    async def get(self, account: AccountId, match_key: str) -> Stranger | None:
        query = select(strangers).where(*_of(account, match_key))
        row = await self._database.read(lambda connection: connection.execute(query).first(), account)
        return _stranger(row) if row is not None else None

    async def enter(self, account: AccountId, match_key: str, call: CallId) -> Stranger:
        """The row is unique: of two processes, the second waits for the first one's commit and reads its row."""
        row = {"account": account, "match_key": match_key, "entered_by": call, "checked_at": self._clock.now()}
        query = select(strangers).where(*_of(account, match_key))

        def work(connection: Connection) -> Row[Any] | None:
            connection.execute(self._enter, row)
            return connection.execute(query).first()

        for _ in range(_TRIES):
            found = await self._database.write(work, account)
            if found is not None:
                return _stranger(found)
        raise StorageUnavailable("Another process is changing this number's entry. Try again.")

    async def take_over(self, account: AccountId, match_key: str, *, of: CallId, call: CallId) -> bool:
        entered_by = strangers.c.entered_by == of
        return await self._update(account, match_key, strangers.c.entry.is_(None), entered_by, entered_by=call)

    async def entered(
        self, account: AccountId, match_key: str, call: CallId, *, entry: EntityRef, deal: EntityRef | None
    ) -> None:
        values = {"entry": entry.id, "deal": deal.id if deal else None, "checked_at": self._clock.now()}
        await self._update(account, match_key, strangers.c.entered_by == call, **values)

    async def waits_still(self, account: AccountId, match_key: str, entry: EntityRef) -> None:
        await self._update(account, match_key, strangers.c.entry == entry.id, checked_at=self._clock.now())

    async def forget(
        self, account: AccountId, match_key: str, *, call: CallId | None = None, entry: EntityRef | None = None
    ) -> None:
        whose: list[ColumnElement[bool]] = []
        if call is not None:
            whose += [strangers.c.entered_by == call, strangers.c.entry.is_(None)]
        if entry is not None:
            whose.append(strangers.c.entry == entry.id)
        statement = delete(strangers).where(*_of(account, match_key), *whose)
        await self._database.write(lambda connection: connection.execute(statement), account)

    async def closed(self, account: AccountId, entry: EntityRef) -> list[str]:
        statement = (
            delete(strangers)
            .where(strangers.c.account == account, strangers.c.entry == entry.id)
            .returning(strangers.c.match_key)
        )
        return await self._database.write(lambda connection: list(connection.execute(statement).scalars()), account)

    async def _update(self, account: AccountId, match_key: str, *which: ColumnElement[bool], **values: Any) -> bool:
        statement = update(strangers).where(*_of(account, match_key), *which).values(**values)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount > 0, account)


def _of(account: AccountId, match_key: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return strangers.c.account == account, strangers.c.match_key == match_key


def _stranger(row: Row[Any]) -> Stranger:
    return Stranger(
        match_key=row.match_key,
        entered_by=CallId(row.entered_by),
        entry=None if row.entry is None else EntityRef(EntityKind.LEAD, row.entry),
        deal=None if row.deal is None else EntityRef(EntityKind.DEAL, row.deal),
        checked_at=Timestamp(row.checked_at),
    )
