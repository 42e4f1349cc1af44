"""Measures how fast a card appears: from the ringing phone's bytes on AMI to the message in the manager's page.

`dozvon bench card [--quick]`. The whole of Dozvon runs in a separate process. CRM and PBX are the sandbox and the
simulated office, whose AMI here replays a recording of a real Asterisk. The pages are real WebSockets.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench.crm import CrmSize, number, running_crm
from bench.report import aim, machine, percentile
from bench.track import template
from integration import logs
from integration.domain.ids import PbxId, Timestamp
from integration.process import config
from integration.process.process import Dozvon
from pbx_adapter.asterisk.ami.protocol import FrameReader, parse_block
from pbx_adapter.asterisk.simulator.office import SimulatorSettings
from pbx_adapter.asterisk.simulator.simulator import Simulator
from pbx_adapter.asterisk.tracker.tracker import Tracker

AIM_P99_MS = 50.0
CALLS_PER_SECOND = 5  # 18,000 an hour: a very large office
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
    warm_up: int = 10


FULL = Size(clients=1_000, calls=1_000)
QUICK = Size(clients=100, calls=60)


def run(*, quick: bool = False, size: Size | None = None) -> dict[str, Any]:
    """Returns: {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}; times in milliseconds."""
    logs.set_up("error", readable=True)
    return asyncio.run(_run(size or (QUICK if quick else FULL)))


async def _run(size: Size) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dozvon-bench-")))
        office = Simulator(SimulatorSettings(spool=folder / "spool", control_port=None))
        await office.start()
        stack.push_async_callback(office.stop)
        crm = await stack.enter_async_context(running_crm(CrmSize(contacts=size.clients)))
        options = {"ami": office.ami.port, "clients": size.clients, "folder": str(folder), "crm": crm.options(0, 6.5)}
        served = await stack.enter_async_context(_dozvon(options))
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())
        )
        pages = Pages(session, served["url"], crm.url)
        stack.push_async_callback(pages.close)
        await pages.open(served["tickets"])
        async with asyncio.timeout(30):
            while not office.ami.is_heard:  # noqa: ASYNC110 - the simulated PBX has no event for a login
                await asyncio.sleep(0.05)
        times = sorted(await _ring(office, pages, size))
    missing = size.calls - len(times)
    times = times or [_LATEST_SECONDS * 1000]
    return {
        "bench": "card",
        "aims": [
            aim(f"bytes on AMI to message, {size.clients} pages open, p99", AIM_P99_MS, percentile(times, 0.99), "ms",
                more_is_better=False),
            aim("cards that did not come", 0, missing, "cards", more_is_better=False),
        ],
        "detail": {
            "clients": size.clients,
            "calls": size.calls,
            "calls_per_second": CALLS_PER_SECOND,
            "p50_ms": percentile(times, 0.5),
            "p99_ms": percentile(times, 0.99),
            "max_ms": round(times[-1], 2),
            **machine(),
        },
    }  # fmt: skip


class Pages:
    """Every manager's open page. The first card of each call is noted with its moment."""

    def __init__(self, session: aiohttp.ClientSession, url: str, origin: str) -> None:
        self._session, self._url, self._origin = session, url, origin
        self._sockets: list[aiohttp.ClientWebSocketResponse] = []
        self._readers: list[asyncio.Task[None]] = []
        self.shown: dict[str, asyncio.Future[float]] = {}  # number of the client -> when the card came

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


async def _ring(office: Simulator, pages: Pages, size: Size) -> list[float]:
    """Make calls at fixed moments, each to the next manager. Returns the milliseconds until each card that came."""
    blocks = template("inbound_answered")
    rings_at = first_ring(blocks)
    loop = asyncio.get_running_loop()
    began = loop.time()
    calls = []
    for place in range(-size.warm_up, size.calls):
        await asyncio.sleep(began + (place + size.warm_up) / CALLS_PER_SECOND - loop.time())
        said = [_said(block, place, size.clients) for block in blocks]
        calls.append(asyncio.create_task(_call(office, pages, said, rings_at, number(place % size.clients))))
    times = await asyncio.gather(*calls)
    return [ms for ms in times[size.warm_up :] if ms is not None]


async def _call(office: Simulator, pages: Pages, blocks: list[bytes], rings_at: int, client: str) -> float | None:
    card: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    pages.shown[client] = card
    say(office, blocks[:rings_at])
    wrote = time.perf_counter()
    say(office, blocks[rings_at : rings_at + 1])
    try:
        async with asyncio.timeout(_LATEST_SECONDS):
            return (await card - wrote) * 1000
    except TimeoutError:
        return None
    finally:
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


@asynccontextmanager
async def _dozvon(options: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.card", json.dumps(options)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[1],
        limit=2**20,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        if not line:
            raise RuntimeError("Dozvon did not start; its output is above")
        yield json.loads(line)
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(20):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _serve(options: dict[str, Any]) -> None:
    logs.set_up("error", readable=True)
    managers = [str(n) for n in range(1, options["clients"] + 1)]
    process = Dozvon(
        config.parse(
            {
                "server": {"listen": "127.0.0.1:0", "data_dir": f"{options['folder']}/data"},
                "account": [
                    {
                        "id": _ACCOUNT,
                        "amocrm": options["crm"],
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
                ],
            }
        )
    )
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


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
