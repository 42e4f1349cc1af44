"""The stand: the simulated office, the sandbox CRM, and one or more processes of Dozvon between them.

What goes wrong on it is `mishaps.py`'s, what came of it `verdict.py`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import aiohttp

from integration.domain.ids import AccountId, PbxId
from integration.storage import Storage, open_storage
from pbx_adapter.asterisk.simulator.records import CDR_FILE, CEL_FILE
from tests.e2e.consent import consent
from tests.e2e.crm_site import ANNA, DMITRY, PEOPLE, CrmSite
from tests.e2e.dozvon_process import DozvonProcess
from tests.faults.doorman import Doorman
from tests.faults.office import Traffic, WatchedOffice, open_office
from tests.lab.ports import free_port
from tests.lab.waiting import until, until_told

_PASSWORD = "faults"
_LOOK_SECONDS = 0.25
_CLICK_SECONDS = 5.0
_LATE_SECONDS = 8
ACCOUNT, PBX = AccountId("faults"), PbxId("office")

_CONFIG = """\
[server]
listen = "127.0.0.1:{port}"
public_url = "{public_url}"
data_dir = "{data}"
admin_password = "{password}"

{storage}
[[account]]
id = "faults"
pbx_id = "office"
default_responsible = "{default_responsible}"

[account.amocrm]
client_id = "{client_id}"
client_secret = "{client_secret}"
oauth_url = "{crm}/oauth"
account_hosts = '{crm_host}'
api_host = "{crm_host}"
request_seconds = 3
requests_per_second = 6.9

[account.asterisk]
host = "127.0.0.1"
port = {ami_port}
username = "dozvon"
secret = "dozvon-secret"
trunks = ["trunk"]
originate_context = "internal"
recordings = {{ path = "{spool}", pbx_path = "{spool}" }}
fastagi = {{ host = "127.0.0.1", port = {agi_port} }}

[account.asterisk.records]
kind = "csv"
cdr = "{cdr}"
cel = "{cel}"
late_seconds = {late_seconds}  # this office writes its records at once

[account.line.default]
# No popups: their requests would take half of the CRM's rate, and they are worthless after seconds.
card = "never"
responsible_seconds = 5

[account.employee]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """
    How the stand is set up.

    Args of the constructor:
        processes: more than one needs `database` and `redis`, which `run.py` opens.
        speed: seconds of the office per second of the wall clock.
        per_second: calls that begin in a second of the wall clock.
    """

    seed: int = 1
    processes: int = 1
    database: str = ""
    redis: str = ""
    speed: float = 5.0
    per_second: float = 3.5


class Stand:
    """`open_stand` opens it; `processes` have started then, and Dozvon is connected to both sides."""

    def __init__(self, folder: Path, shape: Shape, session: aiohttp.ClientSession) -> None:
        self.folder, self.shape = folder, shape
        self.session = session
        spread = shape.processes > 1
        ports = [free_port() for _ in range(shape.processes)]
        self._door = Doorman(free_port(), ports) if spread else None
        self.url = f"http://127.0.0.1:{self._door.port if self._door else ports[0]}"
        self.spool = folder / "spool"
        self._agi_port = free_port()  # all processes share it
        agi = f"agi://127.0.0.1:{self._agi_port}/office"
        self._logs = folder / "asterisk"
        self.office: WatchedOffice = open_office(self.spool, self._logs, agi, seed=shape.seed, speed=shape.speed)
        self.crm = CrmSite(free_port(), f"{self.url}/oauth/amocrm/faults")
        self._ports = ports
        self.processes: list[DozvonProcess] = []
        self.arrived: dict[str, float] = {}  # calls by their key, and when they were first seen in the CRM
        self._watching: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self.office.start()
        await self.crm.start()
        if self._door:
            await self._door.start()
        for number, port in enumerate(self._ports):
            config = self.folder / f"dozvon{number}.toml"
            config.write_text(self._config(port))
            self.processes.append(DozvonProcess(config, f"http://127.0.0.1:{port}", self.session))
        for process in self.processes:
            await process.start()
        await self.pbx_is_followed()
        await consent(self.url, self.crm, "faults", _PASSWORD)
        await until_told(self._is_mirrored)
        self._watching = asyncio.create_task(self._watch_arrivals())

    def _config(self, port: int) -> str:
        lines = [f'{key} = "{value}"' for key in ("database", "redis") if (value := getattr(self.shape, key))]
        values = {
            "port": port, "agi_port": self._agi_port, "public_url": self.url, "data": self.folder / "data",
            "password": _PASSWORD, "storage": "\n".join(["[storage]", *lines, ""]) if lines else "",
            "default_responsible": DMITRY, "client_id": self.crm.client_id, "client_secret": self.crm.client_secret,
            "crm": self.crm.url, "crm_host": self.crm.host, "ami_port": self.office.ami.port, "spool": self.spool,
            "cdr": self._logs / CDR_FILE, "cel": self._logs / CEL_FILE, "late_seconds": _LATE_SECONDS,
        }  # fmt: skip
        people = [f'{extension} = "{manager}"\n' for extension, manager in PEOPLE.items()]
        return _CONFIG.format(**values) + "".join(people)

    async def _is_mirrored(self) -> bool:
        return any("phone book compared with the CRM" in process.text() for process in self.processes)

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        for process in self.processes:
            process.kill()
        await self.office.stop()
        await self.crm.stop()
        if self._door:
            await self._door.stop()

    # ---- what the stand can be asked -------------------------------------------------------------------------------

    def traffic(self, *, strangers: int) -> Traffic:
        shape = self.shape
        return Traffic(self.office, self._click, seed=shape.seed, per_second=shape.per_second, strangers=strangers)

    async def pbx_is_followed(self, *, timeout_seconds: float = 60.0) -> None:
        """Wait until a process is connected to the PBX and has asked for its calls."""

        async def is_so() -> bool:
            said = [await process.health(timeout_seconds=30.0) for process in self.processes if process.is_alive]
            return any(each["accounts"]["faults"]["pbx"] == "connected" for each in said)

        await until_told(is_so, timeout_seconds=timeout_seconds)

    async def settled(self, *, timeout_seconds: float) -> None:
        """Wait until the office is quiet and everything is delivered."""
        async with asyncio.timeout(timeout_seconds):
            await self.office.idle()
            await self._recovered()
        for process in self.processes:
            await process.settled(timeout_seconds=timeout_seconds)
        await until(lambda: set(self.crm.counts()) <= set(self.arrived), timeout_seconds=10.0)

    async def _recovered(self) -> None:
        """Wait until the last gap was compared with the PBX's records for the last time; the link has to be up."""
        began = time.time()
        async with self.storage() as storage:
            while True:
                watch = await storage.watches.load(ACCOUNT, PBX)
                if watch is not None and watch.unchecked_since is None and watch.watched_until > began:
                    return
                await asyncio.sleep(_LOOK_SECONDS)

    @contextlib.asynccontextmanager
    async def storage(self) -> AsyncIterator[Storage]:
        """What Dozvon has stored, while it runs."""
        url = self.shape.database or f"sqlite:///{self.folder / 'data' / 'dozvon.sqlite3'}"
        storage = await open_storage(url, self.folder / "data")
        try:
            yield storage
        finally:
            await storage.close()

    async def _click(self, number: str) -> None:
        """Anna presses a number in the CRM; a Dozvon that is not there answers nothing, and no call is made."""
        timeout = aiohttp.ClientTimeout(total=_CLICK_SECONDS)
        page = {"Cookie": f"crm_user={self.crm.account.id}:{ANNA}"}
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            form = {"client_id": self.crm.client_id}
            asked = self.session.post(f"{self.crm.url}/page/widget_token", json=form, headers=page, timeout=timeout)
            async with asked as answer:
                token = (await answer.json())["token"]
            headers = {"X-Auth-Token": token, "Origin": self.crm.url}
            body = {"number": number, "request": uuid4().hex}
            pressed = self.session.post(f"{self.url}/api/widget/call", json=body, headers=headers, timeout=timeout)
            async with pressed as answer:
                await answer.read()

    async def _watch_arrivals(self) -> None:
        while True:
            for key in self.crm.counts():
                self.arrived.setdefault(key, time.time())
            await asyncio.sleep(_LOOK_SECONDS)


@contextlib.asynccontextmanager
async def open_stand(folder: Path, shape: Shape) -> AsyncIterator[Stand]:
    """All of it, until the block ends."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        stand = Stand(folder, shape, session)
        try:
            await stand.open()
            yield stand
        finally:
            await stand.close()
