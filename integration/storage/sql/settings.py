"""Accounts and their settings, each with a revision. Holds no secrets: tokens are in `tokens.py`.

A process of the previous release writes `settings` without raising `revision`, so the revision alone does not show that
a page is stale. `recorded` is the text of `settings` at the last write by this code. If both differ, an older process
has written since, and the next reader records that as a separate change.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from sqlalchemy import Connection, select

from integration.domain.ids import AccountId
from integration.domain.settings import AccountSettings
from integration.domain.settings_changes import (
    Author,
    AuthorKind,
    Clash,
    Section,
    clashes,
    undone,
)
from integration.ports.clock import Clock
from integration.ports.settings import KeptChange, Revised, UndoRefused
from integration.storage.sql import settings_changes
from integration.storage.sql.codec import decode
from integration.storage.sql.database import Across, Database
from integration.storage.sql.schema.offices import accounts
from integration.storage.sql.settings_rows import Change, SettingsRows

_DOZVON = Author(kind=AuthorKind.PROGRAM)


class SqlSettingsStore:
    """Implements `ports.SettingsStore`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._rows = SettingsRows(database.dialect, clock)

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
        return await self._database.write(
            lambda connection: self._rows.record_older_writer(connection, account), account
        )

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
            return self._rows.change(connection, account, change, who or _DOZVON, section, expected_revision)

        return await self._database.write(work, account)

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
            held = self._rows.held(connection, account)
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
            return self._rows.write(connection, held, settings, who, undoes=revision)

        return await self._database.write(work, account)

    async def accounts(self) -> list[AccountId]:
        """All account ids, in alphabetical order."""
        query = select(accounts.c.account).order_by(accounts.c.account)
        names = await self._database.read(lambda connection: connection.execute(query).scalars().all(), Across.ACCOUNTS)
        return [AccountId(name) for name in names]


def _refusal(clash: Clash) -> UndoRefused:
    by = clash.by.who if clash.by else "somebody"
    message = f"{by} has undone this change already." if clash.is_undone else f"Changed again since, by {by}."
    return UndoRefused(message[0].upper() + message[1:], by=clash.by, is_undone=clash.is_undone)
