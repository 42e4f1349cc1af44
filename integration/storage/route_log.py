"""Decisions about incoming calls with their reasons. Deciding is `domain/routing.py`'s."""

from __future__ import annotations

from sqlalchemy import select, text

from integration.domain.ids import AccountId, CallId, Timestamp
from integration.domain.routing import RouteDecision
from integration.storage.codec import decode, encode
from integration.storage.database import Database
from integration.storage.schema import routes

# Text, not built each time: it is written while callers wait for decisions.
_REMEMBER = text(
    "INSERT INTO routes (account, call, asked_at, outcome, decision)"
    " VALUES (:account, :call, :asked_at, :outcome, :decision) ON CONFLICT (account, call) DO UPDATE"
    " SET asked_at = excluded.asked_at, outcome = excluded.outcome, decision = excluded.decision"
)


class SqlRouteLog:
    """Implements `ports.RouteLog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, account: AccountId, call: CallId, decision: RouteDecision, asked_at: Timestamp) -> None:
        row = {
            "account": account,
            "call": call,
            "asked_at": asked_at,
            "outcome": decision.outcome.value,
            "decision": encode(decision),
        }
        await self._database.write(lambda connection: connection.execute(_REMEMBER, row), account)

    async def of(self, account: AccountId, call: CallId) -> RouteDecision | None:
        query = select(routes.c.decision).where(routes.c.account == account, routes.c.call == call)
        state = await self._database.read(lambda connection: connection.execute(query).scalar(), account)
        return None if state is None else decode(RouteDecision, state)
