"""Two processes deliver the calls of one client at the same time: they share only the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from integration.domain.calls.call import Call, Direction, Disposition, Leg, LegKind, Via
from integration.domain.calls.follow_up import follow_up
from integration.domain.calls.intents import Intent, IntentKind
from integration.domain.calls.tracking import Change
from integration.domain.crm.entities import EntityKind, EntityRef, Manager, Person
from integration.domain.ids import LegId, ManagerId, Timestamp, record_key
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.settings import AccountSettings, LineSettings, NewClient
from integration.errors import OutcomeUnknown
from integration.ports.crm import Crm
from integration.ports.live_calls import CallEnd, FinishedCall, LiveCall, PublishedLine, RegisteredCall
from integration.ports.stores import OutboxState, SavedStep
from integration.services import delivery
from integration.services.accounts import Accounts
from integration.services.callback_tasks import CallbackTasks
from integration.services.campaign_names import CampaignNames
from integration.services.delivery import Delivery
from integration.services.delivery_steps import DeliverySteps
from integration.services.hub import Hub
from integration.services.note_delivery import NoteDelivery
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


class SlowPortal:
    """
    Implements `LiveCalls`: registers calls and makes clients as a portal does, which looks for the number and makes the
    lead a moment later.
    """

    repeats_seconds = 1800.0

    def __init__(self, crm: SlowCrm) -> None:
        self._crm = crm
        self.registered: dict[str, LiveCall] = {}
        self.finished: list[FinishedCall] = []
        self.loses = 0  # answers to the next registrations
        self.looks_seconds = 0.01  # between the search for the number and the lead

    async def register(self, call: LiveCall, *, show: Sequence[ManagerId]) -> RegisteredCall:
        if call.key not in self.registered:
            await self._client(call)
        self.registered[call.key] = call
        await asyncio.sleep(0.01)
        if self.loses:
            self.loses -= 1
            raise OutcomeUnknown("timeout")
        return RegisteredCall(id=f"portal-{call.key}")

    async def _client(self, call: LiveCall) -> None:
        known = any(call.number in person.phones for person in self._crm.persons.values())
        await asyncio.sleep(self.looks_seconds)
        if call.client is None and not known and call.makes_client:
            ref = EntityRef(EntityKind.LEAD, str(100 + len(self._crm.persons)))
            self._crm.add(Person(ref=ref, name=call.number, responsible=None, phones=(call.number,)))

    async def show_cards(self, id_: str, *, show: Sequence[ManagerId] = (), hide: Sequence[ManagerId] = ()) -> None: ...

    async def finish(self, id_: str, end: CallEnd, *, hide: Sequence[ManagerId]) -> FinishedCall:
        self.finished.append(FinishedCall(id=id_, activity="1", client=None))
        return self.finished[-1]

    async def record(self, call: LiveCall, end: CallEnd) -> FinishedCall:
        made = await self.register(call, show=())
        return await self.finish(made.id, end, hide=())

    async def find_finished(self, *, key: str, id_: str | None) -> FinishedCall | None:
        return next((each for each in self.finished if each.id == f"portal-{key}"), None)

    async def describe(self, finished: FinishedCall, text: str) -> None: ...

    async def attach_recording(self, id_: str, *, name: str, file: Path) -> str:
        return "1"

    async def publish_lines(self, lines: Mapping[str, PublishedLine]) -> None: ...

    async def tell(self, manager: ManagerId, text: str, *, about: str) -> None: ...


class Two:
    def __init__(self, storages: Sequence[Storage], crm: SlowCrm, clock: FakeClock) -> None:
        self.storages, self.crm, self._clock = storages, crm, clock
        self.accounts: list[Accounts] = []
        self._deliveries: list[Delivery] = []

    async def open(self) -> None:
        for storage in self.storages:
            accounts = Accounts(storage.settings)
            self.accounts.append(accounts)
            self._deliveries.append(await a_delivery(storage, self.crm, self._clock, accounts))

    async def queue(self, calls: Sequence[Call]) -> None:
        """Queue all at once, as after an outage."""
        changes = frozenset({Change.ENDED})
        settings = AccountSettings(account=OFFICE)
        await self.storages[0].calls.save(
            [SavedStep(call=call, intents=follow_up(call, changes, settings, self._clock.now())) for call in calls]
        )

    async def ring(self, calls: Sequence[Call], line: LineSettings) -> None:
        """Calls ring at the same time; their registrations are due."""
        for accounts in self.accounts:
            account = accounts.get(OFFICE)
            assert account is not None
            account.settings = replace(account.settings, default_line=line)
        intents = [Intent(call=call.id, kind=IntentKind.REGISTER_CALL, key=IntentKind.REGISTER_CALL) for call in calls]
        await self.storages[0].calls.save(
            [SavedStep(call=call, intents=[each]) for call, each in zip(calls, intents, strict=True)]
        )

    async def deliver(self) -> None:
        for _ in range(200):
            await asyncio.gather(*(each.drain() for each in self._deliveries))
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
    made = Two([storage, other], crm, clock)
    await made.open()
    yield made
    await other.close()


async def a_delivery(storage: Storage, crm: Crm, clock: FakeClock, accounts: Accounts | None = None) -> Delivery:
    accounts = accounts if accounts is not None else Accounts(storage.settings)
    coordination, wake = open_coordination(None), asyncio.Event()
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
        notes=NoteDelivery(notes=storage.notes, calls=storage.calls, outbox=storage.outbox, clock=clock),
        campaigns=CampaignNames(storage.attempts, storage.campaigns),
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


# ---- a CRM that registers calls while they last ---------------------------------------------------------------------


@pytest_asyncio.fixture
async def portal(two: Two, monkeypatch: pytest.MonkeyPatch) -> SlowPortal:
    monkeypatch.setattr(delivery, "_AT_ONCE_PER_ACCOUNT", 1)  # neither process may claim both calls
    made = SlowPortal(two.crm)
    two.crm.live_calls = made
    two.crm.abilities = replace(two.crm.abilities, live_calls=True, inbox=False, leads=True)
    two.crm.all_managers = [Manager(id=ManagerId("1"), name="Анна", is_admin=True)]
    for accounts in two.accounts:
        account = accounts.get(OFFICE)
        assert account is not None
        await accounts.refresh_managers(account)
    return made


def rings(number: int) -> Call:
    leg = Leg(id=LegId("101"), target="101", via=Via.DIRECT, kind=LegKind.EXTENSION, offered_at=Timestamp(1000.0))
    return a_call(number, caller=STRANGER, legs=(leg,))


@pytest.mark.parametrize("loses", [0, 1], ids=["all answers come", "the first answer is lost"])
@pytest.mark.parametrize("way", [NewClient.AUTO, NewClient.LEAD])
async def test_a_stranger_who_rings_twice_at_once_is_one_lead(
    two: Two, portal: SlowPortal, way: NewClient, loses: int
) -> None:
    """Each process registers one of the calls. The second waits for the first, and is bound to its lead."""
    portal.loses = loses
    await two.ring([rings(number) for number in range(2)], LineSettings(new_client=way))
    await two.deliver()
    assert len(portal.registered) == 2
    [lead] = [ref for ref in two.crm.persons if ref != IVAN.ref]
    second = list(portal.registered.values())[-1]
    assert (second.client, second.makes_client) == (lead, False)


async def test_a_call_that_rings_and_one_that_is_over_make_one_lead(two: Two, portal: SlowPortal) -> None:
    portal.looks_seconds = 0.5
    await two.ring([rings(1)], LineSettings())
    await two.queue([missed(2)])
    await two.deliver()
    assert len(portal.registered) == 2
    assert len(two.crm.persons) == 2, "Ivan and the lead"


async def test_who_was_given_up_leaves_the_number_to_the_next_call(two: Two, portal: SlowPortal) -> None:
    first, second = missed(1), missed(2)
    await two.storages[0].strangers.enter(OFFICE, "9990001122", first.id)  # by a process that was killed
    await two.queue([second])
    await two.deliver()
    assert list(portal.registered) == [record_key(second.id)]
    assert await two.storages[0].strangers.get(OFFICE, "9990001122") is None


def _once_lost(crm: SlowCrm) -> Any:
    made = crm.create_task

    async def create_task(**named: Any) -> str:
        crm.create_task = made  # type: ignore[method-assign]
        await made(**named)
        raise OutcomeUnknown("timeout")

    return create_task
