"""Measures how fast a card appears: from the ringing phone's bytes on AMI to the message in the manager's page.

`dozvon bench card [--quick]`. The whole of Dozvon runs in a separate process. CRM and PBX are the sandbox and the
simulated office, whose AMI here replays a recording of a real Asterisk. The pages are real WebSockets. The same is
measured with amoCRM and with Bitrix24, there together with the portal's own card, which opens by our request.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench.child import child
from bench.crm import CrmSize, number, running_crm
from bench.portal import PortalsSize, running_portals
from bench.report import aim, machine, percentile
from bench.track import template
from connectors.bitrix24.settings import ENTERPRISE_LIMIT
from integration import logs
from integration.domain.ids import AccountId, PbxId, Timestamp
from integration.ports.stores import Tokens
from integration.process import config
from integration.process.place import opened_storage
from integration.process.process import Dozvon
from pbx_adapter.asterisk.ami.protocol import FrameReader, parse_block
from pbx_adapter.asterisk.simulator.office import SimulatorSettings
from pbx_adapter.asterisk.simulator.simulator import Simulator
from pbx_adapter.asterisk.tracker.tracker import Tracker

AIM_P99_MS = 50.0
CALLS_PER_SECOND = 5  # 18,000 an hour: a very large office
PORTAL_CALLS_PER_SECOND = 2  # a call costs two requests, and a portal allows five a second at most
PORTAL_RINGS_SECONDS = 1.0  # a call that is over before its registration opens no card in the portal
_ACCOUNT = "bench"
_FIRST_EXTENSION = 1000
_LATEST_SECONDS = 10.0
_TICKET_SECONDS = 600.0
_PING_SECONDS = 30.0  # as in the widget; Dozvon closes a silent page
_EXTENSION, _CALLER = b"101", b"79161234567"  # in the recording


@dataclass(frozen=True, slots=True)
class Size:
    """`warm_up` calls are not counted: the first calls fill the caches."""

    clients: int
    calls: int
    portal_calls: int
    warm_up: int = 10


FULL = Size(clients=1_000, calls=1_000, portal_calls=400)
QUICK = Size(clients=100, calls=60, portal_calls=16)


def run(*, quick: bool = False, size: Size | None = None) -> dict[str, Any]:
    """Returns: {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}; times in milliseconds."""
    logs.set_up("error", readable=True)
    return asyncio.run(_run(size or (QUICK if quick else FULL)))


async def _run(size: Size) -> dict[str, Any]:
    by_crm = {}
    async with running_crm(CrmSize(contacts=size.clients)) as crm:
        side = {"crm": "amocrm", "amocrm": crm.options(0, 6.5)}
        pace = Pace(size.calls, CALLS_PER_SECOND)
        by_crm["amoCRM"] = await _measured(size, pace, side, crm.url)
    async with running_portals(PortalsSize(staff=size.clients, contacts=size.clients, has_limits=False)) as portals:
        limit = {"requests_per_second": ENTERPRISE_LIMIT[1], "burst": ENTERPRISE_LIMIT[0], "events": "address"}
        side = {"crm": "bitrix24", "bitrix24": portals.options() | limit, "portal": portals.url} | portals.pairs[0]
        pace = Pace(size.portal_calls, PORTAL_CALLS_PER_SECOND, PORTAL_RINGS_SECONDS)
        by_crm["Bitrix24"] = await _measured(size, pace, side, "")
    opened = _portals_cards(by_crm["Bitrix24"].wrote, portals.seen["cards"])
    return {
        "bench": "card",
        "aims": [each for name, measured in by_crm.items() for each in _aims(name, size, measured)],
        "detail": {
            "clients": size.clients,
            "by_crm": {name: measured.detail() for name, measured in by_crm.items()},
            "portals_own_card": {
                "opened": len(opened),
                "p50_ms": percentile(opened, 0.5) if opened else None,
                "p99_ms": percentile(opened, 0.99) if opened else None,
            },
            **machine(),
        },
    }


@dataclass(frozen=True, slots=True)
class Pace:
    """`rings_seconds`: how long a phone rings at least, after the card has come."""

    calls: int
    per_second: int
    rings_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """`times`: milliseconds, rising. `wrote`: number of the client -> when its phone's ringing was written last."""

    pace: Pace
    times: list[float]
    wrote: dict[str, float]

    def detail(self) -> dict[str, Any]:
        return {
            "calls": self.pace.calls,
            "calls_per_second": self.pace.per_second,
            "p50_ms": percentile(self.times, 0.5),
            "p99_ms": percentile(self.times, 0.99),
            "max_ms": round(self.times[-1], 2),
        }


def _aims(crm: str, size: Size, measured: Measured) -> list[dict[str, Any]]:
    what = f"bytes on AMI to message, {size.clients} pages open, {crm}, p99"
    missing = measured.pace.calls - len(measured.times)
    return [
        aim(what, AIM_P99_MS, percentile(measured.times, 0.99), "ms", more_is_better=False),
        aim(f"cards that did not come, {crm}", 0, missing, "cards", more_is_better=False),
    ]


def _portals_cards(wrote: dict[str, float], opened: dict[str, float]) -> list[float]:
    """Milliseconds from the bytes on AMI until the portal opened its own card, of clients who called once."""
    return sorted((at - wrote[number]) * 1000 for number, at in opened.items() if number in wrote)


async def _measured(size: Size, pace: Pace, side: dict[str, Any], origin: str) -> Measured:
    """`side`: what the process needs to know of the CRM. `origin`: of the pages; empty: they are Dozvon's own."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dozvon-bench-")))
        office = Simulator(SimulatorSettings(spool=folder / "spool", control_port=None))
        await office.start()
        stack.push_async_callback(office.stop)
        options = {"ami": office.ami.port, "clients": size.clients, "folder": str(folder), "side": side}
        served = await (await stack.enter_async_context(child("bench.card", options))).says()
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())
        )
        pages = Pages(session, served["url"], origin or served["url"])
        stack.push_async_callback(pages.close)
        await pages.open(served["tickets"])
        async with asyncio.timeout(30):
            while not office.ami.is_heard:  # noqa: ASYNC110 - the simulated PBX has no event for a login
                await asyncio.sleep(0.05)
        times = sorted(await _ring(office, pages, size, pace))
        return Measured(pace, times or [_LATEST_SECONDS * 1000], pages.wrote)


class Pages:
    """Every manager's open page. The first card of each call is noted with its moment."""

    def __init__(self, session: aiohttp.ClientSession, url: str, origin: str) -> None:
        self._session, self._url, self._origin = session, url, origin
        self._sockets: list[aiohttp.ClientWebSocketResponse] = []
        self._readers: list[asyncio.Task[None]] = []
        self.shown: dict[str, asyncio.Future[float]] = {}  # number of the client -> when the card came
        self.wrote: dict[str, float] = {}  # number of the client -> when its call began to ring

    async def open(self, tickets: list[str]) -> None:
        for ticket in tickets:
            socket = await self._session.ws_connect(
                f"{self._url}/api/widget/ws?ticket={ticket}", headers={"Origin": self._origin}
            )
            self._sockets.append(socket)
            await socket.receive_json(timeout=_LATEST_SECONDS)  # the snapshot
            self._readers += [asyncio.create_task(self._read(socket)), asyncio.create_task(self._ping(socket))]

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            now = time.perf_counter()
            said = json.loads(message.data)
            if said["type"] == "call_updated" and said["call"]["state"] == "ringing":
                card = self.shown.get(said["call"]["raw_number"])
                if card is not None and not card.done():
                    card.set_result(now)

    @staticmethod
    async def _ping(socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await asyncio.sleep(_PING_SECONDS)
            await socket.send_json({"type": "ping"})

    async def close(self) -> None:
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        await asyncio.gather(*(socket.close() for socket in self._sockets), return_exceptions=True)


async def _ring(office: Simulator, pages: Pages, size: Size, pace: Pace) -> list[float]:
    """Make calls at fixed moments, each to the next manager. Returns the milliseconds until each card that came."""
    blocks = template("inbound_answered")
    rings_at = first_ring(blocks)
    loop = asyncio.get_running_loop()
    began = loop.time()
    running = []
    for place in range(-size.warm_up, pace.calls):
        await asyncio.sleep(began + (place + size.warm_up) / pace.per_second - loop.time())
        said = [_said(block, place, size.clients) for block in blocks]
        running.append(asyncio.create_task(_call(office, pages, said, rings_at, number(place % size.clients), pace)))
    times = await asyncio.gather(*running)
    return [ms for ms in times[size.warm_up :] if ms is not None]


async def _call(
    office: Simulator, pages: Pages, blocks: list[bytes], rings_at: int, client: str, pace: Pace
) -> float | None:
    card: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    pages.shown[client] = card
    say(office, blocks[:rings_at])
    wrote = pages.wrote[client] = time.perf_counter()
    say(office, blocks[rings_at : rings_at + 1])
    try:
        async with asyncio.timeout(_LATEST_SECONDS):
            return (await card - wrote) * 1000
    except TimeoutError:
        return None
    finally:
        await asyncio.sleep(pace.rings_seconds)
        say(office, blocks[rings_at + 1 :])


def first_ring(blocks: list[bytes]) -> int:
    """The index of the block that shows that the phone is called."""
    tracker = Tracker(PbxId("bench"))
    reader = FrameReader(tracker.wanted)
    for place, block in enumerate(blocks):
        for frame in reader.feed(block.replace(b"\x00", b"c-")):
            told = tracker.feed(frame, Timestamp(float(place)))
            if any(type(event).__name__ == "LegOffered" for event in told):
                return place
    raise RuntimeError("nobody is called in this recording")


def _said(block: bytes, place: int, clients: int) -> bytes:
    extension = b"%d" % (_FIRST_EXTENSION + place % clients)
    block = block.replace(b"\x00", b"c%d-" % (place % 10**9)).replace(_CALLER, number(place % clients)[1:].encode())
    return re.sub(rb"\b%s\b" % _EXTENSION, extension, block)


def say(office: Simulator, blocks: list[bytes]) -> None:
    for block in blocks:
        pairs = [
            (key, text)
            for key, said in parse_block(block.removesuffix(b"\r\n\r\n")).items()
            for text in (said if isinstance(said, list) else [said])
        ]
        named = dict(pairs)
        group = named["Privilege"].partition(",")[0]
        office.ami.event(named["Event"], group, [pair for pair in pairs if pair[0] not in ("Event", "Privilege")])


# ---- Dozvon, in its own process ------------------------------------------------------------------------------


async def _serve(options: dict[str, Any]) -> None:
    logs.set_up("error", readable=True)
    managers = [str(n) for n in range(1, options["clients"] + 1)]
    side = options["side"]
    account = {
        "id": _ACCOUNT,
        "crm": side["crm"],
        side["crm"]: side[side["crm"]],
        "asterisk": {
            "host": "127.0.0.1",
            "port": options["ami"],
            "username": "dozvon",
            "secret": "dozvon-secret",
            "fastagi": {"host": "127.0.0.1", "port": 0},
            "recordings": {"path": options["folder"]},
        },
        "employee": {str(_FIRST_EXTENSION + n): manager for n, manager in enumerate(managers)},
    }
    address = f"127.0.0.1:{_free_port()}"  # known beforehand: a portal is told where it finds us
    server = {"listen": address, "public_url": f"http://{address}", "data_dir": f"{options['folder']}/data"}
    settings = config.parse({"server": server, "account": [account]})
    if "access" in side:
        async with opened_storage(settings) as storage:
            await storage.tokens.save(AccountId(_ACCOUNT), _installed(side))
    process = Dozvon(settings)
    await process.start()
    tickets = [
        await process.core.coordination.issue_ticket(
            {"account": _ACCOUNT, "manager": manager}, ttl_seconds=_TICKET_SECONDS
        )
        for manager in managers
    ]
    print(json.dumps({"url": process.url, "tickets": tickets}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await process.stop()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _installed(side: dict[str, Any]) -> Tokens:
    """The application is installed in the portal."""
    return Tokens(
        access=side["access"],
        refresh=side["refresh"],
        expires_at=Timestamp(time.time() + 3600),
        base_url=side["portal"],
        crm_account_id=side["member_id"],
    )


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
