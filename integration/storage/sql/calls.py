"""Calls with their timelines, and the intents queued with them. `outbox.py` hands the intents out."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, desc, func, select, text

from integration.domain.calls.call import Call
from integration.domain.calls.intents import Intent
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp
from integration.domain.numbers.client import call_key
from integration.domain.numbers.numbering import DialRules, Numbering
from integration.errors import Rejected
from integration.ports.clock import Clock
from integration.ports.coordination import Lease
from integration.ports.stores import OutboxState, SavedStep
from integration.storage.sql.calls_at_once import Written, goes_first, save_at_once
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Across, Database, insert
from integration.storage.sql.leases import guard
from integration.storage.sql.schema.calls import call_events, calls, outbox
from integration.storage.sql.schema.offices import accounts
from integration.storage.sql.short_query import ShortQuery

log = structlog.get_logger()

_STATE = ShortQuery("SELECT state FROM calls WHERE account = :account AND id = :id")
_LONGEST_CALL_SECONDS = 3600.0  # of calls whose card may come back after a page reconnects
_NEVER = Timestamp(math.inf)
_recent = (
    select(calls.c.state)
    .where(
        calls.c.account == bindparam("of_account"),
        calls.c.is_merged.is_(False),
        calls.c.started_at < bindparam("before"),
    )
    .order_by(desc(calls.c.started_at))
    .limit(bindparam("at_most"))
)
_RECENT = ShortQuery.of(_recent)
_RECENT_OF_CLIENT = ShortQuery.of(_recent.where(calls.c.match_key == bindparam("of_key")))
_GOES_FIRST = text(f"SELECT {goes_first(':match_key', ':id')}")


class SqlCallStore:
    """Implements `ports.CallStore`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        upsert = insert(database.dialect, calls)
        changing = [column.name for column in calls.columns if not column.primary_key]
        self._put_call = upsert.on_conflict_do_update(
            index_elements=[calls.c.account, calls.c.id], set_={name: upsert.excluded[name] for name in changing}
        )
        last = (
            select(func.coalesce(func.max(call_events.c.seq), 0) + 1)
            .where(call_events.c.account == bindparam("of_account"), call_events.c.call == bindparam("of_call"))
            .scalar_subquery()
        )
        self._put_event = insert(database.dialect, call_events).values(seq=last)
        self._written: dict[AccountId, Written] = {}  # numberings, as they were last read
        self._put_intent = insert(database.dialect, outbox).on_conflict_do_nothing(
            index_elements=[outbox.c.account, outbox.c.call, outbox.c.key]
        )

    async def get(self, account: AccountId, call: CallId) -> Call | None:
        rows = await self._database.rows(_STATE, {"account": account, "id": call}, account)
        return decode(Call, rows[0][0]) if rows else None

    async def live(self, account: AccountId, pbx: PbxId | None = None) -> list[Call]:
        """In the order of their start; sorted here, because for ORDER BY the database walks through all calls."""
        query = select(calls.c.state).where(calls.c.account == account, calls.c.is_live)
        if pbx is not None:
            query = query.where(calls.c.pbx == pbx)
        states = await self._database.read(lambda connection: connection.execute(query).scalars().all(), account)
        return sorted((decode(Call, state) for state in states), key=lambda call: call.started_at)

    async def ended_since(self, account: AccountId, since: Timestamp) -> list[Call]:
        """For cards of calls that have just ended. The limit on their start lets SQL use the index of starts."""
        query = select(calls.c.state).where(
            calls.c.account == account,
            calls.c.started_at >= since - _LONGEST_CALL_SECONDS,
            calls.c.ended_at >= since,
            calls.c.is_merged.is_(False),
        )
        states = await self._database.read(lambda connection: connection.execute(query).scalars().all(), account)
        return [decode(Call, state) for state in states]

    async def save(self, steps: Sequence[SavedStep], *, fence: Lease | None = None) -> None:
        """
        Save all steps in one transaction. The call's key follows the account's present country and dialling rules.

        Raises:
            Unavailable: nothing was stored; save it again later.
            LeaseLost: nothing was stored; another process writes these calls now.
        """
        if not steps:
            return
        now = self._clock.now()
        of = {step.call.account for step in steps}
        if self._database.dialect == "postgresql" and len(of) == 1:
            try:
                await self._save_at_once(min(of), steps, now, fence)
                return
            except Rejected:  # if another process was writing the call at this moment, one by one they are taken
                log.info("steps are saved one by one", account_id=min(of), count=len(steps))

        def work(connection: Connection) -> None:
            if fence is not None:
                guard(connection, self._database.dialect, fence)
            self._save(connection, steps, now)

        await self._database.write(work, of.pop() if len(of) == 1 else Across.CALLS_OF_SEVERAL)

    async def _save_at_once(
        self, account: AccountId, steps: Sequence[SavedStep], now: Timestamp, fence: Lease | None
    ) -> None:
        newest = {step.call.id: step.call for step in steps}
        events = [_event_row(step.call, step.event, now) for step in steps if step.event is not None]
        intents = [intent_row(account, each, now) for step in steps for each in step.intents]
        written: Written | None = self._written.get(account, (None, None))
        while written is not None:
            self._written[account] = written
            rows = [_call_row(call, _numbering(*written), now) for call in newest.values()]
            written = await save_at_once(self._database, written, rows, events, intents, fence)

    async def recent(
        self, account: AccountId, *, match_key: str | None = None, limit: int = 50, before: Timestamp | None = None
    ) -> list[Call]:
        """Newest first, by start, without calls that were merged into another."""
        values = {"of_account": account, "of_key": match_key, "before": _NEVER if before is None else before}
        query = _RECENT if match_key is None else _RECENT_OF_CLIENT
        rows = await self._database.rows(query, values | {"at_most": limit}, account)
        return [decode(Call, state) for (state,) in rows]

    async def timeline(self, account: AccountId, call: CallId) -> list[dict[str, Any]]:
        query = (
            select(call_events.c.event)
            .where(call_events.c.account == account, call_events.c.call == call)
            .order_by(call_events.c.seq)
        )
        events = await self._database.read(lambda connection: connection.execute(query).scalars().all(), account)
        return [json.loads(event) for event in events]

    def _save(self, connection: Connection, steps: Sequence[SavedStep], now: Timestamp) -> None:
        numberings: dict[AccountId, Numbering] = {}
        for step in steps:
            call = step.call
            if call.account not in numberings:
                query = select(accounts.c.country, accounts.c.dial).where(accounts.c.account == call.account)
                numberings[call.account] = _numbering(*(connection.execute(query).first() or (None, None)))
            row = _call_row(call, numberings[call.account], now)
            connection.execute(self._put_call, row)
            if step.event is not None:
                connection.execute(self._put_event, _event_row(call, step.event, now))
            if step.intents:
                goes_first = call.answered_at is not None or bool(connection.execute(_GOES_FIRST, row).scalar())
                rows = [{**intent_row(call.account, each, now), "goes_first": goes_first} for each in step.intents]
                connection.execute(self._put_intent, rows)


@lru_cache(maxsize=1024)
def _numbering(country: str | None, dial: str | None) -> Numbering:
    """Of an account's row; without one, the default."""
    return Numbering() if country is None else Numbering(country, decode(DialRules, dial) if dial else DialRules())


def _call_row(call: Call, numbering: Numbering, now: Timestamp) -> dict[str, Any]:
    return {
        "account": call.account,
        "id": call.id,
        "pbx": call.pbx,
        "is_live": call.is_live and call.merged_into is None,
        "is_merged": call.merged_into is not None or call.elsewhere,  # neither is listed
        "direction": call.direction.value,
        "disposition": call.disposition.value if call.disposition else None,
        "match_key": call_key(call, numbering),
        "started_at": call.started_at,
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
        "saved_at": now,
        "state": encode(call),
    }


def _event_row(call: Call, event: dict[str, Any], now: Timestamp) -> dict[str, Any]:
    at = event.get("at")
    return {
        "account": call.account,
        "call": call.id,
        "of_account": call.account,
        "of_call": call.id,
        "at": at if isinstance(at, int | float) else now,
        "event": json.dumps(event, separators=(",", ":")),
    }


def intent_row(account: AccountId, intent: Intent, now: Timestamp) -> dict[str, Any]:
    """A new row of the outbox, without `goes_first`."""
    return {
        "account": account,
        "call": intent.call,
        "key": intent.key,
        "kind": intent.kind.value,
        "priority": intent.priority.value,
        "state": OutboxState.WAITING.value,
        "queued_at": now,
        "not_before": now if intent.not_before is None else intent.not_before,
        "expires_at": intent.expires_at,
        "claims": 0,
        "attempts": 0,
        "is_uncertain": False,
        "payload": json.dumps(intent.payload or {}, separators=(",", ":")),
    }
