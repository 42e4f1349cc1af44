"""Puts the parts of the amoCRM connector together for one account.

No decisions belong here, and no routes: those who build the server mount the handlers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog

from connectors.amocrm import oauth, web
from connectors.amocrm.client import AmocrmCrm
from connectors.amocrm.settings import AmocrmSettings
from connectors.amocrm.widget import AmocrmGate
from integration.domain.crm import CrmChange
from integration.domain.ids import AccountId
from integration.domain.numbering import DEFAULT_NUMBERING, Numbering
from integration.errors import AuthFailed, DozvonError, Rejected
from integration.ports import Clock, Finding, FindingLevel, RateBudget, TokenStore

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Connector:
    """One account's connector: `crm` and `gate` are the ports; the rest is for the wizard and the server."""

    account: AccountId
    settings: AmocrmSettings
    crm: AmocrmCrm
    gate: AmocrmGate
    session: aiohttp.ClientSession
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

    def oauth_callback(
        self,
        *,
        take_state: Callable[[str], Awaitable[bool]],
        on_installed: Callable[[oauth.Installed], Awaitable[None]],
        opener_origin: str,
    ) -> web.Handler:
        """The tokens are stored before `on_installed` is called; another account than the connected one is refused."""

        async def install(installed: oauth.Installed) -> None:
            await self.install(installed)
            await on_installed(installed)

        return web.oauth_callback(
            self.settings,
            self.session,
            self.clock,
            take_state=take_state,
            on_installed=install,
            opener_origin=opener_origin,
        )

    async def install(self, installed: oauth.Installed) -> None:
        """
        Store the consent's tokens.

        Raises:
            Rejected: this account is connected to another account of amoCRM; its calls would go to strangers.
        """
        present = await self.store.load(self.account)
        if present is not None and present.crm_account_id not in ("", installed.crm_account_id):
            raise Rejected("Another amoCRM account is connected here: disconnect it first", code="account")
        await self.crm.count_request()
        await self.store.save(self.account, installed.tokens)  # from here on everybody uses them
        self.crm.forget()
        await self.open()

    def disconnect_hook(self, *, on_disconnected: Callable[[], Awaitable[None]]) -> web.Handler:
        """`on_disconnected` is called when amoCRM really lets us in no longer; the tokens are deleted then."""

        async def disconnected(crm_account_id: str) -> None:
            known = await self.store.load(self.account)
            if known is None or known.crm_account_id != crm_account_id or await self._is_let_in():
                return
            await self.store.delete(self.account)
            self.crm.forget()
            await on_disconnected()

        return web.disconnect_hook(self.settings, on_disconnected=disconnected)

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
    except AuthFailed as exc:
        remedy = "open the wizard's first step and allow the integration as an administrator of amoCRM"
        findings.append(Finding(check="amocrm.access", level=FindingLevel.ERROR, message=str(exc), remedy=remedy))
    except Rejected as exc:
        remedy = "let an administrator of amoCRM allow the integration: the token acts with that user's rights"
        findings.append(Finding(check="amocrm.rights", level=FindingLevel.ERROR, message=str(exc), remedy=remedy))
    except DozvonError as exc:
        remedy = "check the addresses in [account.amocrm] and the way from this server to amoCRM"
        findings.append(Finding(check="amocrm.reach", level=FindingLevel.ERROR, message=str(exc), remedy=remedy))
    return findings


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
    session: aiohttp.ClientSession,
    clock: Clock,
    numbering: Numbering = DEFAULT_NUMBERING,
    budget: RateBudget | None = None,
) -> Connector:
    """
    Build the connector of one account. Nothing is sent yet; call `open()` in the running loop.

    Args:
        options: the `[account.amocrm]` table.
        session: stays the caller's; with a DummyCookieJar, so that no cookie of one account travels with another's.
        budget: what all processes together may ask of this account; None where there is only this one.

    Raises:
        ConfigError: a setting is wrong; the message names it.
    """
    settings = AmocrmSettings.parse(options)
    crm = AmocrmCrm(account, settings, tokens=tokens, session=session, clock=clock, numbering=numbering, budget=budget)
    gate = AmocrmGate(account, settings, crm_account_id=lambda: crm.crm_account_id, clock=clock)
    return Connector(account, settings, crm, gate, session, clock, tokens)
