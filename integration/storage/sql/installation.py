"""What administrators decide about the whole installation in the browser: its address."""

from __future__ import annotations

from sqlalchemy import delete, select

from integration.ports.clock import Clock
from integration.storage.sql.database import Database, insert
from integration.storage.sql.schema import installation as table
from integration.storage.sql.short_query import ShortQuery

_PUBLIC_URL = "public_url"
_READ = ShortQuery.of(select(table.c.value).where(table.c.name == _PUBLIC_URL))


class SqlInstallation:
    """Errors: Unavailable."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def public_url(self) -> str:
        """The address that was stored in the browser; empty: none was."""
        rows = await self._database.rows(_READ, {}, None)
        return str(rows[0][0]) if rows else ""

    async def set_public_url(self, url: str) -> None:
        """Empty: forget it."""
        if not url:
            statement = delete(table).where(table.c.name == _PUBLIC_URL)
            await self._database.write(lambda connection: connection.execute(statement))
            return
        row = {"name": _PUBLIC_URL, "value": url, "saved_at": self._clock.now()}
        put = insert(self._database.dialect, table)
        put = put.on_conflict_do_update(
            index_elements=[table.c.name], set_={"value": put.excluded.value, "saved_at": put.excluded.saved_at}
        )
        await self._database.write(lambda connection: connection.execute(put, row))
