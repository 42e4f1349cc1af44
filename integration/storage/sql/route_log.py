"""Stores decisions about incoming calls with their reasons. `domain/routing/route.py` decides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from sqlalchemy import select

from integration.domain.ids import AccountId, CallId
from integration.domain.routing.route import RouteDecision
from integration.ports.stores import DecidedRoute
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Database
from integration.storage.sql.schema.calls import routes
from integration.storage.sql.short_query import ShortQuery

# One message: this runs ten times a second while callers wait. SQLite has no INSERT in a WITH, and RETURNING leaves out
# what DO NOTHING left alone: so there an earlier decision's row is set to what it is.
_REMEMBER = ShortQuery(
    """
    INSERT INTO routes (account, call, asked_at, outcome, decision)
    SELECT :account, json_extract(value, '$.call'), json_extract(value, '$.asked_at'),
        json_extract(value, '$.outcome'), json_extract(value, '$.decision')
    FROM json_each(:decided)
    WHERE EXISTS (SELECT 1 FROM calls WHERE calls.account = :account AND calls.id = json_extract(value, '$.call'))
    ON CONFLICT (account, call) DO UPDATE SET call = call
    RETURNING call
    """,
    postgresql="""
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
    """,
)
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
        known = await self._known(account, [each.call for each in decided])
        rows = []
        for each in decided:
            if each.call in known:
                rows.append(
                    {
                        "call": each.call,
                        "asked_at": each.asked_at,
                        "outcome": each.decision.outcome.value,
                        "decision": encode(each.decision),
                    }
                )
                await asyncio.sleep(0)  # a caller's question goes first
        if not rows:
            return []
        found = await self._database.change(_REMEMBER, {"account": account, "decided": json.dumps(rows)}, account)
        return [CallId(call) for (call,) in found]

    async def _known(self, account: AccountId, wanted: Sequence[CallId]) -> frozenset[CallId]:
        """Those of these calls that are stored."""
        found = await self._database.rows(_KNOWN, {"account": account, "wanted": json.dumps(wanted)}, account)
        return frozenset(CallId(call) for (call,) in found)

    async def of(self, account: AccountId, call: CallId) -> RouteDecision | None:
        query = select(routes.c.decision).where(routes.c.account == account, routes.c.call == call)
        state = await self._database.read(lambda connection: connection.execute(query).scalar(), account)
        return None if state is None else decode(RouteDecision, state)
