"""How somebody without a password becomes an administrator: by an invitation, or by a setup code."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, or_, select, update

from integration.domain.administrators import AdministratorId, login_key, role_of
from integration.domain.ids import Timestamp
from integration.ports.administrators import CodeGone, Credentials, Invitation, LoginTaken
from integration.storage.sql import administrators
from integration.storage.sql.database import Database, insert
from integration.storage.sql.migrate import NOW
from integration.storage.sql.schema import admin_invitations, processes, setup_codes


class SqlInvitations:
    """Implements `ports.InvitationStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, invitation: Invitation, *, code: str) -> None:
        def work(connection: Connection) -> None:
            over = admin_invitations.c.until <= invitation.created_at
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
                until=invitation.until,
            )
            once = new.on_conflict_do_nothing(index_elements=[admin_invitations.c.login_key])
            if connection.execute(once).rowcount != 1:
                raise LoginTaken(f"An invitation for {invitation.login} waits already")

        await self._database.write(work)

    async def waiting(self, *, now: Timestamp) -> list[Invitation]:
        live = admin_invitations.c.until > now
        query = select(admin_invitations).where(live).order_by(admin_invitations.c.created_at.desc())
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_invitation(row) for row in rows]

    async def find(self, code: str, *, now: Timestamp) -> Invitation | None:
        return await self._database.read(lambda connection: _found(connection, code, now))

    async def renew(self, invitation: str, *, code: str, until: Timestamp) -> Invitation:
        def work(connection: Connection) -> Invitation:
            mine = admin_invitations.c.id == invitation
            connection.execute(update(admin_invitations).where(mine).values(code=code, until=until))
            row = connection.execute(select(admin_invitations).where(mine)).one_or_none()
            if row is None:
                raise CodeGone("This invitation was accepted or revoked")
            return _invitation(row)

        return await self._database.write(work)

    async def revoke(self, invitation: str) -> bool:
        statement = delete(admin_invitations).where(admin_invitations.c.id == invitation)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount) == 1

    async def accept(self, code: str, made: Credentials, *, now: Timestamp) -> None:
        def work(connection: Connection) -> None:
            mine = admin_invitations.c.code == code, admin_invitations.c.until > now
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
    query = select(admin_invitations).where(admin_invitations.c.code == code, admin_invitations.c.until > now)
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
        until=Timestamp(row.until),
    )
