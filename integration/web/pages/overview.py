"""The accounts, and one account at a glance: its connections, calls going on, the phone book."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from integration.domain.ids import AccountId, PbxId, Timestamp
from integration.ports.settings import ChangedMeanwhile
from integration.ports.stores import CallStore, Outbox, OutboxState, PhoneBook
from integration.services.accounts import Account, Accounts
from integration.services.cluster.live_calls import LiveCalls
from integration.services.phone_book import PhoneBookMirror
from integration.services.tracking import CallTracking
from integration.texts.pages import texts
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.pages.changes import Conflict, conflict, shown_revision
from integration.web.pages.shell import Shell, told
from integration.web.pages.view import CallRows, moment


class HeldConsent(Protocol):
    """A consent that we did not ask for: an administrator decides."""

    @property
    def id(self) -> str: ...

    @property
    def host(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxLink:
    """`reason`: why it is not connected."""

    pbx: PbxId = field(kw_only=False)
    is_connected: bool
    reason: str


class OverviewPages:
    """
    Args:
        read_anew: has the phone book read again.
        connect_urls: where the consent of an account's CRM begins.
        held_consents: those that wait for an administrator's word.
    """

    def __init__(
        self,
        shell: Shell,
        *,
        accounts: Accounts,
        trackings: Mapping[AccountId, Mapping[PbxId, CallTracking]],
        live_calls: LiveCalls,
        calls: CallStore,
        outbox: Outbox,
        phone_book: PhoneBook,
        mirror: PhoneBookMirror,
        read_anew: Callable[[AccountId], None],
        connect_urls: Mapping[AccountId, str],
        held_consents: Callable[[AccountId], Sequence[HeldConsent]],
    ) -> None:
        self._shell = shell
        self._accounts = accounts
        self._trackings = trackings
        self._live_calls = live_calls
        self._calls = calls
        self._outbox = outbox
        self._phone_book = phone_book
        self._mirror = mirror
        self._read_anew = read_anew
        self._connect_urls = connect_urls
        self._held_consents = held_consents
        self._rows = CallRows(phone_book)

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/admin", self.home),
            web.get("/admin/{account}", self.overview),
            web.post("/admin/{account}/enabled", self.switch),
            web.post("/admin/{account}/phone-book", self.read_anew),
        ]

    async def home(self, request: web.Request) -> web.StreamResponse:
        accounts = list(self._accounts)
        if len(accounts) == 1:
            raise web.HTTPSeeOther(with_language(request, f"/admin/{accounts[0].id}"))
        return await self._shell.page(request, "accounts.html", accounts=accounts)

    async def overview(self, request: web.Request) -> web.Response:
        return await self._overview_page(request, self._shell.account(request))

    async def _overview_page(
        self, request: web.Request, account: Account, first: Conflict | None = None
    ) -> web.Response:
        return await self._shell.page(
            request,
            "overview.html",
            account=account,
            section="overview",
            conflict=first,
            condition=account.condition,
            until=moment(Timestamp(account.condition.until), account) if account.condition.until else "",
            connect_url=self._connect_urls.get(account.id) if _is_for_consent(account) else None,
            held_consents=self._held_consents(account.id),
            waiting=(await self._outbox.depth_of(account.id))[OutboxState.WAITING],
            links=self._links(account),
            live_calls=len(await self._live_calls.of(account)),
            persons=await self._phone_book.size(account.id),
            mirror=self._mirror.state(account.id),
            rows=await self._rows.of(account, await self._calls.recent(account.id, limit=8)),
        )

    def _links(self, account: Account) -> list[PbxLink]:
        trackings = self._trackings.get(account.id, {})
        return [
            PbxLink(key, is_connected=pbx.is_connected, reason=trackings[key].link_reason if key in trackings else "")
            for key, pbx in account.pbxs.items()
        ]

    async def switch(self, request: web.Request) -> web.StreamResponse:
        account = self._shell.account(request)
        form, who = await read_form(request), self._shell.who(request)
        enabled = bool(form.get("enabled"))
        try:
            made = await self._accounts.set_enabled(account, enabled=enabled, who=who, shown=shown_revision(form))
        except ChangedMeanwhile as exc:
            await self._accounts.reload(account)
            sentence = texts(language_of(request))["switched_meanwhile"]
            return await self._overview_page(request, account, conflict(request, account, sentence, exc.changes, who))
        key = "switched_on" if enabled else "switched_off"
        raise told(f"/admin/{account.id}", key, undo=str(made.revision) if made else "")

    async def read_anew(self, request: web.Request) -> web.StreamResponse:
        account = self._shell.account(request)
        self._read_anew(account.id)
        raise told(f"/admin/{account.id}", "reading_anew")


def _is_for_consent(account: Account) -> bool:
    trouble = account.condition.trouble
    return trouble is not None and trouble.is_for_consent
