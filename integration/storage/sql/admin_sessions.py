"""Sessions of the administrator's pages. `web/pages/session.py` handles cookies and passwords."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select
from sqlalchemy import insert as sql_insert

from integration.domain.ids import Timestamp
from integration.storage.sql.database import Database
from integration.storage.sql.schema import admin_sessions as table


class SqlAdminSessions:
    """Implements `ports.AdminSessionStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, session: str, *, mark: str, now: Timestamp, until: Timestamp) -> None:
        def work(connection: Connection) -> None:
            connection.execute(delete(table).where(table.c.until < now))
            connection.execute(sql_insert(table).values(id=session, mark=mark, begun_at=now, until=until))

        await self._database.write(work)

    async def is_live(self, session: str, *, mark: str, now: Timestamp) -> bool:
        query = select(table.c.id).where(table.c.id == session, table.c.mark == mark, table.c.until > now)
        found = await self._database.read(lambda connection: connection.execute(query).scalar())
        return found is not None

    async def end(self, session: str) -> None:
        statement = delete(table).where(table.c.id == session)
        await self._database.write(lambda connection: connection.execute(statement))

    async def end_all(self) -> None:
        await self._database.write(lambda connection: connection.execute(delete(table)))
