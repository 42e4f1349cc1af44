"""Short queries to PostgreSQL, straight to asyncpg on connections of their own. Writes and all else: `postgres.py`.

Theory of operation. Callers wait for these. One costs the server some tens of microseconds, so a few connections carry
thousands a second, and who finds none free does better to wait for one than for a new one, which costs as much as
fifty queries. Each remembers whose rows it was told to show (row-level security, docs/adr/0011) and is told again for
another account's query. Whatever went wrong on a connection, also a cancelled wait, is its end.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import asyncpg

from integration.storage import silent_network
from integration.storage.database import Scope, scope_words

CONNECTIONS = 3
_SCOPE = "SELECT set_config('dozvon.account', $1, false), set_config('dozvon.all', $2, false)"
# The connection had ended before, and nothing was asked, or the answer is lost: a read may be asked again.
_ENDED = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # the server is being stopped
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # it is being told of its end this moment
    ConnectionError,
)


@dataclass(slots=True)
class _Reader:
    connection: Any
    told: Scope = None  # as a new connection: no rows


class ShortReads:
    """
    Args:
        options: arguments of `asyncpg.connect`, the address among them.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._is_closed = False
        self._free: list[_Reader] = []  # the last is the one used last, and its statements are prepared
        self._turns = asyncio.Semaphore(CONNECTIONS)

    async def rows(self, sql: str, values: list[str], scope: Scope) -> list[Any]:
        """Raises what asyncpg raises, and OSError."""
        async with self._turns:
            try:
                return await self._ask(self._take(scope) or await self._connect(), sql, values, scope)
            except TimeoutError:  # an OSError too, but no end
                raise
            except _ENDED:
                self._drop_free()  # they have ended too
                return await self._ask(await self._connect(), sql, values, scope)

    def close(self) -> None:
        """Queries under way are answered, then their connections are closed too."""
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
        """A free one, preferably one with this scope set."""
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
