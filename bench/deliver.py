"""Measures how much of the CRM's allowed rate we use while many calls wait, and our speed without a limit.

`dozvon bench deliver [--quick]`. Ended calls wait in the outbox on SQLite; the delivery, the connectors and the
sandboxes are the real ones, connected by HTTP. A call is one request: at amoCRM a note in the feed of a known contact,
at Bitrix24 a batch that registers and finishes it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from bench.crm import UNLIMITED, Crm, CrmSize, number, running_crm
from bench.portal import ANNA as PORTAL_ANNA
from bench.portal import Portals, PortalsSize, running_portals
from bench.report import aim, machine, processors_busy
from connectors.amocrm import Senders, connect
from connectors.amocrm.sandbox.tables import FIRST_GENERATED
from connectors.bitrix24.api.pacing import Pacers
from connectors.bitrix24.connector import connect as connect_portal
from integration import logs
from integration.clock import SystemClock
from integration.domain.calls.call import Call, Direction, HangupBy, LegKind, Via
from integration.domain.calls.events import CallEnded, CallEvent, CallStarted, ClientConnected, LegAnswered, LegOffered
from integration.domain.calls.follow_up import follow_up
from integration.domain.calls.tracking import advance
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, CallId, Extension, LegId, ManagerId, PbxId, Timestamp, call_id
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.settings import AccountSettings, Employee
from integration.ports.clock import Clock
from integration.ports.connector import Connector
from integration.ports.stores import OutboxState, SavedStep, Tokens
from integration.services.accounts import Account, Accounts
from integration.services.callback_tasks import CallbackTasks
from integration.services.campaign_names import CampaignNames
from integration.services.delivery import Delivery
from integration.services.delivery_steps import DeliverySteps
from integration.services.hub import Hub
from integration.services.note_delivery import NoteDelivery
from integration.services.strangers import StrangerCalls
from integration.storage import Storage, open_coordination, open_storage
from integration.testing import FakePbx

AIM_SHARE = 0.97
PACE = 6.9  # requests per second: the connector's setting that comes nearest to the CRM's seven
_ANNA = ManagerId("610077")
_LOOK_SECONDS = 0.1
_LONGEST_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Size:
    """Without `unlimited_accounts` only the limited part is measured."""

    calls: int
    accounts: int
    unlimited_calls: int
    unlimited_accounts: int
    portal_calls: int = 0
    portals: int = 0


# Our own limit for an account still applies, so many accounts are needed to find the maximum.
FULL = Size(calls=10_000, accounts=50, unlimited_calls=10_000, unlimited_accounts=1_000,
            portal_calls=10_000, portals=50)  # fmt: skip
QUICK = Size(calls=300, accounts=5, unlimited_calls=1_000, unlimited_accounts=200,
             portal_calls=500, portals=5)  # fmt: skip


def run(*, quick: bool = False, size: Size | None = None) -> dict[str, Any]:
    """Returns: {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}."""
    logs.set_up("error", readable=True)
    return asyncio.run(_run(size or (QUICK if quick else FULL)))


async def _run(size: Size) -> dict[str, Any]:
    limited = await _deliver(size.calls, CrmSize(accounts=size.accounts, contacts=size.calls))
    free = CrmSize(accounts=size.unlimited_accounts, contacts=size.unlimited_calls, requests_per_second=UNLIMITED)
    unlimited = await _deliver(size.unlimited_calls, free) if size.unlimited_accounts else None
    portals = await _deliver_to_portals(size.portal_calls, size.portals) if size.portals else None
    lost = sum(part["lost"] + part["doubled"] for part in (limited, unlimited, portals) if part is not None)
    return {
        "bench": "deliver",
        "aims": [
            aim(f"share of the allowed rate, {size.calls} calls of {size.accounts} accounts", AIM_SHARE,
                limited["share"], "of 7/s", more_is_better=True),
            aim("answers 429", 0, limited["refused"], "answers", more_is_better=False),
            *(_portal_aims(size, portals) if portals is not None else ()),
            aim("calls lost or doubled", 0, lost, "calls", more_is_better=False),
        ],
        "detail": {"pace": PACE, "limited": limited, "unlimited": unlimited, "portals": portals, **machine()},
    }  # fmt: skip


def _portal_aims(size: Size, portals: dict[str, Any]) -> list[dict[str, Any]]:
    what = f"share of the allowed rate, {size.portal_calls} calls of {size.portals} portals of Bitrix24"
    return [
        aim(what, AIM_SHARE, portals["share"], "of 2/s", more_is_better=True),
        aim("answers QUERY_LIMIT_EXCEEDED", 0, portals["refused"], "answers", more_is_better=False),
    ]


async def _deliver_to_portals(calls: int, count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="dozvon-bench-") as folder:
        async with running_portals(PortalsSize(portals=count)) as portals:
            queued, spent = await _drain(Path(folder), _ToPortals(portals), calls, count)
    found = portals.seen["calls"]
    return {
        "calls": calls,
        "portals": count,
        "share": round(portals.share_used(), 4),
        "refused": portals.seen["errors"].get("QUERY_LIMIT_EXCEEDED", 0),
        "errors": portals.seen["errors"],
        "lost": len(queued - found.keys()),
        "doubled": sum(times > 1 for times in found.values()),
        "left_live": portals.seen["live"],
        "seconds": round(spent.wall, 2),
        "calls_per_second": round(calls / spent.wall, 1),
        "our_processor_ms_per_call": round(spent.ours / calls * 1000, 2),
    }


async def _deliver(calls: int, size: CrmSize) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="dozvon-bench-") as folder:
        async with running_crm(size) as crm:
            queued, spent = await _drain(Path(folder), _ToAmocrm(crm), calls, size.accounts)
    found = crm.seen["calls"]
    theirs = crm.seen["processor_seconds"]
    statuses = crm.seen["statuses"]
    return {
        "calls": calls,
        "accounts": size.accounts,
        "share": round(crm.share_used(), 4),
        "refused": statuses.get("429", 0),
        "statuses": statuses,
        "lost": len(queued - found.keys()),
        "doubled": sum(count > 1 for count in found.values()),
        "seconds": round(spent.wall, 2),
        "calls_per_second": round(calls / spent.wall, 1),
        "our_processor_ms_per_call": round(spent.ours / calls * 1000, 2),
        "crm_processor_ms_per_call": round(theirs / calls * 1000, 2),
        "cores_used_by_others": round(max(0.0, spent.all - spent.ours - theirs) / spent.wall, 2),
    }


@dataclass(frozen=True, slots=True)
class _Spent:
    """Seconds of the delivery: of the wall clock, of our own processor time, and of all processors' time."""

    wall: float
    ours: float
    all: float


class _Side(Protocol):
    """How the accounts are connected to their CRMs."""

    manager: ManagerId

    async def connect(
        self, place: int, account: AccountId, storage: Storage, session: aiohttp.ClientSession, clock: Clock
    ) -> Connector: ...


class _ToAmocrm:
    manager = _ANNA

    def __init__(self, crm: Crm) -> None:
        self._crm = crm

    async def connect(
        self, place: int, account: AccountId, storage: Storage, session: aiohttp.ClientSession, clock: Clock
    ) -> Connector:
        options = self._crm.options(place, PACE)
        senders = Senders(session, lambda _: None)
        connector = connect(account, options, tokens=storage.tokens, senders=senders, clock=clock)
        await connector.open()
        return connector


class _ToPortals:
    manager = ManagerId(str(PORTAL_ANNA))

    def __init__(self, portals: Portals) -> None:
        self._portals = portals
        self._pacers = Pacers()

    async def connect(
        self, place: int, account: AccountId, storage: Storage, session: aiohttp.ClientSession, clock: Clock
    ) -> Connector:
        pair = self._portals.pairs[place]
        known = Tokens(
            access=pair["access"],
            refresh=pair["refresh"],
            expires_at=Timestamp(clock.now() + 3600),
            base_url=self._portals.url,
            crm_account_id=pair["member_id"],
        )
        await storage.tokens.save(account, known)
        connector = connect_portal(
            account, self._portals.options(), tokens=storage.tokens, session=session, pacers=self._pacers, clock=clock
        )
        await connector.open()
        return connector


async def _drain(folder: Path, side: _Side, calls: int, accounts: int) -> tuple[set[str], _Spent]:
    """Returns the keys of the calls, and what the delivery took."""
    storage = await open_storage(f"sqlite:///{folder / 'bench.db'}", folder)
    coordination = open_coordination(None)
    clock, wake = SystemClock(), asyncio.Event()
    connectors: list[Connector] = []
    try:
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=100)
        ) as session:
            book = Accounts(storage.settings)
            for place in range(accounts):
                name = AccountId(f"office-{place}")
                connector = await side.connect(place, name, storage, session, clock)
                connectors.append(connector)
                pbx = FakePbx(id=PbxId(f"pbx-{place}"))
                employees = (Employee(extension=Extension("101"), manager=side.manager),)
                await book.add(AccountSettings(account=name, employees=employees), connector.crm, [pbx])
            queued = await _queue(storage, list(book), calls, clock.now(), side.manager)
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
                hub=Hub(coordination),
                strangers=strangers,
                tasks=CallbackTasks(
                    tasks=storage.callback_tasks, calls=storage.calls, outbox=storage.outbox, clock=clock
                ),
                notes=NoteDelivery(notes=storage.notes, calls=storage.calls, outbox=storage.outbox, clock=clock),
                campaigns=CampaignNames(storage.attempts, storage.campaigns),
                clock=clock,
                public_url="https://calls.test",
            )
            delivery = Delivery(book, storage.outbox, steps.by_kind(), clock, wake)
            began = _Spent(time.perf_counter(), time.process_time(), processors_busy())
            running = asyncio.create_task(delivery.run())
            async with asyncio.timeout(_LONGEST_SECONDS):
                while (await storage.outbox.depth())[OutboxState.WAITING]:  # noqa: ASYNC110 - as any other process would
                    await asyncio.sleep(_LOOK_SECONDS)
            ended = _Spent(time.perf_counter(), time.process_time(), processors_busy())
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            dead = await storage.outbox.depth()
            if dead[OutboxState.DEAD]:
                print(f"given up: {dead[OutboxState.DEAD]}", file=sys.stderr)
            for connector in connectors:
                await connector.close()
    finally:
        await coordination.close()
        await storage.close()
    return queued, _Spent(ended.wall - began.wall, ended.ours - began.ours, ended.all - began.all)


async def _queue(storage: Storage, accounts: list[Account], calls: int, now: float, responsible: ManagerId) -> set[str]:
    """Queue this many ended calls, for the accounts in turn, each of a contact in the phone book."""
    each = -(-calls // len(accounts))
    queued: set[str] = set()
    for place, account in enumerate(accounts):
        mine = range(place * each, min(calls, (place + 1) * each))
        await storage.phone_book.put_persons(
            account.id, [_contact(n, responsible) for n in mine], numbering=DEFAULT_NUMBERING
        )
        steps = [_ended(account, n, now) for n in mine]
        if steps:
            await storage.calls.save(steps)
        queued.update(step.call.id for step in steps)
    return queued


def _contact(n: int, responsible: ManagerId) -> Person:
    return Person(
        ref=EntityRef(EntityKind.CONTACT, str(FIRST_GENERATED + n)),
        name=f"Клиент {n:07d}",
        responsible=responsible,
        phones=(number(n),),
        updated_at=1,
    )


def _ended(account: Account, n: int, now: float) -> SavedStep:
    call: Call | None = None
    step = None
    pbx = next(iter(account.pbxs))
    for event in _events(call_id(pbx, f"{n}.0"), n, now - 60):
        step = advance(call, event, account=account.id, pbx=pbx)
        call = step.call
    assert call is not None
    assert step is not None
    intents = follow_up(
        call, step.changes, account.settings, Timestamp(now), live_calls=account.crm.abilities.live_calls
    )
    return SavedStep(call=call, intents=intents)


def _events(call: CallId, n: int, began: float) -> Iterator[CallEvent]:
    at = Timestamp(began)
    yield CallStarted(
        call=call, at=at, native_id=f"{n}.0", direction=Direction.INBOUND, caller=number(n), called="74950000001"
    )
    yield LegOffered(call=call, at=at, leg=LegId("1"), target="101", kind=LegKind.EXTENSION, via=Via.DIRECT)
    yield LegAnswered(call=call, at=Timestamp(began + 5), leg=LegId("1"))
    yield ClientConnected(call=call, at=Timestamp(began + 5), person="101", answered_by="101")
    yield CallEnded(call=call, at=Timestamp(began + 50), hangup_by=HangupBy.CALLER, cause=16)
