"""Offices whose connections are stored in the database: documents and encrypted secrets, with history and undo."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select
from sqlalchemy import insert as sql_insert

from integration.domain.ids import AccountId, Timestamp
from integration.domain.settings_changes import Author, Section
from integration.ports.clock import Clock
from integration.ports.offices import (
    OfficeChange,
    OfficeChangedMeanwhile,
    OfficeUndoRefused,
    OfOtherOffice,
    PartChanges,
    Parts,
    PeopleChange,
    StoredOffice,
    UndoObstacle,
    Written,
    undo_obstacles,
)
from integration.ports.settings import Revised
from integration.storage.secrets.sealing import Sealer
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Across, Database, insert
from integration.storage.sql.schema.offices import accounts, office_changes, office_parts, offices
from integration.storage.sql.settings_rows import SettingsRows

KEPT = 500  # newest changes of an office
_COLUMN = str(offices.c.secrets)


class SqlOfficeStore:
    """Implements `ports.OfficeStore`."""

    def __init__(self, database: Database, clock: Clock, sealer: Sealer) -> None:
        self._database = database
        self._clock = clock
        self._sealer = sealer
        self._settings = SettingsRows(database.dialect, clock)

    async def version(self) -> tuple[int, ...]:
        def work(connection: Connection) -> tuple[int, ...]:
            found: list[int] = []
            for table in (offices, accounts):
                query = select(func.count(), func.coalesce(func.sum(table.c.revision), 0))
                found += connection.execute(query).one()
            return tuple(found)

        return await self._database.read(work, Across.ACCOUNTS)

    async def all(self, *, with_secrets: bool = True) -> list[StoredOffice]:
        query = select(offices).order_by(offices.c.account)
        rows = await self._database.read(lambda connection: connection.execute(query).all(), Across.ACCOUNTS)
        return [self._office(row, with_secrets=with_secrets) for row in rows]

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
        people: Mapping[AccountId, PeopleChange] | None = None,
    ) -> Written:
        def work(connection: Connection) -> Written:
            held = self._held(connection, account)
            if held.revision != expected:
                since = _of(account).where(office_changes.c.revision > expected)
                newest_first = connection.execute(since.order_by(office_changes.c.revision.desc()))
                raise OfficeChangedMeanwhile([_change(row) for row in newest_first])
            change = self._put(connection, held, parts, secrets, who)
            revision = held.revision if change is None else change.revision
            put = self._put_people(connection, account, people or {}, who)
            return Written(revision=revision, change=change, people=put)

        return await self._database.write(work, Across.OFFICE if people else account)

    async def changes(self, account: AccountId, *, limit: int = 100) -> list[OfficeChange]:
        query = _of(account).order_by(office_changes.c.revision.desc()).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all(), account)
        return [_change(row) for row in rows]

    async def undo(
        self,
        account: AccountId,
        revision: int,
        *,
        who: Author,
        check: Callable[[StoredOffice], None] | None = None,
    ) -> OfficeChange:
        def work(connection: Connection) -> OfficeChange:
            held = self._held(connection, account)
            kept = _of(account).where(office_changes.c.revision >= revision)
            rows = connection.execute(kept.order_by(office_changes.c.revision.desc())).all()
            changes = [_change(row) for row in rows]
            if not changes or changes[-1].revision != revision:
                raise OfficeUndoRefused(UndoObstacle.NOT_KEPT)
            obstacle = undo_obstacles(held.parts, changes).get(revision)
            if obstacle is not None:
                raise OfficeUndoRefused(obstacle)
            before = changes[-1].before
            if check is not None:
                check(replace(held, parts=_with(held.parts, before)))
            done = self._put(connection, held, before, {}, who, undoes=revision)
            if done is None:  # nothing was different then either
                raise OfficeUndoRefused(UndoObstacle.UNDONE)
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
        self._claim(connection, held.office, held.parts, _with(held.parts, after))
        sealed = self._sealer.seal(connection, json.dumps(kept), account=held.office, column=_COLUMN) if kept else None
        row = {"revision": revision, "parts": json.dumps(_with(held.parts, after)), "secrets": sealed}
        mine = offices.c.account == held.office
        connection.execute(offices.update().where(mine).values(**row, saved_at=change.at))
        _add(connection, held.office, change)
        return change

    def _claim(self, connection: Connection, office: AccountId, before: Parts, after: Parts) -> None:
        """Ids are given once in the installation. Raises OfOtherOffice."""
        wanted = _ids(after)
        for part in sorted(_ids(before) - wanted):
            mine = office_parts.c.part == part, office_parts.c.account == office
            connection.execute(delete(office_parts).where(*mine))
        for part in sorted(wanted):  # all of them: an older release did not claim the PBXs of accounts
            put = insert(self._database.dialect, office_parts).values(part=part, account=office)
            connection.execute(put.on_conflict_do_nothing(index_elements=[office_parts.c.part]))
        _must_own(connection, office, wanted)

    def _put_people(
        self, connection: Connection, office: AccountId, people: Mapping[AccountId, PeopleChange], who: Author
    ) -> dict[AccountId, Revised]:
        """Raises ChangedMeanwhile, OfOtherOffice."""
        _must_own(connection, office, {f"account/{account}" for account in people})
        return {
            account: self._settings.change(connection, account, each.change, who, Section.PEOPLE, each.expected)
            for account, each in sorted(people.items())
        }

    def _office(self, row: Row[Any], *, with_secrets: bool = True) -> StoredOffice:
        secrets = "{}"
        if row.secrets is not None and with_secrets:
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


def _ids(parts: Parts) -> set[str]:
    """Of the parts, and of the PBXs that accounts have for themselves."""
    own = (document.get("pbx_id") for part, document in parts.items() if part.startswith("account/"))
    return {*parts, *(f"pbx/{pbx}" for pbx in own if isinstance(pbx, str))}


def _must_own(connection: Connection, office: AccountId, wanted: Iterable[str]) -> None:
    """Row-level security shows no other office's row, so what is not seen is theirs. Raises OfOtherOffice."""
    mine = select(office_parts.c.part).where(office_parts.c.account == office)
    foreign = sorted(set(wanted) - set(connection.execute(mine).scalars()))
    if foreign:
        raise OfOtherOffice(foreign[0])


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
