"""Tokens: one-time codes, pairs that rotate at each refresh, and which application and user a token stands for.

`oauth.py` is the server that gives them out.
"""

from __future__ import annotations

import secrets
from typing import Any

from connectors.bitrix24.sandbox.errors import RestError
from connectors.bitrix24.sandbox.portal import Portal
from connectors.bitrix24.sandbox.sandbox import App, Code, Grant, Install, Sandbox


def oauth_error(code: str, text: str, status: int = 400) -> RestError:
    return RestError(code, text, status)


def issue_code(sandbox: Sandbox, install: Install, portal: Portal, user_id: int) -> str:
    code = secrets.token_hex(35)
    sandbox.codes[code] = Code(
        client_id=install.app.client_id,
        member_id=portal.member_id,
        user_id=user_id,
        until=sandbox.now() + sandbox.settings.code_seconds,
    )
    return code


def issue(sandbox: Sandbox, client_id: str, member_id: str, user_id: int, *, refreshable: bool = True) -> Grant:
    now = sandbox.now()
    grant = Grant(
        client_id=client_id,
        member_id=member_id,
        user_id=user_id,
        access_token=secrets.token_hex(35),
        refresh_token=secrets.token_hex(35) if refreshable else "",
        access_until=now + sandbox.settings.access_seconds,
        refresh_until=now + sandbox.settings.refresh_seconds,
    )
    sandbox.grants[grant.access_token] = grant
    return grant


def redeem_code(sandbox: Sandbox, app: App, code: str) -> Grant:
    known = sandbox.codes.get(code)
    if known is None or known.client_id != app.client_id or known.is_used or sandbox.now() > known.until:
        raise oauth_error("invalid_grant", "Authorization code is invalid, expired or was used before")
    known.is_used = True
    return issue(sandbox, app.client_id, known.member_id, known.user_id)


def refresh(sandbox: Sandbox, app: App, token: str) -> Grant:
    """Exchange a refresh token for a new pair. It works once."""
    old = next((g for g in sandbox.grants.values() if token and g.refresh_token == token), None)
    if old is None or old.client_id != app.client_id or old.is_spent or old.is_revoked:
        raise oauth_error("invalid_grant", "Refresh token is invalid or was used before")
    if sandbox.now() > old.refresh_until:
        raise oauth_error("invalid_grant", "Refresh token has expired")
    if (old.member_id, app.client_id) not in sandbox.installs:
        raise oauth_error("invalid_client", "Application is not installed", 401)
    if sandbox.installs[old.member_id, app.client_id].payment_expired:
        raise oauth_error("PAYMENT_REQUIRED", "Payment required", 401)
    old.is_spent = True
    return issue(sandbox, app.client_id, old.member_id, old.user_id)


def revoke(sandbox: Sandbox, client_id: str, member_id: str) -> None:
    """Revoke all tokens of an application in a portal, after it was removed there."""
    for grant in sandbox.grants.values():
        if (grant.client_id, grant.member_id) == (client_id, member_id):
            grant.is_revoked = True


def grant_of(sandbox: Sandbox, token: str) -> Grant:
    """
    The grant of a valid access token.

    Raises:
        RestError: 401 `NO_AUTH_FOUND` for an unknown or revoked token, `expired_token` for an old one.
    """
    grant = sandbox.grants.get(token)
    if grant is None or grant.is_revoked:
        raise RestError("NO_AUTH_FOUND", "Wrong authorization data", 401)
    if sandbox.now() >= grant.access_until:
        raise RestError("expired_token", "The access token provided has expired.", 401)
    return grant


def pair(sandbox: Sandbox, grant: Grant) -> dict[str, Any]:
    """
    The body of a successful token request. Its `domain` is the OAuth server's: the portal is in `client_endpoint`.
    """
    portal = sandbox.portals[grant.member_id]
    install = sandbox.installs[grant.member_id, grant.client_id]
    server = sandbox.oauth_origin()
    return {
        "access_token": grant.access_token,
        "refresh_token": grant.refresh_token,
        "expires": int(grant.access_until),
        "expires_in": sandbox.settings.access_seconds,
        "scope": install.app.scopes,
        "domain": server.partition("://")[2],
        "server_endpoint": f"{server}/rest/",
        "client_endpoint": f"{sandbox.portal_origin(portal)}/rest/",
        "status": install.app.status,
        "member_id": portal.member_id,
        "user_id": grant.user_id,
    }
