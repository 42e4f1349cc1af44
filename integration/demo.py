"""The demonstration: a sandbox amoCRM, a simulated office that speaks real AMI and FastAGI, and Dozvon between them.

Everything runs on the loopback, and nothing is kept: each start begins with a new office.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import structlog
from aiohttp import web

from connectors.amocrm.sandbox import DEMO_CLIENTS, SANDBOX, SandboxSettings, create_sandbox
from connectors.amocrm.sandbox.preinstall import preinstall
from integration.domain.ids import AccountId
from integration.process import config
from integration.process.process import Dozvon
from integration.storage.secrets.private_files import make_folder
from integration.web.consent import oauth_path
from pbx_adapter.asterisk.simulator import DEMO_OFFICE, SimulatorSettings, running
from pbx_adapter.asterisk.simulator.office import Client, Phone
from widgets.pack import build_amocrm

log = structlog.get_logger()

ACCOUNT = AccountId("demo")
LINE = "74950000004"  # the responsible first, then the queue `sales`
_AGI_PATH = "demo-office-questions"
PASSWORD = "demo"  # noqa: S105 - for pages on the loopback only; printed at the start
_PEOPLE = (
    ("101", "610077", "Анна Орлова"),
    ("102", "610078", "Борис Климов"),
    ("103", "610079", "Вера Соколова"),
    ("104", "610080", "Григорий Белов"),
)
_PORTS = {"dozvon": 8080, "crm": 8082, "office": 8083, "ami": 5038, "agi": 4573}


@dataclass(frozen=True, slots=True)
class Addresses:
    dozvon: str
    crm: str
    office: str

    @property
    def admin(self) -> str:
        return f"{self.dozvon}/admin"


class Demo:
    """The whole demonstration, for the life of an `async with` block."""

    def __init__(self, folder: Path, *, ports: dict[str, int] | None = None, traffic_per_minute: float = 0.0) -> None:
        """`ports`: in the form of `free_ports`; None takes the usual ports, or free ones if those are taken."""
        self._folder = folder
        self._ports = ports or free_ports()
        self._traffic = traffic_per_minute
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Addresses:
        try:
            return await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> Addresses:
        shutil.rmtree(self._folder, ignore_errors=True)
        make_folder(self._folder)
        at = {name: f"127.0.0.1:{port}" for name, port in self._ports.items()}
        addresses = Addresses(*(f"http://{at[name]}" for name in ("dozvon", "crm", "office")))
        session = await self._stack.enter_async_context(aiohttp.ClientSession())

        sandbox = create_sandbox(
            SandboxSettings(
                port=self._ports["crm"],
                redirect_uri=addresses.dozvon + oauth_path("amocrm", ACCOUNT),
                disconnect_url=f"{addresses.dozvon}/hooks/amocrm/{ACCOUNT}/disconnected",
                demo_office_url=addresses.office,
                demo_line=LINE,
            )
        )
        await self._serve(sandbox, self._ports["crm"])
        await self._stack.enter_async_context(running(self._office_settings(f"agi://{at['agi']}/{_AGI_PATH}")))
        process = Dozvon(self._configuration(at, addresses))
        self._stack.push_async_callback(process.stop)
        await process.start()
        archive = await asyncio.to_thread(build_amocrm, self._folder / "widget.zip", addresses.dozvon)
        state = await process.web.consents.state_for(AccountId(ACCOUNT))
        await preinstall(sandbox[SANDBOX], archive.read_bytes(), host=at["crm"], state=state, session=session)
        return addresses

    async def _serve(self, app: web.Application, port: int) -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", port).start()

    def _office_settings(self, agi: str) -> SimulatorSettings:
        office = replace(
            DEMO_OFFICE,
            phones=tuple(Phone(extension, name) for extension, _, name in _PEOPLE),
            clients=tuple(Client(number.lstrip("+"), name) for name, number in DEMO_CLIENTS),
        )
        return SimulatorSettings(
            office=office,
            ami_port=self._ports["ami"],
            control_port=self._ports["office"],
            agi=agi,
            spool=(self._folder / "spool").resolve(),
            traffic_per_minute=self._traffic,
        )

    def _configuration(self, at: dict[str, str], addresses: Addresses) -> config.Config:
        client = SandboxSettings()
        return config.parse(
            {
                "server": {
                    "listen": at["dozvon"],
                    "public_url": addresses.dozvon,
                    "data_dir": str(self._folder / "data"),
                    "admin_password": PASSWORD,
                },
                "account": [
                    {
                        "id": ACCOUNT,
                        "amocrm": {
                            "client_id": client.client_id,
                            "client_secret": client.client_secret,
                            "oauth_url": f"{addresses.crm}/oauth",
                            "account_hosts": at["crm"].replace(".", r"\."),
                            "api_host": at["crm"],
                        },
                        "asterisk": {
                            "host": "127.0.0.1",
                            "port": self._ports["ami"],
                            "username": "dozvon",
                            "secret": "dozvon-secret",
                            "fastagi": {"host": "127.0.0.1", "port": self._ports["agi"], "path": _AGI_PATH},
                            "recordings": {"path": str((self._folder / "spool").resolve())},
                            "originate_context": "internal",
                        },
                        "employee": {
                            extension: {"manager": manager, "name": name} for extension, manager, name in _PEOPLE
                        },
                    }
                ],
            }
        )


def free_ports() -> dict[str, int]:
    """The usual port of each part, or a free one if it is taken."""
    return {name: port if _is_free(port) else _any_free() for name, port in _PORTS.items()}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def run_until_stopped(folder: Path, tell: Callable[[Addresses], None]) -> None:
    """Start, print where to look, and run until SIGINT or SIGTERM. `tell` gets the addresses."""
    stopping = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    async with Demo(folder) as addresses:
        tell(addresses)
        await stopping.wait()
