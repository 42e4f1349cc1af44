"""Accounts and what their administrators decided. Secrets do not belong here; tokens are in `tokens.py`."""

from __future__ import annotations

from sqlalchemy import select

from integration.domain.ids import AccountId
from integration.domain.numbering import DialRules
from integration.domain.settings import AccountSettings
from integration.ports import Clock
from integration.storage.codec import decode, encode
from integration.storage.database import Across, Database, insert
from integration.storage.schema import accounts


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
        dial = encode(settings.dial) if settings.dial != DialRules() else None
        content = {
            "country": settings.country,
            "dial": dial,
            "settings": encode(settings),
            "saved_at": self._clock.now(),
        }
        statement = (
            insert(self._database.dialect, accounts)
            .values(account=settings.account, **content)
            .on_conflict_do_update(index_elements=[accounts.c.account], set_=content)
        )
        await self._database.write(lambda connection: connection.execute(statement), settings.account)

    async def accounts(self) -> list[AccountId]:
        """In alphabetical order."""
        query = select(accounts.c.account).order_by(accounts.c.account)
        names = await self._database.read(lambda connection: connection.execute(query).scalars().all(), Across.ACCOUNTS)
        return [AccountId(name) for name in names]
