"""The encrypted tokens of CRM accounts. Of all processes, one at a time refreshes an account's tokens.

The connector asks the CRM; `keys.py` has the keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import Connection, delete, select, update

from integration.domain.ids import AccountId
from integration.errors import AuthFailed, ConfigError, Unavailable
from integration.ports.clock import Clock
from integration.ports.stores import Tokens
from integration.storage.secrets.sealing import Sealer, is_sealed
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Database, insert
from integration.storage.sql.schema.crm import tokens as tokens_table

log = structlog.get_logger()

_COLUMN = str(tokens_table.c.state)
_STORE_ATTEMPTS = 30
_STORE_PAUSE_SECONDS = 1.0  # between attempts to store a new pair: without storing it is lost forever


class SqlTokenStore:
    """Implements `ports.TokenStore`."""

    def __init__(self, database: Database, clock: Clock, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._own_locks: dict[AccountId, asyncio.Lock] = {}
        self._running: set[asyncio.Task[Tokens]] = set()

    async def load(self, account: AccountId) -> Tokens | None:
        """Raises: ConfigError if their key is missing, ProtocolError if they were sealed for another account."""
        query = select(tokens_table.c.state).where(tokens_table.c.account == account)
        before: str | None = None
        while True:
            stored = await self._database.read(lambda connection: connection.execute(query).scalar(), account)
            if stored is None:
                return None
            try:
                tokens = decode(Tokens, self._sealer.unseal(stored, account=account, column=_COLUMN))
                break
            except ConfigError:  # perhaps a rotation came after the read: then the row has changed
                if stored == before:
                    raise
                before = stored
        if not is_sealed(stored):
            await self._database.write(lambda connection: self._seal(connection, account, stored), account)
        return tokens

    async def refresh(
        self, account: AccountId, refresh: Callable[[Tokens], Awaitable[Tokens]], *, if_access: str
    ) -> Tokens:
        """
        Cancelling the caller does not stop a running refresh, because that would lose the tokens.

        Raises:
            AuthFailed: no tokens are stored for this account.
            Unavailable: the database cannot be used.
            Whatever `refresh` raises; the stored pair is then unchanged.
        """
        task = asyncio.create_task(self._refresh(account, refresh, if_access))
        self._running.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def save(self, account: AccountId, tokens: Tokens) -> None:
        content: dict[str, float | str] = {"expires_at": tokens.expires_at, "saved_at": self._clock.now()}

        def work(connection: Connection) -> None:
            content["state"] = self._sealer.seal(connection, encode(tokens), account=account, column=_COLUMN)
            statement = insert(self._database.dialect, tokens_table).values(account=account, **content)
            connection.execute(statement.on_conflict_do_update(index_elements=[tokens_table.c.account], set_=content))

        await self._database.write(work, account)

    async def delete(self, account: AccountId) -> None:
        statement = delete(tokens_table).where(tokens_table.c.account == account)
        await self._database.write(lambda connection: connection.execute(statement), account)

    async def close(self) -> None:
        """Wait for running refreshes."""
        await asyncio.gather(*self._running, return_exceptions=True)

    def _seal(self, connection: Connection, account: AccountId, plain: str) -> None:
        """Seal plain tokens that a process of the previous release stored, unless they have changed since."""
        sealed = self._sealer.seal(connection, plain, account=account, column=_COLUMN)
        statement = update(tokens_table).where(tokens_table.c.account == account, tokens_table.c.state == plain)
        connection.execute(statement.values(state=sealed))

    def _forget(self, task: asyncio.Task[Tokens]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # marks the error as seen: the caller may be gone, and the next caller gets it too

    async def _refresh(
        self, account: AccountId, refresh: Callable[[Tokens], Awaitable[Tokens]], if_access: str
    ) -> Tokens:
        own = self._own_locks.setdefault(account, asyncio.Lock())
        async with own, self._database.lock(f"tokens:{account}"):
            stored = await self.load(account)
            if stored is None:
                raise AuthFailed("This account is not connected to its CRM.")
            if stored.access != if_access:
                return stored
            fresh = await refresh(stored)
            await self._store(account, fresh)
            return fresh

    async def _store(self, account: AccountId, fresh: Tokens) -> None:
        for attempt in range(1, _STORE_ATTEMPTS + 1):
            try:
                await self.save(account, fresh)
            except Unavailable as exc:
                if attempt == _STORE_ATTEMPTS:
                    raise
                log.error("new tokens not stored yet, trying again", account_id=account, error=str(exc))
                await asyncio.sleep(_STORE_PAUSE_SECONDS)
            else:
                return
