"""Builds the amoCRM connector of one account from its parts. It makes no decisions and has no routes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import structlog

from connectors.amocrm import finding_texts as texts
from connectors.amocrm.api import oauth
from connectors.amocrm.api.pacing import Blocked
from connectors.amocrm.api.sending import Sender, Senders
from connectors.amocrm.client import AmocrmCrm
from connectors.amocrm.intake import AmocrmIntake
from connectors.amocrm.settings import AmocrmSettings
from connectors.amocrm.widget import AmocrmGate, read_widget_token
from integration.domain.crm.entities import CrmChange, CrmCondition
from integration.domain.ids import AccountId
from integration.domain.numbers.numbering import DEFAULT_NUMBERING, Numbering
from integration.domain.sentences import Words
from integration.errors import AuthFailed, DozvonError, RateLimited, Rejected, Unpaid
from integration.ports.clock import Clock
from integration.ports.connector import ConsentProof, CrmNotice, Granted, Installation, Refused
from integration.ports.crm_requests import CrmRequest
from integration.ports.findings import Finding, error, ok, warning
from integration.ports.stores import TokenStore

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AmocrmConnector:
    """`integration.ports.connector.Connector` of one account."""

    kind: ClassVar[str] = "amocrm"
    label: ClassVar[str] = "amoCRM"
    frames: ClassVar[None] = None

    account: AccountId
    settings: AmocrmSettings
    crm: AmocrmCrm
    gate: AmocrmGate
    sender: Sender
    clock: Clock
    store: TokenStore

    @property
    def integration(self) -> str:
        return self.settings.client_id

    @property
    def is_known(self) -> bool:
        return self.crm.crm_account_id is not None

    def is_account(self, crm_account_id: str) -> bool:
        return self.crm.crm_account_id == crm_account_id

    def forget(self) -> None:
        self.crm.forget()

    def authorise_url(self, state: str) -> str:
        return oauth.authorise_url(self.settings, state)

    def read_callback(self, query: Mapping[str, str]) -> Granted | Refused:
        return oauth.read_callback(self.settings, query)

    async def accept(self, granted: Granted, *, of_account: str | None = None) -> None:
        """Connect the account by a consent. Costs two requests."""
        await asyncio.shield(asyncio.ensure_future(self._accept(granted, of_account)))

    async def _accept(self, granted: Granted, of_account: str | None) -> None:
        installed = await oauth.exchange_code(self.settings, self.sender, self.clock, granted)
        if of_account is not None and installed.crm_account_id != of_account:
            raise Rejected("The consent belongs to another amoCRM account", code="account")
        await self.install(installed)
        _log.info("amoCRM connected", account_id=self.account, crm_account_id=installed.crm_account_id)

    async def install(self, installed: oauth.Installed) -> None:
        """
        Store the consent's tokens.

        Raises:
            Rejected: another amoCRM account is connected here; its users would see this office's calls.
        """
        present = await self.store.load(self.account)
        if present is not None and present.crm_account_id not in ("", installed.crm_account_id):
            raise Rejected("Another amoCRM account is connected here: disconnect it first", code="account")
        await self.store.save(self.account, installed.tokens)  # from now on all processes use them
        self.crm.forget()
        await self.open()

    def read_installation(self, body: bytes) -> Installation:
        raise Rejected("amoCRM sends a consent, no installation", code="installation")

    async def take_installation(self, installation: Installation) -> Granted | None:
        raise Rejected("amoCRM sends a consent, no installation", code="installation")

    def read_proof(self, token: str) -> ConsentProof:
        claims = read_widget_token(self.settings, token, now=self.clock.now())
        if not claims.is_admin:
            raise AuthFailed("the page's user is no administrator of amoCRM")
        if self.crm.crm_account_id not in (None, claims.crm_account_id):
            raise AuthFailed("the page's token is another account's")
        return ConsentProof(crm_account_id=claims.crm_account_id, host=claims.account_host)

    def read_disconnect(self, query: Mapping[str, str]) -> str:
        return oauth.read_disconnect(self.settings, query)

    async def disconnected(self, crm_account_id: str) -> bool:
        known = await self.store.load(self.account)
        if known is None or known.crm_account_id != crm_account_id or await self._is_let_in():
            return False
        await self.withdraw()
        return True

    async def withdraw(self) -> None:
        await self.store.delete(self.account)
        self.crm.forget()
        await self.open()

    def webhook_intake(
        self,
        *,
        on_changes: Callable[[list[CrmChange]], Awaitable[None]],
        on_lost: Callable[[], None],
        on_notice: Callable[[CrmNotice], Awaitable[None]],
        on_request: Callable[[CrmRequest], Awaitable[None]],
    ) -> AmocrmIntake:
        """
        `on_notice` is not called, because amoCRM reports a removal at its own address (`read_disconnect`); nor is
        `on_request`, because clicks come from our widget.
        """
        return AmocrmIntake(
            self.account,
            self.settings,
            crm_account_id=lambda: self.crm.crm_account_id,
            on_changes=on_changes,
            on_lost=on_lost,
        )

    async def ensure_webhooks(self, address: str) -> bool:
        return await self.crm.ensure_webhooks(address)

    async def remove_webhooks(self, address: str) -> bool:
        return await self.crm.remove_webhooks(address)

    def adopt(self, condition: CrmCondition) -> None:
        self.crm.adopt(condition)

    def on_condition(self, told: Callable[[CrmCondition], None]) -> None:
        self.crm.standing.told = told

    async def open(self) -> bool:
        """Whether the account is connected. Asks amoCRM only if a long-lived token does not name its account."""
        try:
            await self.crm.identify()
        except DozvonError as exc:
            _log.info("amoCRM is not connected", account_id=self.account, error=type(exc).__name__)
        return self.is_known

    async def check(self) -> list[Finding]:
        return await check(self.crm)

    async def close(self) -> None:
        await self.crm.close()

    async def _is_let_in(self) -> bool:
        try:
            await self.crm.account_info()
        except AuthFailed:
            return False
        except DozvonError:
            return True  # unknown: a replayed call must not delete the tokens
        return True


async def check(crm: AmocrmCrm) -> list[Finding]:
    """Check what the connector needs: the account, its users, its pipelines and Unsorted. Never raises."""
    findings: list[Finding] = []
    try:
        info = await crm.account_info()
        findings.append(ok(texts.ACCOUNT, texts.CONNECTED(account=str(info.get("subdomain", "")))))
        findings.append(ok(texts.USERS, texts.USERS_READ(count=len(await crm.managers()))))
        findings.append(await _unsorted(crm))
    except DozvonError as exc:
        about, says, advice = _trouble(exc)
        findings.append(error(about, says(detail=str(exc)), advice))
    return findings


def _trouble(trouble: DozvonError) -> tuple[Words, Words, Words]:
    """The check that failed with this error, what is the matter, and what to do."""
    match trouble:
        case AuthFailed():
            return texts.ACCESS, texts.NO_ACCESS, texts.CONSENT
        case Unpaid():
            return texts.SUBSCRIPTION, texts.UNPAID, texts.PAY
        case Blocked():
            return texts.BLOCK, texts.BLOCKED, texts.WAIT
        case RateLimited():
            return texts.RATE, texts.TOO_OFTEN, texts.ASK_LESS
        case Rejected():
            return texts.RIGHTS, texts.REFUSED, texts.ALLOW_AS_ADMIN
    return texts.REACH, texts.AWAY, texts.CHECK_THE_NETWORK


async def _unsorted(crm: AmocrmCrm) -> Finding:
    if await crm.unsorted_pipeline() is not None:
        return ok(texts.UNSORTED, texts.INTO_UNSORTED)
    return warning(texts.UNSORTED, texts.NO_UNSORTED, texts.SWITCH_ON_UNSORTED)


def connect(
    account: AccountId,
    options: Mapping[str, Any],
    *,
    tokens: TokenStore,
    senders: Senders,
    clock: Clock,
    numbering: Numbering = DEFAULT_NUMBERING,
) -> AmocrmConnector:
    """
    Build the connector of one account. Nothing is sent yet; call `open()` in the running loop.

    Args:
        options: the `[account.amocrm]` table.
        senders: belong to the caller. Their session has a DummyCookieJar, so that a cookie of one account is never
            sent with a request of another.

    Raises:
        ConfigError: a setting is wrong; the message names it.
    """
    settings = AmocrmSettings.parse(options)
    sender = senders.of(settings, account)
    crm = AmocrmCrm(account, settings, tokens=tokens, sender=sender, clock=clock, numbering=numbering)
    gate = AmocrmGate(account, settings, crm_account_id=lambda: crm.crm_account_id, clock=clock)
    return AmocrmConnector(account, settings, crm, gate, sender, clock, tokens)
