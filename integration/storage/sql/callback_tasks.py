"""Open tasks to call back, one for each client. `services/callback_tasks.py` writes their text."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, and_, delete, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, CallId, Timestamp
from integration.errors import StorageUnavailable
from integration.ports.stores import CallbackTask
from integration.storage.sql.codec import storable
from integration.storage.sql.database import Database, insert
from integration.storage.sql.schema.crm import callback_tasks

_TRIES = 3  # another process may delete its row between our insert and our look


class SqlCallbackTasks:
    """Implements `ports.CallbackTaskStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._begin = insert(database.dialect, callback_tasks).on_conflict_do_nothing(
            index_elements=[callback_tasks.c.account, callback_tasks.c.kind, callback_tasks.c.entity]
        )

    async def of_client(self, account: AccountId, *, target: EntityRef, match_key: str) -> list[CallbackTask]:
        is_clients = or_(_is_on(target), callback_tasks.c.match_key == match_key)
        query = select(callback_tasks).where(callback_tasks.c.account == account, is_clients)
        query = query.order_by(callback_tasks.c.missed_at.desc(), callback_tasks.c.entity)
        rows = await self._database.read(lambda connection: connection.execute(query).all(), account)
        return [_task(row) for row in rows]

    async def begin(self, account: AccountId, task: CallbackTask) -> CallbackTask:
        row = {"account": account, "kind": task.target.kind.value, "entity": task.target.id, **_content(task)}
        query = select(callback_tasks).where(callback_tasks.c.account == account, _is_on(task.target))

        def work(connection: Connection) -> Row[Any] | None:
            connection.execute(self._begin, row)
            return connection.execute(query).first()

        for _ in range(_TRIES):
            found = await self._database.write(work, account)
            if found is not None:
                return _task(found)
        raise StorageUnavailable("Another process is changing this task. Try again.")

    async def take_over(self, account: AccountId, target: EntityRef, *, of: CallId, call: CallId) -> bool:
        statement = _of(account, target).where(callback_tasks.c.made_by == of, callback_tasks.c.task.is_(None))
        return await self._database.write(
            lambda connection: connection.execute(statement.values(made_by=call)).rowcount > 0, account
        )

    async def put(self, account: AccountId, task: CallbackTask) -> None:
        statement = _of(account, task.target).values(**_content(task))
        await self._database.write(lambda connection: connection.execute(statement), account)

    async def remove(self, account: AccountId, target: EntityRef) -> None:
        statement = delete(callback_tasks).where(callback_tasks.c.account == account, _is_on(target))
        await self._database.write(lambda connection: connection.execute(statement), account)


def _of(account: AccountId, target: EntityRef) -> Any:
    return update(callback_tasks).where(callback_tasks.c.account == account, _is_on(target))


def _is_on(target: EntityRef) -> ColumnElement[bool]:
    return and_(callback_tasks.c.kind == target.kind.value, callback_tasks.c.entity == target.id)


def _content(task: CallbackTask) -> dict[str, Any]:
    return {
        "match_key": task.match_key,
        "made_by": task.made_by,
        "task": task.task,
        "text": storable(task.text),
        "missed_at": task.missed_at,
        "written_at": task.written_at,
    }


def _task(row: Row[Any]) -> CallbackTask:
    return CallbackTask(
        target=EntityRef(EntityKind(row.kind), row.entity),
        match_key=row.match_key,
        made_by=CallId(row.made_by),
        task=row.task,
        text=row.text,
        missed_at=Timestamp(row.missed_at),
        written_at=Timestamp(row.written_at),
    )
