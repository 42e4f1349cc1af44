"""Campaigns, their history, their figures. `campaign_entries.py` has the lists, `campaign_attempts.py` the journal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from integration.domain.campaigns.callbacks import is_of_callbacks
from integration.domain.campaigns.model import CampaignState, EntryState, Outcome
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.ids import AccountId, CampaignId, Timestamp
from integration.ports.campaigns import CampaignChange, CampaignCounts, ChangeKind, StoredCampaign
from integration.ports.clock import Clock
from integration.storage.sql.codec import decode, encode, storable
from integration.storage.sql.database import Database, Dialect, insert
from integration.storage.sql.schema.campaigns import campaign_changes as changes
from integration.storage.sql.schema.campaigns import campaign_counts as counts_table
from integration.storage.sql.schema.campaigns import campaign_entries as entries_table
from integration.storage.sql.schema.campaigns import campaigns as table

_ENTRY, _OUTCOME = "entry", "outcome"
_BY_ITSELF = "Dozvon"
_STATES, _OUTCOMES = frozenset(EntryState), frozenset(Outcome)


class SqlCampaigns:
    """Implements `ports.campaigns.CampaignStore`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def all(self, account: AccountId) -> list[StoredCampaign]:
        query = select(table).where(table.c.account == account).order_by(table.c.made_at.desc(), table.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all(), account)
        return [_stored(row) for row in rows if not is_of_callbacks(CampaignId(row.id))]

    async def get(self, account: AccountId, campaign: CampaignId) -> StoredCampaign | None:
        return await self._database.read(lambda connection: _one(connection, account, campaign), account)

    async def make(self, account: AccountId, campaign: CampaignId, plan: CampaignPlan, *, by: str) -> bool:
        now = self._clock.now()
        row = {
            "account": account,
            "id": campaign,
            "name": storable(plan.name),
            "state": CampaignState.DRAFT.value,
            "plan": encode(plan),
            "revision": 1,
            "next_position": 0,
            "made_at": now,
            "made_by": storable(by),
            "state_at": now,
            "state_by": storable(by),
        }
        put = insert(self._database.dialect, table).on_conflict_do_nothing(index_elements=[table.c.account, table.c.id])

        def work(connection: Connection) -> bool:
            if connection.execute(put, row).rowcount == 0:
                return False
            self._record(connection, account, campaign, by, ChangeKind.MADE, after=encode(plan))
            return True

        return await self._database.write(work, account)

    async def change(
        self, account: AccountId, campaign: CampaignId, plan: CampaignPlan, *, seen: int, by: str
    ) -> StoredCampaign | None:
        def work(connection: Connection) -> StoredCampaign | None:
            known = _one(connection, account, campaign, lock=True)
            if known is None or known.revision != seen:
                return None
            if known.plan == plan:
                return known
            self._record(
                connection, account, campaign, by, ChangeKind.PLAN, before=encode(known.plan), after=encode(plan)
            )
            return _put_plan(connection, known, plan)

        return await self._database.write(work, account)

    async def undo(self, account: AccountId, campaign: CampaignId, seq: int, *, by: str) -> StoredCampaign | None:
        of_plan = changes.c.what.in_([ChangeKind.PLAN.value, ChangeKind.UNDONE.value])
        last = (
            select(changes)
            .where(changes.c.account == account, changes.c.campaign == campaign, of_plan)
            .order_by(changes.c.seq.desc())
            .limit(1)
        )

        def work(connection: Connection) -> StoredCampaign | None:
            known = _one(connection, account, campaign, lock=True)
            row = connection.execute(last).first()
            if known is None or row is None or row.seq != seq:
                return None
            plan = decode(CampaignPlan, row.before)
            self._record(
                connection,
                account,
                campaign,
                by,
                ChangeKind.UNDONE,
                before=encode(known.plan),
                after=encode(plan),
                undoes=seq,
            )
            return _put_plan(connection, known, plan)

        return await self._database.write(work, account)

    async def set_state(
        self,
        account: AccountId,
        campaign: CampaignId,
        state: CampaignState,
        *,
        by: str,
        only_from: Sequence[CampaignState],
    ) -> bool:
        def work(connection: Connection) -> bool:
            known = _one(connection, account, campaign, lock=True)
            if known is None or known.state not in only_from:
                return False
            if state is CampaignState.FINISHED and _has_somebody(connection, account, campaign):
                return False  # added a moment ago, while the campaign still ran
            values = {"state": state.value, "state_at": self._clock.now(), "state_by": storable(by)}
            connection.execute(update(table).where(*_is(account, campaign)).values(**values))
            self._record(
                connection, account, campaign, by, ChangeKind.STATE, before=known.state.value, after=state.value
            )
            return True

        return await self._database.write(work, account)

    async def history(self, account: AccountId, campaign: CampaignId, *, limit: int = 100) -> list[CampaignChange]:
        query = (
            select(changes)
            .where(changes.c.account == account, changes.c.campaign == campaign)
            .order_by(changes.c.seq.desc())
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all(), account)
        return [_change(row) for row in rows]

    async def counts(self, account: AccountId) -> dict[CampaignId, CampaignCounts]:
        query = select(counts_table.c.campaign, counts_table.c.what, counts_table.c.count).where(
            counts_table.c.account == account
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all(), account)
        entries: dict[str, dict[EntryState, int]] = defaultdict(dict)
        outcomes: dict[str, dict[Outcome, int]] = defaultdict(dict)
        for campaign, what, count in rows:  # what the next release counts beside this one is passed over
            kind, _, member = what.partition(".")
            if kind == _ENTRY and member in _STATES:
                entries[campaign][EntryState(member)] = count
            elif kind == _OUTCOME and member in _OUTCOMES:
                outcomes[campaign][Outcome(member)] = count
        return {
            CampaignId(each): CampaignCounts(entries=entries[each], outcomes=outcomes[each])
            for each in entries.keys() | outcomes.keys()
        }

    def _record(
        self,
        connection: Connection,
        account: AccountId,
        campaign: CampaignId,
        by: str,
        kind: ChangeKind,
        *,
        before: str = "",
        after: str = "",
        undoes: int | None = None,
    ) -> None:
        row = {
            "at": self._clock.now(),
            "who": storable(by),
            "what": kind.value,
            "before": before,
            "after": after,
            "undoes": undoes,
        }
        _add_change(connection, account, campaign, row)


def lock(connection: Connection, account: AccountId, campaign: CampaignId) -> Row[Any] | None:
    """The campaign's row, locked until the end of the transaction; None: there is none."""
    return connection.execute(select(table).where(*_is(account, campaign)).with_for_update()).first()


def _add_change(connection: Connection, account: AccountId, campaign: CampaignId, row: dict[str, Any]) -> None:
    """The campaign's row is locked, or new: nobody else takes the same number."""
    mine = changes.c.account == account, changes.c.campaign == campaign
    last = connection.execute(select(func.coalesce(func.max(changes.c.seq), 0)).where(*mine)).scalar_one()
    connection.execute(changes.insert(), {"account": account, "campaign": campaign, "seq": last + 1, **row})


def reopen(connection: Connection, account: AccountId, campaign: CampaignId, now: Timestamp) -> None:
    """A finished campaign goes on: its list has somebody to call again."""
    finished = CampaignState.FINISHED.value
    values = {"state": CampaignState.RUNNING.value, "state_at": now, "state_by": _BY_ITSELF}
    statement = update(table).where(*_is(account, campaign), table.c.state == finished).values(**values)
    if connection.execute(statement).rowcount:
        row = {"at": now, "who": _BY_ITSELF, "what": ChangeKind.STATE.value, "before": finished,
               "after": CampaignState.RUNNING.value, "undoes": None}  # fmt: skip
        _add_change(connection, account, campaign, row)


def take_positions(connection: Connection, account: AccountId, campaign: CampaignId, count: int) -> int | None:
    """Take the next `count` positions of a list; who adds at the same time waits. None: there is no such campaign."""
    statement = (
        update(table)
        .where(*_is(account, campaign))
        .values(next_position=table.c.next_position + count)
        .returning(table.c.next_position)
    )
    after = connection.execute(statement).scalar()
    return None if after is None else int(after) - count


def count_entries(
    connection: Connection, dialect: Dialect, account: AccountId, campaign: CampaignId, by: Mapping[EntryState, int]
) -> None:
    """Add to the figures how many entries came into a state (or, negative, left it), in the same transaction."""
    _count(connection, dialect, account, campaign, {f"{_ENTRY}.{state}": number for state, number in by.items()})


def count_outcome(
    connection: Connection, dialect: Dialect, account: AccountId, campaign: CampaignId, outcome: Outcome
) -> None:
    _count(connection, dialect, account, campaign, {f"{_OUTCOME}.{outcome}": 1})


def _count(
    connection: Connection, dialect: Dialect, account: AccountId, campaign: CampaignId, by: Mapping[str, int]
) -> None:
    put = insert(dialect, counts_table)
    put = put.on_conflict_do_update(
        index_elements=[counts_table.c.account, counts_table.c.campaign, counts_table.c.what],
        set_={"count": counts_table.c.count + put.excluded["count"]},
    )
    for what in sorted(by):  # one order for all processes prevents a deadlock
        if by[what]:
            row = {"account": account, "campaign": campaign, "what": what, "count": by[what]}
            connection.execute(put, row)


def _is(account: AccountId, campaign: CampaignId) -> tuple[Any, Any]:
    return table.c.account == account, table.c.id == campaign


def _one(
    connection: Connection, account: AccountId, campaign: CampaignId, *, lock: bool = False
) -> StoredCampaign | None:
    query = select(table).where(*_is(account, campaign))
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else _stored(row)


def _has_somebody(connection: Connection, account: AccountId, campaign: CampaignId) -> bool:
    """Whether an entry is open or being dialled. The campaign's row is locked, so none is added meanwhile."""
    waiting = [EntryState.OPEN.value, EntryState.TAKEN.value]
    query = select(entries_table.c.id).where(
        entries_table.c.account == account, entries_table.c.campaign == campaign, entries_table.c.state.in_(waiting)
    )
    return connection.execute(query.limit(1)).first() is not None


def _put_plan(connection: Connection, known: StoredCampaign, plan: CampaignPlan) -> StoredCampaign:
    values = {"plan": encode(plan), "name": storable(plan.name), "revision": known.revision + 1}
    statement = update(table).where(*_is(known.account, known.id)).values(**values).returning(table)
    return _stored(connection.execute(statement).one())


def _stored(row: Row[Any]) -> StoredCampaign:
    return StoredCampaign(
        id=CampaignId(row.id),
        account=AccountId(row.account),
        plan=decode(CampaignPlan, row.plan),
        state=CampaignState(row.state),
        revision=row.revision,
        made_at=Timestamp(row.made_at),
        made_by=row.made_by,
        state_at=Timestamp(row.state_at),
        state_by=row.state_by,
    )


def _change(row: Row[Any]) -> CampaignChange:
    kind = ChangeKind(row.what)
    is_state, is_deletion = kind is ChangeKind.STATE, kind is ChangeKind.DELETED
    is_plan = not is_state and not is_deletion
    return CampaignChange(
        seq=row.seq,
        at=Timestamp(row.at),
        who=row.who,
        kind=kind,
        before=decode(CampaignPlan, row.before) if is_plan and row.before else None,
        after=decode(CampaignPlan, row.after) if is_plan and row.after else None,
        state_before=CampaignState(row.before) if is_state else None,
        state_after=CampaignState(row.after) if is_state else None,
        undoes=row.undoes,
        name=row.before if is_deletion else "",
    )
