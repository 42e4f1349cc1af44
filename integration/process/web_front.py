"""What browsers and programs reach of a process: pages, the widget's API, REST, webhooks, health and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from integration.documents.campaign import campaign_schemas
from integration.documents.schema import document_schemas
from integration.domain.crm.entities import CrmTrouble
from integration.domain.ids import AccountId, PbxId
from integration.domain.routing.route import RouteDecision, RouteQuestion
from integration.domain.setup import Step
from integration.errors import ConfigError, NotFound
from integration.ports.pbx_setup import PbxSetup
from integration.process import open_files
from integration.process.adapters import CRMS, PBXS, tables_of
from integration.process.config import Config
from integration.process.core import Core, Member
from integration.process.each import Each
from integration.process.ended_webhooks import EndedWebhooks
from integration.process.health import gatherer, health
from integration.process.office_edits import OfficeEdits
from integration.process.removal import Removal
from integration.process.setup_desk import SetupDesk
from integration.services.accounts import Account
from integration.services.api_keys import ApiKeys
from integration.services.call_notes import CallNoteService
from integration.services.campaign_sounds import CampaignSounds
from integration.services.click import ClickService
from integration.services.client_calls import ClientCallService
from integration.services.client_choice import ClientChoices
from integration.services.cluster.live_calls import LiveCalls
from integration.services.cluster.news import Others
from integration.services.connection_states import ConnectionStates
from integration.services.creations import Creations
from integration.services.crm_calls import CrmCalls
from integration.services.crm_entry import CrmEntry
from integration.services.crm_list_rows import CrmListRows
from integration.services.crm_selections import CrmSelections
from integration.services.delivery import Delivery
from integration.services.extensions import KnownExtensions
from integration.services.forecasts import Forecasts
from integration.services.frame_sessions import FrameSessions
from integration.services.line_watches import LineWatches
from integration.services.list_imports import ListImportService
from integration.services.new_phones import NewPhones
from integration.services.own_lists.desk import OwnListDesk
from integration.services.phone_book import PhoneBookMirror
from integration.services.phone_trials import PhoneTrials
from integration.services.presses import Presses
from integration.services.rehearsals import Rehearsals
from integration.services.sample_card import SampleCards
from integration.services.sightings import PageSightings
from integration.services.strangers import StrangerCalls
from integration.services.uninstalling import Uninstalling
from integration.services.uploaded_sounds import UploadedSounds
from integration.speech.espeak import EspeakSpeech
from integration.spreadsheets.reader import SpreadsheetFiles
from integration.storage import open_coordination
from integration.web.api.callbacks import CallbackApi
from integration.web.api.campaigns import CampaignApi
from integration.web.api.door import ApiDoor
from integration.web.api.keys import KeyDoor, me
from integration.web.api.offices import OfficeApi
from integration.web.api.openapi import SCHEMAS, Description
from integration.web.arriving import arriving
from integration.web.campaigns.callbacks import CallbackPages
from integration.web.campaigns.desk import CampaignDesk
from integration.web.certificates import CertificateNames
from integration.web.client_address import ClientAddresses
from integration.web.consent import Consents, HeldConsent
from integration.web.frames import Frames
from integration.web.hooks import Hooks
from integration.web.installing import Installations
from integration.web.metrics import Metrics
from integration.web.pages.administrators import AdministratorPages
from integration.web.pages.brake import SignInBrake
from integration.web.pages.calls import CallPages
from integration.web.pages.campaigns import CampaignPages
from integration.web.pages.changes import ChangePages
from integration.web.pages.crm_entry import CrmEntryPages
from integration.web.pages.delivery import DeliveryPages
from integration.web.pages.flash import Flash
from integration.web.pages.invitation import InvitationPages
from integration.web.pages.keys import KeyPages, KeySection
from integration.web.pages.live import LivePages
from integration.web.pages.overview import OverviewPages
from integration.web.pages.people import PeoplePages
from integration.web.pages.profile import ProfilePages
from integration.web.pages.removal import RemovalPages
from integration.web.pages.session import AdminSessions
from integration.web.pages.setup import SetupPages
from integration.web.pages.shell import Shell
from integration.web.pages.sign_in import SignInPages
from integration.web.pages.style import StylePages
from integration.web.pages.what_if import WhatIfPages
from integration.web.people.desk import PeopleDesk
from integration.web.people.groups import GroupPages
from integration.web.recordings import recording_routes
from integration.web.refused_log import RefusedLog
from integration.web.server import Edge, WebServer, create_web_app
from integration.web.setup.frame import path_of
from integration.web.setup.pages import OfficeSetupPages
from integration.web.widget import WidgetApi, is_crm_administrator
from integration.web.widget_callbacks import WidgetCallbacks
from integration.web.widget_campaign_pause import WidgetCampaignPause
from integration.web.widget_campaigns import WidgetCampaigns
from integration.web.widget_client import WidgetClient
from integration.web.widget_key import WidgetKey
from integration.web.widget_notes import WidgetNotes
from integration.web.widget_own_list import WidgetOwnList
from integration.web.widget_sightings import WidgetSightings

_ASKED_FOR_PAGES = 100  # managers; on Redis each is a request


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
    rehearsals: Rehearsals = field(init=False)
    _keys: ApiKeys = field(init=False)
    entry: CrmEntry = field(init=False)
    _frame_sessions: FrameSessions = field(init=False)
    list_imports: ListImportService = field(init=False)
    _ended_webhooks: EndedWebhooks = field(init=False)
    _setup_desk: SetupDesk = field(init=False)
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
        self._ended_webhooks = EndedWebhooks(self.hooks, core.coordination, self.config.public_url)
        self._setup_desk = SetupDesk(core, self.edits, self.states, lambda: self.config)
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

    @property
    def members(self) -> dict[AccountId, Member]:
        return self.core.members

    async def start(self) -> str:
        """Returns the address. Raises: ConfigError, it is taken."""
        core = self.core
        refused, edge = RefusedLog(), self._edge()
        sessions = self._build_sessions(edge.addresses)
        widget = self._build_widget_api()
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
                *widget.routes(),
                *WidgetNotes(self._build_notes(), widget.who).routes(),
                *WidgetCallbacks(
                    callbacks=core.storage.callbacks,
                    attempts=core.storage.attempts,
                    calls=core.storage.calls,
                    who=widget.who,
                    tell=core.page_news.tell,
                ).routes(),
                *WidgetSightings(self.sightings, widget.who).routes(),
                *WidgetCampaigns(
                    core.storage.campaigns,
                    self._build_selections(),
                    widget.who,
                    is_crm_administrator,
                    core.page_news.tell,
                ).routes(),
                *WidgetCampaignPause(
                    core.accounts, core.storage.dialling, core.offers, widget.who, core.page_news.tell, core.clock
                ).routes(),
                *WidgetOwnList(self.own_lists, widget.who).routes(),
                *self._build_widget_client(widget).routes(),
                *self._build_widget_key(sessions).routes(),
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
                *self._build_pages(shell, sessions),
                *self._build_api(shell, sessions),
            ],
            middlewares=[sessions.guard, arriving(self.members.__contains__, self._is_stored)],
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
        relay = core.relay if core.is_shared else None
        return WidgetApi(
            accounts=core.accounts,
            gates=Each(self.members, lambda member: member.connector.gate),
            live_calls=self.live_calls,
            hub=core.hub,
            cards=core.cards,
            clicks=ClickService(core.coordination, core.cards, self.live_calls, core.clock),
            presses=Presses(self.live_calls, core.cards, relay),
            choices=ClientChoices(core.storage.phone_book, self.live_calls, core.clock, relay),
            creations=Creations(
                core.coordination, core.storage.calls, core.storage.phone_book, core.cards, self.strangers
            ),
            coordination=core.coordination,
            clock=core.clock,
            bind_consent=self.consents.confirm_by_widget,
            sightings=self.sightings,
            connect_urls=Each(
                self.members, lambda member: f"{self.config.public_url}/admin/{member.account.id}/connect"
            ),
            entry=self.entry,
            public_url=self.config.public_url,
            may_be_crms=_may_be_crms,
            frames=self._frame_sessions,
            own_lists=self.own_lists,
            offers=core.offers,
        )

    def _build_widget_client(self, widget: WidgetApi) -> WidgetClient:
        core, stored = self.core, self.core.storage
        return WidgetClient(
            ClientCallService(stored.phone_book, stored.calls, stored.outbox, stored.recordings),
            CrmCalls(self.live_calls, stored.outbox, core.clock),
            self._frame_sessions,
            widget.who,
            public_url=self.config.public_url,
        )

    def _build_widget_key(self, sessions: AdminSessions) -> WidgetKey:
        gates = Each(self.members, lambda member: member.connector.gate)

        def may_be_crms(origin: str) -> bool:
            return _may_be_crms(origin) or any(gate.allows_origin(origin) for gate in gates.values())

        return WidgetKey(
            self._keys,
            sessions,
            self.members,
            self.consents,
            office_of=self._office_of,
            may_be_crms=may_be_crms,
            public_url=self.config.public_url,
        )

    def _build_notes(self) -> CallNoteService:
        core = self.core
        return CallNoteService(
            notes=core.storage.notes,
            calls=core.storage.calls,
            outbox=core.storage.outbox,
            live_calls=self.live_calls,
            hub=core.hub,
            coordination=core.coordination,
            clock=core.clock,
            wake=core.wake.set,
            changed=core.page_news.tell,
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
            vouches=self.entry.vouches,
        )

    def _build_api(self, shell: Shell, sessions: AdminSessions) -> Iterable[web.AbstractRouteDef]:
        documents = document_schemas(crms=tables_of(CRMS), pbxs=tables_of(PBXS), address=SCHEMAS)
        documents |= campaign_schemas(SCHEMAS)
        campaigns = CampaignApi(self._build_campaigns(shell), self.core.accounts.get)
        storage = self.core.storage
        callbacks = CallbackApi(
            callbacks=storage.callbacks,
            attempts=storage.attempts,
            dialling=storage.dialling,
            clock=self.core.clock,
            account=self.core.accounts.get,
            office_of=self._office_of,
            tell=self.core.page_news.tell,
        )
        offices = OfficeApi(self.edits, self.states)
        operations = [me(), *offices.operations(), *campaigns.operations(), *callbacks.operations()]
        return ApiDoor(sessions, KeyDoor(self._keys, sessions)).routes(Description(operations, documents).operations)

    def _build_pages(self, shell: Shell, sessions: AdminSessions) -> Iterable[web.AbstractRouteDef]:
        core, storage = self.core, self.core.storage
        self._extensions, self._new_phones = KnownExtensions(core.clock), NewPhones(self._setup_of)
        people = self._build_people(shell)
        campaigns = self._build_campaigns(shell)
        sections = (
            shell,
            SignInPages(shell, sessions),
            StylePages(shell),  # before the accounts, whose names are any
            LivePages(shell, core.page_news, self.states, self.mirror, sessions.is_still_let_in, core.clock),
            SetupPages(shell, sessions, core.administrators),
            InvitationPages(shell, sessions, core.administrators),
            AdministratorPages(
                shell,
                sessions,
                core.administrators,
                core.clock,
                public_url=self.config.public_url if self.config.has_public_url else None,
                offices=self._setup_desk.names,
            ),
            ProfilePages(shell, sessions, core.administrators, core.clock, self.entry),
            CrmEntryPages(shell, sessions, core.administrators, self.entry),
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
                crm_labels=Each(self.members, lambda member: member.connector.label),
                held_consents=self.consents.waiting,
                sightings=self.sightings,
                new_phones=self._new_phones,
            ),
            RemovalPages(shell, Removal(core, self.edits, self._ended_webhooks)),
            CallPages(
                shell,
                calls=storage.calls,
                outbox=storage.outbox,
                phone_book=storage.phone_book,
                routes=storage.routes,
                notes=storage.notes,
                callback_of=CallbackPages(campaigns).of_call,
            ),
            CampaignPages(campaigns),
            DeliveryPages(
                shell,
                outbox=storage.outbox,
                clock=core.clock,
                wake=core.wake.set,
                changed=core.page_news.tell,
            ),
            PeoplePages(shell, people, GroupPages(shell, core.accounts, self._extensions, self._new_phones)),
            ChangePages(shell, core.accounts, self.edits, self._office_of),
            KeyPages(shell, KeySection(shell, self._keys), self._office_of),
            WhatIfPages(shell, self._ask_route),
        )
        yield from self._build_setup(shell, people).routes()
        for section in sections:
            yield from section.routes()

    def _build_campaigns(self, shell: Shell) -> CampaignDesk:
        core, storage = self.core, self.core.storage
        return CampaignDesk(
            shell=shell,
            accounts=core.accounts,
            campaigns=storage.campaigns,
            entries=storage.entries,
            attempts=storage.attempts,
            callbacks=storage.callbacks,
            do_not_call=storage.do_not_call,
            erasure=storage.campaign_erasure,
            imports=storage.list_imports,
            files=self.list_imports,
            office_of=self._office_of,
            accounts_of=core.accounts_of,
            tell=core.page_news.tell,
            sounds=CampaignSounds(EspeakSpeech()),
            recorded=storage.campaign_sounds,
            uploaded=UploadedSounds(),
            dialling=storage.dialling,
            offers=core.offers,
            forecasts=Forecasts(storage.campaigns, storage.dialling),
            clock=core.clock,
        )

    def _build_selections(self) -> CrmSelections:
        core, storage = self.core, self.core.storage
        return CrmSelections(
            storage.campaigns, storage.entries, storage.phone_book, self._office_of, core.page_news.tell
        )

    def _build_people(self, shell: Shell) -> PeopleDesk:
        core = self.core
        trials = PhoneTrials(self._setup_of, self.live_calls, core.coordination)
        return PeopleDesk(shell, core.accounts, self._extensions, trials, core.clock)

    def _setup_of(self, pbx: PbxId) -> PbxSetup:
        """The questions to a PBX that runs here. Raises: NotFound."""
        running = self.core.pbxs.get(pbx)
        if running is None:
            raise NotFound(f"there is no PBX {pbx}", code="no_pbx")
        return self.core.kinds.trial(running.config)

    def _build_setup(self, shell: Shell, people: PeopleDesk) -> OfficeSetupPages:
        core = self.core
        samples = SampleCards(core.hub, core.cards, core.clock)
        core.stack.push_async_callback(samples.close)
        watches = LineWatches(
            core.storage.setups, core.coordination, core.clock, self._setup_desk.trials, self._tell_of_office
        )
        core.stack.push_async_callback(watches.close)
        self.rehearsals = Rehearsals(
            core.storage.setups,
            core.coordination,
            core.clock,
            core.accounts,
            self._setup_desk.trial_of,
            self.states.crm,
            samples.show,
            self._tell_of_office,
        )
        core.stack.push_async_callback(self.rehearsals.close)
        return OfficeSetupPages(
            shell,
            self._setup_desk,
            self.core.accounts,
            held_consents=self._held_consents,
            has_spoken=self._has_widget_open,
            watches=watches,
            rehearsals=self.rehearsals,
            people=people,
            keys=KeySection(shell, self._keys),
        )

    async def _after_consent(self, account: AccountId) -> str:
        """The wizard of an office that is not set up yet, else the people of the account."""
        state = await self.core.storage.setups.get(self._office_of(account))
        if state is not None and Step.CRM not in state.done:
            return path_of(state.office, Step.CRM)
        return f"/admin/{account}/people"

    async def _has_widget_open(self, account: AccountId) -> bool:
        """Whether one of the account's managers has a page with our widget."""
        member = self.members.get(account)
        managers = list(member.account.managers)[:_ASKED_FOR_PAGES] if member is not None else []
        for manager in managers:
            if await self.core.hub.has_page(account, manager):
                return True
        return False

    def _tell_of_office(self, office: AccountId) -> None:
        for account, member in self.members.items():
            if member.config.office == office:
                self.core.page_news.tell(account)

    def _held_consents(self, account: AccountId, is_visible: Callable[[AccountId], bool]) -> Sequence[HeldConsent]:
        return self.consents.waiting(account, is_visible) if account in self.members else ()

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

    async def _ask_route(self, account: Account, question: RouteQuestion, pbx: str) -> RouteDecision:
        member = self.members[account.id]
        return await member.on.get(PbxId(pbx), member.main).routing.consider(question)

    def _adapter_figures(self, now: float) -> dict[str, dict[str, float]]:
        return {key: pbx.connection.figures(now) for key, pbx in self.core.pbxs.items()}


def _may_be_crms(origin: str) -> bool:
    """Whether a page of this origin may be one of a CRM that we know."""
    return any(kind.allows_origin(origin) for kind in CRMS.values())
