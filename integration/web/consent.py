"""Connecting CRM accounts: from the button on our page through the CRM's consent to the wizard's step 1 (spec A1).

Anybody can call the redirect address, so a call alone makes no request. A code is exchanged if it comes with our state,
if a signed-in administrator presses its button, or if the CRM proves with a widget's token that one of its
administrators is there.
"""

from __future__ import annotations

import html
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from integration.domain.ids import AccountId, Timestamp
from integration.errors import AuthFailed, DozvonError, Rejected
from integration.ports.clock import Clock
from integration.ports.connector import Connector, Granted, Refused
from integration.ports.coordination import Coordination
from integration.services.accounts import Account, Accounts
from integration.texts.pages import texts
from integration.web.language import language_of

log = structlog.get_logger()

_STATE_SECONDS = 20 * 60  # a consent's code lives as long (amoCRM reference, 1.3)
_HELD_AT_MOST = 20  # strangers may call as often as they like; the newest are kept
_DISCONNECT_SECONDS = 60.0  # a replayed call of the CRM makes one request within this time
_CHANNEL = "consents"
_PAGE = """<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>Dozvon</title>
<link rel="stylesheet" href="/admin/static/admin.css">
<main><p>{text}</p><p><a href="{link}">{link}</a></p></main></html>
"""


class Office(Protocol):
    """One account while it runs."""

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
    account: AccountId | None  # None: of any account of this integration
    granted: Granted
    at: Timestamp

    @property
    def host(self) -> str:
        return urlsplit(self.granted.base_url).netloc

    @property
    def source(self) -> tuple[str, str, str]:
        """What two consents have in common of which the newer one takes the place of the older."""
        return self.crm, self.integration, self.host


class Consents:
    """
    The consents of all accounts. `listen` runs as long as the process.

    Args:
        on_connected: called after tokens are stored and the managers are read.
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
    ) -> None:
        self._offices = offices
        self._accounts = accounts
        self._coordination = coordination
        self._clock = clock
        self._public_url = public_url
        self._on_connected = on_connected
        self._held: dict[str, HeldConsent] = {}

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        yield web.get("/oauth/{crm}", self._callback)
        yield web.get("/oauth/{crm}/{account}", self._callback)
        yield web.get("/hooks/{crm}/disconnected", self._disconnected)
        yield web.get("/hooks/{crm}/{account}/disconnected", self._disconnected)
        yield web.get("/admin/{account}/connect", self._begin)
        yield web.post("/admin/{account}/consents/{consent:[A-Za-z0-9_-]{1,64}}", self._confirm)

    async def state_for(self, account: AccountId) -> str:
        """A state that makes the next consent with it this account's; single use."""
        return await self._coordination.issue_ticket({"account": account}, ttl_seconds=_STATE_SECONDS)

    def waiting(self, account: AccountId) -> list[HeldConsent]:
        """Those that an administrator may confirm for this account, the newest first."""
        connector = self._offices[account].connector
        wanted = (connector.kind, connector.integration)
        return [
            held
            for held in reversed(self._fresh())
            if (held.crm, held.integration) == wanted and held.account in (None, account)
        ]

    async def confirm_by_widget(self, token: str) -> bool:
        """
        Bind the consent of the account whose administrator speaks through the widget, by the CRM's signed token.

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

    async def listen(self) -> None:
        """Consents that other processes hold; until cancelled."""
        async for message in self._coordination.subscribe(_CHANNEL):
            held = _read(message)
            if held is not None:
                self._keep(held)

    # ---- what the CRM calls

    async def _callback(self, request: web.Request) -> web.StreamResponse:
        """
        The redirect address. In a person's browser the mapping page opens by itself; a call by the CRM itself gets a
        plain answer at once.
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
            code = getattr(exc, "code", "")
            log.warning("consent failed", crm=offices[0].connector.kind, error=type(exc).__name__, code=code)
            return self._page(request, f"{t['consent_failed']} {exc}", status=400)
        raise web.HTTPSeeOther(f"/admin/{key}/people?done=crm_connected")

    def _addressed(self, request: web.Request) -> list[Office]:
        """The accounts of the kind, and of the name, that the address has. Raises HTTPNotFound: there are none."""
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
        """Which account this consent was asked for; None: nobody here did, and it is held. Raises Rejected."""
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
        """The accounts of the one integration that the call is for, and what it says. Raises Rejected."""
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
        """The signed call when an administrator of the CRM has switched the integration off."""
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
                log.warning("disconnected by the CRM", account_id=key)
                self._accounts.refresh_soon()
        if not is_signed:
            label = offices[0].connector.label
            log.warning("disconnect call refused", crm=offices[0].connector.kind)
            raise web.HTTPForbidden(text=f"The disconnect call is not signed by {label}")
        return web.Response(text="ok")

    # ---- what administrators press

    async def _begin(self, request: web.Request) -> web.StreamResponse:
        key = self._account(request)
        raise web.HTTPSeeOther(self._offices[key].connector.authorise_url(await self.state_for(key)))

    async def _confirm(self, request: web.Request) -> web.StreamResponse:
        """A signed-in administrator confirms this consent; `AdminSessions.guard` has checked the session."""
        key = self._account(request)
        held = next((each for each in self.waiting(key) if each.id == request.match_info["consent"]), None)
        if held is None:
            raise web.HTTPSeeOther(f"/admin/{key}?done=consent_gone")
        self._held.pop(held.id, None)
        try:
            await self._accept(self._offices[key], held.granted)
        except DozvonError as exc:
            log.warning("consent failed", account_id=key, error=str(exc))
            raise web.HTTPSeeOther(f"/admin/{key}?done=consent_gone") from exc
        raise web.HTTPSeeOther(f"/admin/{key}/people?done=crm_connected")

    # ---- pieces

    def _account(self, request: web.Request) -> AccountId:
        """Raises HTTPNotFound."""
        key = AccountId(request.match_info["account"])
        if key not in self._offices:
            raise web.HTTPNotFound
        return key

    async def _accept(self, office: Office, granted: Granted, *, of_account: str | None = None) -> None:
        await office.connector.accept(granted, of_account=of_account)
        try:
            await self._accounts.refresh_managers(office.account)
        except DozvonError as exc:
            log.warning("managers not read after the consent", account_id=office.account.id, error=str(exc))
        self._accounts.refresh_soon()
        self._on_connected(office.account.id)

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
        """One for each address; a newer code of the same CRM account takes the older one's place."""
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
        """Without a script: nothing waits for the end of a consent, and our CSP lets none run."""
        body = _PAGE.format(
            lang=language_of(request), text=html.escape(text), link=html.escape(f"{self._public_url}/admin")
        )
        headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return web.Response(text=body, content_type="text/html", status=status, headers=headers)


def oauth_path(crm: str, account: str | None) -> str:
    """
    Where a CRM sends a browser after the consent; the registered redirect address ends in it. None: for several
    accounts of one integration, which has one address only.
    """
    return f"/oauth/{crm}/{account}" if account else f"/oauth/{crm}"


def _written(held: HeldConsent) -> dict[str, Any]:
    granted = {"code": held.granted.code, "base_url": held.granted.base_url}
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
                granted=Granted(code=code, base_url=url, state=None),
                at=Timestamp(at),
            )
    return None
