"""An account's pair of tokens, kept alive: read, refreshed by one caller at a time, followed when the account moves.

`oauth.py` gets the first pair; the TokenStore port stores it.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import structlog

from connectors.amocrm.api.sending import Sender
from connectors.amocrm.api.wire import Answer
from connectors.amocrm.settings import AmocrmSettings
from integration.domain.ids import AccountId, Timestamp
from integration.errors import AuthFailed, OutcomeUnknown, ProtocolError, Unavailable
from integration.ports.clock import Clock
from integration.ports.stores import Tokens, TokenStore

_log = structlog.get_logger()

_EARLY_SECONDS = 600  # refresh before a token ends; amoCRM's live 24 h
_FOREVER = Timestamp(float("inf"))


class NotConnected(AuthFailed):
    """The integration has not been allowed yet."""


async def ask_tokens(settings: AmocrmSettings, sender: Sender, base_url: str, body: Mapping[str, str]) -> Answer:
    """One request to the token service of an account's host; `body` is the grant. Any status is an answer."""
    keys = {
        "client_id": settings.client_id,
        "client_secret": settings.client_secret,
        "redirect_uri": settings.redirect_uri,
    }
    return await sender.ask(
        "POST",
        base_url + "/oauth2/access_token",
        headers={},
        timeout_seconds=settings.request_seconds,
        body={**keys, **body},
    )


def read_tokens(body: Any, base_url: str, crm_account_id: str, clock: Clock) -> Tokens:
    """Raises ProtocolError when it is no pair of tokens."""
    match body:
        case {"access_token": str(access), "refresh_token": str(refresh), "expires_in": int(seconds)}:
            return Tokens(
                access=access,
                refresh=refresh,
                expires_at=Timestamp(clock.now() + seconds),
                base_url=base_url,
                crm_account_id=crm_account_id,
            )
    raise ProtocolError("amoCRM's token answer lacks a token")


def claims(token: str) -> dict[str, Any]:
    """What an access token says about itself; nothing of it is verified. Empty when it is no JWT. Never raises."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        read = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))  # a JWT has no padding; too much does no harm
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


class Renewal(StrEnum):
    """What to do about a pair of tokens now."""

    NOT_YET = "not_yet"
    BEFORE_USE = "before_use"  # the access token has ended or is about to: when it is used next
    IMPOSSIBLE = "impossible"  # a long-lived token, or consent is needed


def renewal(tokens: Tokens, now: float) -> Renewal:
    """
    Decide about a refresh; pure. A refresh token lives far longer than its access token, and Dozvon reads the managers
    every few minutes, so a refresh token never expires unused.

    Source: amoCRM OAuth 2.0, access token 24 h, refresh token 3 months since its issue.
    """
    if tokens.refresh is None or tokens.needs_consent:
        return Renewal.IMPOSSIBLE
    return Renewal.BEFORE_USE if now >= tokens.expires_at - _EARLY_SECONDS else Renewal.NOT_YET


class LongLivedToken:
    """The token of a private integration, made by hand: it is never refreshed."""

    def __init__(self, settings: AmocrmSettings) -> None:
        read = claims(settings.long_lived_token)
        self._tokens = Tokens(
            access=settings.long_lived_token,
            refresh=None,
            expires_at=Timestamp(float(read["exp"])) if isinstance(read.get("exp"), int) else _FOREVER,
            base_url=settings.account_url.rstrip("/"),
            crm_account_id=str(read.get("account_id", "")),
        )

    @property
    def crm_account_id(self) -> str | None:
        return self._tokens.crm_account_id or None

    async def stored(self) -> Tokens:
        return self._tokens

    async def current(self) -> Tokens:
        return self._tokens

    def at_hand(self) -> Tokens | None:
        return self._tokens

    def belongs_to(self, crm_account_id: str) -> None:
        """The account was asked for its id, which the token does not name."""
        self._tokens = replace(self._tokens, crm_account_id=crm_account_id)

    async def renewed(self, access: str) -> Tokens:
        raise AuthFailed("amoCRM no longer accepts the long-lived token: make a new one and write it down")

    def forget(self) -> None:
        """The token is configuration: there is nothing to read again."""

    def reread(self) -> None:
        """As `forget`."""

    async def close(self) -> None:
        """Nothing runs."""


class AccountTokens:
    """
    The current pair of one account, refreshed by one caller at a time.

    The refresh belongs to this object and not to the request that noticed: a request that is cancelled half-way must
    not lose a pair that amoCRM has already rotated.
    """

    def __init__(
        self,
        account: AccountId,
        settings: AmocrmSettings,
        store: TokenStore,
        sender: Sender,
        clock: Clock,
    ) -> None:
        self._account = account
        self._settings = settings
        self._store = store
        self._sender = sender
        self._clock = clock
        self._known: Tokens | None = None
        self._crm_account_id: str | None = None
        self._refreshing: asyncio.Task[Tokens] | None = None

    @property
    def crm_account_id(self) -> str | None:
        """The CRM account of the last read tokens, even if amoCRM no longer accepts them."""
        return self._crm_account_id

    async def stored(self) -> Tokens:
        """The stored pair, fresh or not. Raises: AuthFailed if there is none or consent is needed."""
        tokens = await self._store.load(self._account)
        if tokens is None:
            raise NotConnected("amoCRM has not been connected yet: allow the integration")
        return self._remembered(tokens)

    async def current(self) -> Tokens:
        """
        A pair that should work.

        Raises:
            AuthFailed: nobody has allowed the integration, or amoCRM has withdrawn it.
            Unavailable: the token has ended and cannot be refreshed now.
        """
        tokens = self._known or await self.stored()
        if renewal(tokens, self._clock.now()) is Renewal.BEFORE_USE:
            try:
                return await self.renewed(tokens.access)
            except Unavailable:
                if self._clock.now() >= tokens.expires_at:
                    raise
        return tokens

    def at_hand(self) -> Tokens | None:
        """One that ends within minutes still works where it could not be refreshed."""
        tokens = self._known
        if tokens is None or (tokens.refresh is not None and self._clock.now() >= tokens.expires_at):
            return None
        return tokens

    async def renewed(self, access: str) -> Tokens:
        """
        A pair newer than `access`: one that another task or process has got meanwhile, or else a fresh one.

        Raises:
            AuthFailed: amoCRM refuses the refresh token.
            Unavailable: the token service did not answer, twice.
        """
        for _ in range(2):  # a refresh under way may be one for an older token than ours
            if self._refreshing is None or self._refreshing.done():
                self._refreshing = asyncio.create_task(
                    self._store.refresh(self._account, self._refresh, if_access=access), name="amocrm-refresh"
                )
                self._refreshing.add_done_callback(_retrieved)
            tokens = self._remembered(await asyncio.shield(self._refreshing))
            if tokens.access != access:
                return tokens
        raise AuthFailed("amoCRM gave the refused token again")

    def forget(self) -> None:
        """Read the store again: consent was renewed or withdrawn."""
        self._known = None
        self._crm_account_id = None

    def reread(self) -> None:
        """Another process has found that these tokens no longer work: read the store again. Same account."""
        self._known = None

    async def close(self) -> None:
        """Wait for a running refresh: its new pair exists only in that answer."""
        if self._refreshing is not None:
            await asyncio.wait([self._refreshing])

    def _remembered(self, tokens: Tokens) -> Tokens:
        self._check_address(tokens)
        self._known = None if tokens.needs_consent else tokens
        self._crm_account_id = tokens.crm_account_id or None
        if tokens.needs_consent:
            raise AuthFailed("amoCRM has withdrawn the consent: an administrator must allow the integration again")
        return tokens

    def _check_address(self, tokens: Tokens) -> None:
        """
        Our secret goes to the stored address, and a database can be written by others: a restored archive, an old
        `account_hosts`. Raises AuthFailed.
        """
        if self._settings.account_address(urlsplit(tokens.base_url).netloc) != tokens.base_url:
            self._known = None
            raise AuthFailed(
                "The stored address of the account is not one that amocrm.account_hosts allows: connect it again"
            )

    async def _refresh(self, old: Tokens) -> Tokens:
        """Under the store's lock; what it returns is stored before anybody uses it."""
        self._check_address(old)
        if old.refresh is None or old.needs_consent:
            return replace(old, needs_consent=True)
        answer = await self._ask(old, old.base_url)
        if answer.status == 200:
            return read_tokens(answer.body, old.base_url, old.crm_account_id, self._clock)
        is_gone = answer.status in (301, 302, 307, 308, 404)
        if not is_gone and answer.status not in (400, 401):
            raise Unavailable(f"amoCRM's token service is out of order ({answer.status})")
        moved_to = await self._moved_to(old, is_gone=is_gone)
        if moved_to:
            answer = await self._ask(old, moved_to)
            if answer.status == 200:
                _log.info("amoCRM account has moved", account_id=self._account, base_url=moved_to)
                return read_tokens(answer.body, moved_to, old.crm_account_id, self._clock)
            if answer.status not in (400, 401):
                raise Unavailable(f"amoCRM's token service is out of order ({answer.status})")
        _log.error("amoCRM refuses the refresh token", account_id=self._account, request_id=answer.request_id)
        return replace(old, needs_consent=True)

    async def _ask(self, old: Tokens, base_url: str) -> Answer:
        """
        Ask for a new pair; a lost answer is asked for once more with the same token.

        amoCRM may have rotated already: Kommo accepts the old token until the new pair is first used, amoCRM's own
        answer is then an explicit refusal. Source: README, OAuth 2.0.
        """
        body = {"grant_type": "refresh_token", "refresh_token": old.refresh or ""}
        try:
            return await ask_tokens(self._settings, self._sender, base_url, body)
        except OutcomeUnknown:
            _log.warning("amoCRM's answer to a refresh was lost", account_id=self._account)
        try:
            return await ask_tokens(self._settings, self._sender, base_url, body)
        except OutcomeUnknown as exc:
            raise Unavailable(str(exc)) from exc

    async def _moved_to(self, old: Tokens, *, is_gone: bool) -> str | None:
        """
        The account's new address when its subdomain was changed, else None.

        Raises:
            Unavailable: the old address is gone, and nobody names another one now; the token was not refused.
        """
        api_host = self._settings.api_host or str(claims(old.access).get("api_domain", ""))
        directory = self._settings.account_address(api_host) if api_host else None
        if directory is None:
            if is_gone:
                raise Unavailable("amoCRM does not know the account's address any more")
            return None
        try:
            answer = await self._sender.ask(
                "GET",
                directory + "/oauth2/account/current/subdomain",
                headers={"X-Refresh-Token": old.refresh or ""},
                timeout_seconds=self._settings.request_seconds,
            )
        except Unavailable:
            if is_gone:
                raise
            return None
        domain = answer.body.get("domain") if isinstance(answer.body, dict) else None
        if answer.status != 200 or not isinstance(domain, str):
            if is_gone and answer.status not in (400, 401):
                raise Unavailable("amoCRM does not say where the account has moved")
            return None
        base_url = self._settings.account_address(domain)
        if base_url != old.base_url:
            return base_url
        if is_gone:
            raise Unavailable("amoCRM's token service is not at the account's address now")
        return None


def _retrieved(task: asyncio.Task[Tokens]) -> None:
    """The waiting caller may be gone; the outcome is in the store or in the next attempt."""
    if not task.cancelled():
        task.exception()
