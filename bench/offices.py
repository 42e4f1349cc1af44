"""Measures how many offices one machine serves: each with a PBX, a CRM and people, with calls in all of them at once.

`dozvon bench offices [--quick]`: the offices are in PostgreSQL, as `dozvon apply` stores them. Dozvon runs as one
process, then as two. Each office has its own PBX (`offices_pbxs.py`, which replays recordings of a real Asterisk) and
an account of the sandbox CRM; some have an open page. PBXs, CRM and pages run in other processes, whose work is not
counted.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench.card import Pages
from bench.child import Child, child
from bench.crm import Crm, CrmSize, running_crm
from bench.databases import postgres
from bench.report import aim, machine, percentile
from integration import logs
from integration.domain.ids import AccountId
from integration.process import config
from integration.process.offices import Offices
from integration.process.process import Dozvon
from integration.storage import open_storage

CONNECTED_SECONDS, CARD_MS, MIB, CORES = 20.0, 50.0, 1024.0, 0.5
_PAGES = 200
_TICKET_SECONDS = 3600.0
_LATEST_SECONDS = 10.0
_SETTLE_SECONDS, _IDLE_SHARE = 120.0, 0.15  # of a core, by one process: the first comparisons of all books are over


@dataclass(frozen=True, slots=True)
class Size:
    offices: int
    calls_per_second: float
    seconds: float


FULL = Size(offices=1_000, calls_per_second=10.0, seconds=60.0)
QUICK = Size(offices=60, calls_per_second=4.0, seconds=8.0)


def run(*, quick: bool = False, size: Size | None = None) -> dict[str, Any]:
    """Returns: {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}."""
    logs.set_up("error", readable=True)
    size = size or (QUICK if quick else FULL)
    measured = {}
    for processes in (1, 2):
        with postgres() as url:
            if url is None:
                raise RuntimeError("this bench needs PostgreSQL: run it in a checkout")
            measured[processes] = asyncio.run(_measure(url, size, processes))
    aims = []
    for processes, each in measured.items():
        told = f"{size.offices} offices in {processes} process{'es' if processes > 1 else ''}"
        aims += [
            aim(f"{told}, all PBXs connected", CONNECTED_SECONDS, each["connected_seconds"], "s", more_is_better=False),
            aim(f"{told}, share of the cores", CORES, each["share_of_the_cores"], "share", more_is_better=False),
            aim(f"{told}, memory of the largest", MIB, max(each["mib"]), "MiB", more_is_better=False),
            aim(f"{told}, card p99", CARD_MS, each["card_p99_ms"], "ms", more_is_better=False),
            aim(f"{told}, cards that did not come", 0, each["cards_missing"], "cards", more_is_better=False),
        ]
    detail = {"calls_an_hour": round(size.calls_per_second * 3600), "by_processes": measured, **machine()}
    return {"bench": "offices", "aims": aims, "detail": detail}


async def _measure(url: str, size: Size, processes: int) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dozvon-bench-")))
        pbxs = await stack.enter_async_context(
            child("bench.offices_pbxs", {"offices": size.offices, "folder": str(folder)})
        )
        ports = (await pbxs.says())["ports"]
        crm = await stack.enter_async_context(running_crm(CrmSize(accounts=size.offices)))
        server: dict[str, Any] = {"storage": {"database": url}}
        if processes > 1:
            from tests.scaled.servers import own_redis

            server["storage"]["redis"] = f"redis://127.0.0.1:{stack.enter_context(own_redis()).port}/0"
        await _decide(server, folder, ports, crm)
        began = time.monotonic()
        pages = min(_PAGES, size.offices)
        options = [
            {**server, "folder": str(folder), "place": n, "pages": pages if n == 0 else 0} for n in range(processes)
        ]
        dozvons = [await stack.enter_async_context(child("bench.offices", each)) for each in options]
        await pbxs.tell({"do": "wait until all are heard"})
        assert await pbxs.says() == {"heard": size.offices}
        connected = time.monotonic() - began
        told = [await dozvon.says() for dozvon in dozvons]
        session = await stack.enter_async_context(_session())
        widgets = Pages(session, told[0]["url"], crm.url)
        stack.push_async_callback(widgets.close)
        await widgets.open(told[0]["tickets"])
        settled = await _settled([dozvon.pid for dozvon in dozvons])
        before = [_seconds_used(dozvon.pid) for dozvon in dozvons]
        times = await _ring(pbxs, widgets, size, pages)
        used = [_seconds_used(dozvon.pid) - each for dozvon, each in zip(dozvons, before, strict=True)]
        mib = [_mib(dozvon.pid) for dozvon in dozvons]
    known = sorted(each for each in times if each is not None)
    return {
        "connected_seconds": round(connected, 1),
        "settled_seconds": round(settled, 1),
        "cards": len(times),
        "cards_missing": len(times) - len(known),
        "card_p50_ms": percentile(known, 0.5),
        "card_p99_ms": percentile(known, 0.99),
        "share_of_the_cores": round(sum(used) / size.seconds / (os.cpu_count() or 1), 3),
        "processor_seconds": [round(each, 1) for each in used],
        "mib": mib,
        "statuses_of_the_crm": crm.seen.get("statuses", {}),
    }


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())


async def _decide(server: dict[str, Any], folder: Path, ports: list[int], crm: Crm) -> None:
    """Put the offices into the database."""
    settings = config.parse({**server, "server": {"data_dir": str(folder / "data0")}})
    (folder / "data0").mkdir()
    storage = await open_storage(settings.database_url, settings.data_dir)
    try:
        offices = Offices(storage.offices, storage.settings)
        for place, port in enumerate(ports):
            document = {
                "id": f"o{place}",
                "amocrm": crm.options(place, 6.5),
                "asterisk": {
                    "host": "127.0.0.1", "port": port, "username": "dozvon", "secret": "dozvon-secret",
                    "fastagi": {"host": "127.0.0.1", "port": 24573}, "recordings": {"path": str(folder)},
                },
                "employee": {"1000": "1"},
            }  # fmt: skip
            for plan in await offices.plans(settings, {"account": [document]}):
                await offices.apply(plan)
    finally:
        await storage.close()


async def _settled(pids: list[int]) -> float:
    """Wait until the first comparison of all phone books is done, by the use of the processor. Returns seconds."""
    began = time.monotonic()
    while time.monotonic() - began < _SETTLE_SECONDS:
        before = sum(map(_seconds_used, pids))
        await asyncio.sleep(5.0)
        if sum(map(_seconds_used, pids)) - before < 5.0 * _IDLE_SHARE * len(pids):
            break
    return time.monotonic() - began


async def _ring(pbxs: Child, widgets: Pages, size: Size, pages: int) -> list[float | None]:
    """Milliseconds until each card that an open page should get; None: it did not come."""
    await pbxs.tell({"do": "ring", "seconds": size.seconds, "calls_per_second": size.calls_per_second, "pages": pages})
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Task[float | None]] = []
    while (call := await pbxs.says()) != {"over": True}:
        if "rings" in call:
            widgets.shown[call["rings"]] = loop.create_future()
            await pbxs.tell({"go": call["rings"]})
        else:
            waiting.append(asyncio.create_task(_shown(widgets.shown[call["rang"]], call["at"])))
    return list(await asyncio.gather(*waiting))


async def _shown(card: asyncio.Future[float], rang_at: float) -> float | None:
    try:
        async with asyncio.timeout(_LATEST_SECONDS):
            return (await card - rang_at) * 1000
    except TimeoutError:
        return None


def _seconds_used(pid: int) -> float:
    """Processor seconds used by a process and its threads (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _mib(pid: int) -> float:
    """A process's own memory, without pages of files."""
    resident, shared = map(int, Path(f"/proc/{pid}/statm").read_text("ascii").split()[1:3])
    return round((resident - shared) * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


# ---- processes -------------------------------------------------------------------------------------------------------


async def _serve(options: dict[str, Any]) -> None:
    logs.set_up("error", readable=True)
    server = {"listen": "127.0.0.1:0", "data_dir": f"{options['folder']}/data0"}
    process = Dozvon(config.parse({"server": server, "storage": options["storage"]}))
    await process.start()
    tickets = [
        await process.core.coordination.issue_ticket(
            {"account": AccountId(f"o{place}"), "manager": "1"}, ttl_seconds=_TICKET_SECONDS
        )
        for place in range(options["pages"])
    ]
    print(json.dumps({"url": process.url, "tickets": tickets}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await process.stop()


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
