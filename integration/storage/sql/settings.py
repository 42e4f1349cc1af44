"""Accounts and their settings, each with a revision. Holds no secrets: tokens are in `tokens.py`.

A process of the previous release writes `settings` without raising `revision`, so the revision alone does not show that
a page is stale. `recorded` is the text of `settings` at the last write by this code. If both differ, an older process
has written since, and the next reader records that as a separate change.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from integration.domain.ids import AccountId, Timestamp
from integration.domain.numbers.numbering import DialRules
from integration.domain.settings import AccountSettings
from integration.domain.settings_changes import (
    Author,
    AuthorKind,
    Clash,
    Section,
    SettingsChange,
    as_before,
    clashes,
    differences,
    undone,
)
from integration.errors import Unavailable
from integration.ports.clock import Clock
from integration.ports.settings import ChangedMeanwhile, KeptChange, Revised, UndoRefused
from integration.storage.sql import settings_changes
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Across, Database, insert
from integration.storage.sql.schema import accounts

_DOZVON = Author(kind=AuthorKind.PROGRAM)
_OLDER_RELEASE = Author(kind=AuthorKind.OLDER_RELEASE)

Change = Callable[[AccountSettings | None], AccountSettings]


@dataclass(frozen=True, slots=True)
class _Held:
    """A locked row."""

    settings: AccountSettings
    revision: int


class SqlSettingsStore:
    """Implements `ports.SettingsStore`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def load(self, account: AccountId) -> AccountSettings | None:
        query = select(accounts.c.settings).where(accounts.c.account == account)
        state = await self._database.read(lambda connection: connection.execute(query).scalar(), account)
        return None if state is None else decode(AccountSettings, state)

    async def current(self, account: AccountId) -> Revised | None:
        columns = accounts.c.settings, accounts.c.revision, accounts.c.settings == accounts.c.recorded
        query = select(*columns).where(accounts.c.account == account)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none(), account)
        if row is None:
            return None
        state, revision, is_recorded = row
        if is_recorded:
            return Revised(settings=decode(AccountSettings, state), revision=revision)
        return await self._database.write(lambda connection: self._record_older_writer(connection, account), account)

    async def save(self, settings: AccountSettings) -> None:
        await self.change(settings.account, lambda _: settings)

    async def change(
        self,
        account: AccountId,
        change: Change,
        *,
        who: Author | None = None,
        section: Section | None = None,
        expected_revision: int | None = None,
    ) -> Revised:
        def work(connection: Connection) -> Revised:
            return self.change_within(
                connection, account, change, who=who, section=section, expected_revision=expected_revision
            )

        return await self._database.write(work, account)

    def change_within(
        self,
        connection: Connection,
        account: AccountId,
        change: Change,
        *,
        who: Author | None = None,
        section: Section | None = None,
        expected_revision: int | None = None,
    ) -> Revised:
        """
        `change` in the caller's transaction. The row is locked between the read and the write: SQLite has one writer at
        a time, and PostgreSQL locks the row for the transaction. Of two simultaneous inserts the second conflicts, and
        reads what the first has written.
        """
        held = self._held(connection, account)
        if held is None:
            settings = change(None)
            put = insert(self._database.dialect, accounts)
            is_there = put.on_conflict_do_nothing(index_elements=[accounts.c.account])
            if connection.execute(is_there, self._row(settings, 0)).rowcount > 0:
                return Revised(settings=settings, revision=0)
            held = self._must_hold(connection, account)
        settings = change(held.settings)
        if section is not None and expected_revision is not None:
            _compare(connection, held, settings, section, expected_revision)
        return self._write(connection, held, settings, who or _DOZVON)

    async def changes(self, account: AccountId, *, limit: int = 100) -> list[KeptChange]:
        query = select(accounts.c.settings).where(accounts.c.account == account)

        def work(connection: Connection) -> list[KeptChange]:
            changes = settings_changes.newest(connection, account, limit)
            if not changes:
                return []
            settings = decode(AccountSettings, connection.execute(query).scalar_one())
            found = clashes(settings_changes.document(settings), changes)
            return [KeptChange(change, found.get(change.revision)) for change in changes]

        return await self._database.read(work, account)

    async def undo(
        self,
        account: AccountId,
        revision: int,
        *,
        who: Author,
        check: Callable[[AccountSettings, AccountSettings], None] | None = None,
    ) -> Revised:
        def work(connection: Connection) -> Revised:
            held = self._held(connection, account)
            change = settings_changes.get(connection, account, revision)
            if held is None or change is None:
                raise UndoRefused("This change is no longer in the history.")
            back = undone(
                settings_changes.document(held.settings), change, settings_changes.since(connection, account, revision)
            )
            if isinstance(back, Clash):
                raise _refusal(back)
            settings = decode(AccountSettings, json.dumps(back))
            if check is not None:
                check(held.settings, settings)
            return self._write(connection, held, settings, who, undoes=revision)

        return await self._database.write(work, account)

    async def accounts(self) -> list[AccountId]:
        """All account ids, in alphabetical order."""
        query = select(accounts.c.account).order_by(accounts.c.account)
        names = await self._database.read(lambda connection: connection.execute(query).scalars().all(), Across.ACCOUNTS)
        return [AccountId(name) for name in names]

    def _held(self, connection: Connection, account: AccountId) -> _Held | None:
        """Lock the row, and record what an older process has written. None: there is no row."""
        row = connection.execute(select(accounts).where(accounts.c.account == account).with_for_update()).one_or_none()
        if row is None:
            return None
        settings = decode(AccountSettings, row.settings)
        if row.recorded is None or row.recorded == row.settings:
            return _Held(settings, row.revision)
        known = _Held(decode(AccountSettings, row.recorded), row.revision)
        made = _record(connection, known, settings, _OLDER_RELEASE, at=Timestamp(row.saved_at))
        return _Held(settings, made[-1].revision if made else row.revision)

    def _must_hold(self, connection: Connection, account: AccountId) -> _Held:
        held = self._held(connection, account)
        if held is None:
            raise Unavailable("The account was deleted at this moment.")
        return held

    def _record_older_writer(self, connection: Connection, account: AccountId) -> Revised | None:
        held = self._held(connection, account)
        if held is None:
            return None
        values = {"recorded": accounts.c.settings, "revision": held.revision}
        connection.execute(update(accounts).where(accounts.c.account == account).values(**values))
        return Revised(settings=held.settings, revision=held.revision)

    def _write(
        self, connection: Connection, held: _Held, settings: AccountSettings, who: Author, *, undoes: int | None = None
    ) -> Revised:
        made = _record(connection, held, settings, who, at=self._clock.now(), undoes=undoes)
        last = made[-1] if made else None
        revision = last.revision if last else held.revision
        mine = accounts.c.account == held.settings.account
        connection.execute(update(accounts).where(mine).values(**self._row(settings, revision)))
        return Revised(settings=settings, revision=revision, change=last)

    def _row(self, settings: AccountSettings, revision: int) -> dict[str, Any]:
        state = encode(settings)
        return {
            "account": settings.account,
            "country": settings.country,
            "dial": encode(settings.dial) if settings.dial != DialRules() else None,
            "settings": state,
            "saved_at": self._clock.now(),
            "revision": revision,
            "recorded": state,
        }


def _record(
    connection: Connection,
    held: _Held,
    settings: AccountSettings,
    who: Author,
    *,
    at: Timestamp,
    undoes: int | None = None,
) -> list[SettingsChange]:
    """Add a row with its own revision for each section that differs."""
    found = differences(settings_changes.document(held.settings), settings_changes.document(settings))
    made = [
        SettingsChange(
            revision=held.revision + n, at=at, who=who, section=section, before=before, after=after, undoes=undoes
        )
        for n, (section, (before, after)) in enumerate(found.items(), start=1)
    ]
    for change in made:
        settings_changes.add(connection, held.settings.account, change)
    return made


def _compare(
    connection: Connection, held: _Held, settings: AccountSettings, section: Section, expected_revision: int
) -> None:
    """Raises: ChangedMeanwhile. There is no conflict if the wanted settings are stored already."""
    now = settings_changes.document(held.settings)
    if section not in differences(now, settings_changes.document(settings)):
        return
    later = settings_changes.since(connection, held.settings.account, expected_revision)
    if changes := [each for each in later if each.section is section]:
        seen = decode(AccountSettings, json.dumps(as_before(now, changes)))
        raise ChangedMeanwhile(changes, seen=seen, now=Revised(settings=held.settings, revision=held.revision))


def _refusal(clash: Clash) -> UndoRefused:
    by = clash.by.who if clash.by else "somebody"
    message = f"{by} has undone this change already." if clash.is_undone else f"Changed again since, by {by}."
    return UndoRefused(message[0].upper() + message[1:], by=clash.by, is_undone=clash.is_undone)
