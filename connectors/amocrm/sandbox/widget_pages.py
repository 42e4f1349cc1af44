"""Widgets on the CRM's page: upload, installing, settings, their files, their one-time tokens, the form proxy.

`archive.py` checks archives.
"""

from __future__ import annotations

import mimetypes
import secrets
import uuid
from pathlib import Path

import aiohttp
from aiohttp import web
from yarl import URL

from connectors.amocrm.sandbox import archive, oauth, tokens
from connectors.amocrm.sandbox.account import Install
from connectors.amocrm.sandbox.oauth import HTTP
from connectors.amocrm.sandbox.page_shell import page, page_body
from connectors.amocrm.sandbox.sandbox import Integration, Sandbox
from connectors.amocrm.sandbox.session import Caller, language, page_caller, same_origin, sandbox_of
from connectors.amocrm.sandbox.validation import FLAG, TEXT, Rule
from connectors.amocrm.sandbox.widget_boot import VENDOR, attach, boot, has_vendor

_PROXY_SECONDS = 10.0
_CODE = Rule("str", required=True)
_YEAR = 365 * 86_400


async def settings_page(request: web.Request) -> web.Response:
    who, lang = page_caller(request), language(request)
    sandbox = sandbox_of(request)
    own = sandbox.integrations[sandbox.settings.client_id]
    widgets = boot(request, who, lang)
    return page(request, "integrations.html", area="settings", title="integrations", widgets=widgets, own=own)


async def advanced_page(request: web.Request) -> web.Response:
    integration = _by_code(request)
    lang = language(request)
    widget = next(each for each in boot(request, page_caller(request), lang) if each["code"] == integration.code)
    return page(
        request, "advanced.html", area="advanced_settings", title=widget["texts"]["widget"]["name"], widget=widget
    )


def _by_code(request: web.Request) -> Integration:
    integration = sandbox_of(request).integration_by_code(request.match_info["code"])
    if integration is None:
        raise web.HTTPNotFound(text="no such widget")
    return integration


# ---- files


async def widget_file(request: web.Request) -> web.Response:
    """A file of the uploaded archive, cached by version as in the CRM."""
    name = request.match_info["path"]
    data = _by_code(request).archive.get(name)
    if data is None:
        raise web.HTTPNotFound(text="no such file in the archive")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind in ("text/html", "image/svg+xml"):
        kind = "text/plain"  # no file of an archive may run as a page of the CRM's origin
    caching = {"Cache-Control": "private, max-age=3600" if request.query.get("v") else "no-cache"}
    return web.Response(body=data, content_type=kind, headers=caching, charset="utf-8" if "text" in kind else None)


async def vendor(request: web.Request) -> web.StreamResponse:
    path: Path = sandbox_of(request).settings.vendor_path / VENDOR[request.match_info["name"]]
    if not has_vendor(request):
        raise web.HTTPNotFound(text=f"{path} is missing: in a checkout run make setup")
    return web.FileResponse(path)


# ---- buttons


def _admin(request: web.Request) -> Caller:
    who = page_caller(request)
    if not who.is_admin:
        raise web.HTTPForbidden(text="Only an administrator may do this")
    return who


def _integration(sandbox: Sandbox, client_id: str) -> Integration:
    integration = sandbox.integrations.get(client_id)
    if integration is None:
        raise web.HTTPNotFound(text="no such integration")
    return integration


async def upload(request: web.Request) -> web.Response:
    """
    Upload a widget archive (form field `archive`). It is attached to the integration of the settings; `other=1` creates
    another integration for it, like a widget of a second vendor.
    """
    same_origin(request)
    _admin(request)
    sandbox = sandbox_of(request)
    form = await request.post()
    file = form.get("archive")
    if not isinstance(file, web.FileField):
        raise web.HTTPBadRequest(text="no file")
    found = archive.read(file.file.read())
    if found.errors:
        return web.json_response({"errors": found.errors}, status=400)
    if form.get("other"):
        other = Integration(client_id=str(uuid.uuid4()), client_secret=secrets.token_hex(32), redirect_uri="")
        sandbox.integrations[other.client_id] = other
        integration = other
    else:
        integration = sandbox.integrations[sandbox.settings.client_id]
    attach(integration, found)
    sandbox.tell_pages({"kind": "changed", "account": page_caller(request).account.id})
    return web.json_response({"client_id": integration.client_id, "code": integration.code})


async def install(request: web.Request) -> web.Response:
    """The button Установить. Needs the ticked consent; amoCRM then calls the integration's server itself."""
    body = await page_body(request, {"client_id": _CODE, "consent": FLAG})
    who = _admin(request)
    if not body.get("consent"):
        raise web.HTTPBadRequest(text="the consent is not given")
    integration = _integration(sandbox_of(request), body["client_id"])
    entry = oauth.mark_installed(who.account, integration, who.user)
    entry.last_notice = await oauth.tell_installed(request.app, request, who.account, integration)
    return web.json_response({"status": entry.status, "notice": entry.last_notice})


async def uninstall(request: web.Request) -> web.Response:
    body = await page_body(request, {"client_id": _CODE})
    who = _admin(request)
    entry = await oauth.uninstall(request.app, who.account, _integration(sandbox_of(request), body["client_id"]))
    return web.json_response({"status": entry.status, "notice": entry.last_notice})


async def save_settings(request: web.Request) -> web.Response:
    """Save the values of the settings window, after the widget's `onSave` agreed."""
    body = await page_body(request, {"client_id": _CODE, "fields": Rule("object", required=True)})
    who = _admin(request)
    integration = _integration(sandbox_of(request), body["client_id"])
    entry = who.account.installs.setdefault(integration.client_id, Install())
    known = integration.manifest.get("settings", {})
    entry.fields = {key: value for key, value in body["fields"].items() if key in known}
    return web.json_response({"ok": True})


async def long_lived(request: web.Request) -> web.Response:
    body = await page_body(request, {"client_id": _CODE})
    who, sandbox = _admin(request), sandbox_of(request)
    integration = _integration(sandbox, body["client_id"])
    host = sandbox.account_host(who.account, request)
    token = tokens.issue_long_lived(sandbox, integration, who.account, who.user, _YEAR, host)
    return web.json_response({"token": token})


async def widget_token(request: web.Request) -> web.Response:
    """The JWT of `$authorizedAjax` for the person on the page."""
    body = await page_body(request, {"client_id": _CODE})
    who, sandbox = page_caller(request), sandbox_of(request)
    integration = _integration(sandbox, body["client_id"])
    token = tokens.widget_token(sandbox, integration, who.account, who.user, request)
    return web.json_response({"token": token})


async def crm_post(request: web.Request) -> web.Response:
    """`crm_post`: the CRM's server posts a form for the widget, without a token, within ten seconds."""
    body = await page_body(request, {"url": _CODE, "data": TEXT})
    try:
        url = URL(body["url"])
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https"):
        raise web.HTTPBadRequest(text="not an address")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    timeout = aiohttp.ClientTimeout(total=_PROXY_SECONDS)
    try:
        async with request.app[HTTP].post(url, data=body.get("data", ""), headers=headers, timeout=timeout) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)
    except (aiohttp.ClientError, TimeoutError) as exc:
        raise web.HTTPBadGateway(text="the address did not answer") from exc


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_get("/settings/widgets/", settings_page)
    router.add_get("/settings/widgets/{code}/", advanced_page)
    router.add_get("/upl/{code}/widget/{path:.+}", widget_file)
    router.add_get("/vendor/{name:jquery.js|require.js}", vendor)
    router.add_post("/page/integrations/upload", upload)
    router.add_post("/page/integrations/install", install)
    router.add_post("/page/integrations/uninstall", uninstall)
    router.add_post("/page/integrations/save", save_settings)
    router.add_post("/page/integrations/long_lived", long_lived)
    router.add_post("/page/widget_token", widget_token)
    router.add_post("/page/crm_post", crm_post)
