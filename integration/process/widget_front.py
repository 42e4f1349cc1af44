"""The routes of what runs in a CRM's pages: the widget, its calling list, the client's tab, the key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from aiohttp import web

from integration.process.adapters import CRMS
from integration.process.core import Core
from integration.process.each import Each
from integration.services.api_keys import ApiKeys
from integration.services.call_notes import CallNoteService
from integration.services.click import ClickService
from integration.services.client_calls import ClientCallService
from integration.services.client_choice import ClientChoices
from integration.services.cluster.live_calls import LiveCalls
from integration.services.creations import Creations
from integration.services.crm_calls import CrmCalls
from integration.services.crm_entry import CrmEntry
from integration.services.crm_selections import CrmSelections
from integration.services.frame_sessions import FrameSessions
from integration.services.own_lists.desk import OwnListDesk
from integration.services.presses import Presses
from integration.services.sightings import PageSightings
from integration.services.strangers import StrangerCalls
from integration.web.consent import Consents
from integration.web.pages.session import AdminSessions
from integration.web.widget import WidgetApi, is_crm_administrator
from integration.web.widget_callbacks import WidgetCallbacks
from integration.web.widget_campaign_pause import WidgetCampaignPause
from integration.web.widget_campaigns import WidgetCampaigns
from integration.web.widget_client import WidgetClient
from integration.web.widget_key import WidgetKey
from integration.web.widget_notes import WidgetNotes
from integration.web.widget_own_list import WidgetOwnList
from integration.web.widget_sightings import WidgetSightings


@dataclass(kw_only=True)
class WidgetFront:
    """Makes its routes once."""

    core: Core
    live_calls: LiveCalls
    own_lists: OwnListDesk
    strangers: StrangerCalls
    consents: Consents
    sightings: PageSightings
    entry: CrmEntry
    keys: ApiKeys
    frame_sessions: FrameSessions
    public_url: str
    api: WidgetApi = field(init=False)

    def __post_init__(self) -> None:
        self.api = self._build_api()

    def routes(self, sessions: AdminSessions) -> Iterable[web.AbstractRouteDef]:
        core, who = self.core, self.api.who
        callbacks = WidgetCallbacks(
            callbacks=core.storage.callbacks,
            attempts=core.storage.attempts,
            calls=core.storage.calls,
            who=who,
            tell=core.page_news.tell,
        )
        pause = WidgetCampaignPause(
            core.accounts, core.storage.dialling, core.offers, who, core.page_news.tell, core.clock
        )
        campaigns = WidgetCampaigns(
            core.storage.campaigns, self._build_selections(), who, is_crm_administrator, core.page_news.tell
        )
        yield from self.api.routes()
        yield from WidgetNotes(self._build_notes(), who).routes()
        yield from callbacks.routes()
        yield from WidgetSightings(self.sightings, who).routes()
        yield from campaigns.routes()
        yield from pause.routes()
        yield from WidgetOwnList(self.own_lists, who).routes()
        yield from self._build_client().routes()
        yield from self._build_key(sessions).routes()

    def _build_api(self) -> WidgetApi:
        core = self.core
        relay = core.relay if core.is_shared else None
        return WidgetApi(
            accounts=core.accounts,
            gates=Each(core.members, lambda member: member.connector.gate),
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
            connect_urls=Each(core.members, lambda member: f"{self.public_url}/admin/{member.account.id}/connect"),
            entry=self.entry,
            public_url=self.public_url,
            may_be_crms=_may_be_crms,
            frames=self.frame_sessions,
            own_lists=self.own_lists,
            offers=core.offers,
        )

    def _build_client(self) -> WidgetClient:
        core, stored = self.core, self.core.storage
        return WidgetClient(
            ClientCallService(stored.phone_book, stored.calls, stored.outbox, stored.recordings),
            CrmCalls(self.live_calls, stored.outbox, core.clock),
            self.frame_sessions,
            self.api.who,
            public_url=self.public_url,
        )

    def _build_key(self, sessions: AdminSessions) -> WidgetKey:
        gates = Each(self.core.members, lambda member: member.connector.gate)

        def may_be_crms(origin: str) -> bool:
            return _may_be_crms(origin) or any(gate.allows_origin(origin) for gate in gates.values())

        return WidgetKey(
            self.keys,
            sessions,
            self.core.members,
            self.consents,
            office_of=self.core.office_of,
            may_be_crms=may_be_crms,
            public_url=self.public_url,
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

    def _build_selections(self) -> CrmSelections:
        core, storage = self.core, self.core.storage
        return CrmSelections(
            storage.campaigns, storage.entries, storage.phone_book, core.office_of, core.page_news.tell
        )


def _may_be_crms(origin: str) -> bool:
    """Whether a page of this origin may be one of a CRM that we know."""
    return any(kind.allows_origin(origin) for kind in CRMS.values())
