"""Calls one after another while a test changes what runs. No tests here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg

from tests.e2e.crm_site import IVAN
from tests.lab.waiting import until, until_told
from tests.scaled.town import PATIENCE_SECONDS, Town

_PAUSE_SECONDS = 0.5  # between calls: shorter would be too fast for the CRM


class SteadyCalls:
    """
    Each is long enough for a process to see it.

    Attributes:
        made: calls that are over.
        under_way: those, and the one in which people talk.
    """

    def __init__(self, town: Town) -> None:
        self._town = town
        self._is_over = False
        self._is_talking = False
        self._may_end = asyncio.Event()
        self._may_end.set()
        self.made = 0
        self.under_way = 0

    async def run(self) -> None:
        while not self._is_over:
            await self._town.talk(IVAN)
            self.under_way += 1
            await until_told(self._is_seen, timeout_seconds=PATIENCE_SECONDS)
            self._is_talking = True
            await self._may_end.wait()
            self._is_talking = False
            self._town.hang_up()
            self.made += 1
            await until(lambda: self._town.office.is_free("101"), timeout_seconds=PATIENCE_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _is_seen(self) -> bool:
        """Whether this call is in the journal; a call within the change of the link is only in the PBX's records."""
        ((seen,),) = await ask(self._town, "SELECT count(*) > $1 FROM calls", self.made)
        return bool(seen)

    async def go_on(self) -> None:
        """Wait for the end of a call that has not begun yet."""
        wanted = self.made + 2
        await until(lambda: self.made >= wanted, timeout_seconds=2 * PATIENCE_SECONDS)

    async def are_in_the_middle(self) -> None:
        """Wait until people begin to talk."""
        wanted = self.under_way + 1
        await until(lambda: self.under_way >= wanted, timeout_seconds=PATIENCE_SECONDS)

    @contextlib.asynccontextmanager
    async def lasting(self) -> AsyncIterator[None]:
        """A call that is in the journal goes on until the end of the block."""
        self._may_end.clear()
        try:
            await until(lambda: self._is_talking, timeout_seconds=2 * PATIENCE_SECONDS)
            yield
        finally:
            self._may_end.set()

    def stop(self) -> None:
        """Stop after the current call."""
        self._is_over = True


async def ask(town: Town, query: str, *values: object) -> list[tuple[object, ...]]:
    """Rows of the town's database."""
    connection = await asyncpg.connect(town.database_url)
    try:
        return [tuple(row) for row in await connection.fetch(query, *values)]
    finally:
        await connection.close()
