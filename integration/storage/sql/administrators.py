"""Administrators: who they are and what their password is. `ways_in.py` makes them."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from integration.domain.administrators import (
    NO_PASSWORD,
    Administrator,
    AdministratorId,
    Role,
    is_last_owner,
    login_key,
    role_of,
)
from integration.domain.ids import AccountId, Timestamp
from integration.ports.administrators import CodeGone, Credentials, LastOwner, LoginTaken, OwnerOfAll
from integration.storage.sql.database import Database, Dialect, insert
from integration.storage.sql.schema.people import admin_invitations, admin_sessions
from integration.storage.sql.schema.people import administrators as table


class SqlAdministrators:
    """Implements `ports.AdministratorStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Administrator]:
        rows = await self._database.read(lambda connection: connection.execute(select(table)).all())
        return sorted(map(administrator_of, rows), key=lambda each: (each.name.casefold(), each.id))

    async def get(self, administrator: AdministratorId) -> Administrator | None:
        found = await self.credentials_of(administrator)
        return None if found is None else found.administrator

    async def have_any(self) -> bool:
        query = select(table.c.id).limit(1)
        return await self._database.read(lambda connection: connection.execute(query).first()) is not None

    async def credentials(self, login: str) -> Credentials | None:
        return await self._credentials(table.c.login_key == login_key(login))

    async def credentials_of(self, administrator: AdministratorId) -> Credentials | None:
        return await self._credentials(table.c.id == administrator)

    async def rehash(self, credentials: Credentials, new_hash: str) -> None:
        same = table.c.id == credentials.administrator.id, table.c.hash == credentials.hash
        statement = update(table).where(*same).values(hash=new_hash)
        await self._database.write(lambda connection: connection.execute(statement))

    async def set_profile(self, administrator: AdministratorId, *, name: str, language: str) -> None:
        statement = update(table).where(table.c.id == administrator).values(name=name, language=language)
        await self._database.write(lambda connection: connection.execute(statement))

    async def set_password(self, administrator: AdministratorId, *, new_hash: str, mark: str) -> None:
        await self._database.write(lambda connection: put_password(connection, administrator, new_hash, mark))

    async def set_role(self, administrator: AdministratorId, role: Role) -> None:
        def work(connection: Connection) -> None:
            if role is not Role.OWNER:
                _refuse_last_owner(connection, administrator)
            offices = {"offices": None} if role is Role.OWNER else {}  # an owner has all
            _change(connection, administrator, role=role.value, **offices)

        await self._database.write(work)

    async def set_active(self, administrator: AdministratorId, *, is_active: bool) -> None:
        def work(connection: Connection) -> None:
            if not is_active:
                _refuse_last_owner(connection, administrator)
                end_sessions(connection, administrator)
            _change(connection, administrator, is_active=is_active)

        await self._database.write(work)

    async def set_offices(self, administrator: AdministratorId, offices: frozenset[AccountId] | None) -> None:
        def work(connection: Connection) -> None:
            row = connection.execute(select(table).where(table.c.id == administrator).with_for_update()).one_or_none()
            if row is not None and offices is not None and role_of(row.role) is Role.OWNER:
                raise OwnerOfAll("An owner has all offices")
            _change(connection, administrator, offices=offices_text(offices))

        await self._database.write(work)

    async def _credentials(self, condition: Any) -> Credentials | None:
        query = select(table).where(condition)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else Credentials(administrator=administrator_of(row), hash=row.hash, mark=row.mark)


def add(connection: Connection, dialect: Dialect, made: Credentials) -> None:
    """Raises LoginTaken."""
    person = made.administrator
    key = login_key(person.login)
    new = insert(dialect, table).values(
        id=person.id,
        name=person.name,
        login=person.login,
        login_key=key,
        hash=made.hash,
        mark=made.mark,
        role=person.role.value,
        language=person.language,
        is_active=person.is_active,
        offices=offices_text(person.offices),
        created_at=person.created_at,
        seen_at=person.seen_at,
    )
    if connection.execute(new.on_conflict_do_nothing(index_elements=[table.c.login_key])).rowcount != 1:
        raise LoginTaken(f"An administrator has the login {person.login}")
    connection.execute(delete(admin_invitations).where(admin_invitations.c.login_key == key))


def put_password(connection: Connection, administrator: AdministratorId, new_hash: str, mark: str) -> None:
    """Raises CodeGone."""
    end_sessions(connection, administrator)
    _change(connection, administrator, hash=new_hash, mark=mark)


def switch_on(connection: Connection, administrator: AdministratorId) -> None:
    _change(connection, administrator, is_active=True)


def end_sessions(connection: Connection, administrator: AdministratorId) -> None:
    connection.execute(delete(admin_sessions).where(admin_sessions.c.administrator == administrator))


def is_taken(connection: Connection, login: str) -> bool:
    query = select(table.c.id).where(table.c.login_key == login_key(login))
    return connection.execute(query).first() is not None


def administrator_of(row: Row[Any], prefix: str = "") -> Administrator:
    """The administrator in a row, whose columns may have a prefix."""
    values = row._mapping
    offices = values[f"{prefix}offices"]
    seen_at = values[f"{prefix}seen_at"]
    return Administrator(
        id=AdministratorId(values[f"{prefix}id"]),
        name=values[f"{prefix}name"],
        login=values[f"{prefix}login"],
        role=role_of(values[f"{prefix}role"]),
        language=values[f"{prefix}language"],
        created_at=Timestamp(values[f"{prefix}created_at"]),
        seen_at=None if seen_at is None else Timestamp(seen_at),
        is_active=bool(values[f"{prefix}is_active"]),
        offices=offices_in(offices),
        has_password=values[f"{prefix}hash"] != NO_PASSWORD,
    )


def offices_text(offices: frozenset[AccountId] | None) -> str | None:
    """As a column holds them; None: all."""
    return None if offices is None else json.dumps(sorted(offices))


def offices_in(text: str | None) -> frozenset[AccountId] | None:
    return None if text is None else frozenset(map(AccountId, json.loads(text)))


def give_office(connection: Connection, administrator: AdministratorId, office: AccountId) -> None:
    """Let an administrator of single offices see another one."""
    row = connection.execute(select(table).where(table.c.id == administrator).with_for_update()).one_or_none()
    offices = None if row is None else offices_in(row.offices)
    if offices is not None:
        _change(connection, administrator, offices=offices_text(offices | {office}))


def _refuse_last_owner(connection: Connection, administrator: AdministratorId) -> None:
    """Locks all owners, in one order, so that two who switch each other off are one after the other."""
    query = select(table).where(table.c.role == Role.OWNER.value).order_by(table.c.id).with_for_update()
    owners = [administrator_of(row) for row in connection.execute(query)]
    if any(each.id == administrator and is_last_owner(each, owners) for each in owners):
        raise LastOwner("The last active owner can be neither switched off nor made an administrator")


def _change(connection: Connection, administrator: AdministratorId, **values: Any) -> None:
    """Raises CodeGone."""
    if connection.execute(update(table).where(table.c.id == administrator).values(**values)).rowcount != 1:
        raise CodeGone("There is no such administrator")
