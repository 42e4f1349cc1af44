"""Short statements to PostgreSQL through asyncpg, on separate connections. `postgres.py` does everything else.

Theory of operation. Callers wait for these statements. A query takes the server some tens of microseconds, so a few
connections serve thousands a second. If none is free, waiting for one is faster than opening another, which costs as
much as fifty queries. Each connection remembers whose rows it shows (row-level security, ADR 11), and is switched for
another account's statement. After any error, and after a cancelled statement, a connection is closed.

A statement is a transaction by itself: it is carried out as a whole or not at all.
"""

from __future__ import annotations

import time
from asyncio import Semaphore
from dataclasses import dataclass
from typing import Any

import asyncpg

from integration.storage.sql import silent_network
from integration.storage.sql.database import Scope, scope_words

_SCOPE = "SELECT set_config('dozvon.account', $1, false), set_config('dozvon.all', $2, false)"
_UNUSED_SECONDS = 1.0  # a connection unused for this long is tested before it is used for a write
_UNKNOWN = ""  # no account has this id
# The connection had ended before the query, or the answer was lost: a read may be repeated.
_ENDED = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # the server is shutting down
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection is being closed at this moment
    ConnectionError,
)


@dataclass(slots=True)
class _Link:
    connection: Any
    told: Scope = None  # a new connection shows no rows
    used_at: float = 0.0  # by the monotonic clock


class ShortQueries:
    """
    Args:
        options: arguments of `asyncpg.connect`, with the address.
        connections: at most.
    """

    def __init__(self, options: dict[str, Any], *, connections: int) -> None:
        self._options = options
        self._is_closed = False
        self._free: list[_Link] = []  # the last one was used last: its statements are prepared
        self._turns = Semaphore(connections)

    async def read(self, sql: str, values: list[Any], scope: Scope) -> list[Any]:
        """Raises: asyncpg's errors, and OSError."""
        async with self._turns:
            try:
                link = await self._show(self._take(scope) or await self._connect(), scope)
                return await self._ask(link, sql, values)
            except TimeoutError:  # also an OSError, but the connection has not ended
                raise
            except _ENDED:
                self._drop_free()  # the other free connections have ended too
                return await self._ask(await self._show(await self._connect(), scope), sql, values)

    async def write(self, sql: str, values: list[Any], scope: Scope) -> list[Any]:
        """Sent once: when the answer is lost, the caller decides. Raises: asyncpg's errors, and OSError."""
        async with self._turns:
            link = self._take(scope)
            if link is not None and time.monotonic() - link.used_at >= _UNUSED_SECONDS:
                link.told = _UNKNOWN  # so the scope is sent, which tests the connection
            try:
                link = await self._show(link or await self._connect(), scope)
            except TimeoutError:
                raise
            except _ENDED:
                self._drop_free()
                link = await self._show(await self._connect(), scope)
            return await self._ask(link, sql, values)

    def close(self) -> None:
        """Close. Running statements are answered first, then their connections are closed too."""
        self._is_closed = True
        self._drop_free()

    def _drop_free(self) -> None:
        while self._free:
            self._free.pop().connection.terminate()

    async def _connect(self) -> _Link:
        connection = await asyncpg.connect(**self._options)
        silent_network.notice(connection)
        return _Link(connection)

    def _take(self, scope: Scope) -> _Link | None:
        """A free connection, preferably one with this scope set; None if none is free."""
        self._free = [link for link in self._free if not link.connection.is_closed()]  # by the server, as it restarts
        for place in reversed(range(len(self._free))):
            if self._free[place].told == scope:
                return self._free.pop(place)
        return self._free.pop() if self._free else None

    async def _show(self, link: _Link, scope: Scope) -> _Link:
        if link.told != scope:
            await self._fetch(link, _SCOPE, scope_words(scope))
            link.told = scope
        return link

    async def _ask(self, link: _Link, sql: str, values: list[Any]) -> list[Any]:
        rows = await self._fetch(link, sql, values)
        link.used_at = time.monotonic()
        self._free.append(link)
        if self._is_closed:
            self._drop_free()
        return rows

    async def _fetch(self, link: _Link, sql: str, values: Any) -> list[Any]:
        try:
            rows: list[Any] = await link.connection.fetch(sql, *values)
        except BaseException:
            link.connection.terminate()
            raise
        return rows
