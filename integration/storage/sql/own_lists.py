"""Managers' own lists, one row each. The row is locked while a list changes: of several tabs, timers and processes that
want to dial, the second finds what the first has stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select, update

from integration.domain.campaigns.model import Attempt, AttemptState, Mode, Outcome
from integration.domain.campaigns.outcomes import Came
from integration.domain.campaigns.own_list import OwnList
from integration.domain.ids import AccountId, AttemptId, EntryId, ManagerId, Timestamp
from integration.ports.campaigns import JournalRefusal
from integration.ports.clock import Clock
from integration.ports.own_lists import OWN_LISTS, ListChange, ListChanged
from integration.storage.sql.campaign_attempts import attempt_row, locked_attempt, put_attempt
from integration.storage.sql.campaign_rows import not_called, scope_of
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Across, Database, insert
from integration.storage.sql.schema.campaigns import campaign_attempts
from integration.storage.sql.schema.campaigns import own_lists as table

_MOST_DUE = 500
_NO_ENTRY = EntryId(0)


class SqlOwnLists:
    """Implements `ports.own_lists.OwnLists`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._make = insert(database.dialect, table).on_conflict_do_nothing()
        # A second row of a number that is under way is refused by an index, whoever dials it.
        self._begin = insert(database.dialect, campaign_attempts).on_conflict_do_nothing()

    async def get(self, account: AccountId, manager: ManagerId) -> OwnList:
        query = select(table.c.body).where(table.c.account == account, table.c.manager == manager)
        body = await self._database.read(lambda connection: connection.execute(query).scalar(), account)
        return OwnList(account=account, manager=manager) if body is None else decode(OwnList, body)

    async def change(
        self,
        account: AccountId,
        manager: ManagerId,
        change: ListChange,
        *,
        office: AccountId,
        came: Came | None = None,
    ) -> ListChanged:
        key = table.c.account == account, table.c.manager == manager

        def work(connection: Connection) -> ListChanged:
            known = self._locked(connection, account, manager)
            changed = change(known)
            if changed == known:
                return ListChanged(known, known)
            refusal = self._journal(connection, office, known, changed, came)
            if refusal is not None:
                return ListChanged(known, known, refusal)
            changed = replace(changed, revision=known.revision + 1)
            row = {"revision": changed.revision, "due_at": changed.due_at, "body": encode(changed)}
            connection.execute(update(table).where(*key).values(**row))
            return ListChanged(known, changed)

        return await self._database.write(work, scope_of(account, office))

    async def at_work(self, account: AccountId) -> frozenset[ManagerId]:
        query = select(table.c.manager).where(table.c.account == account, table.c.due_at.is_not(None))
        managers = await self._database.read(lambda connection: connection.execute(query).scalars().all(), account)
        return frozenset(ManagerId(each) for each in managers)

    async def due(self, until: Timestamp) -> list[tuple[AccountId, ManagerId, Timestamp]]:
        query = (
            select(table.c.account, table.c.manager, table.c.due_at)
            .where(table.c.due_at.is_not(None), table.c.due_at <= until)
            .order_by(table.c.due_at)
            .limit(_MOST_DUE)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all(), Across.OWN_LISTS)
        return [(AccountId(row.account), ManagerId(row.manager), Timestamp(row.due_at)) for row in rows]

    def _locked(self, connection: Connection, account: AccountId, manager: ManagerId) -> OwnList:
        empty = OwnList(account=account, manager=manager)
        query = select(table.c.body).where(table.c.account == account, table.c.manager == manager)
        body = connection.execute(query.with_for_update()).scalar()
        if body is None:
            row = {"account": account, "manager": manager, "revision": 0, "due_at": None, "body": encode(empty)}
            connection.execute(self._make, row)
            body = connection.execute(query.with_for_update()).scalar_one()
        return decode(OwnList, body)

    def _journal(
        self, connection: Connection, office: AccountId, before: OwnList, after: OwnList, came: Came | None
    ) -> JournalRefusal | None:
        """Write the attempt that the change begins, end the one that it ends. Returns why it must not begin."""
        if before.attempt == after.attempt:
            return None
        if before.attempt is not None:
            self._end(connection, before.account, before.attempt, before, came)
        if after.attempt is None or after.number is None:
            return None
        if not_called(connection, office, [after.number]):
            return JournalRefusal.DO_NOT_CALL
        attempt = Attempt(
            id=after.attempt,
            campaign=OWN_LISTS,
            entry=_NO_ENTRY,
            number=after.number,
            line="",
            fence=0,
            mode=Mode.PREVIEW,
            written_at=self._clock.now(),
            employee=after.manager,
        )
        is_new = connection.execute(self._begin, attempt_row(after.account, attempt)).rowcount > 0
        return None if is_new else JournalRefusal.UNDER_WAY

    def _end(
        self, connection: Connection, account: AccountId, attempt: AttemptId, before: OwnList, came: Came | None
    ) -> None:
        known = locked_attempt(connection, account, attempt)
        if known is None or known.state is AttemptState.ENDED:
            return
        end: dict[str, Any] = {"outcome": Outcome.UNKNOWN}
        if came is not None:
            end = {
                "outcome": came.outcome,
                "answered_at": came.answered_at,
                "connected_at": came.connected_at,
                "cause": came.cause,
            }
        ended = replace(known, state=AttemptState.ENDED, ended_at=self._clock.now(), call=before.call, **end)
        put_attempt(connection, account, ended)
