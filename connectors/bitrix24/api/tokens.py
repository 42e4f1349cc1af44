"""Keeps a portal's pair of tokens valid: one refresh at a time, only at the OAuth server, and follows a renamed portal.

A refresh token works once, so the pair is stored before anybody uses it (the TokenStore port), and a burst of refused
requests leads to one refresh. A portal's present address comes from the OAuth server's answer, never from a redirect.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog

from connectors.bitrix24.api import refusals
from connectors.bitrix24.api.wire import exchange
from connectors.bitrix24.settings import Bitrix24Settings
from integration.domain.ids import AccountId, Timestamp
from integration.errors import AuthFailed, OutcomeUnknown, ProtocolError, Unavailable
from integration.ports.clock import Clock
from integration.ports.stores import Tokens, TokenStore

_log = structlog.get_logger()

_EARLY_SECONDS = 60  # of the hour that an access token lives; a clock that is wrong costs one 401


def read_pair(body: dict[str, Any], clock: Clock) -> Tokens:
    """
    The pair of a token answer. Its `domain` is the OAuth server's; the portal is in `client_endpoint`.

    Raises:
        ProtocolError: it is no pair, or names no address of a portal.
    """
    match body:
        case {
            "access_token": str(access),
            "refresh_token": str(refresh),
            "client_endpoint": str(endpoint),
            "member_id": str(member_id),
        } if access and refresh and member_id:
            address = urlsplit(endpoint)
            if address.scheme not in ("https", "http") or not address.netloc:
                raise ProtocolError("Bitrix24's token answer names no portal")
            return Tokens(
                access=access,
                refresh=refresh,
                expires_at=Timestamp(clock.now() + _seconds(body.get("expires_in"))),
                base_url=f"{address.scheme}://{address.netloc}",
                crm_account_id=member_id,
            )
    raise ProtocolError("Bitrix24's token answer lacks a token")


def _seconds(value: Any) -> float:
    """Numbers arrive as texts in some answers."""
    text = str(value)
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else 3600.0


class PortalTokens:
    """
    The current pair of one portal.

    The refresh is a task of this object, not of the request that needs it: cancelling a request must not lose a pair
    that the OAuth server has already rotated.
    """

    def __init__(
        self,
        account: AccountId,
        settings: Bitrix24Settings,
        store: TokenStore,
        session: aiohttp.ClientSession,
        clock: Clock,
    ) -> None:
        self._account = account
        self._settings = settings
        self._store = store
        self._session = session
        self._clock = clock
        self._known: Tokens | None = None
        self._refreshing: asyncio.Task[Tokens] | None = None

    async def current(self) -> Tokens:
        """
        A pair that should work. For an incoming webhook `access` is its key, as the addresses of methods have it.

        Raises:
            AuthFailed: the application was never installed, or its access was withdrawn.
            Unavailable: the token has expired, and the OAuth server does not answer.
        """
        if self._settings.is_webhook:
            return self._of_webhook()
        tokens = self._known or await self._stored()
        if self._clock.now() >= tokens.expires_at - _EARLY_SECONDS:
            return await self.renewed(tokens)
        return tokens

    async def renewed(self, refused: Tokens) -> Tokens:
        """
        A pair newer than `refused`: one that another task or process got meanwhile, or a refreshed one.

        Raises:
            AuthFailed, Unavailable: as `current`.
        """
        if self._settings.is_webhook:
            raise AuthFailed("Bitrix24 does not know the webhook, or the portal has another address: copy it again")
        if self._known is not None and self._known.access != refused.access:
            return self._known
        for _ in range(2):  # a running refresh may have begun before the refused token was issued
            if self._refreshing is None or self._refreshing.done():
                refresh = self._store.refresh(self._account, self._refresh, if_access=refused.access)
                self._refreshing = asyncio.create_task(_awaited(refresh), name="bitrix24-refresh")
                self._refreshing.add_done_callback(_retrieved)
            tokens = self._remembered(await asyncio.shield(self._refreshing))
            if tokens.access != refused.access:
                return tokens
        raise AuthFailed("Bitrix24 gave the refused token again")

    @property
    def base_url(self) -> str:
        """The portal's address as it was last seen; empty: not yet."""
        return self._known.base_url if self._known is not None else ""

    def forget(self) -> None:
        """Read the stored pair again: the application was installed again, or removed."""
        self._known = None

    async def close(self) -> None:
        """Wait for a running refresh: only its answer has the new pair."""
        if self._refreshing is not None:
            await asyncio.wait([self._refreshing])

    def _of_webhook(self) -> Tokens:
        return Tokens(
            access=self._settings.webhook_key,
            refresh=None,
            expires_at=Timestamp(math.inf),
            base_url=self._settings.webhook_portal,
            crm_account_id=self._settings.webhook_portal,
        )

    async def _stored(self) -> Tokens:
        tokens = await self._store.load(self._account)
        if tokens is None:
            raise refusals.NotInstalled("The application has not been installed in the portal yet")
        return self._remembered(tokens)

    def _remembered(self, tokens: Tokens) -> Tokens:
        self._known = None if tokens.needs_consent else tokens
        if tokens.needs_consent:
            raise AuthFailed("Bitrix24 has withdrawn the access: install the application again")
        return tokens

    async def _refresh(self, old: Tokens) -> Tokens:
        """Runs under the store's lock; the store saves the result before anybody uses it."""
        if old.refresh is None or old.needs_consent:
            return replace(old, needs_consent=True)
        form = {
            "grant_type": "refresh_token",
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
            "refresh_token": old.refresh,
        }
        url = f"{self._settings.oauth_url}/oauth/token/"
        try:
            answer = await exchange(self._session, url, timeout_seconds=self._settings.request_seconds, form=form)
        except OutcomeUnknown as exc:
            # The pair may have been rotated. The next refresh asks with the same token, and learns it from the answer.
            raise Unavailable(str(exc)) from exc
        if not refusals.is_error(answer) and answer.body is not None:
            new = read_pair(answer.body, self._clock)
            if new.crm_account_id != old.crm_account_id:
                raise ProtocolError("The OAuth server answered with another portal's tokens")
            if new.base_url != old.base_url:
                _log.info("Bitrix24 portal has moved", account_id=self._account, base_url=new.base_url)
            return replace(new, event_key=old.event_key)
        error = refusals.error_of(answer)
        if isinstance(error, AuthFailed):
            _log.error("Bitrix24 refuses the refresh token", account_id=self._account, code=refusals.code_of(answer))
            return replace(old, needs_consent=True)
        if isinstance(error, Unavailable):
            raise error
        raise Unavailable(f"The OAuth server is out of order ({answer.status})")


async def _awaited(refresh: Any) -> Tokens:
    tokens: Tokens = await refresh
    return tokens


def _retrieved(task: asyncio.Task[Tokens]) -> None:
    """Nobody may wait for the result any more."""
    if not task.cancelled():
        task.exception()
