"""Accounts and their settings. Holds no secrets: tokens are in `tokens.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, select, update

from integration.domain.ids import AccountId
from integration.domain.numbers.numbering import DialRules
from integration.domain.settings import AccountSettings
from integration.ports.clock import Clock
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Across, Database, insert
from integration.storage.sql.schema import accounts


class SqlSettingsStore:
    """Implements `ports.SettingsStore`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def load(self, account: AccountId) -> AccountSettings | None:
        query = select(accounts.c.settings).where(accounts.c.account == account)
        state = await self._database.read(lambda connection: connection.execute(query).scalar(), account)
        return None if state is None else decode(AccountSettings, state)

    async def save(self, settings: AccountSettings) -> None:
        await self.change(settings.account, lambda _: settings)

    async def change(
        self, account: AccountId, change: Callable[[AccountSettings | None], AccountSettings]
    ) -> AccountSettings:
        """
        The row is locked between the read and the write: SQLite has one writer at a time, and PostgreSQL locks the row
        for the transaction. Of two simultaneous inserts the second conflicts, and reads what the first has written.
        """
        query = select(accounts.c.settings).where(accounts.c.account == account).with_for_update()
        put = insert(self._database.dialect, accounts)
        is_there = put.on_conflict_do_nothing(index_elements=[accounts.c.account])

        def work(connection: Connection) -> AccountSettings:
            state = connection.execute(query).scalar()
            if state is None:
                settings = change(None)
                if connection.execute(is_there, self._row(settings)).rowcount > 0:
                    return settings
                state = connection.execute(query).scalar_one()
            settings = change(decode(AccountSettings, state))
            connection.execute(update(accounts).where(accounts.c.account == account).values(**self._row(settings)))
            return settings

        return await self._database.write(work, account)

    def _row(self, settings: AccountSettings) -> dict[str, Any]:
        return {
            "account": settings.account,
            "country": settings.country,
            "dial": encode(settings.dial) if settings.dial != DialRules() else None,
            "settings": encode(settings),
            "saved_at": self._clock.now(),
        }

    async def accounts(self) -> list[AccountId]:
        """All account ids, in alphabetical order."""
        query = select(accounts.c.account).order_by(accounts.c.account)
        names = await self._database.read(lambda connection: connection.execute(query).scalars().all(), Across.ACCOUNTS)
        return [AccountId(name) for name in names]
