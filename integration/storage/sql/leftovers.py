"""What removed accounts have left: their deliveries and calls. Implements `ports.Leftovers`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Select, Table, delete, func, or_, select

from integration.domain.ids import AccountId, Timestamp
from integration.errors import Rejected
from integration.ports.clock import Clock
from integration.ports.leftovers import Leftover
from integration.ports.stores import OutboxState
from integration.storage.sql.claims import IS_WAITING
from integration.storage.sql.database import Across, Database
from integration.storage.sql.outbox import IS_DEAD, counted_by_account
from integration.storage.sql.schema.calls import calls, outbox


class SqlLeftovers:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def found(self, *, besides: Collection[AccountId]) -> list[Leftover]:
        def work(connection: Connection) -> list[Leftover]:
            depths = counted_by_account(connection)
            with_calls = set(connection.execute(_distinct_accounts(calls)).scalars()) - {None}
            left = sorted((depths.keys() | with_calls) - set(besides))
            return [self._leftover(connection, AccountId(account), depths.get(account, {})) for account in left]

        return await self._database.read(work, Across.LEFTOVERS)

    def _leftover(self, connection: Connection, account: AccountId, depth: dict[OutboxState, int]) -> Leftover:
        of_account = calls.c.account == account
        count, last = connection.execute(select(func.count(), func.max(calls.c.started_at)).where(of_account)).one()
        return Leftover(
            account=account,
            waiting=depth.get(OutboxState.WAITING, 0),
            dead=depth.get(OutboxState.DEAD, 0),
            calls=count,
            last_call_at=None if last is None else Timestamp(last),
        )

    async def delete_deliveries(self, account: AccountId) -> int:
        of_account, now = outbox.c.account == account, self._clock.now()
        claimed = select(func.count()).where(of_account, IS_WAITING, outbox.c.leased_until > now)

        def work(connection: Connection) -> int:
            if connection.execute(claimed).scalar():
                raise Rejected(f"a process delivers for the account {account} now: it is not removed everywhere")
            return connection.execute(delete(outbox).where(of_account, or_(IS_WAITING, IS_DEAD))).rowcount

        return await self._database.write(work, account)


def _distinct_accounts(table: Table) -> Select[Any]:
    """Steps along the primary key from one account to the next: does not read all rows."""
    some = select(func.min(table.c.account).label("account")).cte("some", recursive=True)
    following = select(func.min(table.c.account)).where(table.c.account > some.c.account).scalar_subquery()
    some = some.union_all(select(following).where(some.c.account.is_not(None)))
    return select(some.c.account)
