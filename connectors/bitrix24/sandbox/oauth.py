"""The OAuth server, which is not the portal: tokens, and `app.info` with what it knows of a token.

The browser's step (`/oauth/authorize/`) is the portal's, in `install.py`.
"""

from __future__ import annotations

import datetime
import hmac

from aiohttp import web

from connectors.bitrix24.sandbox import tokens
from connectors.bitrix24.sandbox.errors import RestError, answered
from connectors.bitrix24.sandbox.sandbox import SANDBOX, Sandbox


async def token(request: web.Request) -> web.Response:
    """GET or POST /oauth/token/."""
    sandbox = request.app[SANDBOX]
    sent = {**request.query, **(await request.post())}
    values = {name: str(value) for name, value in sent.items()}
    try:
        return answered(_exchange(sandbox, values))
    except RestError as error:
        return answered(error.body(), error.status)


def _exchange(sandbox: Sandbox, values: dict[str, str]) -> dict[str, object]:
    grant_type = values.get("grant_type", "")
    if grant_type not in ("authorization_code", "refresh_token"):
        raise tokens.oauth_error("invalid_request", "grant_type is missing or unknown")
    app = sandbox.apps.get(values.get("client_id", ""))
    secret = values.get("client_secret", "")
    if app is None or not hmac.compare_digest(app.client_secret.encode(), secret.encode()):
        raise tokens.oauth_error("invalid_client", "client_id or client_secret is wrong", 401)
    if grant_type == "authorization_code":
        grant = tokens.redeem_code(sandbox, app, values.get("code", ""))
    else:
        grant = tokens.refresh(sandbox, app, values.get("refresh_token", ""))
    return tokens.pair(sandbox, grant)


async def app_info(request: web.Request) -> web.Response:
    """GET or POST /rest/app.info: whose token this is. Only this server's word is trusted."""
    sandbox = request.app[SANDBOX]
    sent = {**request.query, **(await request.post())}
    try:
        grant = tokens.grant_of(sandbox, str(sent.get("auth", "")))
    except RestError as error:
        return answered(error.body(), error.status)
    portal = sandbox.portals[grant.member_id]
    install = sandbox.installs.get((grant.member_id, grant.client_id))
    if install is None:
        return answered({"error": "NOT_INSTALLED", "error_description": "Application is not installed"}, 401)
    zone = datetime.timezone(datetime.timedelta(hours=sandbox.settings.utc_offset_hours))
    origin = sandbox.portal_origin(portal)
    now = sandbox.now()
    moment = datetime.datetime.fromtimestamp(int(now), zone).isoformat()
    return answered(
        {
            "result": {
                "client_id": grant.client_id,
                "scope": install.app.scopes,
                "expires": datetime.datetime.fromtimestamp(int(grant.access_until), zone).isoformat(),
                "user_id": grant.user_id,
                "install": {
                    "installed": install.is_finished,
                    "version": str(install.version),
                    "status": install.app.status,
                    "scope": install.app.scopes,
                    "domain": origin.partition("://")[2],
                    "uri": origin,
                    "client_endpoint": f"{origin}/rest/",
                    "member_id": portal.member_id,
                    "member_type": portal.kind,
                },
            },
            "time": {
                "start": now,
                "finish": now,
                "duration": 0.0,
                "processing": 0.0,
                "date_start": moment,
                "date_finish": moment,
            },
        }
    )


def add_routes(router: web.UrlDispatcher) -> None:
    for path in ("/oauth/token/", "/oauth/token"):
        router.add_route("*", path, token)
    for path in ("/rest/app.info/", "/rest/app.info", "/rest/app.info.json"):
        router.add_route("*", path, app_info)
