"""Which processes run on this database, and the newest schema step that each of them knows.

Theory of operation. A process registers before it does anything else, renews its row, and deletes it at its end. A
contracting step (`migrate.py`) reads these rows. Both lock the same row: either the step sees the process, or the
process sees the step and is refused. A process that was paused until its row ran out finds out at its next renewal.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from integration.storage.sql import migrate
from integration.storage.sql.database import Database, insert
from integration.storage.sql.schema.operation import compatibility, processes


class SqlRegister:
    """Implements `services.registration.Register`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enter(self, process: str, *, ttl_seconds: float) -> None:
        """
        Register `process`, or renew its row.

        Raises:
            ConfigError: the database belongs to an incompatible release.
            Unavailable: the database cannot be reached.
        """
        await self._database.write(lambda connection: self._enter(connection, process, ttl_seconds))

    def _enter(self, connection: Connection, process: str, ttl_seconds: float) -> None:
        connection.execute(select(compatibility.c.oldest).with_for_update(read=True)).scalar()
        migrate.check_fits(connection)
        now = migrate.NOW[self._database.dialect]
        connection.execute(delete(processes).where(processes.c.until <= now))
        put = insert(self._database.dialect, processes).values(id=process, knows=migrate.HEAD, until=now + ttl_seconds)
        connection.execute(put.on_conflict_do_update(index_elements=["id"], set_={"until": put.excluded.until}))

    async def leave(self, process: str) -> None:
        """Delete the row. Raises: Unavailable; the row then runs out by itself."""
        await self._database.write(
            lambda connection: connection.execute(delete(processes).where(processes.c.id == process))
        )
