"""OAuth of the sandbox: consent page, token endpoint, moved accounts, and amoCRM's requests to the integration.

`tokens.py` has the rules of tokens.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import aiohttp
import jinja2
from aiohttp import web
from yarl import URL

from connectors.amocrm.sandbox import guard, tokens
from connectors.amocrm.sandbox.account import Account, Install
from connectors.amocrm.sandbox.page_views import TEXTS, Texts
from connectors.amocrm.sandbox.problems import Problem, oauth_problem
from connectors.amocrm.sandbox.sandbox import SANDBOX, Integration, Sandbox
from connectors.amocrm.sandbox.session import language, page_caller, same_origin, sandbox_of
from connectors.amocrm.sandbox.tables import Record
from connectors.amocrm.sandbox.validation import json_body

HTTP = web.AppKey("http", aiohttp.ClientSession)
TEMPLATES = web.AppKey("templates", jinja2.Environment)
_SERVER_CALL_SECONDS = 10.0
_TOKEN_FIELDS = ("client_id", "client_secret", "grant_type", "redirect_uri")


async def consent(request: web.Request) -> web.Response:
    """GET /oauth: the page to choose an account, and to allow or deny access."""
    sandbox = sandbox_of(request)
    integration = sandbox.integrations.get(request.query.get("client_id", ""))
    mode = request.query.get("mode", "popup")
    problem = ""
    if integration is None:
        problem = "no_client"
    elif not integration.redirect_uri:
        problem = "no_redirect"
    elif mode not in ("popup", "post_message"):
        problem = "bad_mode"
    person, lang = page_caller(request), language(request)
    page = request.app[TEMPLATES].get_template("consent.html")
    html = page.render(
        problem=problem,
        lang=lang,
        t=Texts(TEXTS[lang]),
        integration=integration,
        accounts=list(sandbox.accounts.values()),
        current=person.account,
        state=request.query.get("state", ""),
        mode=mode,
    )
    return web.Response(text=html, content_type="text/html", status=400 if problem else 200)


async def decide(request: web.Request) -> web.Response:
    """POST /oauth: takes the answer of the consent page and redirects to the integration."""
    same_origin(request)
    sandbox = sandbox_of(request)
    form = await request.post()
    integration = sandbox.integrations.get(str(form.get("client_id", "")))
    if integration is None or not integration.redirect_uri:
        raise web.HTTPBadRequest(text="unknown integration")
    state = str(form.get("state", ""))
    if form.get("decision") != "allow":
        query = {"error": "access_denied", "state": state, "client_id": integration.client_id}
        raise web.HTTPFound(URL(integration.redirect_uri).update_query(query))
    account_text = str(form.get("account_id", ""))
    account = sandbox.accounts.get(int(account_text)) if account_text.isdigit() else None
    if account is None:
        raise web.HTTPBadRequest(text="unknown account")
    user = _granting_user(request, account)
    install = account.installs.get(integration.client_id)
    if not user["rights"]["is_admin"] and not (install and install.is_active):
        raise web.HTTPForbidden(text="Установить интеграцию может только администратор аккаунта")
    mark_installed(account, integration, user)
    query = {
        "code": tokens.issue_code(sandbox, integration, account, user),
        "state": state,
        "referer": sandbox.account_host(account, request),
        "client_id": integration.client_id,
    }
    raise web.HTTPFound(URL(integration.redirect_uri).update_query(query))


def _granting_user(request: web.Request, account: Account) -> Record:
    person = page_caller(request)
    return person.user if person.account is account else account.admin()


def mark_installed(account: Account, integration: Integration, user: Record) -> Install:
    install = account.installs.setdefault(integration.client_id, Install())
    install.is_active = True
    install.status = "installed"
    install.installed_by = install.installed_by or user["id"]
    return install


async def token(request: web.Request) -> web.Response:
    """POST /oauth2/access_token."""
    sandbox = sandbox_of(request)
    _check_host(request, sandbox)
    body = await json_body(request)
    if not isinstance(body, dict) or any(not isinstance(body.get(name), str) for name in _TOKEN_FIELDS):
        raise oauth_problem("Check the parameters", f"Required: {', '.join(_TOKEN_FIELDS)}", 400)
    integration = sandbox.integrations.get(body["client_id"])
    if integration is None or not hmac.compare_digest(integration.client_secret, body["client_secret"]):
        raise oauth_problem("Client authentication failed", "client_id or client_secret is wrong")
    refusal = guard.rate(sandbox, integration.client_id, None)
    if refusal is not None:
        return refusal
    if body["redirect_uri"] != integration.redirect_uri:
        raise oauth_problem("Check the redirect_uri parameter", "redirect_uri differs from the registered one", 400)
    grant_type = body["grant_type"]
    if grant_type == "authorization_code":
        grant = tokens.redeem_code(sandbox, integration, str(body.get("code", "")))
    elif grant_type == "refresh_token":
        grant = tokens.rotate(sandbox, integration, str(body.get("refresh_token", "")))
    else:
        raise oauth_problem("Check the grant_type parameter", "The grant type is not supported", 400)
    host = sandbox.account_host(sandbox.accounts[grant.account_id], request)
    return web.json_response(tokens.pair(sandbox, grant, host))


def _check_host(request: web.Request, sandbox: Sandbox) -> None:
    """With `account_host`, an address without an account (any more) has no token endpoint."""
    if sandbox.settings.account_host and not any(
        sandbox.account_host(account, request) == request.host for account in sandbox.accounts.values()
    ):
        raise Problem(404, "No account has this address")


async def current_subdomain(request: web.Request) -> web.Response:
    """GET /oauth2/account/current/subdomain: where the account of a refresh token lives now."""
    sandbox = sandbox_of(request)
    grant = tokens.grant_of_refresh(sandbox, request.headers.get("X-Refresh-Token", ""))
    if grant is None or grant.is_revoked:
        raise oauth_problem("Token has been revoked", "The refresh token is invalid")
    account = sandbox.accounts[grant.account_id]
    host = sandbox.account_host(account, request)
    top = host.partition(".")[2] or host
    return web.json_response(
        {"id": account.id, "subdomain": account.subdomain, "domain": host, "top_level_domain": top}
    )


async def tell_installed(app: web.Application, request: web.Request, account: Account, integration: Integration) -> str:
    """
    Install from the widget window: amoCRM itself calls the redirect URI, without a state, with `from_widget`.

    Returns:
        The result, as text for the settings page.
    """
    sandbox = app[SANDBOX]
    if not integration.redirect_uri:
        return "Redirect URI не задан, сервер интеграции не уведомлён"
    query = {
        "code": tokens.issue_code(sandbox, integration, account, account.admin()),
        "referer": sandbox.account_host(account, request),
        "client_id": integration.client_id,
        "from_widget": "1",
    }
    return await _server_call(app, URL(integration.redirect_uri).update_query(query))


async def tell_disconnected(app: web.Application, account: Account, integration: Integration) -> str:
    """Call the disconnect hook, signed as documented."""
    if not integration.disconnect_url:
        return "Адрес для уведомления об отключении не задан"
    message = f"{integration.client_id}|{account.id}".encode()
    signature = hmac.new(integration.client_secret.encode(), message, hashlib.sha256).hexdigest()
    query: dict[str, Any] = {
        "client_uuid": integration.client_id,
        "account_id": str(account.id),
        "signature": signature,
    }
    return await _server_call(app, URL(integration.disconnect_url).update_query(query))


async def _server_call(app: web.Application, url: URL) -> str:
    try:
        timeout = aiohttp.ClientTimeout(total=_SERVER_CALL_SECONDS)
        headers = {"User-Agent": "amoCRM-oAuth-Code-Sender"}
        async with app[HTTP].get(url, timeout=timeout, headers=headers, allow_redirects=False) as answer:
            return f"Сервер интеграции ответил {answer.status}"
    except (aiohttp.ClientError, TimeoutError) as exc:
        return f"Сервер интеграции не ответил ({type(exc).__name__})"


async def uninstall(app: web.Application, account: Account, integration: Integration) -> Install:
    """Switch the integration off in an account: revoke its tokens, and call the disconnect hook."""
    install = account.installs.setdefault(integration.client_id, Install())
    install.is_active = False
    install.status = "install"
    tokens.revoke(app[SANDBOX], integration.client_id, account.id)
    install.last_notice = await tell_disconnected(app, account, integration)
    return install


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_get("/oauth", consent)
    router.add_post("/oauth", decide)
    router.add_post("/oauth2/access_token", token)
    router.add_get("/oauth2/account/current/subdomain", current_subdomain)
