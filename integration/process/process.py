"""The composition root: the only module that names concrete adapters; it builds a process and starts it in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import aiohttp
import structlog
from aiohttp import web

from connectors.amocrm import Connector, Senders, connect
from connectors.amocrm.settings import AmocrmSettings
from integration import __version__
from integration.clock import SystemClock
from integration.consent import Consents, oauth_path
from integration.domain.crm.entities import CrmChange, CrmCondition, CrmTrouble
from integration.domain.ids import AccountId, PbxId
from integration.domain.routing.route import RouteDecision, RouteQuestion
from integration.errors import ConfigError
from integration.ports.coordination import Coordination, Lease
from integration.ports.findings import Finding, FindingLevel
from integration.process import open_files, process_memory
from integration.process.config import AccountConfig, Config
from integration.process.doctor import INSTALLATION, examine, examine_redis
from integration.process.exposure import examine_exposure
from integration.process.health import gatherer, health
from integration.process.place import backups_of, place_of
from integration.process.recoveries import recoveries
from integration.services.accounts import Account, Accounts
from integration.services.callback_tasks import CallbackTasks
from integration.services.card import CardService
from integration.services.click import ClickService
from integration.services.cluster.leadership import Leadership
from integration.services.cluster.live_calls import LiveCalls
from integration.services.cluster.news import Others
from integration.services.cluster.pbx_relay import PbxRelay
from integration.services.cluster.peers import News, Peers
from integration.services.cluster.rate_budget import SharedBudget
from integration.services.cluster.registration import Registration
from integration.services.crm_watch import CrmWatch
from integration.services.delivery import Delivery
from integration.services.delivery_steps import DeliverySteps
from integration.services.dial_samples import dial_samples
from integration.services.ending import ended
from integration.services.hub import Hub
from integration.services.phone_book import PhoneBookMirror
from integration.services.routing import Routing
from integration.services.strangers import StrangerCalls
from integration.services.tracking import CallTracking, follow_pbx
from integration.storage import Storage, open_coordination, open_storage
from integration.storage.secrets.private_files import close_to_others, make_folder
from integration.web.client_address import ClientAddresses
from integration.web.metrics import Metrics
from integration.web.pages.brake import SignInBrake
from integration.web.pages.pages import AdminPages
from integration.web.pages.session import AdminSessions
from integration.web.recordings import recording_routes
from integration.web.refused_log import RefusedLog
from integration.web.server import Edge, WebServer, create_web_app
from integration.web.widget import WidgetApi
from pbx_adapter.asterisk import AgiDoor, AsteriskPbx, FastAgiServer, build_pbx
from pbx_adapter.asterisk.adapter import metrics as pbx_metrics
from pbx_adapter.asterisk.settings import AsteriskSettings

log = structlog.get_logger()

_RESTART_SECONDS = 1.0  # between a background task's defect and its next start
SHUTDOWN_SECONDS = 10.0  # for `Dozvon.stop`


@dataclass(frozen=True, slots=True)
class Office:
    """One account's parts while it runs."""

    account: Account
    connector: Connector
    pbx: AsteriskPbx
    tracking: CallTracking
    routing: Routing


class Core:
    """What a process is made of, without servers and background tasks; the doctor needs no more."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clock = SystemClock()
        self.process = uuid4().hex  # who we are among the processes
        self.offices: dict[AccountId, Office] = {}
        self.wake = asyncio.Event()  # intents were queued
        self.stack = AsyncExitStack()
        self.storage: Storage
        self.coordination: Coordination
        self.session: aiohttp.ClientSession
        self.senders: Senders
        self.peers: Peers
        self.relay: PbxRelay
        self.accounts: Accounts
        self.hub: Hub
        self.cards: CardService

    async def open(self) -> None:
        """
        Raises:
            ConfigError: a setting is wrong; the message names it.
            Unavailable: the database cannot be opened.
        """
        check_adapters(self.config)
        try:
            await asyncio.to_thread(make_folder, self.config.data_dir)
        except OSError as exc:
            raise ConfigError(f"server.data_dir {self.config.data_dir} cannot be made: {exc.strerror}") from exc
        place = place_of(self.config)
        await asyncio.to_thread(close_to_others, place.data_dir, place.sqlite_file)
        self.storage = await open_storage(place.url, place.data_dir, clock=self.clock, keys=place.keys)
        self.stack.push_async_callback(self.storage.close)
        self.coordination = open_coordination(self.config.redis)
        self.stack.push_async_callback(self.coordination.close)
        self.session = await self.stack.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=True)
        )
        self.peers = Peers(self.coordination, self.process, self._linked)
        self.relay = PbxRelay(self.coordination, self.process, self.peers, self.clock)
        self.accounts = Accounts(self.storage.settings, partial(self.peers.tell, News.SETTINGS))
        self.hub = Hub(self.coordination)
        self.cards = CardService(self.hub, self.storage.calls, self.storage.phone_book)
        self.senders = Senders(self.session, self._budget)
        self.stack.push_async_callback(self.senders.close)
        for each in self.config.accounts:
            office = await self._build_office(each)
            self.offices[each.id] = office
            self.stack.push_async_callback(office.connector.close)

    async def close(self) -> None:
        await self.stack.aclose()

    @property
    def is_shared(self) -> bool:
        """Whether other processes may do the same work."""
        return self.config.redis is not None

    def _budget(self, integration: str) -> SharedBudget | None:
        """What all processes together may ask by this integration of amoCRM."""
        if not self.is_shared:
            return None
        return SharedBudget(self.coordination, f"amocrm:{integration}", lambda: self.peers.count)

    def _linked(self) -> list[PbxId]:
        return [office.pbx.id for office in self.offices.values() if office.pbx.is_connected]

    async def _build_office(self, each: AccountConfig) -> Office:
        connector = connect(
            each.id,
            _crm_options(self.config, each),
            tokens=self.storage.tokens,
            senders=self.senders,
            clock=self.clock,
            numbering=each.settings().numbering,
        )
        pbx = build_pbx(each.pbx_id, each.pbx_options, session=self.session)
        any_link = self.relay.relayed(pbx) if self.is_shared else pbx
        account = await self.accounts.add(each.settings(), connector.crm, any_link)
        routing = Routing(
            account=each.id,
            pbx=each.pbx_id,
            settings=lambda: account.settings,
            book=self.storage.phone_book,
            routes=self.storage.routes,
            clock=self.clock,
            crm=connector.crm,
        )
        tracking = CallTracking(account, self.storage.calls, self.clock, [self.cards], self.wake)
        return Office(account, connector, pbx, tracking, routing)


class Dozvon:
    """One running process: `start()` once, `stop()` once, also after a failed start."""

    def __init__(self, config: Config, stopping: asyncio.Event | None = None) -> None:
        """`stopping` is set when somebody outside, or this process itself, wants the end."""
        self.config = config
        self.core = Core(config)
        self.url = ""
        self.web: WebServer
        self.stopping = stopping or asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._agi: list[FastAgiServer] = []
        self._intake_paths: dict[AccountId, str] = {}

    @property
    def offices(self) -> dict[AccountId, Office]:
        return self.core.offices

    async def start(self) -> None:
        """Raises: ConfigError (a setting is wrong, an address is taken), Unavailable (the database)."""
        core = self.core
        await core.open()
        registration = Registration(core.storage.register, core.process, self.stopping.set)
        await registration.enter()
        core.stack.push_async_callback(registration.leave)
        self._spawn("registration", registration.run)
        if self.config.redis is None:
            await core.storage.outbox.release()  # the only process on this database: a killed one's leases are void
        self.strangers = StrangerCalls(
            strangers=core.storage.strangers,
            calls=core.storage.calls,
            outbox=core.storage.outbox,
            phone_book=core.storage.phone_book,
            clock=core.clock,
            wake=core.wake,
        )
        self.mirror = PhoneBookMirror(core.storage.phone_book, core.clock, self._ensure_webhooks)
        self.delivery = self._build_delivery()
        self.live_calls = LiveCalls({key: office.tracking for key, office in self.offices.items()}, core.storage.calls)
        self.others = Others(
            core.peers if core.is_shared else None, self.offices, core.accounts, self.mirror, core.wake
        )
        self.crm_watch = self._build_crm_watch()
        self.leadership = Leadership(core.storage.leases, core.process)
        roles = self.config.roles
        if "pbx" in roles:
            await self._serve_agi()
        if "web" in roles:
            await self._serve_web()
            self._spawn("browsers", core.hub.run)
        self._spawn("managers", core.accounts.run)
        self._spawn("crm probe", self.crm_watch.probe)
        if core.is_shared:
            self._spawn("crm conditions", self.crm_watch.listen)
            self._spawn("leases", self.leadership.run)
            self._spawn("pbx relay", core.relay.run)
            self._spawn("presence", core.hub.keep_present)
        for name, work in self.others.tasks(roles):
            self._spawn(name, work)
        if "worker" in roles:
            self._spawn("delivery", self.delivery.run)
            if self.config.backup is not None:
                self._spawn(
                    "backups", backups_of(self.config, self.config.backup, core.clock, core.storage.database).run
                )
        for name, recovery in recoveries(self.offices.values(), core.storage, core.clock, core.wake):
            self._spawn(name, recovery.run)
        for key, office in self.offices.items():
            self._spawn(f"crm {key}", partial(self._open_crm, office))
            if "pbx" in roles:
                self._alone(f"pbx {office.pbx.id}", partial(follow_pbx, office.pbx, office.tracking))
                self._spawn(f"routes {key}", office.routing.run)
            if "worker" in roles:
                self._alone(f"phone book {key}", partial(self._mirror, office.account))
        process_memory.settle()
        log.info("started", version=__version__, accounts=len(self.offices), url=self.url)

    async def stop(self) -> None:
        """Take nothing new, let what is under way end, write what waits."""
        if self._tasks:
            self.core.hub.close()
        for server in self._agi:
            await server.close()
        await ended(self._tasks)
        await self.core.close()
        log.info("stopped")

    # ---- servers ---------------------------------------------------------------------------------------------------

    async def _serve_agi(self) -> None:
        """One server for each address, however many PBXs ask at it."""
        by_address: dict[tuple[str, int], list[AgiDoor]] = {}
        for office in self.offices.values():
            settings = office.pbx.settings
            paths = frozenset({settings.agi_path, settings.id})  # the id: in dialplans of older installations
            door = AgiDoor(paths, office.routing, settings.agi_may_ask)
            by_address.setdefault((settings.fastagi.host, settings.fastagi.port), []).append(door)
        for (host, port), doors in by_address.items():
            server = FastAgiServer(doors, host=host, port=port, reuse_port=self.core.is_shared)
            try:
                await server.start()
            except OSError as exc:
                raise ConfigError(f"fastagi {host}:{port} cannot be opened: {exc.strerror or exc}") from exc
            self._agi.append(server)

    async def _serve_web(self) -> None:
        core = self.core
        refused, edge = RefusedLog(), self._edge()
        self.consents = Consents(
            self.offices,
            core.accounts,
            core.coordination,
            core.clock,
            public_url=self.config.public_url,
            on_connected=self.others.crm_connected,
        )
        sessions = self._build_sessions(edge.addresses)
        widget = self._build_widget_api()
        pages = self._build_admin(sessions)
        shared = core.coordination if core.is_shared else None
        app = create_web_app(
            routes=[
                *widget.routes(),
                *recording_routes(core.storage.recordings, self._is_connected),
                *self._crm_routes(),
                *pages.routes(),
            ],
            middlewares=[sessions.guard],
            outermost=[widget.cors],
            error_page=pages.error_page,
            edge=edge,
            refused=refused,
            health=lambda: health(self.offices, core.storage.outbox, shared),
            metrics=Metrics(gatherer(self.offices, core.hub, self.delivery, self._adapter_figures, shared)),
        )
        self.web = WebServer(app, edge, refused, shutdown_seconds=SHUTDOWN_SECONDS / 2)
        core.stack.push_async_callback(self.web.stop)
        try:
            host, port = await self.web.start(self.config.host, self.config.port, reuse_port=core.is_shared or None)
        except OSError as exc:
            address = f"{self.config.host}:{self.config.port}"
            raise ConfigError(f"server.listen {address} cannot be opened: {exc.strerror or exc}") from exc
        self.url = f"http://{host}:{port}"

    def _crm_routes(self) -> Iterable[web.AbstractRouteDef]:
        yield from self.consents.routes()
        if self.core.is_shared:
            self._spawn("consents", self.consents.listen)
        for key, office in self.offices.items():
            intake = office.connector.webhook_intake(
                on_changes=partial(self._take_changes, office), on_lost=partial(self.others.webhook_lost, key)
            )
            self._intake_paths[key] = intake.path
            self._spawn(f"webhooks {key}", intake.run)
            yield web.post(intake.route, intake.handle)

    # ---- jobs ------------------------------------------------------------------------------------------------------

    def _alone(self, name: str, job: Callable[[Lease | None], Awaitable[None]]) -> None:
        """Something that one process at a time does: under a lease where there are several."""
        if self.core.is_shared:
            self.leadership.add(name, job)
        else:
            self._spawn(name, partial(job, None))

    # ---- building --------------------------------------------------------------------------------------------------

    def _build_delivery(self) -> Delivery:
        core = self.core
        steps = DeliverySteps(
            calls=core.storage.calls,
            outbox=core.storage.outbox,
            phone_book=core.storage.phone_book,
            recordings=core.storage.recordings,
            watches=core.storage.watches,
            coordination=core.coordination,
            hub=core.hub,
            strangers=self.strangers,
            tasks=CallbackTasks(
                tasks=core.storage.callback_tasks,
                calls=core.storage.calls,
                outbox=core.storage.outbox,
                clock=core.clock,
            ),
            clock=core.clock,
            public_url=self.config.public_url,
        )
        return Delivery(core.accounts, core.storage.outbox, steps.by_kind(), core.clock, core.wake)

    def _build_crm_watch(self) -> CrmWatch:
        core = self.core

        def adopt(account: AccountId, condition: CrmCondition) -> None:
            self.offices[account].connector.crm.adopt(condition)

        watch = CrmWatch(
            core.storage.outbox,
            core.coordination,
            core.clock,
            core.process,
            conditions=lambda: {key: office.connector.crm.condition for key, office in self.offices.items()},
            adopt=adopt,
            go_on=self._go_on,
        )
        for key, office in self.offices.items():
            office.connector.crm.standing.told = partial(watch.told, key)
        return watch

    def _build_widget_api(self) -> WidgetApi:
        core = self.core
        return WidgetApi(
            accounts=core.accounts,
            gates={key: office.connector.gate for key, office in self.offices.items()},
            live_calls=self.live_calls,
            hub=core.hub,
            cards=core.cards,
            clicks=ClickService(
                core.coordination,
                core.storage.calls,
                core.storage.phone_book,
                core.cards,
                self.live_calls,
                core.clock,
            ),
            coordination=core.coordination,
            clock=core.clock,
            bind_consent=self.consents.confirm_by_widget,
            connect_urls={key: f"{self.config.public_url}/admin/{key}/connect" for key in self.offices},
        )

    def _edge(self) -> Edge:
        return Edge(
            addresses=ClientAddresses(self.config.trusted_proxies),
            connections=open_files.for_web(self.config.connections, open_files.raise_limit()),
            connections_per_address=self.config.connections_per_address,
            has_tls=self.config.public_url.startswith("https://"),
        )

    def _build_sessions(self, addresses: ClientAddresses) -> AdminSessions:
        core = self.core
        return AdminSessions(
            self.config.admin_password,
            self.config.public_url,
            store=core.storage.admin_sessions,
            brake=SignInBrake(core.coordination, open_coordination(None)),
            addresses=addresses,
            clock=core.clock,
        )

    def _build_admin(self, sessions: AdminSessions) -> AdminPages:
        core = self.core
        return AdminPages(
            accounts=core.accounts,
            tracking={key: office.tracking for key, office in self.offices.items()},
            live_calls=self.live_calls,
            calls=core.storage.calls,
            outbox=core.storage.outbox,
            phone_book=core.storage.phone_book,
            routes=core.storage.routes,
            mirror=self.mirror,
            sessions=sessions,
            clock=core.clock,
            ask=self._ask_route,
            wake=core.wake.set,
            read_anew=self.others.read_anew,
            connect_urls={key: f"/admin/{key}/connect" for key in self.offices},
            held_consents=self.consents.waiting,
        )

    # ---- what parts ask of each other ------------------------------------------------------------------------------

    def _is_connected(self, account: AccountId) -> bool:
        """False for an account that was taken out of the configuration, or whose CRM was disconnected."""
        office = self.offices.get(account)
        return office is not None and office.account.condition.trouble is not CrmTrouble.NOT_CONNECTED

    def _go_on(self, account: AccountId) -> None:
        """The CRM can be worked with again, as far as anybody knows."""
        self.core.wake.set()
        self.core.accounts.refresh_soon()
        self.mirror.wake(account)

    async def _open_crm(self, office: Office) -> None:
        await office.connector.open()
        self.core.accounts.refresh_soon()
        self.mirror.wake(office.account.id)
        await asyncio.get_running_loop().create_future()  # done, and not to be done again

    async def _mirror(self, account: Account, _: Lease | None) -> None:
        await self.mirror.run(account)

    async def _take_changes(self, office: Office, changes: list[CrmChange]) -> None:
        await self.strangers.closed(office.account, changes)
        await self.mirror.apply(office.account, changes)

    async def _ensure_webhooks(self, account: Account) -> bool:
        address = self.config.public_url + self._intake_paths[account.id]
        return await self.offices[account.id].connector.crm.ensure_webhooks(address)

    async def _ask_route(self, account: Account, question: RouteQuestion) -> RouteDecision:
        return await self.offices[account.id].routing.consider(question)

    def _adapter_figures(self, now: float) -> dict[str, dict[str, float]]:
        return pbx_metrics((office.pbx for office in self.offices.values()), now)

    def _spawn(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        async def supervised() -> None:
            while True:
                try:
                    await work()
                except Exception:  # a defect in one task must not stop the others: log it, restart the task
                    log.exception("background task broke", task=name)
                await asyncio.sleep(_RESTART_SECONDS)

        self._tasks.append(asyncio.create_task(supervised(), name=name))


def check_adapters(config: Config) -> None:
    """What the adapters have against their settings, before anything is opened. Raises: ConfigError, which names the
    key."""
    for each in config.accounts:
        where = f"account.{each.id}"
        if each.crm != "amocrm":
            raise ConfigError(f'{where}.crm: "{each.crm}" is not known; known is amocrm')
        if each.pbx != "asterisk":
            raise ConfigError(f'{where}.pbx: "{each.pbx}" is not known; known is asterisk')
        try:
            AmocrmSettings.parse(_crm_options(config, each))
        except ConfigError as exc:
            raise ConfigError(f"{where}.{exc}") from exc
        AsteriskSettings.from_config(each.pbx_id, each.pbx_options, key=f"{where}.asterisk")


def _crm_options(config: Config, each: AccountConfig) -> dict[str, Any]:
    """An integration has one redirect address: accounts that share it have it in common."""
    client_id = each.crm_options.get("client_id")
    is_shared = any(
        other.id != each.id and other.crm_options.get("client_id") == client_id for other in config.accounts
    )
    address = oauth_path(None if client_id and is_shared else each.id)
    return {"redirect_uri": f"{config.public_url}{address}", **each.crm_options}


async def diagnose(config: Config) -> dict[str, list[Finding]]:
    """
    What `dozvon doctor` finds: about this installation, then by account the CRM's findings and the PBX's. Where the
    installation's own are errors, nothing else is asked.

    Raises:
        ConfigError: a setting is wrong.
        Unavailable: the database cannot be opened.
    """
    core = Core(config)
    try:
        check_adapters(config)
        found = {INSTALLATION: [*examine_exposure(config), *await examine(config, core.clock)]}
        if any(finding.level is FindingLevel.ERROR for finding in found[INSTALLATION]):
            return found
        if config.redis is not None:
            found[INSTALLATION].append(await examine_redis(config.redis))
        await core.open()
        for key, office in core.offices.items():
            found[key] = [
                *await office.connector.check(),
                *await office.pbx.diagnose(dial_samples(office.account.settings)),
            ]
        return found
    finally:
        await core.close()
