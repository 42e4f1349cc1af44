"""The demonstration: sandboxes of amoCRM and Bitrix24, a simulated office that speaks real AMI and FastAGI, and Dozvon
between them. One office has both CRMs; a first page leads to each.

Everything runs on the loopback, and nothing is kept: each start begins with a new office.
"""

from __future__ import annotations

import asyncio
import html
import shutil
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from aiohttp import web

from connectors.amocrm.sandbox import DEMO_CLIENTS, SANDBOX, SandboxSettings, create_sandbox
from connectors.amocrm.sandbox.preinstall import preinstall
from connectors.bitrix24 import sandbox as bitrix24
from connectors.bitrix24.sandbox.preinstall import preinstall as preinstall_in_portal
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
PORTAL = AccountId("demo-b24")
LINE = "74950000004"  # the responsible first, then the queue `sales`
_AGI_PATH = "demo-office-questions"
PASSWORD = "demo"  # noqa: S105 - for pages on the loopback only; printed at the start
_PEOPLE = (  # extension, user of amoCRM, user of the portal, name
    ("101", "610077", "14", "Анна Орлова"),
    ("102", "610078", "15", "Борис Климов"),
    ("103", "610079", "16", "Вера Соколова"),
    ("104", "610080", "17", "Григорий Белов"),
)
_PORTS = {
    "dozvon": 8080, "start": 8081, "crm": 8082, "office": 8083, "portal": 8084, "oauth": 8085, "ami": 5038, "agi": 4573,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Addresses:
    """`start`: the first page. `crm`: the sandbox amoCRM. `portal`: the sandbox Bitrix24."""

    dozvon: str
    start: str
    crm: str
    office: str
    portal: str

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
        names = ("dozvon", "start", "crm", "office", "portal")
        addresses = Addresses(**{name: f"http://{at[name]}" for name in names})
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
        portal = await self._serve_portal()
        await self._stack.enter_async_context(running(self._office_settings(f"agi://{at['agi']}/{_AGI_PATH}")))
        process = Dozvon(self._configuration(at, addresses))
        self._stack.push_async_callback(process.stop)
        await process.start()
        archive = await asyncio.to_thread(build_amocrm, self._folder / "widget.zip", addresses.dozvon)
        state = await process.web.consents.state_for(AccountId(ACCOUNT))
        await preinstall(sandbox[SANDBOX], archive.read_bytes(), host=at["crm"], state=state, session=session)
        page = addresses.dozvon + oauth_path("bitrix24", PORTAL)
        await preinstall_in_portal(portal, page=page, line=LINE, session=session)
        await self._serve_start(addresses)
        return addresses

    async def _serve_portal(self) -> web.Application:
        """The portal and its OAuth server. Returns the portal's."""
        portal = bitrix24.create_sandbox(
            bitrix24.SandboxSettings(
                port=self._ports["portal"], oauth_port=self._ports["oauth"], page_user=int(_PEOPLE[0][2])
            )
        )
        await self._serve(portal, self._ports["portal"])
        await self._serve(bitrix24.create_oauth_server(portal[bitrix24.SANDBOX]), self._ports["oauth"])
        return portal

    async def _serve_start(self, addresses: Addresses) -> None:
        page = files("integration").joinpath("demo_start.html").read_text("utf-8")
        shown = {
            "amocrm": addresses.crm,
            "bitrix24": addresses.portal,
            "admin": addresses.admin,
            "office": addresses.office,
            "line": LINE,
            "password": PASSWORD,
        }
        for name, value in shown.items():
            page = page.replace(f"{{{name}}}", html.escape(value))

        async def start(_: web.Request) -> web.Response:
            return web.Response(text=page, content_type="text/html", headers={"Cache-Control": "no-store"})

        app = web.Application()
        app.router.add_get("/", start)
        await self._serve(app, self._ports["start"])

    async def _serve(self, app: web.Application, port: int) -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", port).start()

    def _office_settings(self, agi: str) -> SimulatorSettings:
        office = replace(
            DEMO_OFFICE,
            phones=tuple(Phone(extension, name) for extension, _, _, name in _PEOPLE),
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
                            extension: {"manager": manager, "name": name} for extension, manager, _, name in _PEOPLE
                        },
                    },
                    self._portal_account(at),
                ],
            }
        )

    def _portal_account(self, at: dict[str, str]) -> dict[str, Any]:
        """The second CRM of the same office, on the same PBX."""
        application = bitrix24.SandboxSettings()
        return {
            "id": PORTAL,
            "office": ACCOUNT,
            "crm": "bitrix24",
            "pbxs": [f"{ACCOUNT}-pbx"],
            "bitrix24": {
                "client_id": application.client_id,
                "client_secret": application.client_secret,
                "oauth_url": f"http://{at['oauth']}",
                "api_script_url": f"http://{at['portal']}/api/v1/",
                "events": "address",  # the loopback: the portal reaches us
            },
            "employee": {extension: {"manager": user, "name": name} for extension, _, user, name in _PEOPLE},
        }


def free_ports(*, usual: bool = True) -> dict[str, int]:
    """The usual port of each part, or a free one if it is taken; `usual=False`: beside another demonstration."""
    return {name: port if usual and _is_free(port) else _any_free() for name, port in _PORTS.items()}


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
