"""CRM users who are administrators. `administrators.py` has the administrators."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, select

from integration.domain.administrators import AdministratorId, CrmUser
from integration.domain.ids import AccountId, ManagerId, Timestamp
from integration.ports.administrators import Credentials, CrmTie
from integration.storage.sql import administrators
from integration.storage.sql.admin_sessions import crm_user_text
from integration.storage.sql.database import Across, Database, insert
from integration.storage.sql.schema.people import admin_sessions
from integration.storage.sql.schema.people import crm_ties as table


class SqlCrmTies:
    """Implements `ports.CrmTieStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, user: CrmUser) -> CrmTie | None:
        query = select(table).where(*_is(user))
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none(), user.account)
        return None if row is None else _tie(row)

    async def of(self, administrator: AdministratorId) -> list[CrmTie]:
        query = select(table).where(table.c.administrator == administrator).order_by(table.c.account, table.c.manager)
        rows = await self._database.read(lambda connection: connection.execute(query).all(), Across.TIES)
        return [_tie(row) for row in rows]

    async def tie(self, tie: CrmTie) -> None:
        def work(connection: Connection) -> None:
            _end_sessions(connection, tie.user)
            self._put(connection, tie)

        await self._database.write(work, tie.user.account)

    async def untie(self, user: CrmUser, administrator: AdministratorId) -> bool:
        def work(connection: Connection) -> bool:
            mine = *_is(user), table.c.administrator == administrator
            if connection.execute(delete(table).where(*mine)).rowcount != 1:
                return False
            _end_sessions(connection, user)
            return True

        return await self._database.write(work, user.account)

    async def add(self, made: Credentials, tie: CrmTie) -> None:
        def work(connection: Connection) -> None:
            administrators.add(connection, self._database.dialect, made)
            self._put(connection, tie)

        await self._database.write(work, tie.user.account)

    def _put(self, connection: Connection, tie: CrmTie) -> None:
        put = insert(self._database.dialect, table).values(
            account=tie.user.account,
            manager=tie.user.manager,
            administrator=tie.administrator,
            tied_at=tie.tied_at,
            is_by_word=tie.is_by_word,
        )
        new = {name: put.excluded[name] for name in ("administrator", "tied_at", "is_by_word")}
        connection.execute(put.on_conflict_do_update(index_elements=["account", "manager"], set_=new))


def _is(user: CrmUser) -> tuple[Any, ...]:
    return table.c.account == user.account, table.c.manager == user.manager


def _end_sessions(connection: Connection, user: CrmUser) -> None:
    connection.execute(delete(admin_sessions).where(admin_sessions.c.crm_user == crm_user_text(user)))


def _tie(row: Row[Any]) -> CrmTie:
    return CrmTie(
        user=CrmUser(AccountId(row.account), ManagerId(row.manager)),
        administrator=AdministratorId(row.administrator),
        tied_at=Timestamp(row.tied_at),
        is_by_word=bool(row.is_by_word),
    )
