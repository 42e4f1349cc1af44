"""The lists of campaigns. A choice of the next entries walks along an index and reads only the rows that it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select, text

from integration.domain.campaigns.cards import client_deleted, on_card
from integration.domain.campaigns.model import Entry, EntryNumber, EntryState
from integration.domain.ids import AccountId, CampaignId, EntryId, Timestamp
from integration.errors import NotFound
from integration.ports.campaigns import Added, EntryQuery, ListedEntry, NewEntry
from integration.ports.clock import Clock
from integration.ports.coordination import Lease
from integration.storage.sql.campaign_rows import (
    DUE,
    FRESH,
    PROMISED,
    Moves,
    columns_of,
    count_moves,
    entry_of_row,
    listed_of_row,
    lock_entry,
    not_called,
    of_campaign,
    owners_of,
    put_entry,
    scope_of,
)
from integration.storage.sql.campaigns import lock, reopen, take_positions
from integration.storage.sql.codec import storable
from integration.storage.sql.database import Database, Dialect, insert
from integration.storage.sql.leases import guard
from integration.storage.sql.schema.campaigns import campaign_entries as table
from integration.storage.sql.schema.campaigns import campaign_numbers as numbers_table

_IS_OPEN = text("state = 'open'")  # the exact text of the index: only then is it used


class SqlCampaignEntries:
    """Implements `ports.campaigns.EntryStore`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(
        self,
        account: AccountId,
        campaign: CampaignId,
        new: Sequence[NewEntry],
        *,
        office: AccountId,
        lease: Lease | None = None,
    ) -> list[Added]:
        if not new:
            return []
        adding = Adding(self._database.dialect, account, campaign, office, self._clock.now())

        def work(connection: Connection) -> list[Added]:
            if lease is not None:
                guard(connection, self._database.dialect, lease)
            return adding.run(connection, new)

        return await self._database.write(work, scope_of(account, office))

    async def head(self, account: AccountId, campaign: CampaignId, *, now: Timestamp, limit: int) -> list[Entry]:
        def work(connection: Connection) -> list[Entry]:
            found: list[Entry] = []
            for rank in (PROMISED, DUE, FRESH):
                query = head_query(account, campaign, rank, now, limit - len(found))
                found += [entry_of_row(row) for row in connection.execute(query).all()]
                if len(found) >= limit:
                    break
            return found

        return await self._database.read(work, account)

    async def next_due(self, account: AccountId, campaign: CampaignId, *, now: Timestamp) -> Timestamp | None:
        def work(connection: Connection) -> Timestamp | None:
            moments = [
                connection.execute(
                    select(func.min(table.c.due_at)).where(
                        *of_campaign(account, campaign),
                        _IS_OPEN,
                        table.c.rank == rank,
                        table.c.weight == 0,
                        table.c.due_at > now,
                    )
                ).scalar()
                for rank in (PROMISED, DUE)
            ]
            known = [moment for moment in moments if moment is not None]
            return Timestamp(min(known)) if known else None

        return await self._database.read(work, account)

    async def defer(
        self, account: AccountId, campaign: CampaignId, entries: Sequence[EntryId], *, until: Timestamp
    ) -> None:
        if not entries:
            return

        def work(connection: Connection) -> None:
            query = select(table).where(*of_campaign(account, campaign), _IS_OPEN, table.c.id.in_(entries))
            for row in connection.execute(query.order_by(table.c.id).with_for_update()).all():
                entry = entry_of_row(row)
                if (entry.due_at or 0.0) < until:
                    put_entry(connection, account, replace(entry, due_at=until), entry.state, None)

        await self._database.write(work, account)

    async def close(
        self, account: AccountId, campaign: CampaignId, entries: Sequence[EntryId], state: EntryState
    ) -> None:
        if not entries:
            return
        now = self._clock.now()

        def work(connection: Connection) -> None:
            query = select(table).where(*of_campaign(account, campaign), _IS_OPEN, table.c.id.in_(entries))
            moves: Moves = Counter()
            for row in connection.execute(query.order_by(table.c.id).with_for_update()).all():
                done = replace(entry_of_row(row), state=state, due_at=None)
                moves.update(put_entry(connection, account, done, EntryState.OPEN, now))
            count_moves(connection, self._database.dialect, account, moves)

        await self._database.write(work, account)

    async def listing(self, account: AccountId, campaign: CampaignId, query: EntryQuery) -> list[ListedEntry]:
        chosen = select(table).where(*of_campaign(account, campaign), table.c.position > query.after)
        if query.states:
            chosen = chosen.where(table.c.state.in_([state.value for state in query.states]))
        if query.number:
            has_it = select(numbers_table.c.entry).where(
                numbers_table.c.account == account,
                numbers_table.c.number == query.number,
                numbers_table.c.campaign == campaign,
            )
            chosen = chosen.where(table.c.id.in_(has_it))
        if query.name:
            chosen = chosen.where(table.c.name.contains(query.name.casefold(), autoescape=True))
        chosen = chosen.order_by(table.c.position).limit(query.limit)
        rows = await self._database.read(lambda connection: connection.execute(chosen).all(), account)
        return [listed_of_row(row) for row in rows]

    async def get(self, account: AccountId, campaign: CampaignId, entry: EntryId) -> ListedEntry | None:
        query = select(table).where(*of_campaign(account, campaign), table.c.id == entry)
        row = await self._database.read(lambda connection: connection.execute(query).first(), account)
        return None if row is None else listed_of_row(row)

    async def several(
        self, account: AccountId, campaign: CampaignId, entries: Collection[EntryId]
    ) -> dict[EntryId, Entry]:
        if not entries:
            return {}
        query = select(table).where(*of_campaign(account, campaign), table.c.id.in_(entries))
        rows = await self._database.read(lambda connection: connection.execute(query).all(), account)
        return {entry.id: entry for entry in map(entry_of_row, rows)}

    async def follow_card(
        self,
        account: AccountId,
        campaign: CampaignId,
        entry: EntryId,
        today: Sequence[EntryNumber] | None,
        *,
        office: AccountId,
        lease: Lease,
    ) -> Entry | None:
        def work(connection: Connection) -> Entry | None:
            guard(connection, self._database.dialect, lease)
            lock(connection, account, campaign)  # before its entries, as the journal does
            known = lock_entry(connection, account, entry)
            if known is None or known.campaign != campaign or known.state is not EntryState.OPEN:
                return None
            after = client_deleted(known) if today is None else _on_card(connection, account, office, known, today)
            if after != known:
                _move_numbers(connection, self._database.dialect, account, known, after)
                moves = put_entry(connection, account, after, known.state, self._clock.now())
                count_moves(connection, self._database.dialect, account, moves)
            return after

        return await self._database.write(work, scope_of(account, office))

    async def remove(self, account: AccountId, campaign: CampaignId, entry: EntryId) -> bool:
        return await self._move(account, campaign, entry, EntryState.OPEN, EntryState.REMOVED)

    async def put_back(self, account: AccountId, campaign: CampaignId, entry: EntryId) -> bool:
        return await self._move(account, campaign, entry, EntryState.REMOVED, EntryState.OPEN)

    async def _move(
        self, account: AccountId, campaign: CampaignId, entry: EntryId, before: EntryState, after: EntryState
    ) -> bool:
        def work(connection: Connection) -> bool:
            if after is EntryState.OPEN:
                lock(connection, account, campaign)  # before its entries, as the journal does
            known = lock_entry(connection, account, entry)
            if known is None or known.campaign != campaign or known.state is not before:
                return False
            moved = replace(known, state=after, removed_why=None)
            moves = put_entry(connection, account, moved, before, self._clock.now())
            if after is EntryState.OPEN:
                reopen(connection, account, campaign, self._clock.now())
            count_moves(connection, self._database.dialect, account, moves)
            return True

        return await self._database.write(work, account)


def _on_card(
    connection: Connection, account: AccountId, office: AccountId, known: Entry, today: Sequence[EntryNumber]
) -> Entry:
    wanted = [each.e164 for each in today]
    owners = owners_of(connection, account, known.campaign, wanted)
    elsewhere = {number for number, owner in owners.items() if owner != known.id}
    return on_card(known, today, elsewhere=elsewhere, not_called=not_called(connection, office, wanted))


def _move_numbers(connection: Connection, dialect: Dialect, account: AccountId, before: Entry, after: Entry) -> None:
    """Numbers that an entry has got are its own in this campaign; those that it has lost may come back with others."""
    had, has = ({each.e164 for each in entry.numbers} for entry in (before, after))
    its = (numbers_table.c.account == account, numbers_table.c.campaign == before.campaign)
    lost = (numbers_table.c.entry == before.id, numbers_table.c.number.in_(sorted(had - has)))
    if had - has:
        connection.execute(delete(numbers_table).where(*its, *lost))
    row = {"account": account, "campaign": before.campaign, "entry": before.id}
    if has - had:
        connection.execute(insert(dialect, numbers_table), [{**row, "number": each} for each in sorted(has - had)])


def head_query(
    account: AccountId, campaign: CampaignId, rank: int, now: Timestamp, limit: int
) -> Select[tuple[int, str]]:
    """
    The next entries of a rank, along the index `campaign_entries_next`: a test looks that nothing else is read.

    Only entries that were not dialled yet have a weight, and they are due at once. For the others the weight is named,
    or the index could not pass by those that are due later.
    """
    query = select(table.c.id, table.c.body).where(*of_campaign(account, campaign), _IS_OPEN, table.c.rank == rank)
    if rank != FRESH:
        query = query.where(table.c.weight == 0, table.c.due_at <= now)
    return query.order_by(table.c.weight, table.c.due_at, table.c.position).limit(limit)


class Adding:
    """One batch of new entries, in a transaction."""

    def __init__(
        self, dialect: Dialect, account: AccountId, campaign: CampaignId, office: AccountId, now: Timestamp
    ) -> None:
        self._dialect = dialect
        self._account = account
        self._campaign = campaign
        self._office = office
        self._now = now
        self._owner: dict[str, int] = {}  # the entry of a number; of this batch: minus its index, minus 1
        self._not_called: set[str] = set()
        self._moves: Moves = Counter()

    def run(self, connection: Connection, new: Sequence[NewEntry]) -> list[Added]:
        first = take_positions(connection, self._account, self._campaign, len(new))
        if first is None:
            raise NotFound("There is no such campaign.", code="no_campaign")
        numbers = sorted({number.e164 for each in new for number in each.numbers})
        self._owner = owners_of(connection, self._account, self._campaign, numbers)
        self._not_called = not_called(connection, self._office, numbers)
        taken: list[tuple[int, NewEntry]] = []
        done = [self._decide(connection, index, each, taken) for index, each in enumerate(new)]
        rows = [self._row(first + index, each) for index, each in taken]
        if rows:
            connection.execute(table.insert(), rows)
            self._put_numbers(connection, first, taken)
        self._moves[self._campaign, EntryState.OPEN] += len(rows)
        if self._moves[self._campaign, EntryState.OPEN] > 0:
            reopen(connection, self._account, self._campaign, self._now)
        count_moves(connection, self._dialect, self._account, self._moves)
        return done

    def _decide(self, connection: Connection, index: int, new: NewEntry, taken: list[tuple[int, NewEntry]]) -> Added:
        called = [number for number in new.numbers if number.e164 not in self._not_called]
        if not called:
            return Added.DO_NOT_CALL
        own = tuple(number for number in called if number.e164 not in self._owner)
        if own:
            for number in own:
                self._owner[number.e164] = -index - 1
            taken.append((index, replace(new, numbers=own)))
            return Added.TAKEN
        return self._join(connection, self._owner[called[0].e164], new, taken)

    def _join(self, connection: Connection, owner: int, new: NewEntry, taken: list[tuple[int, NewEntry]]) -> Added:
        """All of its numbers are in the list: the entry that has them gets the other contact too."""
        if owner < 0:
            place = next(at for at, (index, _) in enumerate(taken) if index == -owner - 1)
            index, known = taken[place]
            refs = tuple(dict.fromkeys((*known.refs, *new.refs)))
            taken[place] = index, replace(known, refs=refs)
            return Added.JOINED if refs != known.refs else Added.TWICE
        entry = lock_entry(connection, self._account, EntryId(owner))
        if entry is None:
            return Added.TWICE
        is_back = entry.state is EntryState.REMOVED
        after = replace(
            entry,
            refs=tuple(dict.fromkeys((*entry.refs, *new.refs))),
            state=EntryState.OPEN if is_back else entry.state,
            removed_why=None if is_back else entry.removed_why,
        )
        if after == entry:
            return Added.TWICE
        self._moves.update(put_entry(connection, self._account, after, entry.state, self._now if is_back else None))
        return Added.TAKEN if is_back else Added.JOINED

    def _row(self, position: int, new: NewEntry) -> dict[str, Any]:
        entry = Entry(
            id=EntryId(0),  # the database draws it
            campaign=self._campaign,
            numbers=new.numbers,
            name=new.name,
            refs=new.refs,
            responsible=new.responsible,
            priority=new.priority,
            position=position,
            card=new.card,
        )
        return {
            "account": self._account,
            "campaign": self._campaign,
            "position": position,
            "comment": storable(new.comment),
            "source": new.source,
            "line": new.line,
            "changed_at": self._now,
            **columns_of(entry),
        }

    def _put_numbers(self, connection: Connection, first: int, taken: Sequence[tuple[int, NewEntry]]) -> None:
        query = select(table.c.position, table.c.id).where(
            *of_campaign(self._account, self._campaign), table.c.position >= first
        )
        ids = {row.position: row.id for row in connection.execute(query)}
        rows = [
            {"account": self._account, "number": number.e164, "campaign": self._campaign, "entry": ids[first + index]}
            for index, each in taken
            for number in each.numbers
        ]
        connection.execute(insert(self._dialect, numbers_table), rows)
