"""Stores decisions about incoming calls with their reasons. `domain/routing/route.py` decides."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, text

from integration.domain.ids import AccountId, CallId
from integration.domain.routing.route import RouteDecision
from integration.ports.stores import DecidedRoute
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Database
from integration.storage.sql.schema import calls, routes

# Plain SQL text, built once: callers wait while this runs.
_REMEMBER = text(
    "INSERT INTO routes (account, call, asked_at, outcome, decision)"
    " VALUES (:account, :call, :asked_at, :outcome, :decision) ON CONFLICT (account, call) DO NOTHING"
)


class SqlRouteLog:
    """Implements `ports.RouteLog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, account: AccountId, decided: Sequence[DecidedRoute]) -> list[CallId]:
        asked = frozenset(each.call for each in decided)
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

        def work(connection: Connection) -> list[CallId]:
            query = select(calls.c.id).where(calls.c.account == account, calls.c.id.in_(asked))
            known = [CallId(found) for found in connection.execute(query).scalars()]
            if known:
                connection.execute(_REMEMBER, [row for row in rows if row["call"] in known])
            return known

        return await self._database.write(work, account) if rows else []

    async def of(self, account: AccountId, call: CallId) -> RouteDecision | None:
        query = select(routes.c.decision).where(routes.c.account == account, routes.c.call == call)
        state = await self._database.read(lambda connection: connection.execute(query).scalar(), account)
        return None if state is None else decode(RouteDecision, state)
