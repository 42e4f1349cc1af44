"""What administrators decide about the whole installation in the browser: its address, and how that one is tried."""

from __future__ import annotations

import secrets
from typing import Any, cast

from sqlalchemy import Executable, bindparam, delete, select
from sqlalchemy.engine import Connection

from integration.ports.clock import Clock
from integration.storage.sql.database import Database, insert
from integration.storage.sql.schema.offices import installation as table
from integration.storage.sql.short_query import ShortQuery

_PUBLIC_URL = "public_url"
_TRIED_NAME = "tried_name"
_TICKET = "reach:"  # and the ticket: one row each
_TRIED_SECONDS = 3600.0  # an administrator has this long from the first try of a name until it is stored
_TICKET_SECONDS = 60.0
_TICKET_BYTES = 24
_READ = ShortQuery.of(select(table.c.value, table.c.saved_at).where(table.c.name == bindparam("name")))


class SqlInstallation:
    """Errors: Unavailable."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def public_url(self) -> str:
        """The address that was stored in the browser; empty: none was."""
        rows = await self._rows(_PUBLIC_URL)
        return str(rows[0][0]) if rows else ""

    async def set_public_url(self, url: str) -> None:
        """Empty: forget it."""
        await self._write(self._put(_PUBLIC_URL, url) if url else delete(table).where(table.c.name == _PUBLIC_URL))

    async def tried_name(self) -> str:
        """The host that is being tried as the public address, within the last hour; empty: none is."""
        rows = await self._rows(_TRIED_NAME)
        return str(rows[0][0]) if rows and rows[0][1] > self._clock.now() - _TRIED_SECONDS else ""

    async def try_name(self, host: str) -> None:
        """A host that leads here: a proxy may get a certificate for it, before it is stored."""
        await self._write(self._put(_TRIED_NAME, host))

    async def issue_ticket(self) -> str:
        """For `take_ticket`, within a minute, in any process: so it is known who answers at an address."""
        ticket = secrets.token_urlsafe(_TICKET_BYTES)
        old = table.c.name.startswith(_TICKET) & (table.c.saved_at < self._clock.now() - _TICKET_SECONDS)
        await self._write(delete(table).where(old), self._put(_TICKET + ticket, ""))
        return ticket

    async def take_ticket(self, ticket: str) -> bool:
        """Whether it was issued, within a minute, and not taken yet. Strangers ask this: only a find is written."""
        rows = await self._rows(_TICKET + ticket)
        if not rows:
            return False
        await self._write(delete(table).where(table.c.name == _TICKET + ticket))
        return bool(rows[0][1] > self._clock.now() - _TICKET_SECONDS)

    async def _rows(self, name: str) -> list[Any]:
        return await self._database.rows(_READ, {"name": name}, None)

    def _put(self, name: str, value: str) -> Executable:
        put = insert(self._database.dialect, table).values(name=name, value=value, saved_at=self._clock.now())
        put = put.on_conflict_do_update(
            index_elements=[table.c.name], set_={"value": put.excluded.value, "saved_at": put.excluded.saved_at}
        )
        return cast(Executable, put)

    async def _write(self, *statements: Executable) -> None:
        def write(connection: Connection) -> None:
            for statement in statements:
                connection.execute(statement)

        await self._database.write(write)
