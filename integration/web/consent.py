"""Connects CRM accounts: from the button on our page through the CRM's consent to the wizard's step 1 (spec A1).

Anybody can call the redirect address, so such a call alone makes no request to the CRM. A code is exchanged if it comes
with our state, if a signed-in administrator confirms it, or if a widget's token from the CRM proves that one of its
administrators is there.
"""

from __future__ import annotations

import html
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from integration.domain.access import Permission
from integration.domain.ids import AccountId, Timestamp
from integration.errors import AuthFailed, DozvonError, Rejected
from integration.ports.clock import Clock
from integration.ports.connector import Connector, Granted, Refused
from integration.ports.coordination import Coordination
from integration.services.accounts import Account, Accounts
from integration.services.uninstalling import Uninstalling
from integration.texts.pages import texts
from integration.web.language import language_of
from integration.web.pages.flash import Flash
from integration.web.permissions import for_everybody, needs

log = structlog.get_logger()

_STATE_SECONDS = 20 * 60  # as long as a consent's code is valid (amoCRM reference, 1.3)
_HELD_AT_MOST = 20  # anybody may call any number of times; the newest consents are kept
_DISCONNECT_SECONDS = 5.0  # a replayed call makes one request within this time; one that was cut off can be repeated
_LOGGED_CHARACTERS = 200  # a CRM wrote the rest of the sentence
_CHANNEL = "consents"
_PAGE = """<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>Dozvon</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/admin/static/tokens.css">
<link rel="stylesheet" href="/admin/static/tokens-dark.css" media="(prefers-color-scheme: dark)">
<link rel="stylesheet" href="/admin/static/admin.css">
<body class="alone"><main><h1>Dozvon</h1><p>{text}</p><p><a href="{link}">{link}</a></p></main></html>
"""


class Office(Protocol):
    """A running account."""

    @property
    def account(self) -> Account: ...

    @property
    def connector(self) -> Connector: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldConsent:
    """A consent that came without our state, until somebody confirms it."""

    id: str
    crm: str  # the kind
    integration: str
    account: AccountId | None  # None: any account of this integration
    granted: Granted
    at: Timestamp

    @property
    def host(self) -> str:
        return urlsplit(self.granted.base_url).netloc

    @property
    def source(self) -> tuple[str, str, str]:
        """A newer consent replaces an older one with the same source."""
        return self.crm, self.integration, self.host


class Consents:
    """
    The consents of all accounts. Run `listen` as long as the process runs.

    Args:
        on_connected: called after the tokens were stored and the managers were read.
        on_disconnected: called after they were deleted, because the CRM has withdrawn them.
        goes_on: the page to show after the consent of this account.
    """

    def __init__(
        self,
        offices: Mapping[AccountId, Office],
        accounts: Accounts,
        coordination: Coordination,
        clock: Clock,
        *,
        public_url: str,
        on_connected: Callable[[AccountId], None],
        on_disconnected: Callable[[AccountId], None],
        uninstalling: Uninstalling,
        goes_on: Callable[[AccountId], Awaitable[str]],
    ) -> None:
        self._offices = offices
        self._accounts = accounts
        self._coordination = coordination
        self._clock = clock
        self._public_url = public_url
        self._on_connected = on_connected
        self._on_disconnected = on_disconnected
        self._uninstalling = uninstalling
        self._flash = Flash(coordination, is_secure=public_url.startswith("https://"))
        self._goes_on = goes_on
        self._held: dict[str, HeldConsent] = {}

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        by_the_crm = (
            web.get("/oauth/{crm}", self._callback),
            web.get("/oauth/{crm}/{account}", self._callback),
            web.get("/hooks/{crm}/disconnected", self._disconnected),
            web.get("/hooks/{crm}/{account}/disconnected", self._disconnected),
        )
        yield from for_everybody("the CRM's state or signature is checked", by_the_crm)
        yield from needs(
            Permission.CHANGE_OFFICE,
            web.get("/admin/{account}/connect", self._begin),
            web.post("/admin/{account}/consents/{consent:[A-Za-z0-9_-]{1,64}}", self._confirm),
        )

    async def state_for(self, account: AccountId) -> str:
        """A state for one consent: the consent with it belongs to this account."""
        return await self._coordination.issue_ticket({"account": account}, ttl_seconds=_STATE_SECONDS)

    def waiting(
        self, account: AccountId, is_visible: Callable[[AccountId], bool] = lambda _: True
    ) -> list[HeldConsent]:
        """
        The consents that an administrator may confirm for this account, the newest first.

        Args:
            is_visible: which accounts the administrator may see. A consent that names none of ours may be any account's
                of its integration: it is shown to who sees them all.
        """
        connector = self._offices[account].connector
        wanted = (connector.kind, connector.integration)
        sharing = [
            key for key, each in self._offices.items() if (each.connector.kind, each.connector.integration) == wanted
        ]
        possible = (None, account) if all(map(is_visible, sharing)) else (account,)
        return [
            held
            for held in reversed(self._fresh())
            if (held.crm, held.integration) == wanted and held.account in possible
        ]

    async def confirm_by_widget(self, token: str) -> bool:
        """
        Accept the consent of the account whose administrator has opened the widget, as the CRM's signed token proves.

        Returns:
            Whether an account was connected. Never raises.
        """
        for key, office in self._offices.items():
            try:
                proof = office.connector.read_proof(token)
                for held in self.waiting(key):
                    if held.host == proof.host:
                        await self._accept(office, held.granted, of_account=proof.crm_account_id)
                        self._held.pop(held.id, None)
                        return True
            except AuthFailed:
                continue
            except DozvonError as exc:
                log.warning("consent not bound by the widget", account_id=key, error=str(exc))
        return False

    async def confirm_for(self, account: AccountId, host: str, is_visible: Callable[[AccountId], bool]) -> bool:
        """
        Accept the consent that this CRM account has given and that waits, by the word of who may change ours.

        Args:
            is_visible: as for `waiting`.

        Returns:
            Whether there was one.

        Raises:
            As `Connector.accept`.
        """
        for held in self.waiting(account, is_visible):
            if held.host == host:
                self._held.pop(held.id, None)
                await self._accept(self._offices[account], held.granted)
                return True
        return False

    async def listen(self) -> None:
        """Take over consents that reach other processes; until cancelled."""
        async for message in self._coordination.subscribe(_CHANNEL):
            held = _read(message)
            if held is not None:
                self._keep(held)

    # ---- called by the CRM

    async def _callback(self, request: web.Request) -> web.StreamResponse:
        """
        The redirect address. A person's browser is sent on to the mapping page; a consent without state gets a plain
        page and is held.
        """
        t = texts(language_of(request))
        offices = self._addressed(request)
        label = offices[0].connector.label
        try:
            key, read = await self._wanted(request, offices)
            if isinstance(read, Refused):
                raise Rejected(f"{label} was not allowed to be connected", code=read.error)
            if key is None:
                return self._page(request, t["consent_held"].format(crm=label))
            await self._accept(self._offices[key], read)
        except DozvonError as exc:
            code, said = getattr(exc, "code", ""), str(exc)[:_LOGGED_CHARACTERS]
            log.warning("consent failed", crm=offices[0].connector.kind, error=type(exc).__name__, code=code, said=said)
            return self._page(request, f"{t['consent_failed']} {exc}", status=400)
        raise await self._connected(request, key)

    def _addressed(self, request: web.Request) -> list[Office]:
        """The accounts with the kind, and the name if any, in the address. Raises: HTTPNotFound if there are none."""
        crm, named = request.match_info["crm"], request.match_info.get("account")
        found = [
            office
            for key, office in self._offices.items()
            if office.connector.kind == crm and named in (None, str(key))
        ]
        if not found:
            raise web.HTTPNotFound
        return found

    async def _wanted(
        self, request: web.Request, addressed: list[Office]
    ) -> tuple[AccountId | None, Granted | Refused]:
        """The account that this consent was requested for; None if nobody here did: it is held. Raises: Rejected."""
        offices, read = self._meant(request, addressed)
        if read.state is None:
            if isinstance(read, Granted):
                named = offices[0].account.id if "account" in request.match_info else None
                await self._hold(offices[0].connector, named, read)
            return None, read
        ticket = await self._coordination.take_ticket(read.state)
        key = AccountId(str(ticket.get("account"))) if ticket is not None else None
        if key not in [office.account.id for office in offices]:
            raise Rejected("The consent was not asked for here, or too long ago: start it again", code="state")
        return key, read

    def _meant(self, request: web.Request, addressed: list[Office]) -> tuple[list[Office], Granted | Refused]:
        """The accounts of the integration that the call is for, and its content. Raises: Rejected."""
        refusal = Rejected("The consent is for another integration", code="client_id")
        taken: list[tuple[Office, Granted | Refused]] = []
        for office in addressed:
            try:
                taken.append((office, office.connector.read_callback(request.query)))
            except Rejected as exc:
                refusal = exc
        if len({office.connector.integration for office, _ in taken}) != 1:
            raise refusal
        return [office for office, _ in taken], taken[0][1]

    async def _disconnected(self, request: web.Request) -> web.StreamResponse:
        """The CRM's signed call after its administrator switched the integration off."""
        is_signed = False
        offices = self._addressed(request)
        for office in offices:
            key, connector = office.account.id, office.connector
            try:
                crm_account_id = connector.read_disconnect(request.query)
            except Rejected:
                continue
            is_signed = True
            told = f"disconnected:{key}:{crm_account_id}"
            if await self._coordination.once(told, ttl_seconds=_DISCONNECT_SECONDS) and (
                await connector.disconnected(crm_account_id)
            ):
                await self.disconnected(key)
        if not is_signed:
            label = offices[0].connector.label
            log.warning("disconnect call refused", crm=offices[0].connector.kind)
            raise web.HTTPForbidden(text=f"The disconnect call is not signed by {label}")
        return web.Response(text="ok")

    # ---- called by administrators

    async def _begin(self, request: web.Request) -> web.StreamResponse:
        key = self._account(request)
        address = self._offices[key].connector.authorise_url(await self.state_for(key))
        if address is None:
            raise await self._flash.told(request, f"/admin/{key}", "consent_by_installing")
        raise web.HTTPSeeOther(address)

    async def _confirm(self, request: web.Request) -> web.StreamResponse:
        """A signed-in administrator confirms this consent; `AdminSessions.guard` has checked the session."""
        key = self._account(request)
        held = next((each for each in self.waiting(key) if each.id == request.match_info["consent"]), None)
        if held is None:
            raise await self._flash.told(request, f"/admin/{key}", "consent_gone")
        self._held.pop(held.id, None)
        try:
            await self._accept(self._offices[key], held.granted)
        except DozvonError as exc:
            log.warning("consent failed", account_id=key, error=str(exc))
            raise await self._flash.told(request, f"/admin/{key}", "consent_gone") from exc
        raise await self._connected(request, key)

    # ---- pieces

    def _account(self, request: web.Request) -> AccountId:
        """The account in the address. Raises: HTTPNotFound."""
        key = AccountId(request.match_info["account"])
        if key not in self._offices:
            raise web.HTTPNotFound
        return key

    async def _connected(self, request: web.Request, key: AccountId) -> web.HTTPSeeOther:
        """The wizard shows the state itself; the page of people is told."""
        path = await self._goes_on(key)
        if not path.endswith("/people"):
            return web.HTTPSeeOther(path)
        return await self._flash.told(request, path, "crm_connected")

    async def _accept(self, office: Office, granted: Granted, *, of_account: str | None = None) -> None:
        await office.connector.accept(granted, of_account=of_account)
        await self.connected(office.account.id)

    async def connected(self, account: AccountId) -> None:
        """What follows when an account was connected, whichever way: its managers are read, the others are told."""
        office = self._offices[account]
        try:
            await self._accounts.refresh_managers(office.account)
        except DozvonError as exc:
            log.warning("managers not read after the consent", account_id=office.account.id, error=str(exc))
        await self._uninstalling.connected(office.account)
        self._accounts.refresh_soon()
        self._on_connected(office.account.id)

    async def disconnected(self, account: AccountId) -> None:
        """What follows when the CRM has withdrawn its consent. Never raises: the CRM reports it once."""
        log.warning("disconnected by the CRM", account_id=account)
        await self._uninstalling.disconnected(self._offices[account].account)
        self._accounts.refresh_soon()
        self._on_disconnected(account)

    async def hold_for(self, account: AccountId, granted: Granted, *, or_another: bool = False) -> None:
        """
        Keep a consent that came without our state, for this account, until an administrator confirms it.

        Args:
            or_another: it named none of ours, so it may be for another account of this integration.
        """
        await self._hold(self._offices[account].connector, None if or_another else account, granted)

    async def _hold(self, connector: Connector, account: AccountId | None, granted: Granted) -> None:
        held = HeldConsent(
            id=secrets.token_urlsafe(16),
            crm=connector.kind,
            integration=connector.integration,
            account=account,
            granted=granted,
            at=self._clock.now(),
        )
        self._keep(held)
        try:
            await self._coordination.publish(_CHANNEL, _written(held))
        except DozvonError as exc:
            log.info("other processes not notified of the consent", error=str(exc))

    def _keep(self, held: HeldConsent) -> None:
        """Keep one consent for each address: a newer code of the same CRM account replaces the older."""
        same = [each.id for each in self._held.values() if each.source == held.source]
        for old in same:
            del self._held[old]
        self._held[held.id] = held
        for old in list(self._held)[:-_HELD_AT_MOST]:
            del self._held[old]

    def _fresh(self) -> list[HeldConsent]:
        now = self._clock.now()
        self._held = {key: held for key, held in self._held.items() if now - held.at < _STATE_SECONDS}
        return list(self._held.values())

    def _page(self, request: web.Request, text: str, *, status: int = 200) -> web.Response:
        """A page without a script: nothing waits for the end of a consent, and our CSP forbids inline scripts."""
        body = _PAGE.format(
            lang=language_of(request), text=html.escape(text), link=html.escape(f"{self._public_url}/admin")
        )
        headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return web.Response(text=body, content_type="text/html", status=status, headers=headers)


def oauth_path(crm: str, account: str | None) -> str:
    """
    The path to which a CRM sends a browser after the consent; the registered redirect address ends in it. `account` is
    None for several accounts of one integration, which has only one address.
    """
    return f"/oauth/{crm}/{account}" if account else f"/oauth/{crm}"


def _written(held: HeldConsent) -> dict[str, Any]:
    granted = {"code": held.granted.code, "base_url": held.granted.base_url, "event_key": held.granted.event_key}
    about = {"id": held.id, "crm": held.crm, "integration": held.integration, "account": held.account, "at": held.at}
    return {**about, **granted}


def _read(message: dict[str, Any]) -> HeldConsent | None:
    match message:
        case {
            "id": str(id_),
            "crm": str(crm),
            "integration": str(integration),
            "code": str(code),
            "base_url": str(url),
            "at": float(at),
        }:
            account = message.get("account")
            return HeldConsent(
                id=id_,
                crm=crm,
                integration=integration,
                account=AccountId(account) if isinstance(account, str) else None,
                granted=Granted(code=code, base_url=url, state=None, event_key=str(message.get("event_key", ""))),
                at=Timestamp(at),
            )
    return None
