"""One small office: Anna at 101, Boris at 102, a client of Anna's, and everything that tracks and delivers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio

from integration.domain.calls.call import Direction, HangupBy, LegKind, LegResult, Via
from integration.domain.calls.events import (
    CallEnded,
    CallEvent,
    CallStarted,
    ClientConnected,
    LegAnswered,
    LegEnded,
    LegOffered,
    RecordingStarted,
)
from integration.domain.connections.state import FailedChange
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Manager, Person
from integration.domain.ids import AccountId, CallId, Extension, LegId, ManagerId, PbxId, Timestamp, call_id
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.settings import AccountSettings, Employee, LineSettings
from integration.domain.settings_changes import Author, AuthorKind
from integration.ports.coordination import Coordination
from integration.ports.stores import OutboxItem, OutboxState
from integration.services.accounts import Account, Accounts
from integration.services.callback_tasks import CallbackTasks
from integration.services.callbacks import Callbacks
from integration.services.campaign_names import CampaignNames
from integration.services.card import CardService
from integration.services.click import ClickService
from integration.services.client_choice import ClientChoices
from integration.services.cluster.live_calls import LiveCalls
from integration.services.connection_states import ConnectionStates
from integration.services.creations import Creations
from integration.services.delivery import Delivery
from integration.services.delivery_steps import DeliverySteps
from integration.services.hub import Hub, Page
from integration.services.listed_clients import ListedClients
from integration.services.note_delivery import NoteDelivery
from integration.services.page_news import PageNews
from integration.services.presses import Presses
from integration.services.strangers import StrangerCalls
from integration.services.tracking import CallTracking
from integration.storage import Storage, open_coordination, open_storage
from integration.testing import FakeClock, FakeCrm, FakePbx
from tests.databases import sqlite_url

ACME = AccountId("acme")
PBX = PbxId("acme-pbx")
ANNA, BORIS = ManagerId("610077"), ManagerId("610078")
SOMEBODY = Author(kind=AuthorKind.ADMINISTRATOR, session="3fa2c1", address="10.0.0.5")
CLIENT, STRANGER, DID = "79161234567", "79990001122", "74950000001"
IVAN = Person(
    ref=EntityRef(EntityKind.CONTACT, "55"),
    name="Иван <b>Петров</b>",
    responsible=ANNA,
    phones=("8 (916) 123-45-67",),
    emails=("ivan@example.com",),
    updated_at=1,
)
DEAL = Deal(
    ref=EntityRef(EntityKind.DEAL, "9"),
    name="Окна",
    responsible=ANNA,
    stage_name="Переговоры",
    price=120000,
    persons=(IVAN.ref,),
    main_person=IVAN.ref,
    updated_at=1,
)


@dataclass
class Failures:
    """Implements `FailedChanges`."""

    failed_crms: dict[AccountId, FailedChange] = field(default_factory=dict)
    failed_pbxs: dict[PbxId, FailedChange] = field(default_factory=dict)


@dataclass
class World:
    """Everything of one process, with a clock that only tests move."""

    storage: Storage
    coordination: Coordination
    clock: FakeClock
    crm: FakeCrm
    pbx: FakePbx
    accounts: Accounts
    account: Account
    hub: Hub
    news: PageNews
    cards: CardService
    clicks: ClickService
    presses: Presses
    choices: ClientChoices
    creations: Creations
    tracking: CallTracking
    delivery: Delivery
    strangers: StrangerCalls
    states: ConnectionStates
    failures: Failures
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def line(self, line: LineSettings) -> None:
        self.account.settings = replace(self.account.settings, default_line=line)

    def page(self, manager: ManagerId) -> Page:
        return self.hub.join(ACME, manager)

    async def emit(self, *events: CallEvent) -> None:
        await self.tracking.on_events(events)

    async def deliver(self, *, after: float = 5.0) -> None:
        """Let some seconds pass, then deliver until nothing is due."""
        self.clock.advance(after)
        await self.delivery.drain()

    async def deliver_with_pauses(self, seconds: float = 3600.0, step: float = 5.0) -> None:
        """The same, moving the clock in steps."""
        passed = 0.0
        while passed <= seconds and (await self.waiting() or passed == 0.0):
            await self.deliver(after=step)
            passed += step

    async def waiting(self) -> list[OutboxItem]:
        return await self.storage.outbox.listing(ACME, [OutboxState.WAITING])

    async def in_state(self, state: OutboxState) -> list[str]:
        return [item.key for item in await self.storage.outbox.listing(ACME, [state])]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture
async def world(tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with open_world(tmp_path, clock) as made:
        yield made


def cards_of(hub: Hub, storage: Storage) -> CardService:
    """As each process has its own."""
    listed = ListedClients(storage.attempts, storage.campaigns, storage.entries)
    return CardService(hub, storage.calls, storage.phone_book, listed)


@asynccontextmanager
async def open_world(folder: Path, clock: FakeClock) -> AsyncIterator[World]:
    storage = await open_storage(sqlite_url(folder), folder, clock=clock)
    coordination = open_coordination(None)
    crm, pbx = FakeCrm(), FakePbx(id=PBX)
    crm.all_managers = [
        Manager(id=ANNA, name="Анна Орлова"),
        Manager(id=BORIS, name="Борис Климов"),
    ]
    crm.add(IVAN, DEAL)
    accounts = Accounts(storage.settings)
    account = await accounts.add(AccountSettings(account=ACME), crm, [pbx])
    people = [
        Employee(extension=Extension("101"), manager=ANNA),
        Employee(extension=Extension("102"), manager=BORIS),
    ]
    await accounts.set_employees(account, people, who=SOMEBODY)
    await accounts.refresh_managers(account)
    await storage.phone_book.put_persons(ACME, [IVAN], numbering=DEFAULT_NUMBERING)
    await storage.phone_book.put_deals(ACME, [DEAL])
    hub = Hub(coordination)
    cards = cards_of(hub, storage)
    wake = asyncio.Event()
    strangers = StrangerCalls(
        strangers=storage.strangers,
        calls=storage.calls,
        outbox=storage.outbox,
        phone_book=storage.phone_book,
        clock=clock,
        wake=wake,
    )
    steps = DeliverySteps(
        calls=storage.calls,
        outbox=storage.outbox,
        phone_book=storage.phone_book,
        recordings=storage.recordings,
        watches=storage.watches,
        coordination=coordination,
        hub=hub,
        strangers=strangers,
        tasks=CallbackTasks(tasks=storage.callback_tasks, calls=storage.calls, outbox=storage.outbox, clock=clock),
        notes=NoteDelivery(notes=storage.notes, calls=storage.calls, outbox=storage.outbox, clock=clock),
        campaigns=CampaignNames(storage.attempts, storage.campaigns),
        clock=clock,
        public_url="https://calls.test",
    )
    news = PageNews(coordination, "this process")
    callbacks = Callbacks(
        callbacks=storage.callbacks,
        calls=storage.calls,
        phone_book=storage.phone_book,
        office_of=lambda each: each,
        tell=news.tell,
    )
    delivery = Delivery(accounts, storage.outbox, callbacks.before(steps.by_kind()), clock, wake, news.tell)
    tracking = CallTracking(account, pbx.id, storage.calls, clock, [cards, news], wake)
    failures = Failures()
    live_calls = LiveCalls({ACME: {pbx.id: tracking}}, storage.calls)
    cards.read_calls(live_calls.get)
    made = World(
        storage=storage,
        coordination=coordination,
        clock=clock,
        crm=crm,
        pbx=pbx,
        accounts=accounts,
        account=account,
        hub=hub,
        news=news,
        cards=cards,
        clicks=ClickService(coordination, cards, live_calls, clock),
        presses=Presses(live_calls, cards, None),
        choices=ClientChoices(storage.phone_book, live_calls, clock, None),
        creations=Creations(coordination, storage.calls, storage.phone_book, cards, strangers),
        tracking=tracking,
        delivery=delivery,
        strangers=strangers,
        states=ConnectionStates(accounts, lambda: account.pbxs, clock, failures),
        failures=failures,
    )
    listening = asyncio.gather(hub.run(), news.run())
    await asyncio.sleep(0)  # the hub subscribes before the first message is sent
    yield made
    news.close()
    await cards.close()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await coordination.close()
    await storage.close()


def call(uniqueid: str = "1.0") -> CallId:
    return call_id(PBX, uniqueid)


def started(at: float, caller: str = CLIENT, uniqueid: str = "1.0") -> CallStarted:
    return CallStarted(
        call=call(uniqueid),
        at=Timestamp(at),
        native_id=uniqueid,
        direction=Direction.INBOUND,
        caller=caller,
        called=DID,
    )


def offered(at: float, extension: str, uniqueid: str = "1.0", *, via: str = "direct") -> LegOffered:
    return LegOffered(
        call=call(uniqueid),
        at=Timestamp(at),
        leg=LegId(extension),
        target=extension,
        kind=LegKind.EXTENSION,
        via=Via(via),
    )


def answered(at: float, extension: str, uniqueid: str = "1.0") -> list[CallEvent]:
    return [
        LegAnswered(call=call(uniqueid), at=Timestamp(at), leg=LegId(extension)),
        ClientConnected(call=call(uniqueid), at=Timestamp(at), person=extension, answered_by=extension),
    ]


def unanswered(at: float, extension: str, uniqueid: str = "1.0") -> LegEnded:
    return LegEnded(call=call(uniqueid), at=Timestamp(at), leg=LegId(extension), result=LegResult.NOANSWER)


def recorded(at: float, file: str = "in.wav", uniqueid: str = "1.0") -> RecordingStarted:
    return RecordingStarted(call=call(uniqueid), at=Timestamp(at), file=file)


def ended(at: float, uniqueid: str = "1.0") -> CallEnded:
    return CallEnded(call=call(uniqueid), at=Timestamp(at), hangup_by=HangupBy.CALLER, cause=16)


def missed_call(at: float, caller: str = CLIENT, uniqueid: str = "1.0") -> Iterable[CallEvent]:
    return (
        started(at, caller, uniqueid),
        offered(at, "101", uniqueid),
        unanswered(at + 10, "101", uniqueid),
        ended(at + 10, uniqueid),
    )


def answered_call(at: float, caller: str = CLIENT, uniqueid: str = "1.0") -> Iterable[CallEvent]:
    return (
        started(at, caller, uniqueid),
        recorded(at, uniqueid=uniqueid),
        offered(at, "101", uniqueid),
        *answered(at + 3, "101", uniqueid),
        ended(at + 60, uniqueid),
    )


# The fixtures of the administrators' pages stand on the world above.
from tests.services.admin_office import branched as branched  # noqa: E402
from tests.services.admin_office import office as office  # noqa: E402
from tests.services.admin_office import signed_in as signed_in  # noqa: E402
