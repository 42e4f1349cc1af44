"""Measures how much of the CRM's allowed rate we use while many calls wait, and our speed without a limit.

`dozvon bench deliver [--quick]`. Ended calls wait in the outbox on SQLite; the delivery, the amoCRM connector and the
sandbox are the real ones, connected by HTTP. A call is one request: a note in the feed of a known contact.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench.crm import UNLIMITED, Crm, CrmSize, number, running_crm
from bench.report import aim, machine, processors_busy
from connectors.amocrm import AmocrmConnector, Senders, connect
from connectors.amocrm.sandbox.tables import FIRST_GENERATED
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
from integration.ports.stores import OutboxState, SavedStep
from integration.services.accounts import Account, Accounts
from integration.services.callback_tasks import CallbackTasks
from integration.services.delivery import Delivery
from integration.services.delivery_steps import DeliverySteps
from integration.services.hub import Hub
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


# Our own limit for an account still applies, so many accounts are needed to find the maximum.
FULL = Size(calls=10_000, accounts=50, unlimited_calls=10_000, unlimited_accounts=1_000)
QUICK = Size(calls=300, accounts=5, unlimited_calls=1_000, unlimited_accounts=200)


def run(*, quick: bool = False, size: Size | None = None) -> dict[str, Any]:
    """Returns: {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}."""
    logs.set_up("error", readable=True)
    return asyncio.run(_run(size or (QUICK if quick else FULL)))


async def _run(size: Size) -> dict[str, Any]:
    limited = await _deliver(size.calls, CrmSize(accounts=size.accounts, contacts=size.calls))
    free = CrmSize(accounts=size.unlimited_accounts, contacts=size.unlimited_calls, requests_per_second=UNLIMITED)
    unlimited = await _deliver(size.unlimited_calls, free) if size.unlimited_accounts else None
    lost = sum(part["lost"] + part["doubled"] for part in (limited, unlimited) if part is not None)
    return {
        "bench": "deliver",
        "aims": [
            aim(f"share of the allowed rate, {size.calls} calls of {size.accounts} accounts", AIM_SHARE,
                limited["share"], "of 7/s", more_is_better=True),
            aim("answers 429", 0, limited["refused"], "answers", more_is_better=False),
            aim("calls lost or doubled", 0, lost, "calls", more_is_better=False),
        ],
        "detail": {"pace": PACE, "limited": limited, "unlimited": unlimited, **machine()},
    }  # fmt: skip


async def _deliver(calls: int, size: CrmSize) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="dozvon-bench-") as folder:
        async with running_crm(size) as crm:
            queued, spent = await _drain(Path(folder), crm, calls, size.accounts)
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


async def _drain(folder: Path, crm: Crm, calls: int, accounts: int) -> tuple[set[str], _Spent]:
    """Returns the keys of the calls, and what the delivery took."""
    storage = await open_storage(f"sqlite:///{folder / 'bench.db'}", folder)
    coordination = open_coordination(None)
    clock, wake = SystemClock(), asyncio.Event()
    connectors: list[AmocrmConnector] = []
    try:
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=100)
        ) as session:
            book = Accounts(storage.settings)
            for place in range(accounts):
                name = AccountId(f"office-{place}")
                connector = connect(
                    name,
                    crm.options(place, PACE),
                    tokens=storage.tokens,
                    senders=Senders(session, lambda _: None),
                    clock=clock,
                )
                await connector.open()
                connectors.append(connector)
                pbx = FakePbx(id=PbxId(f"pbx-{place}"))
                employees = (Employee(extension=Extension("101"), manager=_ANNA),)
                await book.add(AccountSettings(account=name, employees=employees), connector.crm, [pbx])
            queued = await _queue(storage, list(book), calls, clock.now())
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


async def _queue(storage: Storage, accounts: list[Account], calls: int, now: float) -> set[str]:
    """Queue this many ended calls, for the accounts in turn, each of a contact in the phone book."""
    each = -(-calls // len(accounts))
    queued: set[str] = set()
    for place, account in enumerate(accounts):
        mine = range(place * each, min(calls, (place + 1) * each))
        await storage.phone_book.put_persons(account.id, [_contact(n) for n in mine], numbering=DEFAULT_NUMBERING)
        steps = [_ended(account, n, now) for n in mine]
        if steps:
            await storage.calls.save(steps)
        queued.update(step.call.id for step in steps)
    return queued


def _contact(n: int) -> Person:
    return Person(
        ref=EntityRef(EntityKind.CONTACT, str(FIRST_GENERATED + n)),
        name=f"Клиент {n:07d}",
        responsible=_ANNA,
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
    return SavedStep(call=call, intents=follow_up(call, step.changes, account.settings, Timestamp(now)))


def _events(call: CallId, n: int, began: float) -> Iterator[CallEvent]:
    at = Timestamp(began)
    yield CallStarted(
        call=call, at=at, native_id=f"{n}.0", direction=Direction.INBOUND, caller=number(n), called="74950000001"
    )
    yield LegOffered(call=call, at=at, leg=LegId("1"), target="101", kind=LegKind.EXTENSION, via=Via.DIRECT)
    yield LegAnswered(call=call, at=Timestamp(began + 5), leg=LegId("1"))
    yield ClientConnected(call=call, at=Timestamp(began + 5), person="101", answered_by="101")
    yield CallEnded(call=call, at=Timestamp(began + 50), hangup_by=HangupBy.CALLER, cause=16)
