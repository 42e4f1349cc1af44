"""Connects a portal: by the tokens of an installation, or by the code of a consent; believes the OAuth server only.

`webhooks.py` reads the events of an installation; frames bring one too. Routes do not belong here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import aiohttp
import structlog

from connectors.bitrix24.api import refusals
from connectors.bitrix24.api.identity import owner_of
from connectors.bitrix24.api.tokens import read_pair
from connectors.bitrix24.api.wire import exchange
from connectors.bitrix24.settings import Bitrix24Settings
from integration.domain.ids import AccountId, Timestamp
from integration.errors import AuthFailed, OutcomeUnknown, ProtocolError, Rejected, Unavailable
from integration.ports.clock import Clock
from integration.ports.connector import Granted, Installation, Refused
from integration.ports.stores import Tokens, TokenStore

_log = structlog.get_logger()

_SECONDS = 10.0  # of one exchange: the portal's queue, or a person, waits
_CODE_LENGTH = 1000  # characters; real ones have about 70
LOCAL = "local."
"""How the client id of a local application begins: it exists in one portal only."""


class Portal(Protocol):
    """The running connection that an installation changes."""

    def forget(self) -> None: ...

    async def open(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Installing:
    """The installations and consents of one account."""

    account: AccountId
    settings: Bitrix24Settings
    store: TokenStore
    session: aiohttp.ClientSession
    clock: Clock
    portal: Callable[[], Portal]

    async def take(self, installation: Installation) -> Granted | None:
        """`Connector.take_installation`."""
        return await asyncio.shield(asyncio.ensure_future(self._take(installation)))

    async def _take(self, installation: Installation) -> Granted | None:
        if self.settings.is_webhook:
            raise Rejected("A webhook is used for this portal, not an application", code="webhook")
        owner = await owner_of(self.session, self.settings, installation.access)
        if owner.member_id != installation.crm_account_id:
            raise AuthFailed("The installation names another portal than its token")
        await self._check_administrator(owner.base_url, installation.access)
        tokens = Tokens(
            access=installation.access,
            refresh=installation.refresh,
            expires_at=Timestamp(self.clock.now() + installation.expires_in),
            base_url=owner.base_url,
            crm_account_id=owner.member_id,
            event_key=installation.event_key,
        )
        present = await self.store.load(self.account)
        is_known = present is not None and present.crm_account_id == owner.member_id
        if not is_known and not self.settings.client_id.startswith(LOCAL):
            # The application of the marketplace is in many portals: a person of ours says which one is meant.
            _check_free(present)
            return Granted(
                code=installation.refresh, base_url=owner.base_url, state=None, event_key=installation.event_key
            )
        await self.save(tokens)
        return None

    async def accept(self, granted: Granted, of_account: str | None) -> Tokens:
        """
        Exchange a code, or the refresh token of an installation that waited, and store the pair.

        Raises:
            Rejected: the OAuth server refuses it, or it belongs to another portal.
            Unavailable, ProtocolError.
        """
        form = {"grant_type": "authorization_code", "code": granted.code}
        if granted.event_key:
            form = {"grant_type": "refresh_token", "refresh_token": granted.code}
        tokens = await self._exchanged(form)
        if of_account is not None and tokens.crm_account_id != of_account:
            raise Rejected("The consent belongs to another portal of Bitrix24", code="account")
        present = await self.store.load(self.account)
        kept = present.event_key if present is not None else ""
        tokens = replace(tokens, event_key=granted.event_key or kept)
        await self.save(tokens)
        return tokens

    async def save(self, tokens: Tokens) -> None:
        """
        Store the pair: from now on all processes use it.

        Raises:
            Rejected: another portal is connected here; its users would see this office's calls.
        """
        present = await self.store.load(self.account)
        _check_free(present, tokens.crm_account_id)
        await self.store.save(self.account, tokens)
        portal = self.portal()
        portal.forget()
        await portal.open()
        _log.info("Bitrix24 connected", account_id=self.account, member_id=tokens.crm_account_id)

    async def _exchanged(self, form: Mapping[str, str]) -> Tokens:
        keys = {"client_id": self.settings.client_id, "client_secret": self.settings.client_secret}
        url = f"{self.settings.oauth_url}/oauth/token/"
        try:
            answer = await exchange(self.session, url, timeout_seconds=_SECONDS, form={**keys, **form})
        except OutcomeUnknown as exc:
            raise Unavailable(str(exc)) from exc
        if refusals.is_error(answer):
            error = refusals.error_of(answer)
            if isinstance(error, Unavailable):
                raise error
            raise Rejected(f"Bitrix24 does not accept the consent: {error}", code=refusals.code_of(answer)) from error
        return read_pair(answer.body or {}, self.clock)

    async def _check_administrator(self, base_url: str, token: str) -> None:
        """An ordinary user's token would work with that user's rights, and lose what others own."""
        url = f"{base_url}/rest/profile"
        try:
            answer = await exchange(self.session, url, timeout_seconds=_SECONDS, body={"auth": token})
        except OutcomeUnknown as exc:
            raise Unavailable(str(exc)) from exc
        if refusals.is_error(answer):
            raise refusals.error_of(answer)
        found: Any = (answer.body or {}).get("result")
        if not isinstance(found, dict):
            raise ProtocolError("Bitrix24 does not say whose token it is")
        if found.get("ADMIN") is not True:
            raise AuthFailed("Only an administrator of the portal may install the application")


def _check_free(present: Tokens | None, member_id: str = "") -> None:
    if present is not None and present.crm_account_id not in ("", member_id):
        raise Rejected("Another portal of Bitrix24 is connected here: disconnect it first", code="account")


# ---- consent -------------------------------------------------------------------------------------------------------


def authorise_url(settings: Bitrix24Settings, base_url: str, state: str) -> str:
    """The portal's page that gives a consent. The address to return to is the one in the application's card."""
    return f"{base_url}/oauth/authorize/?{urlencode({'client_id': settings.client_id, 'state': state})}"


def read_callback(settings: Bitrix24Settings, query: Mapping[str, str]) -> Granted | Refused:
    """
    Read the redirect after a consent. A refusal does not come back to us.

    Raises:
        Rejected: the code or the state is missing.
    """
    state, code = query.get("state") or None, query.get("code", "")
    if settings.is_webhook:
        raise Rejected("A webhook is used for this portal, not an application", code="webhook")
    if "error" in query:
        return Refused(error=query["error"][:100], state=state)
    if not code or len(code) > _CODE_LENGTH or state is None:
        raise Rejected("The consent carries no code: start it from Dozvon again", code="code")
    host = query.get("domain", "")
    return Granted(code=code, base_url=f"{urlsplit(settings.oauth_url).scheme}://{host}", state=state)
