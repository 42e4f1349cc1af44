"""Callbacks: rows that say for which calls an entry of a callback campaign is, why it waits, who cancelled it.

Locks are taken as everywhere in campaigns: the campaign, its entries, the figures last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, text, update

from integration.domain.campaigns.callbacks import CallbackKind, campaign_of, is_of_callbacks, plan_of
from integration.domain.campaigns.model import CampaignState, Entry, EntryNumber, EntryState
from integration.domain.ids import AccountId, CallId, CampaignId, EntryId, Timestamp
from integration.domain.reasons import Reason
from integration.errors import ProtocolError
from integration.ports.callbacks import Asked, Callback, NewCallback
from integration.ports.campaigns import Added, NewEntry
from integration.ports.clock import Clock
from integration.storage.sql.campaign_entries import Adding
from integration.storage.sql.campaign_rows import Moves, count_moves, lock_entry, put_entry, scope_of
from integration.storage.sql.campaigns import lock, reopen
from integration.storage.sql.codec import decode, encode, storable
from integration.storage.sql.database import Database, Dialect, insert
from integration.storage.sql.schema.campaigns import callbacks as table
from integration.storage.sql.schema.campaigns import campaign_entries as entries_table
from integration.storage.sql.schema.campaigns import campaign_numbers as numbers_table
from integration.storage.sql.schema.campaigns import campaigns as campaigns_table

_LIVING = (EntryState.OPEN, EntryState.TAKEN)
_OVER = tuple(state for state in EntryState if state not in _LIVING)
_BY_ITSELF = "Dozvon"
_RUNNING = text("state = 'running'")  # the exact text of the index: only then is it used


class SqlCallbacks:
    """Implements `ports.callbacks.CallbackStore`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def ask(self, account: AccountId, new: NewCallback, *, office: AccountId) -> Asked:
        dialect, now = self._database.dialect, self._clock.now()

        def work(connection: Connection) -> Asked:
            # The first is a lock for all lines: one client may miss two of them at once.
            for campaign in dict.fromkeys((campaign_of(None), new.campaign)):
                _begin_campaign(connection, dialect, account, campaign, new.campaign_name, now)
                lock(connection, account, campaign)
            if connection.execute(select(table.c.call).where(*_of_call(account, new.call))).first() is not None:
                return Asked.TWICE
            known = _living_with(connection, account, [new.number])
            if known:
                _put_row(connection, dialect, account, new, known[0].campaign, known[0].id)
                return Asked.JOINED
            entry = self._add(connection, account, new, office, now)
            if entry is None:
                return Asked.DO_NOT_CALL
            put_entry(connection, account, replace(entry, due_at=new.due_at), entry.state, None)
            _put_row(connection, dialect, account, new, entry.campaign, entry.id)
            return Asked.TAKEN

        return await self._database.write(work, scope_of(account, office))

    def _add(
        self, connection: Connection, account: AccountId, new: NewCallback, office: AccountId, now: Timestamp
    ) -> Entry | None:
        """A new entry. One that the number had before has ended, and stays as it was: its calls are not counted again.
        None: the number is not called."""
        of_number = (
            numbers_table.c.account == account,
            numbers_table.c.number == new.number,
            numbers_table.c.campaign == new.campaign,
        )
        connection.execute(delete(numbers_table).where(*of_number))
        numbers = (EntryNumber(e164=new.number, zones=new.zones),)
        wanted = NewEntry(numbers=numbers, name=new.name, refs=new.refs, responsible=new.responsible)
        added = Adding(self._database.dialect, account, new.campaign, office, now).run(connection, [wanted])
        if added != [Added.TAKEN]:
            return None
        entry = connection.execute(select(numbers_table.c.entry).where(*of_number)).scalar_one()
        return lock_entry(connection, account, EntryId(entry))

    async def reached(self, account: AccountId, numbers: Sequence[str], *, at: Timestamp) -> int:
        if not numbers:
            return 0
        now = self._clock.now()

        def work(connection: Connection) -> int:
            living = [each for each in _living_with(connection, account, numbers) if each.state is EntryState.OPEN]
            asked = _asked_at(connection, account, [each.id for each in living])
            moves: Moves = Counter()
            done = [each for each in living if asked.get(each.id, 0.0) < at]
            for each in done:
                after = replace(each, state=EntryState.REACHED, due_at=None)
                moves.update(put_entry(connection, account, after, each.state, now))
            count_moves(connection, self._database.dialect, account, moves)
            return len(done)

        return await self._database.write(work, account)

    async def somebody_waits(self, account: AccountId) -> bool:
        query = select(campaigns_table.c.id).where(campaigns_table.c.account == account, _RUNNING)
        running = await self._database.read(lambda connection: connection.execute(query).scalars().all(), account)
        return any(is_of_callbacks(CampaignId(each)) for each in running)

    async def asked_at(self, account: AccountId, entries: Collection[EntryId]) -> dict[EntryId, Timestamp]:
        return await self._database.read(lambda connection: _asked_at(connection, account, entries), account)

    async def put_off(self, account: AccountId, why: Mapping[EntryId, Reason | None]) -> None:
        if not why:
            return

        def work(connection: Connection) -> None:
            for entry in sorted(why):
                reason = why[entry]
                body = encode(reason) if reason is not None else ""
                connection.execute(update(table).where(*_of_entry(account, entry)).values(why=body))

        await self._database.write(work, account)

    async def waiting(self, account: AccountId, *, limit: int = 500) -> list[Callback]:
        order = entries_table.c.due_at, entries_table.c.id
        return await self._listed(account, _LIVING, order, limit)

    async def over(self, account: AccountId, *, limit: int = 100) -> list[Callback]:
        order = (entries_table.c.changed_at.desc(), entries_table.c.id.desc())
        return await self._listed(account, _OVER, order, limit)

    async def _listed(
        self, account: AccountId, states: Sequence[EntryState], order: tuple[Any, ...], limit: int
    ) -> list[Callback]:
        def work(connection: Connection) -> list[Callback]:
            known = connection.execute(select(campaigns_table.c.id).where(campaigns_table.c.account == account))
            campaigns = [each for each in known.scalars() if is_of_callbacks(CampaignId(each))]
            if not campaigns:
                return []
            query = (
                select(entries_table)
                .where(
                    entries_table.c.account == account,
                    entries_table.c.campaign.in_(campaigns),
                    entries_table.c.state.in_([each.value for each in states]),
                )
                .order_by(*order)
                .limit(limit)
            )
            return _with_calls(connection, account, connection.execute(query).all())

        return await self._database.read(work, account)

    async def of_call(self, account: AccountId, call: CallId) -> Callback | None:
        def work(connection: Connection) -> Callback | None:
            entry = connection.execute(select(table.c.entry).where(*_of_call(account, call))).scalar()
            return None if entry is None else _one(connection, account, EntryId(entry))

        return await self._database.read(work, account)

    async def get(self, account: AccountId, entry: EntryId) -> Callback | None:
        return await self._database.read(lambda connection: _one(connection, account, entry), account)

    async def cancel(self, account: AccountId, entry: EntryId, *, by: str) -> bool:
        def work(connection: Connection) -> bool:
            known = _locked(connection, account, entry)
            if known is None or known.state not in _LIVING:
                return False
            after = replace(known, state=EntryState.REMOVED)
            moves = put_entry(connection, account, after, known.state, self._clock.now())
            connection.execute(update(table).where(*_of_entry(account, entry)).values(ended_by=storable(by)))
            count_moves(connection, self._database.dialect, account, moves)
            return True

        return await self._database.write(work, account)

    async def restore(self, account: AccountId, entry: EntryId) -> bool:
        now = self._clock.now()

        def work(connection: Connection) -> bool:
            campaign = connection.execute(select(table.c.campaign).where(*_of_entry(account, entry))).scalar()
            if campaign is None:
                return False
            lock(connection, account, CampaignId(campaign))  # before its entries, as the journal does
            known = _locked(connection, account, entry)
            if known is None or known.state is not EntryState.REMOVED:
                return False
            later = select(table.c.call).where(
                table.c.account == account,
                table.c.number.in_([each.e164 for each in known.numbers]),
                table.c.entry > entry,
            )
            if connection.execute(later.limit(1)).first() is not None:
                return False
            after = replace(known, state=EntryState.OPEN, due_at=max(known.due_at or now, now))
            moves = put_entry(connection, account, after, known.state, now)
            connection.execute(update(table).where(*_of_entry(account, entry)).values(ended_by=""))
            reopen(connection, account, known.campaign, now)
            count_moves(connection, self._database.dialect, account, moves)
            return True

        return await self._database.write(work, account)


# ---- shared with what deletes a person


def entries_with(connection: Connection, account: AccountId, number: str) -> set[int]:
    """Of all callbacks of a number, also of those that have ended."""
    query = select(table.c.entry).where(table.c.account == account, table.c.number == number)
    return set(connection.execute(query).scalars())


def drop_rows(connection: Connection, account: AccountId, entry: EntryId) -> None:
    connection.execute(delete(table).where(*_of_entry(account, entry)))


# ---- pieces


def _begin_campaign(
    connection: Connection, dialect: Dialect, account: AccountId, campaign: CampaignId, name: str, now: Timestamp
) -> None:
    """The line's campaign, unless it is there. Its list is done, until somebody is added to it."""
    row = {
        "account": account,
        "id": campaign,
        "name": storable(name),
        "state": CampaignState.FINISHED.value,
        "plan": encode(plan_of(name)),
        "revision": 1,
        "next_position": 0,
        "made_at": now,
        "made_by": _BY_ITSELF,
        "state_at": now,
        "state_by": _BY_ITSELF,
    }
    put = insert(dialect, campaigns_table).on_conflict_do_nothing(
        index_elements=[campaigns_table.c.account, campaigns_table.c.id]
    )
    connection.execute(put, row)


def _living_with(connection: Connection, account: AccountId, numbers: Sequence[str]) -> list[Entry]:
    """Open and taken entries of callbacks with one of these numbers, locked, by id."""
    query = (
        select(table.c.entry)
        .join(entries_table, (entries_table.c.account == table.c.account) & (entries_table.c.id == table.c.entry))
        .where(
            table.c.account == account,
            table.c.number.in_(numbers),
            entries_table.c.state.in_([each.value for each in _LIVING]),
        )
    )
    ids = sorted(set(connection.execute(query).scalars()))
    locked = [lock_entry(connection, account, EntryId(each)) for each in ids]
    return [each for each in locked if each is not None and each.state in _LIVING]


def _put_row(
    connection: Connection,
    dialect: Dialect,
    account: AccountId,
    new: NewCallback,
    campaign: CampaignId,
    entry: EntryId,
) -> None:
    row = {
        "account": account,
        "call": new.call,
        "campaign": campaign,
        "entry": entry,
        "number": new.number,
        "kind": new.kind.value,
        "asked_at": new.asked_at,
        "why": "",
        "ended_by": "",
    }
    put = insert(dialect, table).on_conflict_do_nothing(index_elements=[table.c.account, table.c.call])
    connection.execute(put, row)


def _asked_at(connection: Connection, account: AccountId, entries: Collection[EntryId]) -> dict[EntryId, Timestamp]:
    if not entries:
        return {}
    query = (
        select(table.c.entry, func.max(table.c.asked_at))
        .where(table.c.account == account, table.c.entry.in_(sorted(entries)))
        .group_by(table.c.entry)
    )
    return {EntryId(entry): Timestamp(at) for entry, at in connection.execute(query)}


def _locked(connection: Connection, account: AccountId, entry: EntryId) -> Entry | None:
    known = lock_entry(connection, account, entry)
    return known if known is not None and is_of_callbacks(known.campaign) else None


def _one(connection: Connection, account: AccountId, entry: EntryId) -> Callback | None:
    query = select(entries_table).where(entries_table.c.account == account, entries_table.c.id == entry)
    return next(iter(_with_calls(connection, account, connection.execute(query).all())), None)


def _with_calls(connection: Connection, account: AccountId, rows: Sequence[Any]) -> list[Callback]:
    """`rows`: of entries; those that belong to no callback are left out."""
    ids = [row.id for row in rows]
    query = select(table).where(table.c.account == account, table.c.entry.in_(ids)).order_by(table.c.asked_at)
    calls: dict[int, list[Any]] = {}
    for each in connection.execute(query).all() if ids else ():
        calls.setdefault(each.entry, []).append(each)
    return [_callback(row, calls[row.id]) for row in rows if row.id in calls]


def _callback(row: Any, calls: Sequence[Any]) -> Callback:
    newest = calls[-1]
    return Callback(
        entry=replace(decode(Entry, row.body), id=EntryId(row.id)),
        kind=CallbackKind(newest.kind),
        call=CallId(newest.call),
        calls=len(calls),
        asked_at=Timestamp(newest.asked_at),
        changed_at=Timestamp(row.changed_at),
        why=_why(next((each.why for each in calls if each.why), "")),
        cancelled_by=newest.ended_by,
    )


def _why(body: str) -> Reason | None:
    try:
        return decode(Reason, body) if body else None
    except ProtocolError:  # a newer release's
        return None


def _of_call(account: AccountId, call: CallId) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.account == account, table.c.call == call


def _of_entry(account: AccountId, entry: EntryId) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.account == account, table.c.entry == entry
