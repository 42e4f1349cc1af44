"""Rows of offices that are being set up: one JSON document each, changed in a transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection, delete, select, update

from integration.domain.administrators import AdministratorId
from integration.domain.ids import AccountId
from integration.domain.setup import Step
from integration.ports.clock import Clock
from integration.ports.setups import Answers, SetupState
from integration.storage.sql.administrators import give_office
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Across, Database, insert
from integration.storage.sql.schema.offices import setups as table


class SqlSetups:
    """Implements `ports.SetupStore`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def all(self) -> list[SetupState]:
        query = select(table.c.state).order_by(table.c.account)
        found = await self._database.read(lambda connection: connection.execute(query).scalars().all(), Across.ACCOUNTS)
        return [decode(SetupState, each) for each in found]

    async def get(self, account: AccountId) -> SetupState | None:
        query = select(table.c.state).where(table.c.account == account)
        found = await self._database.read(lambda connection: connection.execute(query).scalar(), account)
        return None if found is None else decode(SetupState, found)

    async def begin(self, account: AccountId, state: SetupState, *, by: AdministratorId | None = None) -> bool:
        row = {"account": account, "state": encode(state), "saved_at": self._clock.now()}
        put = insert(self._database.dialect, table).on_conflict_do_nothing(index_elements=[table.c.account])

        def work(connection: Connection) -> bool:
            if connection.execute(put, row).rowcount == 0:
                return False
            if by is not None:
                give_office(connection, by, account)
            return True

        return await self._database.write(work, account)

    async def keep(self, account: AccountId, step: Step, answers: Answers | None) -> None:
        def kept(state: SetupState) -> SetupState:
            others = {key: value for key, value in state.answers.items() if key != step}
            return replace(state, answers=others if answers is None else {**others, step: answers})

        await self.change(account, kept)

    async def finish(self, account: AccountId, step: Step) -> None:
        def finished(state: SetupState) -> SetupState:
            others = {key: value for key, value in state.answers.items() if key != step}
            return replace(state, answers=others, done={**state.done, step: self._clock.now()})

        await self.change(account, finished)

    async def remove(self, account: AccountId) -> None:
        statement = delete(table).where(table.c.account == account)
        await self._database.write(lambda connection: connection.execute(statement), account)

    async def change(self, account: AccountId, change: Callable[[SetupState], SetupState]) -> SetupState | None:
        mine = table.c.account == account

        def work(connection: Connection) -> SetupState | None:
            held = connection.execute(select(table.c.state).where(mine).with_for_update()).scalar()
            if held is None:
                return None
            state = change(decode(SetupState, held))
            values = {"state": encode(state), "saved_at": self._clock.now()}
            connection.execute(update(table).where(mine).values(**values))
            return state

        return await self._database.write(work, account)
