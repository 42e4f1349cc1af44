"""Stores decisions about incoming calls with their reasons. `domain/routing/route.py` decides."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, select, text

from integration.domain.ids import AccountId, CallId
from integration.domain.routing.route import RouteDecision
from integration.ports.stores import DecidedRoute
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Database
from integration.storage.sql.schema import calls, routes
from integration.storage.sql.short_query import ShortQuery

# Plain SQL text, built once: callers wait while this runs.
_REMEMBER = text(
    "INSERT INTO routes (account, call, asked_at, outcome, decision)"
    " VALUES (:account, :call, :asked_at, :outcome, :decision) ON CONFLICT (account, call) DO NOTHING"
)
_REMEMBER_KNOWN = ShortQuery(  # PostgreSQL only
    """
    WITH decided AS MATERIALIZED (
        SELECT * FROM json_to_recordset(:decided::json)
            AS each (call text, asked_at double precision, outcome text, decision text)
        WHERE EXISTS (SELECT 1 FROM calls WHERE calls.account = :account AND calls.id = each.call)
    ),
    remembered AS (
        INSERT INTO routes (account, call, asked_at, outcome, decision)
        SELECT :account, call, asked_at, outcome, decision FROM decided ON CONFLICT (account, call) DO NOTHING
    )
    SELECT call FROM decided
    """
)


_TOGETHER = 100  # decisions that are sent without asking first
_KNOWN = ShortQuery(
    "SELECT id FROM calls WHERE account = :account AND id IN (SELECT value FROM json_each(:wanted))",
    postgresql="""
        SELECT id FROM calls
        WHERE account = :account AND id IN (SELECT each FROM json_array_elements_text(:wanted::json) AS _ (each))
    """,
)


class SqlRouteLog:
    """Implements `ports.RouteLog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, account: AccountId, decided: Sequence[DecidedRoute]) -> list[CallId]:
        if len(decided) > _TOGETHER:  # most of so many wait for their calls: which can be stored is asked first
            known = await self._known(account, [each.call for each in decided])
            decided = [each for each in decided if each.call in known]
        rows = [
            {
                "account": account,
                "call": each.call,
                "asked_at": each.asked_at,
                "outcome": each.decision.outcome.value,
                "decision": encode(each.decision),
            }
            for each in decided
        ]

        if not rows:
            return []
        if self._database.dialect == "postgresql":  # one message: this runs ten times a second while callers wait
            found = await self._database.change(
                _REMEMBER_KNOWN, {"account": account, "decided": json.dumps(rows)}, account
            )
            return [CallId(call) for (call,) in found]

        def work(connection: Connection) -> list[CallId]:
            asked = [each.call for each in decided]
            query = select(calls.c.id).where(calls.c.account == account, calls.c.id.in_(asked))
            known = [CallId(found) for found in connection.execute(query).scalars()]
            if known:
                connection.execute(_REMEMBER, [row for row in rows if row["call"] in known])
            return known

        return await self._database.write(work, account)

    async def _known(self, account: AccountId, wanted: Sequence[CallId]) -> frozenset[CallId]:
        """Those of these calls that are stored."""
        found = await self._database.rows(_KNOWN, {"account": account, "wanted": json.dumps(wanted)}, account)
        return frozenset(CallId(call) for (call,) in found)

    async def of(self, account: AccountId, call: CallId) -> RouteDecision | None:
        query = select(routes.c.decision).where(routes.c.account == account, routes.c.call == call)
        state = await self._database.read(lambda connection: connection.execute(query).scalar(), account)
        return None if state is None else decode(RouteDecision, state)
