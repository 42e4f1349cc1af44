"""Sessions of the administrator's pages. `web/pages/session.py` handles cookies and passwords."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, select, update
from sqlalchemy import insert as sql_insert

from integration.domain.administrators import AdministratorId, CrmUser
from integration.domain.ids import AccountId, ManagerId, Timestamp
from integration.ports.administrators import Session, SignedIn
from integration.storage.sql.administrators import administrator_of
from integration.storage.sql.codec import storable
from integration.storage.sql.database import Database
from integration.storage.sql.schema.people import admin_sessions as table
from integration.storage.sql.schema.people import administrators

_ADMINISTRATOR = [column.label(f"a_{column.name}") for column in administrators.c]


class SqlAdminSessions:
    """Implements `ports.AdminSessionStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, session: Session, *, mark: str, now: Timestamp) -> None:
        def work(connection: Connection) -> None:
            connection.execute(delete(table).where(table.c.until < now))
            connection.execute(
                sql_insert(table).values(
                    id=session.id,
                    mark=mark,
                    begun_at=session.begun_at,
                    until=session.until,
                    administrator=session.administrator,
                    browser=storable(session.browser),
                    address=storable(session.address),
                    used_at=session.used_at,
                    crm_user=None if session.crm_user is None else crm_user_text(session.crm_user),
                )
            )
            _seen(connection, session.administrator, now)

        await self._database.write(work)

    async def find(self, session: str, *, file_mark: str | None, now: Timestamp) -> SignedIn | None:
        query = _live(now, file_mark).where(table.c.id == session)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        if row is None:
            return None
        person = None if row.administrator is None else administrator_of(row, prefix="a_")
        return SignedIn(_session(row), person)

    async def touch(self, session: Session, *, now: Timestamp) -> None:
        def work(connection: Connection) -> None:
            changes = {"used_at": session.used_at, "address": storable(session.address)}
            connection.execute(update(table).where(table.c.id == session.id).values(changes))
            _seen(connection, session.administrator, now)

        await self._database.write(work)

    async def live(self, *, file_mark: str | None, now: Timestamp) -> Sequence[Session]:
        query = _live(now, file_mark)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return sorted(map(_session, rows), key=lambda each: each.used_at, reverse=True)

    async def end(self, session: str) -> None:
        statement = delete(table).where(table.c.id == session)
        await self._database.write(lambda connection: connection.execute(statement))

    async def end_of(self, administrator: AdministratorId | None, session: str) -> bool:
        statement = delete(table).where(table.c.id == session, _is_of(administrator))
        return await self._database.write(lambda connection: connection.execute(statement).rowcount) == 1

    async def end_all(self, administrator: AdministratorId | None, *, but: str = "") -> None:
        statement = delete(table).where(_is_of(administrator), table.c.id != but)
        await self._database.write(lambda connection: connection.execute(statement))


def _live(now: Timestamp, file_mark: str | None) -> Select[Any]:
    """A person's sessions are valid while they are switched on and their password is the same."""
    by_person = administrators.c.is_active & (administrators.c.mark == table.c.mark)
    by_file = table.c.administrator.is_(None) & (table.c.mark == (file_mark or ""))
    joined = table.outerjoin(administrators, administrators.c.id == table.c.administrator)
    valid = by_person if file_mark is None else by_person | by_file
    return select(table, *_ADMINISTRATOR).select_from(joined).where(table.c.until > now, valid)


def _is_of(administrator: AdministratorId | None) -> Any:
    return table.c.administrator.is_(None) if administrator is None else table.c.administrator == administrator


def _seen(connection: Connection, administrator: AdministratorId | None, now: Timestamp) -> None:
    if administrator is not None:
        mine = administrators.c.id == administrator
        connection.execute(update(administrators).where(mine).values(seen_at=now))


def _session(row: Row[Any]) -> Session:
    return Session(
        id=row.id,
        administrator=None if row.administrator is None else AdministratorId(row.administrator),
        begun_at=Timestamp(row.begun_at),
        used_at=Timestamp(row.begun_at if row.used_at is None else row.used_at),
        until=Timestamp(row.until),
        browser=row.browser or "",
        address=row.address or "",
        crm_user=None if row.crm_user is None else _crm_user_in(row.crm_user),
    )


def crm_user_text(user: CrmUser) -> str:
    """As a column holds it."""
    return f"{user.account}/{user.manager}"


def _crm_user_in(text: str) -> CrmUser:
    account, _, manager = text.partition("/")
    return CrmUser(AccountId(account), ManagerId(manager))
