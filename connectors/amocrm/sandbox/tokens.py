"""Tokens of the sandbox: access and refresh pairs with rotation, long-lived tokens, the widget's one-time token.

`oauth.py` and `server.py` read and send them.
"""

from __future__ import annotations

import secrets
import uuid
from functools import lru_cache
from typing import Any

import jwt
from aiohttp import web
from yarl import URL

from connectors.amocrm.sandbox.account import Account
from connectors.amocrm.sandbox.problems import Problem, oauth_problem
from connectors.amocrm.sandbox.sandbox import Code, Grant, Integration, Sandbox
from connectors.amocrm.sandbox.tables import Record

_SIGNING_KEY = secrets.token_hex(32)  # for access tokens; only the sandbox checks them
_SCOPES = ["crm", "notifications", "push_notifications", "files", "files_delete"]


def issue_code(sandbox: Sandbox, integration: Integration, account: Account, user: Record) -> str:
    code = "def502" + secrets.token_hex(60)
    sandbox.codes[code] = Code(
        client_id=integration.client_id, account_id=account.id, user_id=user["id"], issued_at=sandbox.now()
    )
    return code


def redeem_code(sandbox: Sandbox, integration: Integration, code: str) -> Grant:
    """Exchange a code, which is valid for 20 minutes and one exchange."""
    known = sandbox.codes.get(code)
    if known is None or known.client_id != integration.client_id:
        raise oauth_problem("Cannot decrypt the authorization code", "The authorization code is unknown", 400)
    if known.is_used:
        raise oauth_problem("Authorization code has been revoked", "The authorization code was used before", 400)
    if sandbox.now() > known.issued_at + sandbox.settings.code_seconds:
        raise oauth_problem("Authorization code has expired", "The authorization code is valid for 20 minutes", 400)
    known.is_used = True
    return _issue(sandbox, integration, known.account_id, known.user_id)


def rotate(sandbox: Sandbox, integration: Integration, refresh_token: str) -> Grant:
    """Exchange a refresh token for a new pair. A second exchange is refused unless `refresh_grace` (Kommo) is on."""
    old = grant_of_refresh(sandbox, refresh_token)
    if old is None or old.client_id != integration.client_id:
        raise oauth_problem("Cannot decrypt the refresh token", "The refresh token is invalid")
    if sandbox.now() > old.issued_at + sandbox.settings.refresh_seconds:
        raise oauth_problem("Token has expired", "The refresh token is valid for three months")
    if old.is_revoked:
        raise oauth_problem("Token has been revoked", "The access was withdrawn")
    if old.is_spent:
        unused = next((each for each in sandbox.grants.values() if each.replaces == old.id), None)
        if not sandbox.settings.refresh_grace or unused is None:
            raise oauth_problem("Token has been revoked", "The refresh token was used before")
        unused.is_revoked = True
        unused.replaces = ""
    old.is_spent = True
    confirm(old)
    new = _issue(sandbox, integration, old.account_id, old.user_id)
    new.replaces = old.id
    return new


def grant_of_refresh(sandbox: Sandbox, refresh_token: str) -> Grant | None:
    return next((g for g in sandbox.grants.values() if g.refresh_token and g.refresh_token == refresh_token), None)


def confirm(grant: Grant) -> None:
    """The first use of a new pair ends the grace period of the older one."""
    grant.replaces = ""


def _issue(sandbox: Sandbox, integration: Integration, account_id: int, user_id: int) -> Grant:
    now = sandbox.now()
    grant = Grant(
        id=uuid.uuid4().hex,
        client_id=integration.client_id,
        account_id=account_id,
        user_id=user_id,
        refresh_token="def502" + secrets.token_hex(200),
        issued_at=now,
        access_until=now + sandbox.settings.access_seconds,
    )
    sandbox.grants[grant.id] = grant
    return grant


def issue_long_lived(
    sandbox: Sandbox, integration: Integration, account: Account, user: Record, seconds: int, host: str
) -> str:
    """A long-lived token without a refresh token, as administrators create it under the integration's keys."""
    grant = _issue(sandbox, integration, account.id, user["id"])
    grant.refresh_token = ""
    grant.access_until = sandbox.now() + seconds
    return access_token(sandbox, grant, host)


def access_token(sandbox: Sandbox, grant: Grant, host: str) -> str:
    claims: dict[str, Any] = {
        "aud": grant.client_id,
        "jti": grant.id,
        "iat": int(grant.issued_at),
        "nbf": int(grant.issued_at),
        "exp": int(grant.access_until),
        "sub": str(grant.user_id),
        "grant_type": "",
        "account_id": grant.account_id,
        "base_domain": host.partition(".")[2] or host,
        "api_domain": host,
        "version": 2,
        "scopes": _SCOPES,
        "hash_uuid": str(uuid.uuid4()),
    }
    return jwt.encode(claims, _SIGNING_KEY, algorithm="HS256")


def pair(sandbox: Sandbox, grant: Grant, host: str) -> dict[str, Any]:
    """The body of a successful answer of the token endpoint."""
    return {
        "token_type": "Bearer",
        "expires_in": sandbox.settings.access_seconds,
        "server_time": int(sandbox.now()),
        "access_token": access_token(sandbox, grant, host),
        "refresh_token": grant.refresh_token,
    }


def bearer(sandbox: Sandbox, token: str) -> Grant:
    """
    The valid grant of an access token.

    Raises:
        Problem: 401 for a token that is foreign, expired or revoked.
    """
    try:
        grant = sandbox.grants.get(_signed_id(token))
    except jwt.InvalidTokenError as exc:
        raise Problem(
            401, "Неверный логин или пароль", title="Unauthorized", extra={"hint": "Token is invalid"}
        ) from exc
    if grant is None or grant.is_revoked:
        raise Problem(401, "Token has been revoked", extra={"hint": "Token has been revoked"})
    if sandbox.now() >= grant.access_until:
        raise Problem(401, "Token has expired", extra={"hint": "Token has expired"})
    confirm(grant)
    return grant


@lru_cache(maxsize=1024)
def _signed_id(token: str) -> str:
    """The id in a token with our signature. Cached, because a client sends the same token with every request."""
    # The sandbox's clock decides about expiry, because tests move it forward.
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
    return str(jwt.decode(token, _SIGNING_KEY, algorithms=["HS256"], options=options).get("jti"))


def revoke(sandbox: Sandbox, client_id: str, account_id: int) -> None:
    """Revoke all tokens of an integration in an account, after an administrator switched it off there."""
    for grant in sandbox.grants.values():
        if grant.client_id == client_id and grant.account_id == account_id:
            grant.is_revoked = True


def widget_token(
    sandbox: Sandbox, integration: Integration, account: Account, user: Record, request: web.Request
) -> str:
    """
    The one-time token of `$authorizedAjax`: HS256 with the integration's secret, 30 minutes.

    `aud` is scheme and host of the redirect URI without a port, as the official client checks it.
    """
    now = int(sandbox.now())
    redirect = URL(integration.redirect_uri)
    claims: dict[str, Any] = {
        "iss": sandbox.account_url(account, request),
        "aud": f"{redirect.scheme}://{redirect.host}" if redirect.host else "",
        "jti": str(uuid.uuid4()),
        "iat": now,
        "nbf": now,
        "exp": now + sandbox.settings.widget_token_seconds,
        "account_id": account.id,
        "user_id": user["id"],
        "subdomain": account.subdomain,
        "client_uuid": integration.client_id,
        "is_admin": user["rights"]["is_admin"],
    }
    return jwt.encode(claims, integration.client_secret, algorithm="HS256")
