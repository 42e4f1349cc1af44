"""Until when each PBX was followed. `services/recovery.py` fills the gaps."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import select

from integration.domain.ids import AccountId, PbxId
from integration.ports.records import Watch
from integration.storage.sql.database import Database, insert
from integration.storage.sql.schema.crm import watches


class SqlWatchLog:
    """Implements `ports.WatchLog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, account: AccountId, pbx: PbxId) -> Watch | None:
        moments = (watches.c.watched_until, watches.c.unchecked_since, watches.c.compared_at)
        query = select(*moments).where(watches.c.account == account, watches.c.pbx == pbx)
        row = await self._database.read(lambda connection: connection.execute(query).first(), account)
        return None if row is None else Watch(**row._asdict())

    async def save(self, account: AccountId, pbx: PbxId, watch: Watch) -> None:
        moments = asdict(watch)
        statement = (
            insert(self._database.dialect, watches)
            .values(account=account, pbx=pbx, **moments)
            .on_conflict_do_update(index_elements=[watches.c.account, watches.c.pbx], set_=moments)
        )
        await self._database.write(lambda connection: connection.execute(statement), account)
