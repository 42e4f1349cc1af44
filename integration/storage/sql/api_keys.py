"""Keys of programs: hashes and what is told about them. `domain/api_keys.py` says which of them work."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, insert, or_, select, update

from integration.domain.administrators import AdministratorId
from integration.domain.api_keys import ApiKey, ApiKeyId, access_of
from integration.domain.ids import AccountId, Timestamp
from integration.ports.administrators import FoundKey
from integration.storage.sql.administrators import administrator_of
from integration.storage.sql.codec import storable
from integration.storage.sql.database import Database
from integration.storage.sql.schema.people import administrators
from integration.storage.sql.schema.people import api_keys as table

_MAKER = [column.label(f"a_{column.name}") for column in administrators.c]
_MOST_SHOWN = 500


class SqlApiKeys:
    """Implements `ports.ApiKeyStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: ApiKey, *, hash_: str, at_most: int) -> bool:
        new = insert(table).values(
            id=key.id,
            hash=hash_,
            hint=key.hint,
            name=storable(key.name),
            office=key.office,
            access=key.access.value,
            maker=key.maker,
            made_by=storable(key.made_by),
            created_at=key.created_at,
            until=key.until,
        )
        same = table.c.office.is_(None) if key.office is None else table.c.office == key.office
        count = select(func.count()).select_from(table).where(same, table.c.revoked_at.is_(None))

        def work(connection: Connection) -> bool:
            if connection.execute(count).scalar_one() >= at_most:
                return False
            connection.execute(new)
            return True

        return await self._database.write(work)

    async def find(self, hash_: str) -> FoundKey | None:
        query = _with_makers().where(table.c.hash == hash_)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _found(row)

    async def of(self, offices: frozenset[AccountId | None]) -> list[FoundKey]:
        newest_first = _with_makers().where(_is_of(offices)).order_by(table.c.created_at.desc(), table.c.id)
        rows = await self._database.read(lambda connection: connection.execute(newest_first.limit(_MOST_SHOWN)).all())
        return [_found(row) for row in rows]

    async def touch(self, key: ApiKeyId, *, now: Timestamp, address: str) -> None:
        statement = update(table).where(table.c.id == key).values(used_at=now, address=storable(address))
        await self._database.write(lambda connection: connection.execute(statement))

    async def revoke(
        self, key: ApiKeyId, *, offices: frozenset[AccountId | None], now: Timestamp, revoked_by: str
    ) -> bool:
        mine = table.c.id == key, table.c.revoked_at.is_(None), _is_of(offices)
        statement = update(table).where(*mine).values(revoked_at=now, revoked_by=storable(revoked_by))
        return await self._database.write(lambda connection: connection.execute(statement).rowcount) == 1


def _with_makers() -> Select[Any]:
    joined = table.outerjoin(administrators, administrators.c.id == table.c.maker)
    return select(table, *_MAKER).select_from(joined)


def _is_of(offices: frozenset[AccountId | None]) -> ColumnElement[bool]:
    named = table.c.office.in_(sorted(each for each in offices if each is not None))
    return or_(named, table.c.office.is_(None)) if None in offices else named


def _found(row: Row[Any]) -> FoundKey:
    def moment(value: float | None) -> Timestamp | None:
        return None if value is None else Timestamp(value)

    key = ApiKey(
        id=ApiKeyId(row.id),
        name=row.name,
        hint=row.hint,
        office=None if row.office is None else AccountId(row.office),
        access=access_of(row.access),
        maker=None if row.maker is None else AdministratorId(row.maker),
        made_by=row.made_by,
        created_at=Timestamp(row.created_at),
        until=moment(row.until),
        used_at=moment(row.used_at),
        address=row.address or "",
        revoked_at=moment(row.revoked_at),
        revoked_by=row.revoked_by or "",
    )
    return FoundKey(key, None if row.a_id is None else administrator_of(row, prefix="a_"))
