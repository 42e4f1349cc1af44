"""One running process: builds its services on `core.py`, starts servers and background tasks, ends them in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import structlog
from aiohttp import web

from integration import __version__
from integration.domain.crm.entities import CrmChange, CrmCondition, CrmTrouble
from integration.domain.ids import AccountId
from integration.domain.routing.route import RouteDecision, RouteQuestion
from integration.errors import ConfigError
from integration.ports.coordination import Lease
from integration.ports.pbx import RouteServer
from integration.process import open_files, process_memory
from integration.process.config import Config
from integration.process.core import Core, Office
from integration.process.health import gatherer, health
from integration.process.place import backups_of
from integration.process.recoveries import recoveries
from integration.services.accounts import Account
from integration.services.callback_tasks import CallbackTasks
from integration.services.click import ClickService
from integration.services.cluster.leadership import Leadership
from integration.services.cluster.live_calls import LiveCalls
from integration.services.cluster.news import Others
from integration.services.cluster.registration import Registration
from integration.services.crm_watch import CrmWatch
from integration.services.delivery import Delivery
from integration.services.delivery_steps import DeliverySteps
from integration.services.ending import ended
from integration.services.phone_book import PhoneBookMirror
from integration.services.strangers import StrangerCalls
from integration.services.tracking import follow_pbx
from integration.storage import open_coordination
from integration.web.client_address import ClientAddresses
from integration.web.consent import Consents
from integration.web.hooks import Hooks
from integration.web.metrics import Metrics
from integration.web.pages.brake import SignInBrake
from integration.web.pages.calls import CallPages
from integration.web.pages.delivery import DeliveryPages
from integration.web.pages.overview import OverviewPages
from integration.web.pages.people import PeoplePages
from integration.web.pages.session import AdminSessions
from integration.web.pages.shell import Shell
from integration.web.pages.sign_in import SignInPages
from integration.web.pages.what_if import WhatIfPages
from integration.web.recordings import recording_routes
from integration.web.refused_log import RefusedLog
from integration.web.server import Edge, WebServer, create_web_app
from integration.web.widget import WidgetApi

log = structlog.get_logger()

_RESTART_SECONDS = 1.0  # between a background task's defect and its next start
SHUTDOWN_SECONDS = 10.0  # for `Dozvon.stop`


class Dozvon:
    """One running process: `start()` once, `stop()` once, also after a failed start."""

    def __init__(self, config: Config, stopping: asyncio.Event | None = None) -> None:
        """`stopping`: set to end the process, from outside or by itself."""
        self.config = config
        self.core = Core(config)
        self.url = ""
        self.web: WebServer
        self.stopping = stopping or asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._route_servers: list[RouteServer] = []
        self._hooks = Hooks()

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
            await self._serve_routes()
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
        """Accept nothing new, finish running work, write what waits."""
        if self._tasks:
            self.core.hub.close()
        for server in self._route_servers:
            await server.close()
        await ended(self._tasks)
        await self.core.close()
        log.info("stopped")

    # ---- servers ---------------------------------------------------------------------------------------------------

    async def _serve_routes(self) -> None:
        answerers = [(office.config, office.routing) for office in self.offices.values()]
        for server in self.core.kinds.route_servers(answerers, is_shared=self.core.is_shared):
            await server.start()
            self._route_servers.append(server)

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
        shell = Shell(core.accounts, core.storage.outbox, sessions)
        shared = core.coordination if core.is_shared else None
        app = create_web_app(
            routes=[
                *widget.routes(),
                *recording_routes(core.storage.recordings, self._is_connected),
                *self._crm_routes(),
                *self._build_pages(shell, sessions),
            ],
            middlewares=[sessions.guard],
            outermost=[widget.cors],
            error_page=shell.error_page,
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
            self._hooks.add(key, office.connector.kind, intake)
            self._spawn(f"webhooks {key}", intake.run)
        yield from self._hooks.routes()

    # ---- jobs ------------------------------------------------------------------------------------------------------

    def _alone(self, name: str, job: Callable[[Lease | None], Awaitable[None]]) -> None:
        """A job for one process at a time; with several processes it needs a lease."""
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
            self.offices[account].connector.adopt(condition)

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
            office.connector.on_condition(partial(watch.told, key))
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
                self.strangers,
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

    def _build_pages(self, shell: Shell, sessions: AdminSessions) -> Iterable[web.AbstractRouteDef]:
        core, storage = self.core, self.core.storage
        sections = (
            shell,
            SignInPages(shell, sessions),
            OverviewPages(
                shell,
                accounts=core.accounts,
                tracking={key: office.tracking for key, office in self.offices.items()},
                live_calls=self.live_calls,
                calls=storage.calls,
                outbox=storage.outbox,
                phone_book=storage.phone_book,
                mirror=self.mirror,
                read_anew=self.others.read_anew,
                connect_urls={key: f"/admin/{key}/connect" for key in self.offices},
                held_consents=self.consents.waiting,
            ),
            CallPages(
                shell,
                calls=storage.calls,
                outbox=storage.outbox,
                phone_book=storage.phone_book,
                routes=storage.routes,
            ),
            DeliveryPages(shell, outbox=storage.outbox, clock=core.clock, wake=core.wake.set),
            PeoplePages(shell, core.accounts),
            WhatIfPages(shell, self._ask_route),
        )
        for section in sections:
            yield from section.routes()

    # ---- calls between parts ---------------------------------------------------------------------------------------

    def _is_connected(self, account: AccountId) -> bool:
        """False for an account that was taken out of the configuration, or whose CRM was disconnected."""
        office = self.offices.get(account)
        return office is not None and office.account.condition.trouble is not CrmTrouble.NOT_CONNECTED

    def _go_on(self, account: AccountId) -> None:
        """The CRM seems to work again: continue waiting deliveries."""
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
        address = self.config.public_url + self._hooks.path(account.id)
        return await self.offices[account.id].connector.ensure_webhooks(address)

    async def _ask_route(self, account: Account, question: RouteQuestion) -> RouteDecision:
        return await self.offices[account.id].routing.consider(question)

    def _adapter_figures(self, now: float) -> dict[str, dict[str, float]]:
        return {office.pbx.id: office.pbx.figures(now) for office in self.offices.values()}

    def _spawn(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        async def supervised() -> None:
            while True:
                try:
                    await work()
                except Exception:  # a defect in one task must not stop the others: log it, restart the task
                    log.exception("background task broke", task=name)
                await asyncio.sleep(_RESTART_SECONDS)

        self._tasks.append(asyncio.create_task(supervised(), name=name))
