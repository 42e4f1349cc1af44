"""What browsers and programs reach of a process: pages, the widget's API, REST, webhooks, health and metrics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from aiohttp import web

from integration.documents.schema import document_schemas
from integration.domain.crm.entities import CrmTrouble
from integration.domain.ids import AccountId, PbxId
from integration.domain.routing.route import RouteDecision, RouteQuestion
from integration.errors import ConfigError
from integration.process import open_files
from integration.process.adapters import CRMS, PBXS
from integration.process.config import Config
from integration.process.core import Core, Member
from integration.process.each import Each
from integration.process.health import gatherer, health
from integration.process.office_edits import OfficeEdits
from integration.services.accounts import Account
from integration.services.click import ClickService
from integration.services.cluster.live_calls import LiveCalls
from integration.services.cluster.news import Others
from integration.services.connection_states import ConnectionStates
from integration.services.delivery import Delivery
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
from integration.web.pages.administrators import AdministratorPages
from integration.web.pages.brake import SignInBrake
from integration.web.pages.calls import CallPages
from integration.web.pages.changes import ChangePages
from integration.web.pages.delivery import DeliveryPages
from integration.web.pages.flash import Flash
from integration.web.pages.invitation import InvitationPages
from integration.web.pages.live import LivePages
from integration.web.pages.overview import OverviewPages
from integration.web.pages.people import PeoplePages
from integration.web.pages.profile import ProfilePages
from integration.web.pages.session import AdminSessions
from integration.web.pages.setup import SetupPages
from integration.web.pages.shell import Shell
from integration.web.pages.sign_in import SignInPages
from integration.web.pages.style import StylePages
from integration.web.pages.what_if import WhatIfPages
from integration.web.recordings import recording_routes
from integration.web.refused_log import RefusedLog
from integration.web.server import Edge, WebServer, create_web_app
from integration.web.widget import WidgetApi


@dataclass(kw_only=True)
class WebFront:
    """The web server of one process. `start()` once; the core closes it."""

    config: Config
    core: Core
    hooks: Hooks
    edits: OfficeEdits
    others: Others
    live_calls: LiveCalls
    strangers: StrangerCalls
    mirror: PhoneBookMirror
    delivery: Delivery
    states: ConnectionStates
    shutdown_seconds: float
    consents: Consents = field(init=False)
    server: WebServer = field(init=False)

    def __post_init__(self) -> None:
        self.consents = Consents(
            self.members,
            self.core.accounts,
            self.core.coordination,
            self.core.clock,
            public_url=self.config.public_url,
            on_connected=self.others.crm_connected,
        )

    @property
    def members(self) -> dict[AccountId, Member]:
        return self.core.members

    async def start(self) -> str:
        """Returns the address. Raises: ConfigError, it is taken."""
        core = self.core
        refused, edge = RefusedLog(), self._edge()
        sessions = self._build_sessions(edge.addresses)
        widget = self._build_widget_api()
        flash = Flash(core.coordination, is_secure=self.config.public_url.startswith("https://"))
        shell = Shell(core.accounts, core.storage.outbox, sessions, flash)
        shared = core.coordination if core.is_shared else None
        app = create_web_app(
            routes=[
                *widget.routes(),
                *recording_routes(core.storage.recordings, self._is_connected),
                *self.consents.routes(),
                *self.hooks.routes(),
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
        self.server = WebServer(app, edge, refused, shutdown_seconds=self.shutdown_seconds)
        core.stack.push_async_callback(self.server.stop)
        try:
            host, port = await self.server.start(self.config.host, self.config.port, reuse_port=core.is_shared or None)
        except OSError as exc:
            address = f"{self.config.host}:{self.config.port}"
            raise ConfigError(f"server.listen {address} cannot be opened: {exc.strerror or exc}") from exc
        return f"http://{host}:{port}"

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
            administrators=core.administrators,
            passwords=core.passwords,
            brake=SignInBrake(core.coordination, open_coordination(None)),
            addresses=addresses,
            clock=core.clock,
            office_of=self._office_of,
        )

    def _build_api(self, sessions: AdminSessions) -> Iterable[web.AbstractRouteDef]:
        documents = document_schemas(crms=CRMS, pbxs=PBXS, address=SCHEMAS)
        return ApiDoor(sessions).routes(
            Description(OfficeApi(self.edits, self.states).operations(), documents).operations
        )

    def _build_pages(self, shell: Shell, sessions: AdminSessions) -> Iterable[web.AbstractRouteDef]:
        core, storage = self.core, self.core.storage
        sections = (
            shell,
            SignInPages(shell, sessions),
            SetupPages(shell, sessions, core.administrators),
            InvitationPages(shell, sessions, core.administrators),
            AdministratorPages(
                shell,
                sessions,
                core.administrators,
                core.clock,
                public_url=self.config.public_url if self.config.has_public_url else None,
            ),
            ProfilePages(shell, sessions, core.administrators, core.clock),
            StylePages(shell),  # before the accounts, whose names are any
            LivePages(shell, core.page_news, self.states, self.mirror, sessions.is_still_signed_in),
            SetupPages(shell, sessions, core.administrators),
            InvitationPages(shell, sessions, core.administrators),
            AdministratorPages(
                shell,
                sessions,
                core.administrators,
                core.clock,
                public_url=self.config.public_url if self.config.has_public_url else None,
            ),
            ProfilePages(shell, sessions, core.administrators, core.clock),
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
            DeliveryPages(
                shell,
                outbox=storage.outbox,
                clock=core.clock,
                wake=core.wake.set,
                changed=core.page_news.tell,
            ),
            PeoplePages(shell, core.accounts),
            ChangePages(shell, core.accounts, self.edits, self._office_of),
            WhatIfPages(shell, self._ask_route),
        )
        for section in sections:
            yield from section.routes()

    def _office_of(self, account: AccountId) -> AccountId:
        member = self.members.get(account)
        return account if member is None else member.config.office

    def _is_connected(self, account: AccountId) -> bool:
        """False for an account that was removed from the configuration, or whose CRM was disconnected."""
        member = self.members.get(account)
        return member is not None and member.account.condition.trouble is not CrmTrouble.NOT_CONNECTED

    async def _ask_route(self, account: Account, question: RouteQuestion, pbx: str) -> RouteDecision:
        member = self.members[account.id]
        return await member.on.get(PbxId(pbx), member.main).routing.consider(question)

    def _adapter_figures(self, now: float) -> dict[str, dict[str, float]]:
        return {key: pbx.connection.figures(now) for key, pbx in self.core.pbxs.items()}
