"""The routes of administrators: their pages, the setup, and REST."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from integration.documents.campaign import campaign_schemas
from integration.documents.schema import document_schemas
from integration.domain.ids import AccountId, PbxId
from integration.domain.routing.route import RouteDecision, RouteQuestion
from integration.errors import NotFound
from integration.ports.pbx_setup import PbxSetup
from integration.process.adapters import CRMS, PBXS, tables_of
from integration.process.config import Config
from integration.process.core import Core
from integration.process.each import Each
from integration.process.ended_webhooks import EndedWebhooks
from integration.process.office_edits import OfficeEdits
from integration.process.removal import Removal
from integration.process.setup_desk import SetupDesk
from integration.services.accounts import Account
from integration.services.api_keys import ApiKeys
from integration.services.campaign_sounds import CampaignSounds
from integration.services.cluster.live_calls import LiveCalls
from integration.services.cluster.news import Others
from integration.services.connection_states import ConnectionStates
from integration.services.crm_entry import CrmEntry
from integration.services.extensions import KnownExtensions
from integration.services.forecasts import Forecasts
from integration.services.line_watches import LineWatches
from integration.services.list_imports import ListImportService
from integration.services.new_phones import NewPhones
from integration.services.phone_book import PhoneBookMirror
from integration.services.phone_trials import PhoneTrials
from integration.services.rehearsals import Rehearsals
from integration.services.sample_card import SampleCards
from integration.services.sightings import PageSightings
from integration.services.uploaded_sounds import UploadedSounds
from integration.speech.espeak import EspeakSpeech
from integration.web.api.callbacks import CallbackApi
from integration.web.api.campaigns import CampaignApi
from integration.web.api.door import ApiDoor
from integration.web.api.keys import KeyDoor, me
from integration.web.api.offices import OfficeApi
from integration.web.api.openapi import SCHEMAS, Description
from integration.web.campaigns.callbacks import CallbackPages
from integration.web.campaigns.desk import CampaignDesk
from integration.web.consent import Consents, HeldConsent
from integration.web.hooks import Hooks
from integration.web.pages.administrators import AdministratorPages
from integration.web.pages.calls import CallPages
from integration.web.pages.campaigns import CampaignPages
from integration.web.pages.changes import ChangePages
from integration.web.pages.crm_entry import CrmEntryPages
from integration.web.pages.delivery import DeliveryPages
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
from integration.web.setup.pages import OfficeSetupPages

_ASKED_FOR_PAGES = 100  # managers; on Redis each is a request


@dataclass(kw_only=True)
class AdminFront:
    """Makes its routes once."""

    config: Config
    core: Core
    hooks: Hooks
    edits: OfficeEdits
    others: Others
    live_calls: LiveCalls
    mirror: PhoneBookMirror
    states: ConnectionStates
    consents: Consents
    sightings: PageSightings
    entry: CrmEntry
    keys: ApiKeys
    list_imports: ListImportService
    rehearsals: Rehearsals = field(init=False)
    _ended_webhooks: EndedWebhooks = field(init=False)
    _setup_desk: SetupDesk = field(init=False)
    _extensions: KnownExtensions = field(init=False)
    _new_phones: NewPhones = field(init=False)

    def __post_init__(self) -> None:
        self._ended_webhooks = EndedWebhooks(self.hooks, self.core.coordination, self.config.public_url)
        self._setup_desk = SetupDesk(self.core, self.edits, self.states, lambda: self.config)
        self._extensions, self._new_phones = KnownExtensions(self.core.clock), NewPhones(self._setup_of)

    def routes(self, shell: Shell, sessions: AdminSessions) -> Iterable[web.AbstractRouteDef]:
        campaigns = self._build_campaigns(shell)
        yield from self._build_pages(shell, sessions, campaigns)
        yield from self._build_api(sessions, campaigns)

    def _build_api(self, sessions: AdminSessions, desk: CampaignDesk) -> Iterable[web.AbstractRouteDef]:
        documents = document_schemas(crms=tables_of(CRMS), pbxs=tables_of(PBXS), address=SCHEMAS)
        documents |= campaign_schemas(SCHEMAS)
        campaigns = CampaignApi(desk, self.core.accounts.get)
        storage = self.core.storage
        callbacks = CallbackApi(
            callbacks=storage.callbacks,
            attempts=storage.attempts,
            dialling=storage.dialling,
            clock=self.core.clock,
            account=self.core.accounts.get,
            office_of=self.core.office_of,
            tell=self.core.page_news.tell,
        )
        offices = OfficeApi(self.edits, self.states)
        operations = [me(), *offices.operations(), *campaigns.operations(), *callbacks.operations()]
        return ApiDoor(sessions, KeyDoor(self.keys, sessions)).routes(Description(operations, documents).operations)

    def _build_pages(
        self, shell: Shell, sessions: AdminSessions, campaigns: CampaignDesk
    ) -> Iterable[web.AbstractRouteDef]:
        core, storage = self.core, self.core.storage
        people = self._build_people(shell)
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
                connect_urls=Each(self.core.members, lambda member: f"/admin/{member.account.id}/connect"),
                crm_labels=Each(self.core.members, lambda member: member.connector.label),
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
            ChangePages(shell, core.accounts, self.edits, self.core.office_of),
            KeyPages(shell, KeySection(shell, self.keys), self.core.office_of),
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
            office_of=self.core.office_of,
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
            keys=KeySection(shell, self.keys),
        )

    async def _has_widget_open(self, account: AccountId) -> bool:
        """Whether one of the account's managers has a page with our widget."""
        member = self.core.members.get(account)
        managers = list(member.account.managers)[:_ASKED_FOR_PAGES] if member is not None else []
        for manager in managers:
            if await self.core.hub.has_page(account, manager):
                return True
        return False

    def _tell_of_office(self, office: AccountId) -> None:
        for account, member in self.core.members.items():
            if member.config.office == office:
                self.core.page_news.tell(account)

    def _held_consents(self, account: AccountId, is_visible: Callable[[AccountId], bool]) -> Sequence[HeldConsent]:
        return self.consents.waiting(account, is_visible) if account in self.core.members else ()

    async def _ask_route(self, account: Account, question: RouteQuestion, pbx: str) -> RouteDecision:
        member = self.core.members[account.id]
        return await member.on.get(PbxId(pbx), member.main).routing.consider(question)
