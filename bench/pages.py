"""Measures how long the administrators' pages of a large office take to answer, by the wall clock.

`dozvon bench pages [--quick]`: 500 managers, 200 lines and 100,000 calls, on SQLite and on PostgreSQL if there is one.
Dozvon runs in a separate process with all its connections: the sandbox CRM and a simulated PBX with 500 phones. The
pages come from its router, so a new page is measured by itself.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import Connection, text, update

from bench.child import child
from bench.crm import CrmSize, running_crm, user
from bench.databases import postgres
from bench.report import aim, machine, percentile
from integration import logs
from integration.domain.calls.call import Call, Direction, Disposition, Leg, LegKind, LegResult, Via
from integration.domain.calls.intents import Intent, IntentKind
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, CallId, LegId, ManagerId, PbxId, Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.ports.stores import OutboxState, SavedStep
from integration.process import config
from integration.process.offices import Offices
from integration.process.process import Dozvon
from integration.storage import Storage, open_storage
from integration.storage.sql.schema.calls import call_events, calls, outbox
from pbx_adapter.asterisk.simulator import DEMO_OFFICE, SimulatorSettings, running
from pbx_adapter.asterisk.simulator.office import Office, Phone

AIM_P95_MS = 200.0
_ACCOUNT, _PBX = AccountId("bench"), PbxId("bench-pbx")
_PASSWORD = "a password of the bench"
_UNIQUE = "1700000000.7000001"  # of the first call; the others get numbers of their own
_CLIENTS = 5_000
_FIRST_CLIENT = 79_160_000_000
_FIRST_EXTENSION, _FIRST_LINE = 1000, 74_950_000_000
_DEAD = 300  # deliveries that failed
_READY_SECONDS = 60.0
_ROUTE_LINE = str(_FIRST_LINE + 7)

SEARCHES = (
    "/admin/bench/calls?number=%2B7%20916%20000-00-07",
    "/admin/bench/calls?number=9160004999",
    "/admin/bench/calls?number=%2B79991112233",
    "/admin/bench/calls?before=1690000000",
    "/admin/bench/people?page=10",
    "/admin/bench/people?find=499",
    "/admin/bench/people?unmapped=1",
    f"/admin/bench/route?number=89160000007&line={_ROUTE_LINE}",
    f"/admin/setup/bench/lines?line={_ROUTE_LINE}",
)
"""What people ask for on pages, beside the pages themselves."""

NO_PAGES = ("/live", "/connect", "/widget", "/recording/", "/static/", "/login", "/disconnect", "/remove")
"""A stream, redirects to the CRM, files, what is asked signed out, and a question about one of several PBXs."""


@dataclass(frozen=True, slots=True)
class Size:
    """`requests` of each page, in turn."""

    managers: int
    lines: int
    calls: int
    requests: int


FULL = Size(managers=500, lines=200, calls=100_000, requests=60)
QUICK = Size(managers=500, lines=200, calls=2_000, requests=8)


def run(*, quick: bool = False, size: Size | None = None) -> dict[str, Any]:
    """Returns: {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}; times in milliseconds."""
    logs.set_up("error", readable=True)
    size = size or (QUICK if quick else FULL)
    with tempfile.TemporaryDirectory(prefix="dozvon-bench-") as folder:
        measured = {"sqlite": asyncio.run(_measure(f"sqlite:///{folder}/bench.db", Path(folder), size))}
    with postgres() as url:
        if url is not None:
            with tempfile.TemporaryDirectory(prefix="dozvon-bench-") as folder:
                measured["postgresql"] = asyncio.run(_measure(url, Path(folder), size))
    aims = [
        aim(
            f"slowest of {len(each['pages'])} pages with {size.calls} calls on {name}, p95",
            AIM_P95_MS,
            max(page["p95_ms"] for page in each["pages"].values()),
            "ms",
            more_is_better=False,
        )
        for name, each in measured.items()
    ]
    failed = sum(each["failed"] for each in measured.values())
    aims.append(aim("pages that did not answer", 0, failed, "pages", more_is_better=False))
    sizes = {"managers": size.managers, "lines": size.lines, "calls": size.calls, "requests_of_each": size.requests}
    return {"bench": "pages", "aims": aims, "detail": {**sizes, **measured, **machine()}}


async def _measure(url: str, folder: Path, size: Size) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        simulated = SimulatorSettings(office=_office(size), spool=folder)
        pbx, _ = await stack.enter_async_context(running(simulated))
        crm = await stack.enter_async_context(running_crm(CrmSize(managers=size.managers)))
        data = folder / "data"
        data.mkdir()
        storage = await open_storage(url, data)
        try:
            await _decide(storage, url, folder, size, pbx.ami.port, crm.options(0, 6.5))
            began = time.monotonic()
            await _fill(storage, size)
            filled = time.monotonic() - began
        finally:
            await storage.close()
        options = {"storage": {"database": url}, "folder": str(folder)}
        dozvon = await (await stack.enter_async_context(child("bench.pages", options))).says()
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)))
        await _sign_in(session, dozvon["url"])
        await _ready(session, dozvon["url"], size)
        paths = [*_paths(dozvon["routes"]), *SEARCHES]
        times, failed = await _ask(session, dozvon["url"], paths, size.requests)
    pages = {path: {"p50_ms": percentile(each, 0.5), "p95_ms": percentile(each, 0.95)} for path, each in times.items()}
    slowest = dict(sorted(pages.items(), key=lambda item: -item[1]["p95_ms"]))
    return {"fill_seconds": round(filled, 1), "failed": failed, "pages": slowest, **machine()}


async def _ask(
    session: aiohttp.ClientSession, url: str, paths: list[str], requests: int
) -> tuple[dict[str, list[float]], int]:
    """Milliseconds of each request, ascending; the first of each page is not counted. And how many pages failed."""
    times: dict[str, list[float]] = {path: [] for path in paths}
    failed: set[str] = set()
    for turn in range(requests + 1):
        for path in paths:
            began = time.perf_counter()
            async with session.get(url + path) as answer:
                await answer.read()
            took = (time.perf_counter() - began) * 1000
            if answer.status != 200 or answer.url.path == "/admin/login":
                failed.add(path)
                print(f"{path}: {answer.status} {answer.url}", file=sys.stderr)
            if turn:
                times[path].append(took)
    return {path: sorted(each) for path, each in times.items()}, len(failed)


def _paths(patterns: list[str]) -> Iterator[str]:
    """The pages of the office, and those of no office."""
    filled = {"account": _ACCOUNT, "office": _ACCOUNT, "call": _call_id(7)}
    for pattern in patterns:
        if any(part in pattern for part in NO_PAGES) or not pattern.startswith("/admin"):
            continue
        holes = re.findall(r"\{(\w+)\}", pattern)
        if filled.keys() >= set(holes):
            yield re.sub(r"\{(\w+)\}", lambda hole: filled[hole[1]], pattern)


async def _sign_in(session: aiohttp.ClientSession, url: str) -> None:
    async with session.post(f"{url}/admin/login", data={"password": _PASSWORD}, headers={"Origin": url}) as answer:
        if answer.status != 200:
            raise RuntimeError(f"the bench could not sign in: {answer.status}")


async def _ready(session: aiohttp.ClientSession, url: str, size: Size) -> None:
    """Wait until Dozvon knows the CRM's people and the PBX's phones."""
    last = str(_FIRST_EXTENSION + size.managers - 1)
    async with asyncio.timeout(_READY_SECONDS):
        while True:
            async with session.get(f"{url}/admin/{_ACCOUNT}/people") as answer:
                page = await answer.text()
            if f'value="{last}"' in page and "extension." in page:
                return
            await asyncio.sleep(0.2)


# ---- what is in the office -------------------------------------------------------------------------------------------


def _office(size: Size) -> Office:
    phones = tuple(Phone(str(_FIRST_EXTENSION + n), f"Phone {n}") for n in range(size.managers))
    return Office(phones=phones, clients=DEMO_OFFICE.clients, queues=(), lines=())


async def _decide(storage: Storage, url: str, folder: Path, size: Size, ami_port: int, crm: dict[str, Any]) -> None:
    """Put the office into the database, as `dozvon apply` does. Four of five managers have a phone."""
    settings = config.parse({"storage": {"database": url}, "server": {"data_dir": str(folder / "data")}})
    document = {
        "id": _ACCOUNT,
        "name": "Large office",
        "amocrm": crm,
        "asterisk": {
            "host": "127.0.0.1", "port": ami_port, "username": "dozvon", "secret": "dozvon-secret",
            "fastagi": {"host": "127.0.0.1", "port": 24_574},
        },
        "line": {str(_FIRST_LINE + n): {"source": f"Реклама {n}", "responsible_seconds": 10 + n % 50}
                 for n in range(size.lines)},
        "employee": {str(_FIRST_EXTENSION + n): str(user(n)) for n in range(size.managers * 4 // 5)},
    }  # fmt: skip
    offices = Offices(storage.offices, storage.settings)
    for plan in await offices.plans(settings, {"account": [document]}):
        await offices.apply(plan)


def _call_id(number: int) -> CallId:
    return CallId(f"{_PBX}:1700000000.{7_000_000 + number}")


async def _fill(storage: Storage, size: Size) -> None:
    """People of the phone book; one call with its events and deliveries, and then as many like it as wanted."""
    people = [
        Person(
            ref=EntityRef(EntityKind.CONTACT, str(n)), name=f"Клиент {n}", phones=(f"+{_FIRST_CLIENT + n}",),
            responsible=ManagerId(str(user(n % size.managers))), created_at=1_600_000_000, updated_at=1_700_000_000,
        )
        for n in range(_CLIENTS)
    ]  # fmt: skip
    for start in range(0, len(people), 1000):
        batch = people[start : start + 1000]
        await storage.phone_book.put_persons(_ACCOUNT, batch, numbering=DEFAULT_NUMBERING)
    at = Timestamp(1_700_000_000.0)
    leg = Leg(
        id=LegId("1"), kind=LegKind.EXTENSION, target="1000", via=Via.DIRECT, offered_at=at, ringing_at=at,
        answered_at=Timestamp(at + 5), ended_at=Timestamp(at + 60), result=LegResult.ANSWERED,
    )  # fmt: skip
    call = Call(
        id=_call_id(1), account=_ACCOUNT, pbx=_PBX, native_id=_UNIQUE, direction=Direction.INBOUND,
        caller=str(_FIRST_CLIENT), called=str(_FIRST_LINE), started_at=at, answered_at=Timestamp(at + 5),
        ended_at=Timestamp(at + 60), disposition=Disposition.ANSWERED, answered_by="1000", legs=(leg,),
        talked_seconds=55.0,
    )  # fmt: skip
    kinds = (IntentKind.FETCH_RECORDING, IntentKind.LOG_CALL)
    intents = [Intent(call=call.id, kind=kind, key=kind.value) for kind in kinds]
    first = SavedStep(call=call, intents=intents, event={"event": "CallStarted", "at": at, "call": call.id})
    await storage.calls.save([first])

    def work(connection: Connection) -> None:
        done = update(outbox).values(state=OutboxState.DONE.value, result="{}", finished_at=at)
        connection.execute(done.where(outbox.c.account == _ACCOUNT))
        _multiply(connection, size.calls)
        dead = outbox.c.call.in_([_call_id(n) for n in range(1, _DEAD + 1)]) & (outbox.c.kind == "log_call")
        connection.execute(update(outbox).where(dead).values(state=OutboxState.DEAD.value, last_error="400: a field"))

    await storage.database.write(work, _ACCOUNT)


def _multiply(connection: Connection, count: int) -> None:
    """Store the rows of the first call again, each time as those of another call a minute earlier."""
    other = "'1700000000.' || CAST(7000000 + n.i AS TEXT)"
    replaced = f"replace({{}}, '{_UNIQUE}', {other})"
    client = f"replace({{}}, '{_FIRST_CLIENT}', CAST({_FIRST_CLIENT} + n.i % {_CLIENTS} AS TEXT))"
    key = str(_FIRST_CLIENT)[1:]
    changed = {
        "calls": {
            "id": replaced.format("t.id"),
            "started_at": "t.started_at - 60 * n.i",
            "answered_at": "t.answered_at - 60 * n.i",
            "ended_at": "t.ended_at - 60 * n.i",
            "state": client.format(replaced.format("t.state")),
            "match_key": f"replace(t.match_key, '{key}', CAST({key} + n.i % {_CLIENTS} AS TEXT))",
        },
        "call_events": {"call": replaced.format("t.call"), "event": replaced.format("t.event")},
        "outbox": {"call": replaced.format("t.call")},
    }
    for table in (calls, call_events, outbox):
        names = [column.name for column in table.columns if (table.name, column.name) != ("outbox", "id")]
        values = ", ".join(changed[table.name].get(name, f't."{name}"') for name in names)
        into = ", ".join(f'"{name}"' for name in names)
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
        connection.execute(
            text(f"INSERT INTO {table.name} ({into}) {numbers} SELECT {values} FROM {table.name} t CROSS JOIN n")
        )
    connection.execute(text("ANALYZE"))


# ---- the process that is measured ------------------------------------------------------------------------------------


async def _serve(options: dict[str, Any]) -> None:
    logs.set_up("error", readable=True)
    server = {"listen": "127.0.0.1:0", "data_dir": f"{options['folder']}/data", "admin_password": _PASSWORD}
    process = Dozvon(config.parse({"server": server, "storage": options["storage"]}))
    await process.start()
    routes = [
        route.resource.canonical
        for route in process.web.server.app.router.routes()
        if route.method == "GET" and route.resource is not None
    ]
    print(json.dumps({"url": process.url, "routes": sorted(set(routes))}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await process.stop()


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
