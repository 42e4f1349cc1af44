"""Builds the Bitrix24 connector of one portal from its parts. It makes no decisions and has no routes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Protocol

import aiohttp
import structlog

from connectors.bitrix24 import binding, checks, installing, webhooks
from connectors.bitrix24.api.identity import KnownOwners
from connectors.bitrix24.api.pacing import Pacers
from connectors.bitrix24.api.tokens import PortalTokens
from connectors.bitrix24.api.transport import Transport
from connectors.bitrix24.checks import Checked
from connectors.bitrix24.clicks import read_request
from connectors.bitrix24.client import ABILITIES, ABILITIES_OF_WEBHOOK, Bitrix24Crm
from connectors.bitrix24.installing import Installing
from connectors.bitrix24.intake import Bitrix24Intake, Receivers
from connectors.bitrix24.offline import (
    EVERY_SECONDS,
    EVERY_SECONDS_BESIDE_POSTS,
    FIRST_SECONDS_BESIDE_POSTS,
    OfflineEvents,
)
from connectors.bitrix24.placements import bind_placements, unbind_placements
from connectors.bitrix24.settings import Bitrix24Settings
from connectors.bitrix24.webhooks import Event, Touched
from connectors.bitrix24.widget import Bitrix24Frames, NoScript
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import CrmChange, CrmCondition
from integration.domain.ids import AccountId
from integration.domain.numbers.numbering import DEFAULT_NUMBERING, Numbering
from integration.errors import AuthFailed, DozvonError, Rejected
from integration.ports.clock import Clock
from integration.ports.connector import ConsentProof, CrmNotice, Granted, Installation, Refused
from integration.ports.crm import Crm, WidgetGate
from integration.ports.crm_requests import CrmRequest
from integration.ports.findings import Finding
from integration.ports.stores import Tokens, TokenStore

_log = structlog.get_logger()

_LOOK_AGAIN_SECONDS = 600.0  # between two looks at what is bound; an installation looks at once


class PortalCrm(Crm, Protocol):
    """What the connector needs of `client.py` besides the port."""

    def forget(self) -> None: ...

    def close(self) -> None: ...

    def adopt(self, condition: CrmCondition) -> None: ...

    def on_condition(self, told: Callable[[CrmCondition], None]) -> None: ...

    async def read_changes(self, events: Iterable[Touched]) -> list[CrmChange]: ...


@dataclass(slots=True)
class Known:
    """
    What this process knows of the portal.

    Attributes:
        looked_for: the address and the key for which the bindings were looked at last.
        are_bound: whether nothing was missing then.
    """

    tokens: Tokens | None = None
    owners: KnownOwners = field(default_factory=KnownOwners)
    looked_for: tuple[str, str] = ("", "")
    are_bound: bool = False
    look_again_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Bitrix24Connector:
    """`integration.ports.connector.Connector` of one account."""

    kind: ClassVar[str] = "bitrix24"
    label: ClassVar[str] = "Bitrix24"

    account: AccountId
    settings: Bitrix24Settings
    crm: PortalCrm
    gate: WidgetGate
    transport: Transport
    tokens: PortalTokens
    session: aiohttp.ClientSession
    clock: Clock
    store: TokenStore
    known: Known = field(default_factory=Known)

    @property
    def integration(self) -> str:
        return self.settings.client_id or self.settings.webhook_portal

    @property
    def frames(self) -> Bitrix24Frames | None:
        """A webhook has no pages in the portal."""
        if self.settings.is_webhook:
            return None
        stored = partial(self.store.load, self.account)
        return Bitrix24Frames(
            self.account,
            self.settings,
            self.session,
            stored=stored,
            install=self.take_installation,
            owners=self.known.owners,
        )

    # ---- which portal

    @property
    def is_known(self) -> bool:
        return self.settings.is_webhook or self.known.tokens is not None

    def is_account(self, crm_account_id: str) -> bool:
        return self.known.tokens is not None and self.known.tokens.crm_account_id == crm_account_id

    async def open(self) -> bool:
        if not self.settings.is_webhook:
            try:
                self.known.tokens = await self.store.load(self.account)
            except DozvonError as exc:
                _log.info("Bitrix24 is not connected", account_id=self.account, error=type(exc).__name__)
        return self.is_known

    def forget(self) -> None:
        self.known.tokens = None
        self.known.owners.forget()
        self.known.look_again_at = 0.0
        self.tokens.forget()
        self.crm.forget()

    # ---- consent and installation

    def authorise_url(self, state: str) -> str | None:
        address = self.settings.portal_url or (self.known.tokens.base_url if self.known.tokens else "")
        if not address or self.settings.is_webhook:
            return None
        return installing.authorise_url(self.settings, address, state)

    def read_callback(self, query: Mapping[str, str]) -> Granted | Refused:
        return installing.read_callback(self.settings, query)

    async def accept(self, granted: Granted, *, of_account: str | None = None) -> None:
        await asyncio.shield(asyncio.ensure_future(self._installing.accept(granted, of_account)))

    def read_installation(self, body: bytes) -> Installation:
        return webhooks.read_installation(webhooks.parse_event(body))

    async def take_installation(self, installation: Installation) -> Granted | None:
        return await self._installing.take(installation)

    def read_proof(self, token: str) -> ConsentProof:
        raise AuthFailed("Bitrix24's frames prove themselves otherwise")

    def read_disconnect(self, query: Mapping[str, str]) -> str:
        raise Rejected("Bitrix24 reports a removal by an event", code="disconnect")

    async def disconnected(self, crm_account_id: str) -> bool:
        return False

    async def uninstalled(self, event: Event) -> bool:
        """The event has carried the portal's key, so it is believed: the API is closed already. Raises: Unavailable."""
        present = await self.store.load(self.account)
        if present is None or not event.is_proved_by(present.event_key):
            return False  # installed again meanwhile
        _log.warning("Bitrix24 has removed the application", account_id=self.account)
        await self.withdraw()
        return True

    async def withdraw(self) -> None:
        await self.store.delete(self.account)
        self.forget()
        await self.open()

    @property
    def _installing(self) -> Installing:
        return Installing(self.account, self.settings, self.store, self.session, self.clock, portal=lambda: self)

    # ---- events

    def webhook_intake(
        self,
        *,
        on_changes: Callable[[list[CrmChange]], Awaitable[None]],
        on_lost: Callable[[], None],
        on_notice: Callable[[CrmNotice], Awaitable[None]],
        on_request: Callable[[CrmRequest], Awaitable[None]],
    ) -> Bitrix24Intake:

        async def on_click(event: Event) -> None:
            request = read_request(event.name, event.data, event.at)
            if request is None:
                _log.warning("click not taken: it names no number or no call", account_id=self.account)
            else:
                await on_request(request)

        is_beside = self.settings.has_events_posted
        kept = OfflineEvents(
            self.account,
            self.transport,
            is_on=lambda: self.is_known,
            every_seconds=EVERY_SECONDS_BESIDE_POSTS if is_beside else EVERY_SECONDS,
            first_seconds=FIRST_SECONDS_BESIDE_POSTS if is_beside else 0.0,
        )
        receivers = Receivers(
            read=self.crm.read_changes,
            on_changes=on_changes,
            on_lost=on_lost,
            on_notice=on_notice,
            on_click=on_click,
        )
        return Bitrix24Intake(
            self.account, self.settings, receivers, self, known=lambda: self.known.tokens, fetch_from=kept
        )

    async def ensure_webhooks(self, address: str) -> bool:
        if self.settings.is_webhook:
            return False
        looked_for = (address, self.known.tokens.event_key if self.known.tokens is not None else "")
        if self.known.looked_for != looked_for or time.monotonic() >= self.known.look_again_at:
            self.known.are_bound = not await binding.bind(self.transport, self.settings, address)
            await self._bind_pages()
            self.known.looked_for = looked_for
            self.known.look_again_at = time.monotonic() + _LOOK_AGAIN_SECONDS
        return self.known.are_bound

    async def _bind_pages(self) -> None:
        """Without our pages calls are written all the same. Raises: Unavailable."""
        if not self.settings.redirect_uri:
            return
        try:
            await bind_placements(self._call, self.settings.redirect_uri)
        except (Rejected, AuthFailed) as exc:
            _log.warning("pages not bound", account_id=self.account, reason=str(exc))

    async def remove_webhooks(self, address: str) -> bool:
        if self.settings.is_webhook:
            return True
        self.known.look_again_at = 0.0
        await binding.unbind(self.transport, address)
        await unbind_placements(self._call)
        return True

    async def _call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return await self.transport.call(method, parameters, priority=Priority.LOG)

    # ---- condition

    def adopt(self, condition: CrmCondition) -> None:
        self.crm.adopt(condition)

    def on_condition(self, told: Callable[[CrmCondition], None]) -> None:
        self.crm.on_condition(told)

    async def check(self) -> list[Finding]:
        return await checks.check(Checked(self.settings, self.crm, self.transport, self.known.tokens))

    async def close(self) -> None:
        self.crm.close()
        await self.tokens.close()


def connect(
    account: AccountId,
    options: Mapping[str, Any],
    *,
    tokens: TokenStore,
    session: aiohttp.ClientSession,
    pacers: Pacers,
    clock: Clock,
    numbering: Numbering = DEFAULT_NUMBERING,
) -> Bitrix24Connector:
    """
    Build the connector of one account. Nothing is sent yet; call `open()` in the running loop.

    Args:
        options: the `[account.bitrix24]` table.
        session: belongs to the caller, and keeps no cookies.

    Raises:
        ConfigError: a setting is wrong; the message names it.
    """
    settings = Bitrix24Settings.parse(options)
    known = Known()
    pair = PortalTokens(account, settings, tokens, session, clock)
    transport = Transport(settings, pair, session, clock, pacers.of(_portal(settings, account), settings.bucket))

    def portal_url() -> str:
        if settings.is_webhook:
            return settings.webhook_portal
        # A refresh learns of a new address before the stored pair is read again.
        return pair.base_url or (known.tokens.base_url if known.tokens is not None else "")

    abilities = ABILITIES_OF_WEBHOOK if settings.is_webhook else ABILITIES
    crm = Bitrix24Crm(account, transport, portal_url=portal_url, numbering=numbering, abilities=abilities)
    return Bitrix24Connector(account, settings, crm, NoScript(), transport, pair, session, clock, tokens, known)


def _portal(settings: Bitrix24Settings, account: AccountId) -> str:
    """What shares a bucket: a local application and a webhook belong to one portal each."""
    if settings.is_webhook:
        return settings.webhook_portal
    return settings.client_id if settings.client_id.startswith(installing.LOCAL) else f"{settings.client_id}:{account}"
