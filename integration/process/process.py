"""One running process: builds its services on `core.py`, starts servers and background tasks, ends them in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import fields

import structlog
from aiohttp import web

from integration import __version__
from integration.documents.schema import document_schemas
from integration.domain.crm.entities import CrmChange, CrmCondition, CrmTrouble
from integration.domain.ids import AccountId, PbxId, Timestamp
from integration.domain.routing.route import RouteDecision, RouteQuestion
from integration.errors import ConfigError, Unavailable
from integration.ports.pbx import Pbx
from integration.process import open_files, process_memory
from integration.process.adapters import CRMS, PBXS
from integration.process.background import Background
from integration.process.config import Config
from integration.process.connections import setup_of
from integration.process.core import Core, Member
from integration.process.each import Each
from integration.process.health import gatherer, health
from integration.process.office_edits import OfficeEdits
from integration.process.place import backups_of
from integration.process.supervisor import Supervisor
from integration.services.accounts import Account
from integration.services.callback_tasks import CallbackTasks
from integration.services.click import ClickService
from integration.services.cluster.leadership import Leadership
from integration.services.cluster.live_calls import LiveCalls
from integration.services.cluster.news import Others
from integration.services.cluster.registration import Registration
from integration.services.connection_states import ConnectionStates
from integration.services.crm_watch import CrmWatch
from integration.services.delivery import Delivery
from integration.services.delivery_steps import DeliverySteps
from integration.services.phone_book import PhoneBookMirror
from integration.services.strangers import StrangerCalls
from integration.storage import open_coordination
from integration.web.api.door import ApiDoor
from integration.web.api.offices import OfficeApi
from integration.web.api.openapi import SCHEMAS, Description
from integration.web.client_address import ClientAddresses
from integration.web.consent import Consents
from integration.web.hooks import Hooks
from integration.web.metrics import Metrics
from integration.web.pages.brake import SignInBrake
from integration.web.pages.calls import CallPages
from integration.web.pages.changes import ChangePages
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

_LOOK_EVERY_SECONDS = 1.0  # at the offices in the database
_AGAIN_SECONDS = 5.0  # between attempts to change a connection that failed
SHUTDOWN_SECONDS = 10.0  # for `Dozvon.stop`


class Dozvon:
    """One running process: `start()` once, `stop()` once, also after a failed start."""

    def __init__(self, config: Config, stopping: asyncio.Event | None = None) -> None:
        """`stopping`: others set it, or the process itself, to end the process."""
        self.config = config
        self.core = Core(config)
        self.url = ""
        self.web: WebServer
        self.stopping = stopping or asyncio.Event()
        self.started = asyncio.Event()
        self._background: Background | None = None
        self._file = config  # its accounts and PBXs run together with those in the database
        self._is_unfinished = asyncio.Event()
        self._is_changed = asyncio.Event()  # an office, in this process
        self._hooks = Hooks()

    @property
    def members(self) -> dict[AccountId, Member]:
        return self.core.members

    async def start(self) -> None:
        """Raises: ConfigError (a setting is wrong, an address is taken), Unavailable (the database)."""
        core = self.core
        await core.open()
        self.leadership = Leadership(core.storage.leases, core.process)
        self._background = Background(self.leadership if core.is_shared else None)
        spawn = self._background.spawn
        registration = Registration(core.storage.register, core.process, self.stopping.set)
        await registration.enter()
        core.stack.push_async_callback(registration.leave)
        spawn("registration", registration.run)
        if self.config.redis is None:
            await core.storage.outbox.release()  # this process is alone: free the leases of a killed one
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
        self.live_calls = LiveCalls(Each(self.members, lambda member: member.trackings), core.storage.calls)
        self.others = Others(
            core.peers if core.is_shared else None, self.members, core.accounts, self.mirror, core.wake
        )
        self.crm_watch = self._build_crm_watch()
        roles = self.config.roles
        self.supervisor = self._build_supervisor(self._background)
        self.states = ConnectionStates(
            core.accounts, self._links, core.clock, self.supervisor, is_shared=core.is_shared
        )
        await self.supervisor.start()
        if "web" in roles:
            await self._serve_web()
            spawn("browsers", core.hub.run)
        spawn("managers", core.accounts.run)
        spawn("crm probe", self.crm_watch.probe)
        if core.is_shared:
            spawn("crm conditions", self.crm_watch.listen)
            spawn("leases", self.leadership.run)
            spawn("pbx relay", core.relay.run)
            spawn("presence", core.hub.keep_present)
        for name, work in self.others.tasks(roles):
            spawn(name, work)
        if "worker" in roles:
            spawn("delivery", self.delivery.run)
            if self.config.backup is not None:
                spawn("backups", backups_of(self.config, self.config.backup, core.clock, core.storage.database).run)
        spawn("accounts", self._finish)
        spawn("offices", self._follow_offices)
        process_memory.settle()
        self.started.set()
        log.info("started", version=__version__, accounts=len(self.members), url=self.url)

    async def stop(self) -> None:
        """Accept nothing new, finish running work, write waiting steps."""
        if self._background is not None:
            self.core.hub.close()
            await self.core.kinds.serve_routes((), is_shared=self.core.is_shared)
            await self._background.end()
        await self.core.close()
        log.info("stopped")

    async def reload(self, config: Config) -> None:
        """
        Run the accounts of `config` from now on. Unchanged ones continue without interruption; of the others only the
        changed connections are made again. Returns when that is done. Other settings need a restart; the log says so.

        Raises:
            ConfigError: a setting is wrong; nothing was changed.
        """
        setup_of(config)
        self._file = config
        names = [each.name for each in fields(Config) if each.name not in ("accounts", "pbxs", "file")]
        others = [name for name in names if getattr(config, name) != getattr(self.config, name)]
        if others:
            log.warning("some settings take effect only after a restart", settings=others)
        if not await self._take_wanted():
            self._is_unfinished.set()

    async def _take_wanted(self) -> bool:
        """Run the wanted connections. Returns whether everything succeeded. Raises: ConfigError; never Unavailable."""
        try:
            wanted = await self.core.offices.wanted(self._file)
        except Unavailable as exc:
            log.warning("the wanted connections cannot be read now", reason=str(exc))
            return False
        return await self.supervisor.apply(wanted)

    async def _finish(self) -> None:
        """Repeat changes that failed, for example while the database was away."""
        await self._is_unfinished.wait()
        self._is_unfinished.clear()
        is_done = False
        while not is_done:
            self.supervisor.next_try = Timestamp(self.core.clock.now() + _AGAIN_SECONDS)
            await asyncio.sleep(_AGAIN_SECONDS)
            self.supervisor.next_try = None
            is_done = await self._take_wanted()

    async def _follow_offices(self) -> None:
        """Apply administrators' changes in the database: here at once, in another process within a second or two."""
        is_behind = False  # also after a try that the database did not let end
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_changed.wait(), _LOOK_EVERY_SECONDS)
            self._is_changed.clear()
            try:
                is_behind = is_behind or await self.core.offices.have_changed()
                if not is_behind:
                    continue
                if not await self._take_wanted():
                    self._is_unfinished.set()
                for account in self.core.accounts:
                    await self.core.accounts.reload(account)
                is_behind = False
            except Unavailable as exc:
                log.warning("the offices in the database cannot be read now", reason=str(exc))
            else:
                log.info("the offices in the database were read again", accounts=len(self.members))

    # ---- servers ---------------------------------------------------------------------------------------------------

    async def _serve_web(self) -> None:
        core = self.core
        refused, edge = RefusedLog(), self._edge()
        self.consents = Consents(
            self.members,
            core.accounts,
            core.coordination,
            core.clock,
            public_url=self.config.public_url,
            on_connected=self.others.crm_connected,
        )
        if core.is_shared and self._background is not None:
            self._background.spawn("consents", self.consents.listen)
        sessions = self._build_sessions(edge.addresses)
        widget = self._build_widget_api()
        shell = Shell(core.accounts, core.storage.outbox, sessions)
        shared = core.coordination if core.is_shared else None
        app = create_web_app(
            routes=[
                *widget.routes(),
                *recording_routes(core.storage.recordings, self._is_connected),
                *self.consents.routes(),
                *self._hooks.routes(),
                *self._build_pages(shell, sessions),
                *self._build_api(sessions),
            ],
            middlewares=[sessions.guard],
            outermost=[widget.cors],
            error_page=shell.error_page,
            edge=edge,
            refused=refused,
            health=lambda: health(self.members, core.storage.outbox, self.states, shared, known=core.offices.known),
            metrics=Metrics(
                gatherer(self.members, core.hub, self.delivery, self.states, self._adapter_figures, shared)
            ),
        )
        self.web = WebServer(app, edge, refused, shutdown_seconds=SHUTDOWN_SECONDS / 2)
        core.stack.push_async_callback(self.web.stop)
        try:
            host, port = await self.web.start(self.config.host, self.config.port, reuse_port=core.is_shared or None)
        except OSError as exc:
            address = f"{self.config.host}:{self.config.port}"
            raise ConfigError(f"server.listen {address} cannot be opened: {exc.strerror or exc}") from exc
        self.url = f"http://{host}:{port}"

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
            if account in self.members:
                self.members[account].connector.adopt(condition)

        return CrmWatch(
            core.storage.outbox,
            core.coordination,
            core.clock,
            core.process,
            conditions=lambda: {key: member.connector.crm.condition for key, member in self.members.items()},
            adopt=adopt,
            go_on=self._go_on,
        )

    def _build_supervisor(self, background: Background) -> Supervisor:
        return Supervisor(
            self.core,
            background,
            self._hooks,
            self.mirror,
            roles=self.config.roles,
            take_changes=self._take_changes,
            told=self.crm_watch.told,
            webhook_lost=self.others.webhook_lost,
            opened=self._opened,
        )

    def _build_widget_api(self) -> WidgetApi:
        core = self.core
        return WidgetApi(
            accounts=core.accounts,
            gates=Each(self.members, lambda member: member.connector.gate),
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
            connect_urls=Each(
                self.members, lambda member: f"{self.config.public_url}/admin/{member.account.id}/connect"
            ),
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

    def _build_api(self, sessions: AdminSessions) -> Iterable[web.AbstractRouteDef]:
        documents = document_schemas(crms=CRMS, pbxs=PBXS, address=SCHEMAS)
        return ApiDoor(sessions).routes(
            Description(OfficeApi(self._office_edits(), self.states).operations(), documents).operations
        )

    def _office_of(self, account: AccountId) -> AccountId:
        member = self.members.get(account)
        return account if member is None else member.config.office

    def _office_edits(self) -> OfficeEdits:
        storage = self.core.storage
        return OfficeEdits(storage.offices, storage.settings, lambda: self._file, self._is_changed.set)

    def _build_pages(self, shell: Shell, sessions: AdminSessions) -> Iterable[web.AbstractRouteDef]:
        core, storage = self.core, self.core.storage
        sections = (
            shell,
            SignInPages(shell, sessions),
            OverviewPages(
                shell,
                accounts=core.accounts,
                states=self.states,
                clock=core.clock,
                live_calls=self.live_calls,
                calls=storage.calls,
                outbox=storage.outbox,
                phone_book=storage.phone_book,
                mirror=self.mirror,
                read_anew=self.others.read_anew,
                connect_urls=Each(self.members, lambda member: f"/admin/{member.account.id}/connect"),
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
            ChangePages(shell, core.accounts, self._office_edits(), self._office_of),
            WhatIfPages(shell, self._ask_route),
        )
        for section in sections:
            yield from section.routes()

    # ---- connecting the parts --------------------------------------------------------------------------------------

    def _is_connected(self, account: AccountId) -> bool:
        """False for an account that was removed from the configuration, or whose CRM was disconnected."""
        member = self.members.get(account)
        return member is not None and member.account.condition.trouble is not CrmTrouble.NOT_CONNECTED

    def _go_on(self, account: AccountId) -> None:
        """The CRM seems to work again: continue waiting deliveries."""
        self.core.wake.set()
        self.core.accounts.refresh_soon()
        self.mirror.wake(account)

    def _opened(self, account: AccountId) -> None:
        self.core.accounts.refresh_soon()
        self.mirror.wake(account)

    async def _take_changes(self, member: Member, changes: list[CrmChange]) -> None:
        await self.strangers.closed(member.account, changes)
        await self.mirror.apply(member.account, changes)

    async def _ensure_webhooks(self, account: Account) -> bool:
        address = self.config.public_url + self._hooks.path(account.id)
        return await self.members[account.id].connector.ensure_webhooks(address)

    async def _ask_route(self, account: Account, question: RouteQuestion, pbx: str) -> RouteDecision:
        member = self.members[account.id]
        return await member.on.get(PbxId(pbx), member.main).routing.consider(question)

    def _links(self) -> dict[PbxId, Pbx]:
        return {key: pbx.link for key, pbx in self.core.pbxs.items()}

    def _adapter_figures(self, now: float) -> dict[str, dict[str, float]]:
        return {key: pbx.connection.figures(now) for key, pbx in self.core.pbxs.items()}
