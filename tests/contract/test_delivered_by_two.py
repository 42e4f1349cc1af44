"""Two processes deliver the calls of one client at the same time: they share only the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from integration.domain.calls.call import Call, Direction, Disposition
from integration.domain.calls.follow_up import follow_up
from integration.domain.calls.tracking import Change
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import Timestamp, record_key
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.settings import AccountSettings
from integration.errors import OutcomeUnknown
from integration.ports.crm import Crm
from integration.ports.stores import OutboxState, SavedStep
from integration.services.accounts import Accounts
from integration.services.callback_tasks import CallbackTasks
from integration.services.delivery import Delivery
from integration.services.delivery_steps import DeliverySteps
from integration.services.hub import Hub
from integration.services.strangers import StrangerCalls
from integration.storage import Storage, open_coordination, open_storage
from integration.testing import FakeClock, FakeCrm, FakePbx
from tests.contract.calls import OFFICE, PBX, a_call

IVAN = Person(ref=EntityRef(EntityKind.CONTACT, "5"), name="Иван", responsible=None, phones=("89161234567",))
STRANGER = "89990001122"


class SlowCrm(FakeCrm):
    """Answers take a moment before and after the effect: time for the other process to interfere."""

    async def _slowly(self, work: Any) -> Any:
        await asyncio.sleep(0.01)
        try:
            return await work
        finally:
            await asyncio.sleep(0.01)

    async def find_persons(self, *args: Any, **named: Any) -> Any:
        return await self._slowly(super().find_persons(*args, **named))

    async def log_to_inbox(self, *args: Any, **named: Any) -> Any:
        return await self._slowly(super().log_to_inbox(*args, **named))

    async def create_contact(self, *args: Any, **named: Any) -> Any:
        return await self._slowly(super().create_contact(*args, **named))

    async def create_task(self, *args: Any, **named: Any) -> Any:
        return await self._slowly(super().create_task(*args, **named))


class Two:
    def __init__(self, storages: Sequence[Storage], deliveries: Sequence[Delivery], crm: SlowCrm, clock: FakeClock):
        self.storages, self._deliveries, self.crm, self._clock = storages, deliveries, crm, clock

    async def queue(self, calls: Sequence[Call]) -> None:
        """Queue all at once, as after an outage."""
        changes = frozenset({Change.ENDED})
        settings = AccountSettings(account=OFFICE)
        await self.storages[0].calls.save(
            [SavedStep(call=call, intents=follow_up(call, changes, settings, self._clock.now())) for call in calls]
        )

    async def deliver(self) -> None:
        for _ in range(200):
            await asyncio.gather(*(delivery.drain() for delivery in self._deliveries))
            if not (await self.storages[0].outbox.depth_of(OFFICE))[OutboxState.WAITING]:
                return
            self._clock.advance(5)
        raise AssertionError("not everything is delivered")


@pytest_asyncio.fixture
async def two(storage: Storage, database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Two]:
    crm = SlowCrm()
    crm.add(IVAN)
    await storage.phone_book.put_persons(OFFICE, [IVAN], numbering=DEFAULT_NUMBERING)
    other = await open_storage(database_url, tmp_path, clock=clock)
    deliveries = [await a_delivery(each, crm, clock) for each in (storage, other)]
    yield Two([storage, other], deliveries, crm, clock)
    await other.close()


async def a_delivery(storage: Storage, crm: Crm, clock: FakeClock) -> Delivery:
    accounts, coordination, wake = Accounts(storage.settings), open_coordination(None), asyncio.Event()
    await accounts.add(AccountSettings(account=OFFICE), crm, [FakePbx(id=PBX)])
    steps = DeliverySteps(
        calls=storage.calls,
        outbox=storage.outbox,
        phone_book=storage.phone_book,
        recordings=storage.recordings,
        watches=storage.watches,
        coordination=coordination,
        hub=Hub(coordination),
        strangers=StrangerCalls(
            strangers=storage.strangers,
            calls=storage.calls,
            outbox=storage.outbox,
            phone_book=storage.phone_book,
            clock=clock,
            wake=wake,
        ),
        tasks=CallbackTasks(tasks=storage.callback_tasks, calls=storage.calls, outbox=storage.outbox, clock=clock),
        clock=clock,
        public_url="https://calls.test",
    )
    return Delivery(accounts, storage.outbox, steps.by_kind(), clock, wake)


def missed(number: int, caller: str = STRANGER) -> Call:
    return a_call(number, caller=caller, ended_at=Timestamp(1001.0 + number), disposition=Disposition.MISSED)


def talked(number: int) -> Call:
    return a_call(
        number,
        direction=Direction.OUTBOUND,
        caller="101",
        called=STRANGER,
        answered_at=Timestamp(1000.5 + number),
        ended_at=Timestamp(1001.0 + number),
        disposition=Disposition.ANSWERED,
    )


@pytest.mark.parametrize("fails", [0, 1], ids=["all answers come", "the first answer is lost"])
async def test_a_stranger_who_called_often_is_one_entry(two: Two, fails: int) -> None:
    two.crm.fail_after = [OutcomeUnknown("timeout")] * fails
    calls = [missed(number) for number in range(12)]
    await two.queue(calls)
    await two.deliver()
    assert len(two.crm.inbox) == 1
    assert [two.crm.logged(record_key(call.id)) for call in calls] == [1] * 12


@pytest.mark.parametrize("fails", [0, 1], ids=["all answers come", "the first answer is lost"])
async def test_a_stranger_who_was_called_often_is_one_contact(two: Two, fails: int) -> None:
    two.crm.fail_after = [OutcomeUnknown("timeout")] * fails
    calls = [talked(number) for number in range(12)]
    await two.queue(calls)
    await two.deliver()
    [contact] = [ref for ref in two.crm.persons if ref != IVAN.ref]
    assert sorted(record.key for record in two.crm.notes[contact]) == sorted(record_key(call.id) for call in calls)


async def test_calls_to_and_from_one_stranger_are_one_person(two: Two) -> None:
    calls = [talked(number) if number % 2 else missed(number) for number in range(12)]
    await two.queue(calls)
    await two.deliver()
    assert len(two.crm.inbox) + len(two.crm.persons) - 1 == 1
    assert [two.crm.logged(record_key(call.id)) for call in calls] == [1] * 12


@pytest.mark.parametrize("fails", [0, 1], ids=["all answers come", "the first answer is lost"])
async def test_a_client_who_called_often_is_one_task(two: Two, fails: int) -> None:
    await two.queue([missed(number, "89161234567") for number in range(12)])
    if fails:
        two.crm.create_task = _once_lost(two.crm)  # type: ignore[method-assign]
    await two.deliver()
    [task] = two.crm.tasks
    assert "12" in task.text


def _once_lost(crm: SlowCrm) -> Any:
    made = crm.create_task

    async def create_task(**named: Any) -> str:
        crm.create_task = made  # type: ignore[method-assign]
        await made(**named)
        raise OutcomeUnknown("timeout")

    return create_task
