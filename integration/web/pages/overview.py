"""The accounts, and one account at a glance: its connections, calls going on, the phone book."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.connections.state import ConnectionState
from integration.domain.ids import AccountId
from integration.errors import DozvonError
from integration.ports.clock import Clock
from integration.ports.settings import ChangedMeanwhile
from integration.ports.stores import CallStore, Outbox, OutboxState, PhoneBook
from integration.services.accounts import Account, Accounts
from integration.services.cluster.live_calls import LiveCalls
from integration.services.connection_states import ConnectionStates, is_failed_change
from integration.services.new_phones import MadePhones, NewPhones
from integration.services.phone_book import PhoneBookMirror
from integration.services.sightings import PageSightings
from integration.texts.pages import texts
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.pages.changes import Conflict, conflict, shown_revision
from integration.web.pages.connection_rows import ConnectionRow, connection_row, zone_of
from integration.web.pages.shell import Shell
from integration.web.pages.sighting_rows import sighting_rows
from integration.web.pages.view import CallRows
from integration.web.people.groups import credentials_page
from integration.web.people.rows import absent_lines
from integration.web.permissions import needs
from integration.web.setup.shown import trouble

SWITCH_OFF_CONSEQUENCES = (
    "switch_off_route", "switch_off_log", "switch_off_cards", "switch_off_back", "switch_off_phones",
)  # fmt: skip
"""What switching the integration off means, as keys of texts."""


class HeldConsent(Protocol):
    """A consent that we did not ask for: an administrator decides."""

    @property
    def id(self) -> str: ...

    @property
    def host(self) -> str: ...


class OverviewPages:
    """
    Args:
        states: of the connections.
        read_anew: has the phone book read again.
        connect_urls: where the consent of an account's CRM begins.
        crm_labels: an account's CRM as people write it.
        held_consents: those that wait for the word of an administrator who sees these accounts.
    """

    def __init__(
        self,
        shell: Shell,
        *,
        accounts: Accounts,
        states: ConnectionStates,
        clock: Clock,
        live_calls: LiveCalls,
        calls: CallStore,
        outbox: Outbox,
        phone_book: PhoneBook,
        mirror: PhoneBookMirror,
        read_anew: Callable[[AccountId], None],
        connect_urls: Mapping[AccountId, str],
        crm_labels: Mapping[AccountId, str],
        held_consents: Callable[[AccountId, Callable[[AccountId], bool]], Sequence[HeldConsent]],
        sightings: PageSightings,
        new_phones: NewPhones,
    ) -> None:
        self._shell = shell
        self._accounts = accounts
        self._states = states
        self._clock = clock
        self._live_calls = live_calls
        self._calls = calls
        self._outbox = outbox
        self._phone_book = phone_book
        self._mirror = mirror
        self._read_anew = read_anew
        self._connect_urls = connect_urls
        self._crm_labels = crm_labels
        self._held_consents = held_consents
        self._sightings = sightings
        self._new_phones = new_phones
        self._rows = CallRows(phone_book)

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            *needs(Permission.SEE_START, web.get("/admin", self.home)),
            *needs(Permission.SEE_OFFICE, web.get("/admin/{account}", self.overview)),
            *needs(
                Permission.CHANGE_OFFICE,
                web.post("/admin/{account}/enabled", self.switch),
                web.post("/admin/{account}/for_everybody", self.switch_on_for_everybody),
                web.post("/admin/{account}/phone-book", self.read_anew),
            ),
        ]

    async def home(self, request: web.Request) -> web.StreamResponse:
        accounts, is_visible = self._shell.visible(request), self._shell.is_visible(request)
        crms = {key: state for key, state in self._states.crms().items() if is_visible(key)}
        if not crms and self._shell.may_add_offices(request):
            raise web.HTTPSeeOther(with_language(request, "/admin/setup"))
        if len(accounts) == len(crms) == 1:
            raise web.HTTPSeeOther(with_language(request, self._shell.first_page(request, accounts[0].id)))
        lang, now = language_of(request), self._clock.now()
        running = {account.id: account for account in accounts}
        return await self._shell.page(
            request,
            "accounts.html",
            first_page=lambda account: self._shell.first_page(request, account),
            rows=[
                replace(
                    connection_row(key, state, lang, now, zone_of(running.get(key)), is_running=key in running),
                    crm=self._crm_labels.get(key, ""),
                )
                for key, state in crms.items()
            ],
            broken=[
                connection_row(key, state, lang, now, zone_of(None))
                for key, state in self._states.pbxs().items()
                if is_failed_change(state) and self._shell.viewer(request).offices is None
            ],
        )

    async def overview(self, request: web.Request) -> web.Response:
        return await self._overview_page(request, self._shell.account(request))

    async def _overview_page(
        self, request: web.Request, account: Account, first: Conflict | None = None
    ) -> web.Response:
        crm = self._states.crm(account.id)
        return await self._shell.page(
            request,
            "overview.html",
            account=account,
            section="overview",
            conflict=first,
            switch_off=SWITCH_OFF_CONSEQUENCES,
            crm=self._row(request, account, account.id, crm),
            connect_url=self._connect_urls.get(account.id) if _is_for_consent(account) else None,
            held_consents=self._held_consents(account.id, self._shell.is_visible(request)),
            met=sighting_rows(account, await self._sightings.present(account), language_of(request)),
            waiting=(await self._outbox.depth_of(account.id))[OutboxState.WAITING],
            links=[self._row(request, account, pbx, self._states.pbx(pbx)) for pbx in account.pbxs],
            live_calls=len(await self._live_calls.of(account)),
            absent=absent_lines(account, self._clock.now(), texts(language_of(request))),
            persons=await self._phone_book.size(account.id),
            mirror=self._mirror.state(account.id),
            rows=await self._rows.of(account, await self._calls.recent(account.id, limit=8)),
            live=True,
        )

    def _row(self, request: web.Request, account: Account, name: str, state: ConnectionState) -> ConnectionRow:
        return connection_row(name, state, language_of(request), self._clock.now(), zone_of(account))

    async def switch(self, request: web.Request) -> web.StreamResponse:
        account = self._shell.account(request)
        form, who = await read_form(request), self._shell.who(request)
        enabled = bool(form.get("enabled"))
        if not enabled and not form.get("confirmed"):
            return await self._ask(request, account, form)
        try:
            made = await self._accounts.set_enabled(account, enabled=enabled, who=who, shown=shown_revision(form))
        except ChangedMeanwhile as exc:
            await self._accounts.reload(account)
            sentence = texts(language_of(request))["switched_meanwhile"]
            return await self._overview_page(request, account, conflict(request, account, sentence, exc.changes, who))
        if enabled and made is not None and (renewed := await self._new_phones.try_renew(account)) is not None:
            return await self._renewed_page(request, account, renewed)
        key = "switched_on" if enabled else "switched_off"
        raise await self._shell.told(request, f"/admin/{account.id}", key, undo=str(made.revision) if made else "")

    async def switch_on_for_everybody(self, request: web.Request) -> web.StreamResponse:
        """Ends a time in which it was on for chosen managers only."""
        account = self._shell.account(request)
        made = await self._accounts.switch_on_for(account, None, who=self._shell.who(request))
        undo = str(made.revision) if made else ""
        raise await self._shell.told(request, f"/admin/{account.id}", "switched_on", undo=undo)

    async def _renewed_page(
        self, request: web.Request, account: Account, renewed: MadePhones | DozvonError
    ) -> web.Response:
        """After the integration was switched on: the new secrets of the phones that Dozvon has made, once."""
        if isinstance(renewed, MadePhones):
            return await credentials_page(self._shell, request, account, renewed, back=f"/admin/{account.id}")
        lang = language_of(request)
        sentence = texts(lang)["credentials_not_renewed"].format(detail=trouble(renewed, lang))
        return await self._overview_page(request, account, Conflict(sentence))

    async def _ask(self, request: web.Request, account: Account, form: dict[str, str]) -> web.Response:
        """What a browser without the script gets before the integration is switched off."""
        t = texts(language_of(request))
        return await self._shell.page(
            request,
            "confirm.html",
            account=account,
            section="overview",
            title=t["switch_off_title"],
            consequences=[t[key] for key in SWITCH_OFF_CONSEQUENCES],
            action=f"/admin/{account.id}/enabled",
            confirm=t["switch_off"],
            fields={"shown": form.get("shown", ""), "enabled": ""},
            cancel_href=f"/admin/{account.id}",
        )

    async def read_anew(self, request: web.Request) -> web.StreamResponse:
        account = self._shell.account(request)
        self._read_anew(account.id)
        raise await self._shell.told(request, f"/admin/{account.id}", "reading_anew")


def _is_for_consent(account: Account) -> bool:
    trouble = account.condition.trouble
    return trouble is not None and trouble.is_for_consent
