"""The amoCRM widget's user: its one-time token, and the origins that may send requests.

`integration/web` has the widget's routes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt

from connectors.amocrm.mapping import manager_id, text_of
from connectors.amocrm.settings import ACCOUNT_HOSTS, AmocrmSettings
from integration.domain.ids import AccountId, ManagerId, Timestamp
from integration.errors import AuthFailed
from integration.ports.clock import Clock
from integration.ports.crm import WidgetUser

_LEEWAY_SECONDS = 60
_LONGEST_TOKEN = 8192  # characters; real ones are below 1 KB
_REQUIRED = ["exp", "nbf", "aud", "iss", "account_id", "user_id", "client_uuid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WidgetClaims:
    """
    The claims of a verified token. amoCRM allows a token to be used several times in 30 minutes: where a replay
    matters, keep `jti` until `expires_at` (Unix seconds).
    """

    crm_account_id: str
    account_host: str
    manager: ManagerId
    is_admin: bool
    jti: str
    expires_at: int


def read_widget_token(settings: AmocrmSettings, token: str, *, now: float) -> WidgetClaims:
    """
    Verify a one-time token (`X-Auth-Token`).

    Raises:
        AuthFailed: wrong signature or algorithm, expired or not valid yet, for another integration or another server.

    Source: amoCRM "One-time tokens" and the official client: HS256 with the integration's secret, 30 minutes; `aud` is
    scheme and host of the redirect address, which the official client checks without a port.
    """
    if not settings.client_secret or not token or len(token) > _LONGEST_TOKEN:
        raise AuthFailed("the page's token is missing")
    try:
        # Times are checked below, by the caller's clock. Only HS256 is accepted: Salesbot's tokens have HS512.
        claims: dict[str, Any] = jwt.decode(
            token,
            settings.client_secret,
            algorithms=["HS256"],
            audience=_audiences(settings),
            options={"require": _REQUIRED, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError as exc:
        raise AuthFailed(f"the page's token is not valid: {exc}") from exc
    expires_at, not_before = claims["exp"], claims["nbf"]
    if not isinstance(expires_at, int) or not isinstance(not_before, int):
        raise AuthFailed("the page's token has no times")
    if now > expires_at + _LEEWAY_SECONDS:
        raise AuthFailed("the page's token has expired")
    if now < not_before - _LEEWAY_SECONDS:
        raise AuthFailed("the page's token is not valid yet: check the server's clock")
    return _accepted(settings, claims)


def _accepted(settings: AmocrmSettings, claims: Mapping[str, Any]) -> WidgetClaims:
    host = urlsplit(str(claims["iss"])).netloc.lower()
    manager = manager_id(claims["user_id"])
    if claims["client_uuid"] != settings.client_id:
        raise AuthFailed("the page's token is another integration's")
    if not settings.allows_host(host):
        raise AuthFailed("the page's token comes from an address that is not amoCRM's")
    if manager is None:
        raise AuthFailed("the page's token names no user")
    return WidgetClaims(
        crm_account_id=text_of(claims["account_id"]),
        account_host=host,
        manager=manager,
        is_admin=claims.get("is_admin") is True,
        jti=text_of(claims.get("jti")),
        expires_at=claims["exp"],
    )


def _audiences(settings: AmocrmSettings) -> list[str]:
    parts = urlsplit(settings.redirect_uri)
    return [f"{parts.scheme}://{parts.hostname}", f"{parts.scheme}://{parts.netloc}"]


class AmocrmGate:
    """
    `integration.ports.crm.WidgetGate` of one account. `crm_account_id` gives its id in amoCRM: a token of another
    account of the same integration is refused, and so is every token before the account is connected.
    """

    def __init__(
        self, account: AccountId, settings: AmocrmSettings, *, crm_account_id: Callable[[], str | None], clock: Clock
    ) -> None:
        self._account = account
        self._settings = settings
        self._crm_account_id = crm_account_id
        self._clock = clock

    def user(self, token: str) -> WidgetUser:
        claims = read_widget_token(self._settings, token, now=self._clock.now())
        known = self._crm_account_id()
        if known is None:
            raise AuthFailed("amoCRM is not connected yet")
        # Only the id is compared: the subdomain may have been changed since.
        if claims.crm_account_id != known:
            raise AuthFailed("the page's token is another account's")
        return WidgetUser(
            account=self._account,
            manager=claims.manager,
            is_admin=claims.is_admin,
            token_id=claims.jti,
            token_until=Timestamp(claims.expires_at + _LEEWAY_SECONDS),
        )

    def allows_origin(self, origin: str) -> bool:
        return allows_origin(self._settings, origin)


def allows_origin(settings: AmocrmSettings, origin: str) -> bool:
    """Whether a page of this origin is amoCRM's. Answer with this exact origin and `Vary: Origin`. Never raises."""
    scheme, separator, host = origin.partition("://")
    return bool(separator) and settings.account_address(host) == f"{scheme}://{host.lower()}"


def is_usual_origin(origin: str) -> bool:
    """As `allows_origin`, before any account's settings are known. Never raises."""
    scheme, _, host = origin.partition("://")
    return scheme == "https" and re.fullmatch(ACCOUNT_HOSTS, host.lower()) is not None
