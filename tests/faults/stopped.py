"""Stops a transaction in its middle, to kill the process that makes it there. No tests here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import asyncpg

_WAITING = """
SELECT activity.client_port FROM pg_locks AS held JOIN pg_stat_activity AS activity USING (pid)
WHERE NOT held.granted AND held.relation = $1::text::regclass AND activity.client_port > 0
"""


class Stopped:
    """A table that nobody can write at present. Reads go on."""

    def __init__(self, connection: asyncpg.Connection, table: str) -> None:
        self._connection = connection
        self._table = table

    async def waits(self, processes: Callable[[], Iterable[int]], *, timeout_seconds: float = 120.0) -> int:
        """Wait until one of these processes has come to the table in a transaction. Returns its id."""
        async with asyncio.timeout(timeout_seconds):
            while True:
                ports = {row["client_port"] for row in await self._connection.fetch(_WAITING, self._table)}
                for process in processes() if ports else ():
                    if ports & _ports_of(process):
                        return process
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def stopped(url: str, table: str) -> AsyncIterator[Stopped]:
    """
    Whoever writes this table waits until the end of the block. Transactions whose process was killed meanwhile are
    undone when the block has ended.
    """
    connection, looking = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
            yield Stopped(looking, table)
        async with asyncio.timeout(60.0):
            while await looking.fetch(_WAITING, table):  # noqa: ASYNC110 - PostgreSQL tells nobody
                await asyncio.sleep(0.005)
    finally:
        await connection.close()
        await looking.close()


def _ports_of(process: int) -> set[int]:
    """The local ports of a process's TCP connections (Linux)."""
    sockets = set()
    with contextlib.suppress(OSError):  # it ends at this moment
        for file in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(OSError):
                sockets.add(str(file.readlink()))
    found = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text("ascii").splitlines()[1:]:
                fields = line.split()
                if f"socket:[{fields[9]}]" in sockets:
                    found.add(int(fields[1].rpartition(":")[2], 16))
    return found
