"""How somebody without a password becomes an administrator: by an invitation, or by a setup code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, or_, select, update

from integration.domain.administrators import AdministratorId, login_key, role_of
from integration.domain.ids import Timestamp
from integration.ports.administrators import CodeGone, Credentials, Invitation, LoginTaken
from integration.storage.sql import administrators
from integration.storage.sql.database import Database, insert
from integration.storage.sql.migrate import NOW
from integration.storage.sql.schema.operation import processes
from integration.storage.sql.schema.people import admin_invitations, setup_codes

_ends_at = func.coalesce(admin_invitations.c.offices_until, admin_invitations.c.until)


class SqlInvitations:
    """Implements `ports.InvitationStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, invitation: Invitation, *, code: str) -> None:
        def work(connection: Connection) -> None:
            over = _ends_at <= invitation.created_at
            connection.execute(delete(admin_invitations).where(over))
            if administrators.is_taken(connection, invitation.login):
                raise LoginTaken(f"An administrator has the login {invitation.login}")
            new = insert(self._database.dialect, admin_invitations).values(
                id=invitation.id,
                code=code,
                name=invitation.name,
                login=invitation.login,
                login_key=login_key(invitation.login),
                role=invitation.role.value,
                invited_by=invitation.invited_by,
                created_at=invitation.created_at,
                offices=administrators.offices_text(invitation.offices),
                **_end(invitation.until, is_to_all=invitation.offices is None),
            )
            once = new.on_conflict_do_nothing(index_elements=[admin_invitations.c.login_key])
            if connection.execute(once).rowcount != 1:
                raise LoginTaken(f"An invitation for {invitation.login} waits already")

        await self._database.write(work)

    async def waiting(self, *, now: Timestamp) -> list[Invitation]:
        live = _ends_at > now
        query = select(admin_invitations).where(live).order_by(admin_invitations.c.created_at.desc())
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_invitation(row) for row in rows]

    async def find(self, code: str, *, now: Timestamp) -> Invitation | None:
        return await self._database.read(lambda connection: _found(connection, code, now))

    async def renew(self, invitation: str, *, code: str, until: Timestamp) -> Invitation:
        def work(connection: Connection) -> Invitation:
            mine = admin_invitations.c.id == invitation
            row = connection.execute(select(admin_invitations).where(mine).with_for_update()).one_or_none()
            if row is None:
                raise CodeGone("This invitation was accepted or revoked")
            values = {"code": code, **_end(until, is_to_all=row.offices is None)}
            connection.execute(update(admin_invitations).where(mine).values(**values))
            return replace(_invitation(row), until=until)

        return await self._database.write(work)

    async def revoke(self, invitation: str) -> bool:
        statement = delete(admin_invitations).where(admin_invitations.c.id == invitation)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount) == 1

    async def accept(self, code: str, made: Credentials, *, now: Timestamp) -> None:
        def work(connection: Connection) -> None:
            mine = admin_invitations.c.code == code, _ends_at > now
            if connection.execute(delete(admin_invitations).where(*mine)).rowcount != 1:
                raise CodeGone("This invitation was accepted, revoked or replaced, or its time is over")
            administrators.add(connection, self._database.dialect, made)

        await self._database.write(work)


class SqlSetupCodes:
    """Implements `ports.SetupCodeStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, code: str, *, holder: str, now: Timestamp, until: Timestamp) -> None:
        def work(connection: Connection) -> None:
            former = or_(setup_codes.c.holder == holder, setup_codes.c.until <= now)
            connection.execute(delete(setup_codes).where(former))
            connection.execute(setup_codes.insert().values(code=code, holder=holder, until=until))

        await self._database.write(work)

    async def is_valid(self, code: str, *, now: Timestamp) -> bool:
        query = select(setup_codes.c.code).where(*self._valid(code, now))
        return await self._database.read(lambda connection: connection.execute(query).first()) is not None

    async def make_owner(self, code: str, made: Credentials, *, now: Timestamp) -> None:
        def work(connection: Connection) -> None:
            self._use(connection, code, now)
            administrators.add(connection, self._database.dialect, made)

        await self._database.write(work)

    async def reset_password(
        self, code: str, administrator: AdministratorId, *, new_hash: str, mark: str, now: Timestamp
    ) -> None:
        def work(connection: Connection) -> None:
            self._use(connection, code, now)
            administrators.put_password(connection, administrator, new_hash, mark)
            administrators.switch_on(connection, administrator)

        await self._database.write(work)

    def _use(self, connection: Connection, code: str, now: Timestamp) -> None:
        """End all codes: also those that other processes have printed. Raises CodeGone if this one is not valid."""
        connection.execute(select(setup_codes).order_by(setup_codes.c.code).with_for_update()).all()
        if connection.execute(delete(setup_codes).where(*self._valid(code, now))).rowcount != 1:
            raise CodeGone("This code was used or replaced, or its time is over")
        connection.execute(delete(setup_codes))

    def _valid(self, code: str, now: Timestamp) -> tuple[Any, ...]:
        alive = select(processes.c.id).where(processes.c.until > NOW[self._database.dialect])
        is_held = or_(setup_codes.c.holder == "", setup_codes.c.holder.in_(alive))
        return setup_codes.c.code == code, setup_codes.c.until > now, is_held


def _found(connection: Connection, code: str, now: Timestamp) -> Invitation | None:
    query = select(admin_invitations).where(admin_invitations.c.code == code, _ends_at > now)
    row = connection.execute(query).one_or_none()
    return None if row is None else _invitation(row)


def _invitation(row: Row[Any]) -> Invitation:
    return Invitation(
        id=row.id,
        name=row.name,
        login=row.login,
        role=role_of(row.role),
        invited_by=row.invited_by,
        created_at=Timestamp(row.created_at),
        until=Timestamp(row.until if row.offices_until is None else row.offices_until),
        offices=administrators.offices_in(row.offices),
    )


def _end(until: Timestamp, *, is_to_all: bool) -> dict[str, float | None]:
    """The columns that say when an invitation ends. A release without single offices must not accept one to these."""
    return {"until": until, "offices_until": None} if is_to_all else {"until": 0.0, "offices_until": until}
