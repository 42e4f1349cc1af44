"""The life of an application in a portal: consent, installation, its end, update, removal.

The application's server learns of it by events; those of an installation carry tokens, that of a removal none.
"""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web
from yarl import URL

from connectors.bitrix24.sandbox import tokens
from connectors.bitrix24.sandbox.events import DELIVERIES, event_auth, form_body
from connectors.bitrix24.sandbox.portal import Author, Change, Portal
from connectors.bitrix24.sandbox.sandbox import SANDBOX, App, Handler, Install, Sandbox
from connectors.bitrix24.sandbox.session import person


async def install(app: web.Application, portal: Portal, card: App, user_id: int) -> Install:
    """
    Add an application. One that uses the API only gets ONAPPINSTALL at once; one with pages must be finished by its
    installer's page.
    """
    sandbox = app[SANDBOX]
    if sandbox.install_of(portal, card.client_id) is not None:
        await uninstall(app, portal, card.client_id)
    added = sandbox.add_install(portal, card, user_id)
    if card.is_api_only:
        await _tell_installed(app, portal, added)
    portal.touch()
    return added


async def _tell_installed(app: web.Application, portal: Portal, added: Install) -> None:
    sandbox = app[SANDBOX]
    url = added.app.install_url or added.app.handler_url
    if not url:
        added.last_notice = "no address"
        return
    grant = tokens.issue(sandbox, added.app.client_id, portal.member_id, added.installed_by)
    auth = _with_tokens(sandbox, portal, added, grant)
    data = {"VERSION": added.version, "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": "ru"}
    added.last_notice = await app[DELIVERIES].post(url, form_body(sandbox, "ONAPPINSTALL", data, auth))


def _with_tokens(sandbox: Sandbox, portal: Portal, added: Install, grant: Any) -> dict[str, Any]:
    return {
        "access_token": grant.access_token,
        "refresh_token": grant.refresh_token,
        "expires_in": sandbox.settings.access_seconds,
        "expires": int(grant.access_until),
        "scope": added.app.scopes,
        "user_id": grant.user_id,
        **event_auth(sandbox, portal, added),
    }


def finish(sandbox: Sandbox, portal: Portal, added: Install) -> None:
    """`installFinish`: from now on events are sent and placements are shown."""
    if added.is_finished:
        return
    added.is_finished = True
    data = {"VERSION": added.version, "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": "ru"}
    author = Author(user_id=added.installed_by)
    change = Change(event="ONAPPINSTALL", data=data, author=author, subject="APP", only_for=added.app.client_id)
    portal.announce(change)


async def update(app: web.Application, portal: Portal, added: Install) -> None:
    """A new version: another `application_token`, no bindings, and an installation to finish again."""
    sandbox = app[SANDBOX]
    previous, handlers = added.version, _handlers(added, "ONAPPUPDATE")
    added.version += 1
    added.application_token = secrets.token_hex(16)
    added.handlers, added.placements, added.offline = [], [], []
    added.is_finished = added.app.is_api_only
    data = {
        "VERSION": added.version,
        "PREVIOUS_VERSION": previous,
        "ACTIVE": "Y",
        "INSTALLED": "Y",
        "LANGUAGE_ID": "ru",
    }
    grant = tokens.issue(sandbox, added.app.client_id, portal.member_id, added.installed_by)
    auth = _with_tokens(sandbox, portal, added, grant)
    for handler in handlers:
        body = form_body(sandbox, "ONAPPUPDATE", data, auth, handler_id=handler.id)
        added.last_notice = await app[DELIVERIES].post(handler.url, body)
    portal.touch()


async def uninstall(app: web.Application, portal: Portal, client_id: str, *, clean: bool = False) -> None:
    """
    Remove an application: its tokens, handlers, placements and lines are gone before ONAPPUNINSTALL is sent, which has
    no tokens.
    """
    sandbox = app[SANDBOX]
    removed = sandbox.installs.pop((portal.member_id, client_id), None)
    if removed is None:
        return
    tokens.revoke(sandbox, client_id, portal.member_id)
    for key in [each for each in portal.lines if each[0] == client_id]:
        del portal.lines[key]
    if portal.outgoing_line and portal.outgoing_line[0] == client_id:
        portal.outgoing_line = None
    auth = event_auth(sandbox, portal, removed)
    data = {"LANGUAGE_ID": "ru", "CLEAN": 1 if clean else 0}
    for handler in _handlers(removed, "ONAPPUNINSTALL"):
        body = form_body(sandbox, "ONAPPUNINSTALL", data, auth, handler_id=handler.id)
        await app[DELIVERIES].post(handler.url, body)
    portal.touch()


def _handlers(added: Install, event: str) -> list[Handler]:
    return [each for each in added.handlers if each.event == event and not each.is_offline]


async def authorize(request: web.Request) -> web.Response:
    """
    GET /oauth/authorize/: the portal's step of the full flow. The address to return to is the application's card's; one
    in the request is ignored.
    """
    who = person(request)
    sandbox = who.sandbox
    added = sandbox.install_of(who.portal, request.query.get("client_id", ""))
    if added is None or not added.app.handler_url:
        # A failed login does not come back to the application.
        raise web.HTTPBadRequest(text="Приложение не найдено или не установлено")
    query = {
        "code": tokens.issue_code(sandbox, added, who.portal, who.id),
        "state": request.query.get("state", ""),
        "domain": sandbox.portal_origin(who.portal, request).partition("://")[2],
        "member_id": who.portal.member_id,
        "scope": added.app.scopes,
        "server_domain": sandbox.oauth_origin().partition("://")[2],
    }
    raise web.HTTPFound(URL(added.app.handler_url).update_query(query))


async def proxied_token(request: web.Request) -> web.Response:
    """A cloud portal passes token requests on to the OAuth server; a self-hosted one has no such page."""
    portal = request.app[SANDBOX].portal_of_host(request.host)
    if portal is None or portal.kind != "cloud":
        raise web.HTTPNotFound(text="not found")
    raise web.HTTPTemporaryRedirect(URL(request.app[SANDBOX].oauth_origin()).join(URL(str(request.rel_url))))


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_get("/oauth/authorize/", authorize)
    router.add_get("/oauth/authorize", authorize)
    router.add_get("/oauth/token/", proxied_token)
    router.add_post("/oauth/token/", proxied_token)
