"""The journal of attempts: written before a number is dialled, ended after. A killed process leaves nothing unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, or_, select, text, update

from integration.domain.campaigns.expected_end import Pace
from integration.domain.campaigns.model import (
    NO_ATTEMPT,
    Attempt,
    AttemptState,
    CampaignState,
    Entry,
    EntryState,
    Outcome,
    Try,
)
from integration.domain.ids import AccountId, AttemptId, CallId, CampaignId, EntryId, Timestamp
from integration.ports.campaigns import MOST_OF_PACE, JournalRefusal
from integration.ports.clock import Clock
from integration.ports.coordination import Lease
from integration.storage.sql.campaign_dialling import count_day
from integration.storage.sql.campaign_rows import count_moves, lock_entry, not_called, put_entry, scope_of
from integration.storage.sql.campaigns import count_outcome, lock
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Database, Dialect, insert
from integration.storage.sql.leases import guard
from integration.storage.sql.schema.campaigns import campaign_attempts as table
from integration.storage.sql.schema.campaigns import campaign_reservations, campaigns

_UNDER_WAY = text("state <> 'ended'")  # the exact text of the index: only then is it used
_FINAL = frozenset({EntryState.REMOVED, EntryState.DO_NOT_CALL})
"""What somebody decided about an entry while it was dialled; the call's end does not undo it."""


class SqlAttempts:
    """Implements `ports.campaigns.AttemptJournal`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def write(
        self, account: AccountId, attempt: Attempt, *, office: AccountId, lease: Lease
    ) -> JournalRefusal | None:
        dialect = self._database.dialect
        # A second row of a number that is under way is refused by an index, whichever process is faster.
        put = insert(dialect, table).on_conflict_do_nothing()

        def work(connection: Connection) -> JournalRefusal | None:
            guard(connection, dialect, lease)
            campaign = lock(connection, account, attempt.campaign)
            if campaign is None or campaign.state != CampaignState.RUNNING.value:
                return JournalRefusal.NOT_RUNNING
            entry = lock_entry(connection, account, attempt.entry)
            if entry is None or entry.campaign != attempt.campaign or entry.state is not EntryState.OPEN:
                return JournalRefusal.NOT_OPEN
            if not any(number.e164 == attempt.number and not number.struck for number in entry.numbers):
                return JournalRefusal.STRUCK
            if not_called(connection, office, [attempt.number]):
                return JournalRefusal.DO_NOT_CALL
            if not _reserve(connection, dialect, account, attempt):
                return JournalRefusal.UNDER_WAY
            if connection.execute(put, attempt_row(account, attempt)).rowcount == 0:
                _let_go(connection, account, attempt.id)
                return JournalRefusal.UNDER_WAY
            taken = replace(entry, state=EntryState.TAKEN)
            moves = put_entry(connection, account, taken, entry.state, self._clock.now())
            count_moves(connection, dialect, account, moves)
            return None

        return await self._database.write(work, scope_of(account, office))

    async def sent(
        self, account: AccountId, attempt: AttemptId, *, at: Timestamp, lease: Lease, call: CallId | None = None
    ) -> bool:
        def work(connection: Connection) -> bool:
            guard(connection, self._database.dialect, lease)
            known = locked_attempt(connection, account, attempt)
            if known is None or known.state is not AttemptState.WRITTEN:
                return False
            state = select(campaigns.c.state).where(campaigns.c.account == account, campaigns.c.id == known.campaign)
            if connection.execute(state).scalar() != CampaignState.RUNNING.value:
                return False  # paused or stopped since it was written
            put_attempt(connection, account, replace(known, state=AttemptState.SENT, sent_at=at, call=call))
            return True

        return await self._database.write(work, account)

    async def end(
        self,
        account: AccountId,
        attempt: Attempt,
        entry: Entry,
        *,
        day: date | None = None,
        lease: Lease | None = None,
    ) -> bool:
        if attempt.outcome is None:
            raise ValueError("an attempt ends with an outcome")
        dialect = self._database.dialect
        outcome: Outcome = attempt.outcome

        def work(connection: Connection) -> bool:
            if lease is not None:
                guard(connection, dialect, lease)
            known = locked_attempt(connection, account, attempt.id)
            if known is None or known.state is AttemptState.ENDED:
                return False
            put_attempt(connection, account, replace(attempt, state=AttemptState.ENDED))
            _let_go(connection, account, attempt.id)
            stored = lock_entry(connection, account, entry.id)
            if stored is not None:
                moves = put_entry(connection, account, _after(stored, entry), stored.state, self._clock.now())
                count_moves(connection, dialect, account, moves)
            count_outcome(connection, dialect, account, attempt.campaign, outcome)
            if day is not None:
                count_day(connection, dialect, account, attempt.campaign, day, outcome)
            return True

        return await self._database.write(work, account)

    async def get(self, account: AccountId, attempt: AttemptId) -> Attempt | None:
        query = select(table.c.body).where(table.c.account == account, table.c.id == attempt)
        body = await self._database.read(lambda connection: connection.execute(query).scalar(), account)
        return None if body is None else decode(Attempt, body)

    async def under_way(self, account: AccountId, campaign: CampaignId | None = None) -> list[Attempt]:
        query = select(table.c.body).where(table.c.account == account, _UNDER_WAY).order_by(table.c.written_at)
        if campaign is not None:
            query = query.where(table.c.campaign == campaign)
        rows = await self._database.read(lambda connection: connection.execute(query).scalars().all(), account)
        return [decode(Attempt, body) for body in rows]

    async def of_call(self, account: AccountId, call: CallId) -> Attempt | None:
        query = select(table.c.body).where(table.c.account == account, table.c.call == call)
        body = await self._database.read(lambda connection: connection.execute(query).scalar(), account)
        return None if body is None else decode(Attempt, body)

    async def tries(
        self, account: AccountId, *, numbers: Sequence[str] = (), entries: Sequence[EntryId] = (), since: Timestamp
    ) -> list[Try]:
        if not numbers and not entries:
            return []
        query = (
            select(table.c.campaign, table.c.entry, table.c.number, table.c.written_at, table.c.outcome)
            .where(
                table.c.account == account,
                or_(table.c.number.in_(numbers), table.c.entry.in_(entries)),
                table.c.written_at >= since,
            )
            .order_by(table.c.written_at)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all(), account)
        return [_try(row) for row in rows]

    async def log(
        self, account: AccountId, campaign: CampaignId, *, before: Timestamp | None = None, limit: int = 100
    ) -> list[Attempt]:
        query = select(table.c.body).where(table.c.account == account, table.c.campaign == campaign)
        if before is not None:
            query = query.where(table.c.written_at < before)
        query = query.order_by(table.c.written_at.desc()).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).scalars().all(), account)
        return [decode(Attempt, body) for body in rows]

    async def pace(
        self, account: AccountId, campaign: CampaignId, *, since: Timestamp, most: int = MOST_OF_PACE
    ) -> Pace:
        newest = (
            select(table.c.written_at, table.c.outcome)
            .where(table.c.account == account, table.c.campaign == campaign, table.c.written_at >= since)
            .order_by(table.c.written_at.desc())
            .limit(most)
        )
        rows = await self._database.read(lambda connection: connection.execute(newest).all(), account)
        rang = [written_at for written_at, outcome in rows if outcome is None or Outcome(outcome) not in NO_ATTEMPT]
        return Pace(
            dialled=len(rang),
            since=since if len(rows) < most else Timestamp(rows[-1].written_at),
            last=Timestamp(rang[0]) if rang else None,
        )


def _after(stored: Entry, wanted: Entry) -> Entry:
    """What becomes of an entry whose attempt ended, with what people decided about it meanwhile."""
    struck = {number.e164 for number in stored.numbers if number.struck}
    numbers = tuple(replace(each, struck=True) if each.e164 in struck else each for each in wanted.numbers)
    state = stored.state if stored.state in _FINAL else wanted.state
    if state is EntryState.OPEN and all(number.struck for number in numbers):
        state = EntryState.NOT_REACHED
    return replace(wanted, numbers=numbers, state=state, refs=stored.refs, position=stored.position)


def _reserve(connection: Connection, dialect: Dialect, account: AccountId, attempt: Attempt) -> bool:
    """Keep the attempt's employee for it. False: another attempt, of whatever campaign, has them."""
    if attempt.employee is None:
        return True
    put = insert(dialect, campaign_reservations).on_conflict_do_nothing()
    row = {"account": account, "employee": attempt.employee, "attempt": attempt.id}
    return bool(connection.execute(put, row).rowcount)


def _let_go(connection: Connection, account: AccountId, attempt: AttemptId) -> None:
    held = campaign_reservations
    connection.execute(delete(held).where(held.c.account == account, held.c.attempt == attempt))


def locked_attempt(connection: Connection, account: AccountId, attempt: AttemptId) -> Attempt | None:
    query = select(table.c.body).where(table.c.account == account, table.c.id == attempt).with_for_update()
    body = connection.execute(query).scalar()
    return None if body is None else decode(Attempt, body)


def put_attempt(connection: Connection, account: AccountId, attempt: Attempt) -> None:
    row = attempt_row(account, attempt)
    key = table.c.account == account, table.c.id == attempt.id
    connection.execute(update(table).where(*key).values(**row))


def attempt_row(account: AccountId, attempt: Attempt) -> dict[str, Any]:
    return {
        "account": account,
        "id": attempt.id,
        "campaign": attempt.campaign,
        "entry": attempt.entry,
        "number": attempt.number,
        "state": attempt.state.value,
        "written_at": attempt.written_at,
        "outcome": attempt.outcome,
        "call": attempt.call,
        "body": encode(attempt),
    }


def _try(row: Any) -> Try:
    return Try(
        campaign=CampaignId(row.campaign),
        entry=EntryId(row.entry),
        number=row.number,
        at=Timestamp(row.written_at),
        outcome=None if row.outcome is None else Outcome(row.outcome),
    )
