"""Offices whose connections are stored in the database: documents and encrypted secrets, with history and undo."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select
from sqlalchemy import insert as sql_insert

from integration.domain.ids import AccountId, Timestamp
from integration.domain.settings_changes import Author
from integration.errors import Rejected
from integration.ports.clock import Clock
from integration.ports.offices import (
    OfficeChange,
    OfficeChangedMeanwhile,
    OfficeUndoRefused,
    PartChanges,
    SettingsChanges,
    StoredOffice,
)
from integration.storage.secrets.sealing import Sealer
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Across, Database, insert
from integration.storage.sql.schema import accounts, office_changes, office_parts, offices
from integration.storage.sql.settings import SqlSettingsStore

KEPT = 500  # newest changes of an office
_COLUMN = str(offices.c.secrets)


class SqlOfficeStore:
    """Implements `ports.OfficeStore`."""

    def __init__(self, database: Database, clock: Clock, sealer: Sealer, settings: SqlSettingsStore) -> None:
        self._database = database
        self._clock = clock
        self._sealer = sealer
        self._settings = settings

    async def version(self) -> tuple[int, ...]:
        def work(connection: Connection) -> tuple[int, ...]:
            found: list[int] = []
            for table in (offices, accounts):
                query = select(func.count(), func.coalesce(func.sum(table.c.revision), 0))
                found += connection.execute(query).one()
            return tuple(found)

        return await self._database.read(work, Across.ACCOUNTS)

    async def all(self) -> list[StoredOffice]:
        query = select(offices).order_by(offices.c.account)
        rows = await self._database.read(lambda connection: connection.execute(query).all(), Across.ACCOUNTS)
        return [self._office(row) for row in rows]

    async def get(self, account: AccountId) -> StoredOffice:
        query = select(offices).where(offices.c.account == account)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none(), account)
        return StoredOffice(office=account, parts={}, secrets={}) if row is None else self._office(row)

    async def change(
        self,
        account: AccountId,
        parts: PartChanges,
        secrets: Mapping[str, str | None],
        *,
        who: Author,
        expected: int,
        settings: SettingsChanges | None = None,
    ) -> OfficeChange | None:
        def work(connection: Connection) -> OfficeChange | None:
            held = self._held(connection, account)
            if held.revision != expected:
                raise OfficeChangedMeanwhile(_newest(connection, account))
            made = self._put(connection, held, parts, secrets, who)
            for key, change in (settings or {}).items():
                self._settings.change_within(connection, key, change, who=who)
            return made

        return await self._database.write(work, Across.OFFICE if settings else account)

    async def changes(self, account: AccountId, *, limit: int = 100) -> list[OfficeChange]:
        query = _of(account).order_by(office_changes.c.revision.desc()).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all(), account)
        return [_change(row) for row in rows]

    async def undo(self, account: AccountId, revision: int, *, who: Author) -> OfficeChange:
        def work(connection: Connection) -> OfficeChange:
            held = self._held(connection, account)
            row = connection.execute(_of(account).where(office_changes.c.revision == revision)).one_or_none()
            if row is None:
                raise OfficeUndoRefused("this change is no longer in the history")
            change = _change(row)
            if any(held.parts.get(part) != value for part, value in change.after.items()):
                raise OfficeUndoRefused("the same settings have changed again since, or this change is undone already")
            done = self._put(connection, held, change.before, {}, who, undoes=revision)
            if done is None:
                raise OfficeUndoRefused("only secrets were changed, and old secrets are not stored: enter them again")
            return done

        return await self._database.write(work, account)

    def _held(self, connection: Connection, office: AccountId) -> StoredOffice:
        """Lock the office's row until the transaction ends; create it if it is missing."""
        first = insert(self._database.dialect, offices).values(
            account=office, revision=0, parts="{}", saved_at=self._clock.now()
        )
        connection.execute(first.on_conflict_do_nothing(index_elements=[offices.c.account]))
        query = select(offices).where(offices.c.account == office).with_for_update()
        return self._office(connection.execute(query).one())

    def _put(
        self,
        connection: Connection,
        held: StoredOffice,
        parts: PartChanges,
        secrets: Mapping[str, str | None],
        who: Author,
        undoes: int | None = None,
    ) -> OfficeChange | None:
        after = {part: value for part, value in parts.items() if held.parts.get(part) != value}
        kept = _with(held.secrets, secrets)
        if not after and kept == held.secrets:
            if held.revision == 0:
                connection.execute(delete(offices).where(offices.c.account == held.office))
            return None
        revision = held.revision + 1
        change = OfficeChange(
            revision=revision,
            at=self._clock.now(),
            who=who,
            before={part: held.parts.get(part) for part in after},
            after=after,
            undoes=undoes,
        )
        self._claim(connection, held.office, after)
        sealed = self._sealer.seal(connection, json.dumps(kept), account=held.office, column=_COLUMN) if kept else None
        row = {"revision": revision, "parts": json.dumps(_with(held.parts, after)), "secrets": sealed}
        mine = offices.c.account == held.office
        connection.execute(offices.update().where(mine).values(**row, saved_at=change.at))
        _add(connection, held.office, change)
        return change

    def _claim(self, connection: Connection, office: AccountId, changed: PartChanges) -> None:
        """Register ids for the office. Raises: Rejected if another office has one of them."""
        for part, value in changed.items():
            if value is None:
                mine = office_parts.c.part == part, office_parts.c.account == office
                connection.execute(delete(office_parts).where(*mine))
                continue
            put = insert(self._database.dialect, office_parts).values(part=part, account=office)
            connection.execute(put.on_conflict_do_nothing(index_elements=[office_parts.c.part]))
            own = select(func.count()).where(office_parts.c.part == part, office_parts.c.account == office)
            if not connection.execute(own).scalar():
                kind, _, name = part.partition("/")
                raise Rejected(f'the {kind} "{name}" belongs to another office: choose another id')

    def _office(self, row: Row[Any]) -> StoredOffice:
        secrets = "{}"
        if row.secrets is not None:
            secrets = self._sealer.unseal(row.secrets, account=row.account, column=_COLUMN)
        return StoredOffice(
            office=AccountId(row.account),
            revision=row.revision,
            parts=json.loads(row.parts),
            secrets=json.loads(secrets),
        )


def _with(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**values, **changes}.items() if value is not None}


def _of(office: AccountId) -> Any:
    return select(office_changes).where(office_changes.c.account == office)


def _newest(connection: Connection, office: AccountId) -> OfficeChange | None:
    row = connection.execute(_of(office).order_by(office_changes.c.revision.desc()).limit(1)).one_or_none()
    return None if row is None else _change(row)


def _add(connection: Connection, office: AccountId, change: OfficeChange) -> None:
    connection.execute(
        sql_insert(office_changes).values(
            account=office,
            revision=change.revision,
            at=change.at,
            who=encode(change.who),
            before=json.dumps(dict(change.before)),
            after=json.dumps(dict(change.after)),
            undoes=change.undoes,
        )
    )
    too_old = office_changes.c.revision <= change.revision - KEPT
    connection.execute(delete(office_changes).where(office_changes.c.account == office, too_old))


def _change(row: Row[Any]) -> OfficeChange:
    return OfficeChange(
        revision=row.revision,
        at=Timestamp(row.at),
        who=decode(Author, row.who),
        before=json.loads(row.before),
        after=json.loads(row.after),
        undoes=row.undoes,
    )
