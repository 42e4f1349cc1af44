"""What browsers and programs reach of a process: pages, the widget's API, REST, webhooks, health and metrics."""

from __future__ import annotations

from dataclasses import dataclass, field

from integration.domain.crm.entities import CrmTrouble
from integration.domain.ids import AccountId
from integration.domain.setup import Step
from integration.errors import ConfigError
from integration.process import open_files
from integration.process.admin_front import AdminFront
from integration.process.config import Config
from integration.process.core import Core, Member
from integration.process.each import Each
from integration.process.health import gatherer, health
from integration.process.office_edits import OfficeEdits
from integration.process.widget_front import WidgetFront
from integration.services.api_keys import ApiKeys
from integration.services.cluster.live_calls import LiveCalls
from integration.services.cluster.news import Others
from integration.services.connection_states import ConnectionStates
from integration.services.crm_entry import CrmEntry
from integration.services.crm_list_rows import CrmListRows
from integration.services.delivery import Delivery
from integration.services.frame_sessions import FrameSessions
from integration.services.list_imports import ListImportService
from integration.services.own_lists.desk import OwnListDesk
from integration.services.phone_book import PhoneBookMirror
from integration.services.sightings import PageSightings
from integration.services.strangers import StrangerCalls
from integration.services.uninstalling import Uninstalling
from integration.spreadsheets.reader import SpreadsheetFiles
from integration.storage import open_coordination
from integration.web.arriving import arriving
from integration.web.certificates import CertificateNames
from integration.web.client_address import ClientAddresses
from integration.web.consent import Consents
from integration.web.frames import Frames
from integration.web.hooks import Hooks
from integration.web.installing import Installations
from integration.web.metrics import Metrics
from integration.web.pages.brake import SignInBrake
from integration.web.pages.flash import Flash
from integration.web.pages.session import AdminSessions
from integration.web.pages.shell import Shell
from integration.web.recordings import recording_routes
from integration.web.refused_log import RefusedLog
from integration.web.server import Edge, WebServer, create_web_app
from integration.web.setup.frame import path_of


@dataclass(kw_only=True)
class WebFront:
    """The web server of one process. `start()` once; the core closes it."""

    config: Config
    core: Core
    hooks: Hooks
    edits: OfficeEdits
    others: Others
    live_calls: LiveCalls
    own_lists: OwnListDesk
    strangers: StrangerCalls
    mirror: PhoneBookMirror
    delivery: Delivery
    states: ConnectionStates
    shutdown_seconds: float
    consents: Consents = field(init=False)
    sightings: PageSightings = field(init=False)
    admin: AdminFront = field(init=False)
    _keys: ApiKeys = field(init=False)
    entry: CrmEntry = field(init=False)
    _frame_sessions: FrameSessions = field(init=False)
    list_imports: ListImportService = field(init=False)
    server: WebServer = field(init=False)

    def __post_init__(self) -> None:
        core = self.core
        self.sightings = PageSightings(core.storage.sightings, core.coordination, core.clock, core.page_news.tell)
        self.entry = CrmEntry(
            core.accounts,
            core.storage.administrators,
            core.storage.crm_ties,
            core.coordination,
            core.clock,
            office_of=self._office_of,
        )
        self._frame_sessions = FrameSessions(core.coordination, core.clock)
        self.list_imports = ListImportService(
            core.storage.list_imports,
            SpreadsheetFiles(),
            CrmListRows(core.storage.phone_book),
            core.storage.leases,
            core.accounts,
            core.clock,
            core.process,
            core.page_news.tell,
        )
        self._keys = ApiKeys(
            core.storage.api_keys, core.clock, has_file_password=self.config.admin_password is not None
        )
        self.consents = Consents(
            self.members,
            self.core.accounts,
            self.core.coordination,
            self.core.clock,
            public_url=self.config.public_url,
            on_connected=self.others.crm_connected,
            on_disconnected=self.others.crm_disconnected,
            uninstalling=Uninstalling(self.core.storage.sightings),
            goes_on=self._after_consent,
        )
        self.admin = AdminFront(
            config=self.config,
            core=core,
            hooks=self.hooks,
            edits=self.edits,
            others=self.others,
            live_calls=self.live_calls,
            mirror=self.mirror,
            states=self.states,
            consents=self.consents,
            sightings=self.sightings,
            entry=self.entry,
            keys=self._keys,
            list_imports=self.list_imports,
        )

    @property
    def members(self) -> dict[AccountId, Member]:
        return self.core.members

    async def start(self) -> str:
        """Returns the address. Raises: ConfigError, it is taken."""
        core = self.core
        refused, edge = RefusedLog(), self._edge()
        sessions = self._build_sessions(edge.addresses)
        widget = WidgetFront(
            core=core,
            live_calls=self.live_calls,
            own_lists=self.own_lists,
            strangers=self.strangers,
            consents=self.consents,
            sightings=self.sightings,
            entry=self.entry,
            keys=self._keys,
            frame_sessions=self._frame_sessions,
            public_url=self.config.public_url,
        )
        frames = Frames(
            Each(self.members, lambda member: member.connector),
            self._frame_sessions,
            core.coordination,
            core.clock,
            consents=self.consents,
            address_of=edge.addresses.of,
            public_url=self.config.public_url,
        )
        flash = Flash(core.coordination, is_secure=self.config.public_url.startswith("https://"))
        shell = Shell(core.accounts, core.storage.outbox, sessions, flash)
        shared = core.coordination if core.is_shared else None
        app = create_web_app(
            routes=[
                *widget.routes(sessions),
                *recording_routes(core.storage.recordings, self._is_connected),
                *self.consents.routes(),
                *Installations(
                    self.members,
                    self.consents,
                    core.clock,
                    open_frame=frames.open,
                    address_of=edge.addresses.of,
                ).routes(),
                *self.hooks.routes(),
                *frames.routes(),
                *CertificateNames(self.config.public_url, core.storage.installation.tried_name).routes(),
                *self.admin.routes(shell, sessions),
            ],
            middlewares=[sessions.guard, arriving(self.members.__contains__, self._is_stored)],
            outermost=[widget.api.cors],
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
            vouches=self.entry.vouches,
        )

    async def _after_consent(self, account: AccountId) -> str:
        """The wizard of an office that is not set up yet, else the people of the account."""
        state = await self.core.storage.setups.get(self._office_of(account))
        if state is not None and Step.CRM not in state.done:
            return path_of(state.office, Step.CRM)
        return f"/admin/{account}/people"

    async def _is_stored(self, account: AccountId) -> bool:
        """Whether an office of the database has this account. Raises: Unavailable."""
        offices = await self.core.storage.offices.all(with_secrets=False)
        return any(f"account/{account}" in each.parts for each in offices)

    def _office_of(self, account: AccountId) -> AccountId:
        return self.core.office_of(account)

    def _is_connected(self, account: AccountId) -> bool:
        """False for an account that was removed from the configuration, or whose CRM was disconnected."""
        member = self.members.get(account)
        return member is not None and member.account.condition.trouble is not CrmTrouble.NOT_CONNECTED

    def _adapter_figures(self, now: float) -> dict[str, dict[str, float]]:
        return {key: pbx.connection.figures(now) for key, pbx in self.core.pbxs.items()}
