"""Short queries to PostgreSQL through asyncpg, on separate connections. `postgres.py` does writes and everything else.

Theory of operation. Callers wait for these queries. One takes the server some tens of microseconds, so a few
connections serve thousands a second. If none is free, waiting for one is faster than opening another, which costs as
much as fifty queries. Each connection remembers whose rows it shows (row-level security, ADR 11), and is switched for
another account's query. After any error, and after a cancelled query, a connection is closed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import asyncpg

from integration.storage.sql import silent_network
from integration.storage.sql.database import Scope, scope_words

CONNECTIONS = 3
_SCOPE = "SELECT set_config('dozvon.account', $1, false), set_config('dozvon.all', $2, false)"
# The connection had ended before the query, or the answer was lost: a read may be repeated.
_ENDED = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # the server is shutting down
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection is being closed at this moment
    ConnectionError,
)


@dataclass(slots=True)
class _Reader:
    connection: Any
    told: Scope = None  # a new connection shows no rows


class ShortReads:
    """
    Args:
        options: arguments of `asyncpg.connect`, with the address.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._is_closed = False
        self._free: list[_Reader] = []  # the last one was used last: its statements are prepared
        self._turns = asyncio.Semaphore(CONNECTIONS)

    async def rows(self, sql: str, values: list[str], scope: Scope) -> list[Any]:
        """Raises: asyncpg's errors, and OSError."""
        async with self._turns:
            try:
                return await self._ask(self._take(scope) or await self._connect(), sql, values, scope)
            except TimeoutError:  # also an OSError, but the connection has not ended
                raise
            except _ENDED:
                self._drop_free()  # the other free connections have ended too
                return await self._ask(await self._connect(), sql, values, scope)

    def close(self) -> None:
        """Close. Running queries are answered first, then their connections are closed too."""
        self._is_closed = True
        self._drop_free()

    def _drop_free(self) -> None:
        while self._free:
            self._free.pop().connection.terminate()

    async def _connect(self) -> _Reader:
        connection = await asyncpg.connect(**self._options)
        silent_network.notice(connection)
        return _Reader(connection)

    def _take(self, scope: Scope) -> _Reader | None:
        """A free connection, preferably one with this scope set; None if none is free."""
        for place in reversed(range(len(self._free))):
            if self._free[place].told == scope:
                return self._free.pop(place)
        return self._free.pop() if self._free else None

    async def _ask(self, reader: _Reader, sql: str, values: list[str], scope: Scope) -> list[Any]:
        try:
            if reader.told != scope:
                await reader.connection.fetch(_SCOPE, *scope_words(scope))
                reader.told = scope
            rows: list[Any] = await reader.connection.fetch(sql, *values)
        except BaseException:
            reader.connection.terminate()
            raise
        self._free.append(reader)
        if self._is_closed:
            self._drop_free()
        return rows
