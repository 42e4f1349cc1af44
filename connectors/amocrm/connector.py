"""Puts the parts of the amoCRM connector together for one account.

No decisions belong here, and no routes: those who build the server mount the handlers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from connectors.amocrm import web
from connectors.amocrm.api import oauth
from connectors.amocrm.api.pacing import Blocked
from connectors.amocrm.api.sending import Sender, Senders
from connectors.amocrm.client import AmocrmCrm
from connectors.amocrm.settings import AmocrmSettings
from connectors.amocrm.widget import AmocrmGate
from integration.domain.crm.entities import CrmChange
from integration.domain.ids import AccountId
from integration.domain.numbers.numbering import DEFAULT_NUMBERING, Numbering
from integration.errors import AuthFailed, DozvonError, RateLimited, Rejected, Unpaid
from integration.ports.clock import Clock
from integration.ports.findings import Finding, FindingLevel
from integration.ports.stores import TokenStore

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Connector:
    """One account's connector: `crm` and `gate` are the ports; the rest is for the wizard and the server."""

    account: AccountId
    settings: AmocrmSettings
    crm: AmocrmCrm
    gate: AmocrmGate
    sender: Sender
    clock: Clock
    store: TokenStore

    @property
    def is_known(self) -> bool:
        """Whether it is known which account of amoCRM is connected."""
        return self.crm.crm_account_id is not None

    def forget(self) -> None:
        """Consent was given or withdrawn, perhaps by way of another process."""
        self.crm.forget()

    def authorise_url(self, state: str) -> str:
        return oauth.authorise_url(self.settings, state)

    def read_callback(self, query: Mapping[str, str]) -> oauth.Granted | oauth.Refused:
        """What amoCRM's redirect says; nothing is asked. Raises Rejected."""
        return oauth.read_callback(self.settings, query)

    async def accept(self, granted: oauth.Granted, *, of_account: str | None = None) -> oauth.Installed:
        """
        Spend the code of a consent and store its tokens. Only for a consent that somebody of ours wanted: it costs two
        requests. Goes on to its end when the caller is cancelled: the pair exists once only.

        Args:
            of_account: the CRM's account that it must be.

        Raises:
            Rejected: amoCRM does not take the code, or it is another account's than the connected one.
            Unavailable, ProtocolError: as everywhere.
        """
        return await asyncio.shield(asyncio.ensure_future(self._accept(granted, of_account)))

    async def _accept(self, granted: oauth.Granted, of_account: str | None) -> oauth.Installed:
        installed = await oauth.exchange_code(self.settings, self.sender, self.clock, granted)
        if of_account is not None and installed.crm_account_id != of_account:
            raise Rejected("The consent belongs to another amoCRM account", code="account")
        await self.install(installed)
        _log.info("amoCRM connected", account_id=self.account, crm_account_id=installed.crm_account_id)
        return installed

    async def install(self, installed: oauth.Installed) -> None:
        """
        Store the consent's tokens.

        Raises:
            Rejected: this account is connected to another account of amoCRM; its calls would go to strangers.
        """
        present = await self.store.load(self.account)
        if present is not None and present.crm_account_id not in ("", installed.crm_account_id):
            raise Rejected("Another amoCRM account is connected here: disconnect it first", code="account")
        await self.store.save(self.account, installed.tokens)  # from here on everybody uses them
        self.crm.forget()
        await self.open()

    def read_disconnect(self, query: Mapping[str, str]) -> str:
        """Which account of amoCRM an administrator has switched the integration off in. Raises Rejected."""
        return oauth.read_disconnect(self.settings, query)

    async def disconnected(self, crm_account_id: str) -> bool:
        """
        amoCRM has said that this account is disconnected. The call can be replayed, so the tokens are deleted only when
        amoCRM really lets us in no longer.

        Returns:
            Whether they were.
        """
        known = await self.store.load(self.account)
        if known is None or known.crm_account_id != crm_account_id or await self._is_let_in():
            return False
        await self.store.delete(self.account)
        self.crm.forget()
        await self.open()
        return True

    def webhook_intake(
        self, *, on_changes: Callable[[list[CrmChange]], Awaitable[None]], on_lost: Callable[[], None] = lambda: None
    ) -> web.WebhookIntake:
        return web.WebhookIntake(
            self.account,
            self.settings,
            crm_account_id=lambda: self.crm.crm_account_id,
            on_changes=on_changes,
            on_lost=on_lost,
        )

    async def open(self) -> bool:
        """
        Learn at the start which account is connected, so that the gate and the webhooks know it; True when one is.
        Asks amoCRM only about a long-lived token that does not name its account. Never raises.
        """
        try:
            await self.crm.identify()
        except DozvonError as exc:
            _log.info("amoCRM is not connected", account_id=self.account, error=type(exc).__name__)
        return self.is_known

    async def check(self) -> list[Finding]:
        """The live check of the settings, for the wizard and the doctor. Never raises."""
        return await check(self.crm)

    async def close(self) -> None:
        await self.crm.close()

    async def _is_let_in(self) -> bool:
        try:
            await self.crm.account_info()
        except AuthFailed:
            return False
        except DozvonError:
            return True  # not known: a replayed call must not cost the tokens
        return True


async def check(crm: AmocrmCrm) -> list[Finding]:
    """Try what the connector needs: the account, its users and pipelines, an Unsorted. Never raises."""
    findings: list[Finding] = []
    try:
        info = await crm.account_info()
        findings.append(_ok("amocrm.account", f"connected to {info.get('subdomain', '')}"))
        findings.append(_ok("amocrm.users", f"{len(await crm.managers())} users can be read"))
        findings.append(await _unsorted(crm))
    except DozvonError as exc:
        name, remedy = _trouble(exc)
        findings.append(Finding(check=name, level=FindingLevel.ERROR, message=str(exc), remedy=remedy))
    return findings


def _trouble(error: DozvonError) -> tuple[str, str]:
    """The check that an error belongs to, and what to do about it."""
    match error:
        case AuthFailed():
            return "amocrm.access", (
                "press the button on the account's page of Dozvon and allow the integration as an administrator of"
                " amoCRM"
            )
        case Unpaid():
            return "amocrm.subscription", "pay for the amoCRM account; what waits is written by itself then"
        case Blocked():
            return "amocrm.block", (
                "wait: Dozvon tries again by itself. See which other programs use this integration or this server's"
                " address, and let them ask less"
            )
        case RateLimited():
            return "amocrm.rate", (
                "lower requests_per_second in [account.amocrm], or give other programs their own integration"
            )
        case Rejected():
            return "amocrm.rights", (
                "let an administrator of amoCRM allow the integration: the token acts with that user's rights"
            )
    return "amocrm.reach", "check the addresses in [account.amocrm] and the way from this server to amoCRM"


async def _unsorted(crm: AmocrmCrm) -> Finding:
    if await crm.unsorted_pipeline() is not None:
        return _ok("amocrm.unsorted", "unknown callers go into Unsorted")
    return Finding(
        check="amocrm.unsorted",
        level=FindingLevel.WARNING,
        message="Unsorted is switched off in every pipeline",
        remedy="switch it on in the pipeline's settings, or calls of unknown callers cannot be logged",
    )


def _ok(name: str, message: str) -> Finding:
    return Finding(check=name, level=FindingLevel.OK, message=message)


def connect(
    account: AccountId,
    options: Mapping[str, Any],
    *,
    tokens: TokenStore,
    senders: Senders,
    clock: Clock,
    numbering: Numbering = DEFAULT_NUMBERING,
) -> Connector:
    """
    Build the connector of one account. Nothing is sent yet; call `open()` in the running loop.

    Args:
        options: the `[account.amocrm]` table.
        senders: stay the caller's; their session has a DummyCookieJar, so that no cookie of one account travels with
            another's.

    Raises:
        ConfigError: a setting is wrong; the message names it.
    """
    settings = AmocrmSettings.parse(options)
    sender = senders.of(settings, account)
    crm = AmocrmCrm(account, settings, tokens=tokens, sender=sender, clock=clock, numbering=numbering)
    gate = AmocrmGate(account, settings, crm_account_id=lambda: crm.crm_account_id, clock=clock)
    return Connector(account, settings, crm, gate, sender, clock, tokens)
