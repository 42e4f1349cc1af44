"""Notes of calls. The row of the call is locked while a note changes.

So the end of a call, which queues its entry for the CRM, comes either before or after a change, never in the middle:
the change sees the queued entry and queues its delivery behind it, or the entry's delivery finds the note.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from integration.domain.calls.intents import Intent, IntentKind
from integration.domain.calls.notes import CallNote
from integration.domain.ids import AccountId, CallId, ManagerId
from integration.ports.clock import Clock
from integration.ports.notes import NoteChange, NoteIntents
from integration.storage.sql.calls import intent_row
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Database, insert
from integration.storage.sql.schema.calls import call_notes, calls, outbox


class SqlCallNotes:
    """Implements `ports.notes.CallNotes`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        put = insert(database.dialect, call_notes)
        self._put = put.on_conflict_do_update(
            index_elements=[call_notes.c.account, call_notes.c.call, call_notes.c.manager],
            set_={"state": put.excluded.state},
        )
        self._queue = insert(database.dialect, outbox).on_conflict_do_nothing(
            index_elements=[outbox.c.account, outbox.c.call, outbox.c.key]
        )

    async def get(self, account: AccountId, call: CallId, manager: ManagerId) -> CallNote | None:
        query = select(call_notes.c.state).where(*_of(account, call), call_notes.c.manager == manager)
        state = await self._database.read(lambda connection: connection.execute(query).scalar(), account)
        return None if state is None else decode(CallNote, state)

    async def of_call(self, account: AccountId, call: CallId) -> list[CallNote]:
        return await self._database.read(lambda connection: _all(connection, account, call), account)

    async def change(
        self, account: AccountId, call: CallId, manager: ManagerId, change: NoteChange, queue: NoteIntents
    ) -> CallNote:
        query = select(call_notes.c.state).where(*_of(account, call), call_notes.c.manager == manager)

        def work(connection: Connection) -> CallNote:
            _lock(connection, account, call)
            state = connection.execute(query).scalar()
            known = CallNote(account=account, call=call, manager=manager) if state is None else decode(CallNote, state)
            changed = change(known)
            if changed == known:
                return known
            now = self._clock.now()
            row = {"account": account, "call": call, "manager": manager, "begun_at": now, "state": encode(changed)}
            connection.execute(self._put, row)
            if _is_entry_queued(connection, account, call):
                self._put_intents(connection, account, queue(changed))
            return changed

        return await self._database.write(work, account)

    async def queue_for(self, account: AccountId, call: CallId, queue: NoteIntents) -> int:
        if not await self.of_call(account, call):
            return 0  # no write for the many calls without a note; a note that is being written queues itself

        def work(connection: Connection) -> int:
            intents = [intent for note in _all(connection, account, call) for intent in queue(note)]
            self._put_intents(connection, account, intents)
            return len(intents)

        return await self._database.write(work, account)

    def _put_intents(self, connection: Connection, account: AccountId, intents: Sequence[Intent]) -> None:
        now = self._clock.now()
        rows = [{**intent_row(account, each, now), "goes_first": True} for each in intents]
        if rows:
            connection.execute(self._queue, rows)


def _of(account: AccountId, call: CallId) -> tuple[Any, Any]:
    return call_notes.c.account == account, call_notes.c.call == call


def _lock(connection: Connection, account: AccountId, call: CallId) -> None:
    """Until the end of the transaction; SQLite has one writer anyway."""
    row = select(calls.c.id).where(calls.c.account == account, calls.c.id == call)
    connection.execute(row.with_for_update(key_share=True))


def _is_entry_queued(connection: Connection, account: AccountId, call: CallId) -> bool:
    entry = select(outbox.c.id).where(
        outbox.c.account == account, outbox.c.call == call, outbox.c.key == IntentKind.LOG_CALL.value
    )
    return connection.execute(entry).first() is not None


def _all(connection: Connection, account: AccountId, call: CallId) -> list[CallNote]:
    order = call_notes.c.begun_at, call_notes.c.manager
    rows: Sequence[Row[Any]] = connection.execute(
        select(call_notes.c.state).where(*_of(account, call)).order_by(*order)
    ).all()
    return [decode(CallNote, row.state) for row in rows]
