"""Three processes of Dozvon on PostgreSQL and Redis, between a simulated office and the sandbox amoCRM."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp

from connectors.amocrm.sandbox.sandbox import Traffic
from pbx_adapter.asterisk.simulator import DEMO_OFFICE, SimulatorSettings, running
from pbx_adapter.asterisk.simulator.office import Line, RingStep
from pbx_adapter.asterisk.simulator.simulator import Simulator
from tests.e2e.consent import consent
from tests.e2e.crm_site import ANNA, DMITRY, CrmSite, employees
from tests.e2e.dozvon_process import DozvonProcess
from tests.e2e.widget_page import PATIENCE_SECONDS as PATIENCE_SECONDS
from tests.e2e.widget_page import WidgetPage, click, widget_headers, widget_page
from tests.lab.ports import free_port
from tests.lab.waiting import until
from tests.scaled.servers import Server, own_postgres, own_redis

PASSWORD = "town"
LINE = "74950000001"  # Anna's phone, 101
BRANCH_LINE = "74950000005"  # Boris's phone, 102, in the branch
_CONFIG = """\
[server]
listen = "127.0.0.1:{port}"
public_url = "{url}"
data_dir = "{data}"
admin_password = "{password}"

[storage]
database = "postgresql://dozvon@127.0.0.1:{postgres}/dozvon"
redis = "redis://127.0.0.1:{redis}/0"

[[account]]
id = "town"
pbx_id = "{pbx}"
default_responsible = "{default_responsible}"

{amocrm}
[account.asterisk]
host = "127.0.0.1"
port = {ami}
username = "dozvon"
secret = "dozvon-secret"
originate_context = "internal"
recordings = {{ path = "{spool}" }}
fastagi = {{ host = "127.0.0.1", port = {agi} }}

{employees}"""


@dataclass(frozen=True, slots=True)
class Link:
    """A PBX in the configuration: two ports, and the folder of its recordings."""

    id: str
    ami: int
    agi: int
    spool: Path


class Town:
    """
    Attributes:
        processes: all, killed ones too; the first has the public address.
        office: the PBX; tests tell its people to answer.
    """

    def __init__(
        self,
        folder: Path,
        session: aiohttp.ClientSession,
        postgres: Server,
        redis: Server,
        office: Simulator,
        pbx: Link,
        *,
        processes: int = 3,
        code: Path | None = None,
    ) -> None:
        """`code`: the folder with the packages of another release, of which all processes are."""
        self.folder, self.session, self.postgres, self.redis, self.office = folder, session, postgres, redis, office
        ports = [free_port() for _ in range(processes)]
        self.url = f"http://127.0.0.1:{ports[0]}"
        self.crm = CrmSite(free_port(), f"{self.url}/oauth/amocrm/town")
        self.processes = [
            DozvonProcess(
                self._configure(f"process{number}", port, pbx), f"http://127.0.0.1:{port}", session, code=code
            )
            for number, port in enumerate(ports)
        ]

    def _configure(self, name: str, port: int, pbx: Link) -> Path:
        """The configuration: the same for all, except for the PBX and the web port, which tests use to choose one."""
        values = {
            "port": port, "url": self.url, "data": self.folder / "data", "password": PASSWORD,
            "postgres": self.postgres.port, "redis": self.redis.port, "default_responsible": DMITRY,
            "amocrm": self.crm.table(), "employees": employees(), "pbx": pbx.id, "ami": pbx.ami,
            "spool": pbx.spool, "agi": pbx.agi,
        }  # fmt: skip
        file = self.folder / f"{name}.toml"
        file.write_text(_CONFIG.format(**values))
        return file

    def another(self, name: str, *, roles: str = "", code: Path | None = None) -> DozvonProcess:
        """Another process with the configuration of the first, not started. `roles`: a line for the configuration."""
        first = self.processes[0]
        file = self.folder / f"{name}.toml"
        file.write_text(first.config.read_text().replace("[storage]", f"{roles}\n[storage]", 1))
        return DozvonProcess(file, first.url, self.session, code=code)

    @contextlib.asynccontextmanager
    async def branch(self) -> AsyncIterator[tuple[Simulator, DozvonProcess]]:
        """
        The same account's branch: another PBX, where Boris has a phone, and a fourth process, the only one linked to
        it. It shares the town's database, Redis and CRM.
        """
        pbx = Link("branch", 0, free_port(), self.folder / "branch-spool")
        async with _simulated(pbx, Line(BRANCH_LINE, (RingStep(("102",), 60.0),))) as office:
            port = free_port()
            config = self._configure("branch", port, replace(pbx, ami=office.ami.port))
            process = DozvonProcess(config, f"http://127.0.0.1:{port}", self.session)
            try:
                process.launch()
                await process.health(timeout_seconds=PATIENCE_SECONDS, pbx="connected", crm="connected")
                yield office, process
            finally:
                process.kill()
                process.print_log()

    async def move_in(self) -> None:
        for process in self.processes:
            process.launch()
        for process in self.processes:
            await process.health(timeout_seconds=PATIENCE_SECONDS, pbx="connected")
        await self.consent()
        await until(
            lambda: any(process.said("phone book compared with the CRM") for process in self.processes),
            timeout_seconds=PATIENCE_SECONDS,
        )
        await self.is_well()

    async def is_well(self) -> None:
        """Wait until all processes run and know both sides, and one of them is linked to the PBX."""
        for process in self.processes:
            if not process.is_alive:
                process.launch()
        for process in self.processes:
            await process.health(timeout_seconds=PATIENCE_SECONDS, pbx="connected", crm="connected")
        await self.holder()

    @property
    def database_url(self) -> str:
        return f"postgresql://dozvon@127.0.0.1:{self.postgres.port}/dozvon"

    async def consent(self) -> None:
        """An administrator connects the CRM, on one process."""
        await consent(self.url, self.crm, "town", PASSWORD)

    @property
    def refreshes(self) -> int:
        """The number of token requests, with those of consents."""
        return self.traffic.by_path.get("POST /oauth2/access_token", 0)

    # ---- who does what ---------------------------------------------------------------------------------------------

    async def holder(self, *, other_than: DozvonProcess | None = None) -> DozvonProcess:
        """Wait until exactly one process is linked to the PBX; return it."""
        linked: list[DozvonProcess] = []
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(linked) != 1:
                    asked = [each for each in self.processes if each.is_alive and each is not other_than]
                    linked = [each for each in asked if await self._is_linked(each)]
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise TimeoutError(f"{len(linked)} processes are linked to the PBX") from None
        return linked[0]

    async def _is_linked(self, process: DozvonProcess) -> bool:
        try:
            async with asyncio.timeout(2.0):
                return await process.figure("dozvon_pbx_connected") == 1.0
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def others(self) -> list[DozvonProcess]:
        """The processes that are not linked to the PBX."""
        holder = await self.holder()
        return [process for process in self.processes if process is not holder]

    # ---- calls -----------------------------------------------------------------------------------------------------

    async def ring(self, number: str) -> None:
        """A client calls Anna; her phone rings."""
        self.office.inbound(number, LINE)
        await self._phone("ringing")

    async def talk(self, number: str) -> None:
        """A client talks with Anna."""
        await self.ring(number)
        await self.answer()

    async def answer(self) -> None:
        """Anna picks up as soon as her phone rings."""
        await self._phone("ringing")
        self.office.answer("101")
        await self._phone("talking")

    async def talks(self) -> None:
        """Anna's phone is in a talk."""
        await self._phone("talking")

    async def _phone(self, state: str) -> None:
        def is_so() -> bool:
            (anna,) = (phone for phone in self.office.state()["phones"] if phone["extension"] == "101")
            return bool(anna["state"] == state)

        await until(is_so, timeout_seconds=PATIENCE_SECONDS)

    def hang_up(self) -> None:
        """Anna hangs up."""
        self.office.hangup("101")

    async def in_the_crm(self, calls: int) -> None:
        """Wait until this many calls are in the CRM, each once, and nothing waits to be delivered."""
        await until(lambda: len(self.crm.counts()) >= calls, timeout_seconds=PATIENCE_SECONDS)
        process = next(each for each in self.processes if each.is_alive and not is_paused(each))
        await process.settled(timeout_seconds=PATIENCE_SECONDS)
        counts = self.crm.counts()
        assert counts == Counter(dict.fromkeys(counts, 1)), counts
        assert len(counts) == calls

    @property
    def traffic(self) -> Traffic:
        """The CRM's requests since its start."""
        return self.crm._sandbox.traffic

    # ---- people ----------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def page(self, process: DozvonProcess, manager: int = ANNA) -> AsyncIterator[WidgetPage]:
        """Open a manager's page, connected to this process."""
        async with widget_page(self.session, process.url, self.crm, manager) as page:
            yield page

    async def click(self, process: DozvonProcess, number: str, manager: int = ANNA) -> int:
        """Click to call through this process. Returns the answer's status."""
        return await click(self.session, process.url, self.crm, manager, number)

    async def create_contact(self, process: DozvonProcess, call: str, manager: int = ANNA) -> int:
        """Press "Create contact" in the card of an unknown caller. Returns the answer's status."""
        body = {"call": call, "name": "Новый клиент"}
        headers = widget_headers(self.crm, manager)
        async with self.session.post(f"{process.url}/api/widget/contacts", json=body, headers=headers) as said:
            return said.status


def pause(process: DozvonProcess) -> None:
    os.kill(process.pid, signal.SIGSTOP)


def go_on(process: DozvonProcess) -> None:
    os.kill(process.pid, signal.SIGCONT)


def is_paused(process: DozvonProcess) -> bool:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@contextlib.asynccontextmanager
async def _simulated(pbx: Link, line: Line) -> AsyncIterator[Simulator]:
    """An office with this one line."""
    people = replace(DEMO_OFFICE, lines=(line,))
    settings = SimulatorSettings(office=people, spool=pbx.spool, agi=f"agi://127.0.0.1:{pbx.agi}/{pbx.id}")
    async with running(settings) as (office, _):
        yield office


@contextlib.asynccontextmanager
async def open_town(folder: Path, *, processes: int = 3, code: Path | None = None) -> AsyncIterator[Town]:
    """Start everything and connect the CRM. Everything ends with the block. The arguments are those of `Town`."""
    pbx = Link("office", 0, free_port(), folder / "spool")
    session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
    with own_postgres() as postgres, own_redis() as redis:
        async with session, _simulated(pbx, Line(LINE, (RingStep(("101",), 60.0),))) as office:
            link = replace(pbx, ami=office.ami.port)
            town = Town(folder, session, postgres, redis, office, link, processes=processes, code=code)
            await town.crm.start()
            try:
                await town.move_in()
                yield town
            finally:
                for process in town.processes:
                    process.kill()
                    process.print_log()  # pytest shows it when a test failed
                await town.crm.stop()
