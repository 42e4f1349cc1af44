"""The lists of campaigns. A choice of the next entries walks along an index and reads only the rows that it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select, text, update

from integration.domain.campaigns.model import Entry, EntryState
from integration.domain.ids import AccountId, CampaignId, EntryId, Timestamp
from integration.errors import NotFound
from integration.ports.campaigns import Added, EntryQuery, ListedEntry, NewEntry
from integration.ports.clock import Clock
from integration.ports.coordination import Lease
from integration.storage.sql.campaigns import count_entries, lock, reopen, take_positions
from integration.storage.sql.codec import decode, encode, storable
from integration.storage.sql.database import Across, Database, Dialect, Scope, insert
from integration.storage.sql.leases import guard
from integration.storage.sql.schema import campaign_entries as table
from integration.storage.sql.schema import campaign_numbers as numbers_table
from integration.storage.sql.schema import do_not_call

_PROMISED, _DUE, _FRESH = 0, 1, 2
_IS_OPEN = text("state = 'open'")  # the exact text of the index: only then is it used


def scope_of(account: AccountId, office: AccountId) -> Scope:
    """An office's list of numbers is under its own name, which differs from the account's where it has several."""
    return account if account == office else Across.OFFICE


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
            for rank in (_PROMISED, _DUE, _FRESH):
                query = head_query(account, campaign, rank, now, limit - len(found))
                found += [_entry(row) for row in connection.execute(query).all()]
                if len(found) >= limit:
                    break
            return found

        return await self._database.read(work, account)

    async def next_due(self, account: AccountId, campaign: CampaignId, *, now: Timestamp) -> Timestamp | None:
        def work(connection: Connection) -> Timestamp | None:
            moments = [
                connection.execute(
                    select(func.min(table.c.due_at)).where(
                        *_of(account, campaign),
                        _IS_OPEN,
                        table.c.rank == rank,
                        table.c.weight == 0,
                        table.c.due_at > now,
                    )
                ).scalar()
                for rank in (_PROMISED, _DUE)
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
            query = select(table).where(*_of(account, campaign), _IS_OPEN, table.c.id.in_(entries))
            for row in connection.execute(query.order_by(table.c.id).with_for_update()).all():
                entry = _entry(row)
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
            query = select(table).where(*_of(account, campaign), _IS_OPEN, table.c.id.in_(entries))
            moves: Moves = Counter()
            for row in connection.execute(query.order_by(table.c.id).with_for_update()).all():
                done = replace(_entry(row), state=state, due_at=None)
                moves.update(put_entry(connection, account, done, EntryState.OPEN, now))
            count_moves(connection, self._database.dialect, account, moves)

        await self._database.write(work, account)

    async def listing(self, account: AccountId, campaign: CampaignId, query: EntryQuery) -> list[ListedEntry]:
        chosen = select(table).where(*_of(account, campaign), table.c.position > query.after)
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
        return [_listed(row) for row in rows]

    async def get(self, account: AccountId, campaign: CampaignId, entry: EntryId) -> ListedEntry | None:
        query = select(table).where(*_of(account, campaign), table.c.id == entry)
        row = await self._database.read(lambda connection: connection.execute(query).first(), account)
        return None if row is None else _listed(row)

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
            moved = replace(known, state=after)
            moves = put_entry(connection, account, moved, before, self._clock.now())
            if after is EntryState.OPEN:
                reopen(connection, account, campaign, self._clock.now())
            count_moves(connection, self._database.dialect, account, moves)
            return True

        return await self._database.write(work, account)


def head_query(
    account: AccountId, campaign: CampaignId, rank: int, now: Timestamp, limit: int
) -> Select[tuple[int, str]]:
    """
    The next entries of a rank, along the index `campaign_entries_next`: a test looks that nothing else is read.

    Only entries that were not dialled yet have a weight, and they are due at once. For the others the weight is named,
    or the index could not pass by those that are due later.
    """
    query = select(table.c.id, table.c.body).where(*_of(account, campaign), _IS_OPEN, table.c.rank == rank)
    if rank != _FRESH:
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
        self._owner = _owners(connection, self._account, self._campaign, numbers)
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
        )
        return {
            "account": self._account,
            "campaign": self._campaign,
            "position": position,
            "comment": storable(new.comment),
            "source": new.source,
            "line": new.line,
            "changed_at": self._now,
            **_columns(entry),
        }

    def _put_numbers(self, connection: Connection, first: int, taken: Sequence[tuple[int, NewEntry]]) -> None:
        query = select(table.c.position, table.c.id).where(
            *_of(self._account, self._campaign), table.c.position >= first
        )
        ids = {row.position: row.id for row in connection.execute(query)}
        rows = [
            {"account": self._account, "number": number.e164, "campaign": self._campaign, "entry": ids[first + index]}
            for index, each in taken
            for number in each.numbers
        ]
        connection.execute(insert(self._dialect, numbers_table), rows)


# ---- shared with the journal and the numbers that are not called


def lock_entry(connection: Connection, account: AccountId, entry: EntryId) -> Entry | None:
    query = select(table).where(table.c.account == account, table.c.id == entry).with_for_update()
    row = connection.execute(query).first()
    return None if row is None else _entry(row)


Moves = Counter[tuple[CampaignId, EntryState]]
"""How many entries came into a state or, negative, left it."""


def put_entry(
    connection: Connection, account: AccountId, entry: Entry, before: EntryState, changed_at: Timestamp | None
) -> Moves:
    """
    Replace a locked entry.

    Args:
        before: its stored state.
        changed_at: None: nobody needs to see the change.

    Returns:
        What the caller passes to `count_moves` when it has locked all that it will lock: figures come last, or two
        transactions could wait for each other.
    """
    values = _columns(entry)
    if changed_at is not None:
        values["changed_at"] = changed_at
    connection.execute(update(table).where(table.c.account == account, table.c.id == entry.id).values(**values))
    moves: Moves = Counter()
    if entry.state is not before:
        moves[entry.campaign, entry.state] += 1
        moves[entry.campaign, before] -= 1
    return moves


def count_moves(connection: Connection, dialect: Dialect, account: AccountId, moves: Moves) -> None:
    """Add to the figures of the campaigns."""
    for campaign in sorted({campaign for campaign, _ in moves}):
        by = {state: count for (each, state), count in moves.items() if each == campaign}
        count_entries(connection, dialect, account, campaign, by)


def not_called(connection: Connection, office: AccountId, numbers: Sequence[str]) -> set[str]:
    if not numbers:
        return set()
    query = select(do_not_call.c.number).where(
        do_not_call.c.account == office, do_not_call.c.number.in_(numbers), do_not_call.c.removed_at.is_(None)
    )
    return set(connection.execute(query).scalars())


def struck(entry: Entry, numbers: Iterable[str]) -> Entry:
    """The entry without these numbers; one that is open and has none left is done."""
    wanted = set(numbers)
    left = tuple(replace(each, struck=True) if each.e164 in wanted else each for each in entry.numbers)
    is_over = all(each.struck for each in left) and entry.state is EntryState.OPEN
    return replace(entry, numbers=left, state=EntryState.DO_NOT_CALL if is_over else entry.state)


def _owners(connection: Connection, account: AccountId, campaign: CampaignId, numbers: Sequence[str]) -> dict[str, int]:
    if not numbers:
        return {}
    query = select(numbers_table.c.number, numbers_table.c.entry).where(
        numbers_table.c.account == account, numbers_table.c.number.in_(numbers), numbers_table.c.campaign == campaign
    )
    return {row.number: row.entry for row in connection.execute(query)}


def _of(account: AccountId, campaign: CampaignId) -> tuple[Any, Any]:
    return table.c.account == account, table.c.campaign == campaign


def _columns(entry: Entry) -> dict[str, Any]:
    is_fresh = entry.due_at is None
    return {
        "state": entry.state.value,
        "rank": _FRESH if is_fresh else _PROMISED if entry.agreed_with is not None else _DUE,
        "weight": -entry.priority if is_fresh else 0,
        "due_at": entry.due_at or 0.0,
        "name": storable(entry.name).casefold(),
        "body": encode(entry),
    }


def _entry(row: Any) -> Entry:
    return replace(decode(Entry, row.body), id=EntryId(row.id))


def _listed(row: Row[Any]) -> ListedEntry:
    return ListedEntry(
        entry=_entry(row),
        comment=row.comment,
        source=row.source,
        line=row.line,
        changed_at=Timestamp(row.changed_at),
    )
