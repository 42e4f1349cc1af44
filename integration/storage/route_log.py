"""Decisions about incoming calls with their reasons. Deciding is `domain/routing.py`'s."""

from __future__ import annotations

from sqlalchemy import select

from integration.domain.ids import AccountId, CallId, Timestamp
from integration.domain.routing import RouteDecision
from integration.storage.codec import decode, encode
from integration.storage.database import Database, insert
from integration.storage.schema import routes


class SqlRouteLog:
    """Implements `ports.RouteLog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, account: AccountId, call: CallId, decision: RouteDecision, asked_at: Timestamp) -> None:
        content = {"asked_at": asked_at, "outcome": decision.outcome.value, "decision": encode(decision)}
        statement = (
            insert(self._database.dialect, routes)
            .values(account=account, call=call, **content)
            .on_conflict_do_update(index_elements=[routes.c.account, routes.c.call], set_=content)
        )
        await self._database.write(lambda connection: connection.execute(statement))

    async def of(self, account: AccountId, call: CallId) -> RouteDecision | None:
        query = select(routes.c.decision).where(routes.c.account == account, routes.c.call == call)
        state = await self._database.read(lambda connection: connection.execute(query).scalar())
        return None if state is None else decode(RouteDecision, state)
