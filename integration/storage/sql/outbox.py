"""The outbox: work that waits, and which process has claimed it. `calls.py` queues it.

Theory of operation. Of a call's items only the oldest waiting one can be claimed; items that are done, dead, discarded
or expired block nothing. A claim first stores a lease and marks the outcome as uncertain, before anything is attempted.
If the holder dies, the lease runs out and the next holder sees `is_uncertain`. A late holder, whose lease went to
another, may still report that the item is done, because that is a fact. Its `retry`, `dead` and `expire` are ignored,
because the new holder decides now: `claims` tells the holders apart.

Within a priority, items with `goes_first` come before the rest, so that a flood of short calls does not hold up clients
(`calls.py` sets it). Every fourth item handed out is the one that has been due longest, so that nothing starves.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from integration.domain.calls.intents import IntentKind, Priority
from integration.domain.ids import AccountId, CallId, Timestamp
from integration.errors import StorageUnavailable
from integration.ports.clock import Clock
from integration.ports.stores import OutboxItem, OutboxState
from integration.storage.sql.claims import HAS_NONE_BEFORE_IT, IS_DUE, IS_FIRST, IS_WAITING, Claims, ItemRow
from integration.storage.sql.codec import storable
from integration.storage.sql.database import Across, Database
from integration.storage.sql.schema.calls import outbox
from integration.storage.sql.short_query import ShortQuery

_RESULTS = ShortQuery("SELECT key, result FROM outbox WHERE account = :account AND call = :call AND state = 'done'")
_LONGEST_ERROR = 2000  # characters; a person reads it

_may_run_at = case(
    (outbox.c.leased_until > outbox.c.not_before, outbox.c.leased_until),
    else_=outbox.c.not_before,
)

# Each is one range of the index.
_PRIORITIES: list[ColumnElement[str]] = [literal_column(f"'{each.value}'") for each in Priority]
# Steps along the index from one account with waiting items to the next, and looks for one due item of each.
_some = select(func.min(outbox.c.account).label("account")).where(IS_WAITING).cte("some", recursive=True)
_next = select(func.min(outbox.c.account)).where(IS_WAITING, outbox.c.account > _some.c.account).scalar_subquery()
_some = _some.union_all(select(_next).where(_some.c.account.is_not(None)))
_ACCOUNTS_DUE = ShortQuery.of(
    select(_some.c.account).where(
        _some.c.account.is_not(None),
        exists(
            select(outbox.c.id).where(
                outbox.c.account == _some.c.account,
                outbox.c.priority.in_(_PRIORITIES),
                IS_WAITING,
                IS_DUE,
                IS_FIRST,
            )
        ),
    )
)
_NEXT_DUE = ShortQuery.of(
    select(func.min(_may_run_at)).where(IS_WAITING, HAS_NONE_BEFORE_IT, _may_run_at > bindparam("now"))
)
IS_DEAD = outbox.c.state == literal_column(f"'{OutboxState.DEAD.value}'")


@cache
def _change(*columns: str, of_holder: bool) -> ShortQuery:
    """Sets these columns of one item. `of_holder`: if it still waits, and nobody has claimed it since."""
    which = [outbox.c.account == bindparam("of_account"), outbox.c.id == bindparam("of_item")]
    if of_holder:
        which += [IS_WAITING, outbox.c.claims == bindparam("of_claim")]
    new = {name: bindparam(f"new_{name}", type_=outbox.c[name].type) for name in columns}
    return ShortQuery.of(update(outbox).where(*which).values(new).returning(outbox.c.id))


def counted_by_account(connection: Connection) -> dict[AccountId, dict[OutboxState, int]]:
    """As `counting`, by account; only accounts for which something waits or is dead."""
    found: dict[AccountId, dict[OutboxState, int]] = {}
    for state, query in COUNTS_BY_ACCOUNT.items():
        for account, count in connection.execute(query):
            found.setdefault(AccountId(account), {OutboxState.WAITING: 0, OutboxState.DEAD: 0})[state] = count
    return found


def counting(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Count waiting and dead items, each by its own index, so that finished items cost nothing."""
    conditions = (outbox.c.call > "", *conditions)
    counts = (select(func.count()).where(which, *conditions).scalar_subquery() for which in (IS_WAITING, IS_DEAD))
    return select(*counts)


# The condition on `call` is always true. Without it SQLite takes a covering index that holds items of all states.
COUNTS_BY_ACCOUNT = {
    state: select(outbox.c.account, func.count()).where(which, outbox.c.call > "").group_by(outbox.c.account)
    for state, which in ((OutboxState.WAITING, IS_WAITING), (OutboxState.DEAD, IS_DEAD))
}


class SqlOutbox:
    """Implements `ports.Outbox`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._claims = Claims(database)

    async def claim(self, account: AccountId, *, now: Timestamp, lease_seconds: float, limit: int) -> list[OutboxItem]:
        """
        The most urgent priority first, then in the order described above. Items past `expires_at` are included:
        `expire` them. Each item's `is_uncertain` is about the attempts *before* this claim.
        """
        rows = await self._claims.take(account, now=now, lease_seconds=lease_seconds, limit=limit)
        return [_item(row, attempts=row["attempts"] + 1, claim=row["claims"] + 1) for row in rows]

    async def accounts_due(self, *, now: Timestamp) -> list[AccountId]:
        """The accounts with an item that can be claimed at `now`, in alphabetical order."""
        rows = await self._database.rows(_ACCOUNTS_DUE, {"now": now}, Across.DELIVERY)
        return sorted(AccountId(name) for (name,) in rows)

    async def next_due(self, *, now: Timestamp) -> Timestamp | None:
        """When the next item after `now` can be claimed; None if there is none. `accounts_due` says what is due now."""
        ((moment,),) = await self._database.rows(_NEXT_DUE, {"now": now}, Across.DELIVERY)
        return None if moment is None else Timestamp(moment)

    async def amend(self, item: OutboxItem, payload: dict[str, Any]) -> OutboxItem:
        """
        Replace the item's payload and return the item. The lease does not change.

        Raises:
            Unavailable: also if the lease was lost, because the new holder decides now.
        """
        if not await self._set(item, payload=json.dumps(payload)):
            raise StorageUnavailable("Another process has claimed this item since.")
        return replace(item, payload=payload)

    async def extend(self, items: Sequence[OutboxItem], *, until: Timestamp) -> set[int]:
        """Extend the leases of items of one account. Returns the ids of those that nobody else has claimed since."""
        held = tuple_(outbox.c.id, outbox.c.claims).in_([(item.id, item.claim) for item in items])
        account = items[0].account
        statement = (
            update(outbox)
            .where(outbox.c.account == account, IS_WAITING, held)
            .values(leased_until=until)
            .returning(outbox.c.id)
        )
        return await self._database.write(lambda connection: set(connection.execute(statement).scalars()), account)

    async def release(self) -> int:
        """Forget all leases, at the start of the only process on a database. Returns how many.

        Items of a killed process are then due at once, not after their lease, and are still uncertain.
        """
        statement = update(outbox).where(IS_WAITING, outbox.c.leased_until.is_not(None)).values(leased_until=None)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount, Across.RELEASE)

    async def done(self, item: OutboxItem, result: dict[str, Any]) -> None:
        """Needs no lease: that the CRM has it is a fact, whichever process says so."""
        await self._set(
            item,
            of_holder=False,
            state=OutboxState.DONE.value,
            result=json.dumps(result),
            is_uncertain=False,
            last_error=None,
            leased_until=None,
            finished_at=self._clock.now(),
        )

    async def retry(
        self, item: OutboxItem, *, at: Timestamp, error: str, is_uncertain: bool, afresh: bool = False
    ) -> None:
        values: dict[str, Any] = {"attempts": 0, "queued_at": self._clock.now()} if afresh else {}
        await self._set(
            item,
            not_before=at,
            last_error=storable(error[:_LONGEST_ERROR]),
            is_uncertain=is_uncertain,
            leased_until=None,
            **values,
        )

    async def hasten_calls(self, account: AccountId, calls: Sequence[CallId], *, now: Timestamp) -> int:
        """Leaves claimed items alone: another process is working on them."""
        is_free = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now)
        of_calls = and_(outbox.c.account == account, outbox.c.call.in_(calls))
        statement = (
            update(outbox).where(of_calls, IS_WAITING, is_free, outbox.c.not_before > now).values(not_before=now)
        )
        return await self._database.write(lambda connection: connection.execute(statement).rowcount, account)

    async def dead(self, item: OutboxItem, *, error: str) -> None:
        """Give the item up. The call's next item can then be claimed."""
        await self._set(
            item,
            state=OutboxState.DEAD.value,
            last_error=storable(error[:_LONGEST_ERROR]),
            leased_until=None,
            finished_at=self._clock.now(),
        )

    async def expire(self, item: OutboxItem) -> None:
        await self._set(
            item,
            state=OutboxState.EXPIRED.value,
            leased_until=None,
            finished_at=self._clock.now(),
        )

    async def revive(self, account: AccountId, item: int, *, now: Timestamp) -> bool:
        """Queue a dead or discarded item again. Returns False if it is neither.

        Its attempts count from 0 again, but `is_uncertain` stays: the last attempt may have succeeded.
        """
        given_up = outbox.c.state.in_([OutboxState.DEAD.value, OutboxState.DISCARDED.value])
        return await self._update(
            account,
            and_(outbox.c.id == item, given_up),
            state=OutboxState.WAITING.value,
            not_before=now,
            expires_at=None,
            attempts=0,
            finished_at=None,
        )

    async def discard(self, account: AccountId, item: int) -> bool:
        """Discard a dead item. Returns False if it is not dead."""
        return await self._update(
            account,
            and_(outbox.c.id == item, outbox.c.state == OutboxState.DEAD.value),
            state=OutboxState.DISCARDED.value,
            finished_at=self._clock.now(),
        )

    async def retry_now(self, account: AccountId, *, now: Timestamp, at_most: int | None = None) -> int:
        """Make failed items due since they were queued, so that the oldest comes first.

        Leaves out recordings, which come from the PBX, and items that were never tried: those wait on purpose.
        """
        waits = and_(
            outbox.c.account == account,
            IS_WAITING,
            outbox.c.not_before > now,
            outbox.c.attempts > 0,
            outbox.c.kind != IntentKind.FETCH_RECORDING.value,
        )
        chosen = select(outbox.c.id).where(waits).order_by(outbox.c.queued_at, outbox.c.id).limit(at_most)
        statement = update(outbox).where(waits, outbox.c.id.in_(chosen)).values(not_before=outbox.c.queued_at)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount, account)

    async def listing(self, account: AccountId, states: Sequence[OutboxState], *, limit: int = 100) -> list[OutboxItem]:
        """Newest first."""
        query = (
            select(outbox)
            .where(outbox.c.account == account, outbox.c.state.in_([state.value for state in states]))
            .order_by(outbox.c.id.desc())
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all(), account)
        return [_item(dict(row), attempts=row["attempts"], claim=row["claims"]) for row in rows]

    async def of_call(self, account: AccountId, call: CallId) -> list[OutboxItem]:
        query = select(outbox).where(outbox.c.account == account, outbox.c.call == call).order_by(outbox.c.id.desc())
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all(), account)
        return [_item(dict(row), attempts=row["attempts"], claim=row["claims"]) for row in rows]

    async def results(self, account: AccountId, call: CallId) -> dict[str, dict[str, Any]]:
        rows = await self._database.rows(_RESULTS, {"account": account, "call": call}, account)
        return {key: json.loads(result) for key, result in rows if result is not None}

    async def depth(self) -> dict[OutboxState, int]:
        return await self._counted(Across.DEPTH)

    async def depth_by_account(self) -> dict[AccountId, dict[OutboxState, int]]:
        return await self._database.read(counted_by_account, Across.DEPTH)

    async def depth_of(self, account: AccountId) -> dict[OutboxState, int]:
        return await self._counted(account, outbox.c.account == account)

    async def _counted(self, scope: AccountId | Across, *conditions: ColumnElement[bool]) -> dict[OutboxState, int]:
        query = counting(*conditions)
        waiting, dead = await self._database.read(lambda connection: connection.execute(query).one(), scope)
        return {OutboxState.WAITING: waiting, OutboxState.DEAD: dead}

    async def _update(self, account: AccountId, which: ColumnElement[bool], **values: Any) -> bool:
        statement = update(outbox).where(outbox.c.account == account, which).values(**values)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount > 0, account)

    async def _set(self, item: OutboxItem, *, of_holder: bool = True, **values: Any) -> bool:
        """Returns whether the item was changed."""
        given = {f"new_{name}": value for name, value in values.items()}
        of = {"of_account": item.account, "of_item": item.id, "of_claim": item.claim}
        query = _change(*values, of_holder=of_holder)
        return bool(await self._database.change(query, given | of, item.account))


def _item(row: ItemRow, *, attempts: int, claim: int) -> OutboxItem:
    return OutboxItem(
        id=row["id"],
        account=AccountId(row["account"]),
        call=CallId(row["call"]),
        kind=IntentKind(row["kind"]),
        key=row["key"],
        priority=Priority(row["priority"]),
        state=OutboxState(row["state"]),
        queued_at=Timestamp(row["queued_at"]),
        not_before=Timestamp(row["not_before"]),
        expires_at=None if row["expires_at"] is None else Timestamp(row["expires_at"]),
        attempts=attempts,
        claim=claim,
        is_uncertain=bool(row["is_uncertain"]),
        last_error=row["last_error"],
        payload=json.loads(row["payload"]),
        result=None if row["result"] is None else json.loads(row["result"]),
    )
