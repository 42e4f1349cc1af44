"""Keeps an account's pair of tokens valid: reads it, refreshes it for one caller at a time, follows a moved account.

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

_EARLY_SECONDS = 600  # refresh this long before a token expires; amoCRM's tokens are valid for 24 h
_FOREVER = Timestamp(float("inf"))


class NotConnected(AuthFailed):
    """The integration has not been allowed yet."""


async def ask_tokens(settings: AmocrmSettings, sender: Sender, base_url: str, body: Mapping[str, str]) -> Answer:
    """Send one request to the token service of an account's host; `body` is the grant. Every status is an answer."""
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
    """Raises: ProtocolError if the body is not a pair of tokens."""
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
    """The claims of an access token, not verified; empty if it is not a JWT. Never raises."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        read = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))  # a JWT has no padding; too much is ignored
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


class Renewal(StrEnum):
    """Whether to refresh a pair of tokens."""

    NOT_YET = "not_yet"
    BEFORE_USE = "before_use"  # the access token has expired or will soon: refresh before its next use
    IMPOSSIBLE = "impossible"  # a long-lived token, or consent is needed


def renewal(tokens: Tokens, now: float) -> Renewal:
    """
    Decide whether to refresh; pure. A refresh token is valid far longer than its access token, and Dozvon reads the
    managers every few minutes, so a refresh token never expires unused.

    Source: amoCRM OAuth 2.0, access token 24 h, refresh token 3 months after its issue.
    """
    if tokens.refresh is None or tokens.needs_consent:
        return Renewal.IMPOSSIBLE
    return Renewal.BEFORE_USE if now >= tokens.expires_at - _EARLY_SECONDS else Renewal.NOT_YET


class LongLivedToken:
    """The token of a private integration, created by hand and never refreshed."""

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
        """Set the account's id, for a token that does not name it."""
        self._tokens = replace(self._tokens, crm_account_id=crm_account_id)

    async def renewed(self, access: str) -> Tokens:
        raise AuthFailed("amoCRM no longer accepts the long-lived token: make a new one and write it down")

    def forget(self) -> None:
        """The token is configuration: there is nothing to read again."""

    def reread(self) -> None:
        """Like `forget`."""

    async def close(self) -> None:
        """There is nothing to close."""


class AccountTokens:
    """
    The current pair of one account, refreshed by one caller at a time.

    The refresh is a task of this object, not of the request that needs it: cancelling a request must not lose a pair
    that amoCRM has already rotated.
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
        """The CRM account of the tokens that were read last, even if amoCRM no longer accepts them."""
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
            Unavailable: the token has expired and cannot be refreshed now.
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
        """Also a pair that expires within minutes: it still works if it could not be refreshed."""
        tokens = self._known
        if tokens is None or (tokens.refresh is not None and self._clock.now() >= tokens.expires_at):
            return None
        return tokens

    async def renewed(self, access: str) -> Tokens:
        """
        A pair newer than `access`: one that another task or process got meanwhile, or a refreshed one.

        Raises:
            AuthFailed: amoCRM refuses the refresh token.
            Unavailable: the token service did not answer, twice.
        """
        for _ in range(2):  # a running refresh may have begun before our token was issued
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
        """Read the store again: another process found that these tokens no longer work. The account is the same."""
        self._known = None

    async def close(self) -> None:
        """Wait for a running refresh: only its answer has the new pair."""
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
        Check the stored address before our secret is sent to it: it may come from a restored archive, or from before a
        change of `account_hosts`. Raises: AuthFailed.
        """
        if self._settings.account_address(urlsplit(tokens.base_url).netloc) != tokens.base_url:
            self._known = None
            raise AuthFailed(
                "The stored address of the account is not one that amocrm.account_hosts allows: connect it again"
            )

    async def _refresh(self, old: Tokens) -> Tokens:
        """Runs under the store's lock; the store saves the result before anybody uses it."""
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
        Ask for a new pair. If the answer is lost, ask once more with the same token.

        The tokens may have been rotated already. Then Kommo accepts the old token until the new pair is used for the
        first time, and amoCRM refuses it explicitly. Source: README, OAuth 2.0.
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
        The account's new address if its subdomain was changed, else None.

        Raises:
            Unavailable: the old address is gone, and the new one cannot be found now; the token was not refused.
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
    """Mark the task's exception as retrieved: its caller may be gone. The store or the next attempt has the outcome."""
    if not task.cancelled():
        task.exception()
