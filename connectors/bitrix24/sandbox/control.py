"""The sandbox's controls under `/_sandbox`: faults, state for tests, reset, switches of a portal. Loopback only.

Bitrix24 has none of this.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any

from aiohttp import web

from connectors.bitrix24.sandbox import install as installing
from connectors.bitrix24.sandbox import tokens
from connectors.bitrix24.sandbox.crm_kinds import KINDS
from connectors.bitrix24.sandbox.parameters import Parameters
from connectors.bitrix24.sandbox.portal import Author, Change, Portal
from connectors.bitrix24.sandbox.sandbox import SANDBOX, App, Fault, Install, Sandbox, Webhook
from connectors.bitrix24.sandbox.session import json_body

_STATE_RECORDS = 2000  # of one kind in the answer; tests create far fewer
_FAULTS = ("status", "html", "error", "timeout_after_store", "slow", "drop")
_SWITCHES = {
    "has_rest": bool, "has_reserve": bool, "has_timeman": bool, "is_enterprise": bool,
    "mode": int, "kind": str,
}  # fmt: skip
_CARD = ("name", "handler_url", "install_url", "scopes", "status", "is_api_only", "version")


def _local_only(request: web.Request) -> Sandbox:
    """Answer only this machine, and no foreign page in its browser (a page's request has its origin)."""
    address = request.remote or ""
    origin = request.headers.get("Origin", "")
    is_local = bool(address) and ipaddress.ip_address(address.partition("%")[0]).is_loopback
    if not is_local or (origin and origin.partition("://")[2] != request.host):
        raise web.HTTPForbidden(text="The sandbox can only be controlled from its own machine")
    return request.app[SANDBOX]


async def _body(request: web.Request) -> dict[str, Any]:
    _local_only(request)
    return await json_body(request)


def _portal(sandbox: Sandbox, name: object) -> Portal:
    """The portal of that name or member id; the first one if none is named."""
    found = (
        sandbox.portals.get(str(name)) or sandbox.portal_named(str(name))
        if name
        else next(iter(sandbox.portals.values()), None)
    )
    if found is None:
        raise web.HTTPNotFound(text="no such portal")
    return found


def _install(sandbox: Sandbox, portal: Portal, body: dict[str, Any]) -> Install:
    added = sandbox.install_of(portal, str(body.get("client_id") or sandbox.settings.client_id))
    if added is None:
        raise web.HTTPNotFound(text="the application is not installed there")
    return added


async def add_fault(request: web.Request) -> web.Response:
    """Add a fault for the next `count` requests; below 0, for all until it is removed."""
    sandbox, body = _local_only(request), await _body(request)
    names = {each.name: each for each in dataclasses.fields(Fault)}
    unknown = [name for name in body if name not in names]
    if unknown or body.get("kind") not in _FAULTS:
        raise web.HTTPBadRequest(text=f"kind is one of {', '.join(_FAULTS)}; fields: {', '.join(names)}")
    numbers = ("status", "count", "seconds")
    wrong = [name for name, value in body.items() if isinstance(value, str) == (name in numbers)]
    if wrong or body.get("count") == 0:
        raise web.HTTPBadRequest(text="status, count and seconds are numbers, count is not 0; the others are texts")
    sandbox.faults.append(Fault(**body))
    return web.json_response({"faults": len(sandbox.faults)})


async def clear_faults(request: web.Request) -> web.Response:
    _local_only(request).faults.clear()
    return web.json_response({"faults": 0})


async def reset(request: web.Request) -> web.Response:
    _local_only(request).reset()
    return web.json_response({"ok": True})


async def state(request: web.Request) -> web.Response:
    """Everything that tests look at, of the first portal unless `?portal=` names another."""
    sandbox = _local_only(request)
    portal = _portal(sandbox, request.query.get("portal", ""))
    traffic = sandbox.traffic
    return web.json_response(
        {
            "portal": {"name": portal.name, "host": portal.host, "member_id": portal.member_id},
            "counts": {kind.name: len(portal.tables[kind.id]) for kind in KINDS.values()},
            **{kind.name: list(portal.tables[kind.id])[-_STATE_RECORDS:] for kind in KINDS.values()},
            "activities": list(portal.activities.values())[-_STATE_RECORDS:],
            "comments": list(portal.comments.values())[-_STATE_RECORDS:],
            "tasks": list(portal.tasks.values())[-_STATE_RECORDS:],
            "notices": portal.notices[-_STATE_RECORDS:],
            "live": [{**dataclasses.asdict(live), "shown_to": sorted(live.shown_to)} for live in portal.live.values()],
            "statistics": portal.statistics[-_STATE_RECORDS:],
            "transcripts": list(portal.transcripts.values()),
            "lines": list(portal.lines.values()),
            "installs": [_install_state(each) for each in sandbox.installs_of(portal)],
            "requests": {
                "total": traffic.total,
                "by_method": traffic.by_method,
                "by_status": traffic.by_status,
                "by_error": traffic.by_error,
                "redirected": traffic.redirected,
            },
            "grants": {
                "living": sum(1 for grant in sandbox.grants.values() if not (grant.is_spent or grant.is_revoked)),
                "issued": len(sandbox.grants),
            },
            "faults": len(sandbox.faults),
        }
    )


def _install_state(each: Install) -> dict[str, Any]:
    return {
        "client_id": each.app.client_id,
        "version": each.version,
        "is_finished": each.is_finished,
        "application_token": each.application_token,
        "last_notice": each.last_notice,
        "handlers": [dataclasses.asdict(handler) for handler in each.handlers],
        "placements": [dataclasses.asdict(placement) for placement in each.placements],
        "offline": [dataclasses.asdict(event) for event in each.offline],
    }


async def change_portal(request: web.Request) -> web.Response:
    """Change a portal: its switches, `host` (renames it: the old address answers 302), `outgoing_line`."""
    sandbox, body = _local_only(request), await _body(request)
    portal = _portal(sandbox, request.match_info["name"])
    for name, value in body.items():
        if name in _SWITCHES and isinstance(value, _SWITCHES[name]):
            setattr(portal, name, value)
        elif name == "host" and isinstance(value, str) and value:
            sandbox.rename(portal, value)
        elif name == "outgoing_line" and isinstance(value, str):
            portal.outgoing_line = (sandbox.settings.client_id, value)
        else:
            raise web.HTTPBadRequest(text=f"{name}: unknown, or of another type")
    portal.touch()
    return web.json_response({"ok": True})


async def change_app(request: web.Request) -> web.Response:
    """Write the application's card, as an administrator or the partner's cabinet does."""
    sandbox, body = _local_only(request), await _body(request)
    card = _card(sandbox, body)
    for name, value in body.items():
        if name == "client_id":
            continue
        if name not in _CARD or not isinstance(value, type(getattr(card, name))):
            raise web.HTTPBadRequest(text=f"{name}: unknown, or of another type")
        setattr(card, name, value)
    return web.json_response({"client_id": card.client_id, "client_secret": card.client_secret})


def _card(sandbox: Sandbox, body: dict[str, Any]) -> App:
    client_id = str(body.get("client_id") or sandbox.settings.client_id)
    if client_id not in sandbox.apps:
        raise web.HTTPNotFound(text="no such application")
    return sandbox.apps[client_id]


async def install(request: web.Request) -> web.Response:
    """
    Install, finish, update or remove the application in a portal.

    Body: `portal`, `client_id`, `user_id` (else the administrator), `clean` of a removal.
    """
    sandbox, body = _local_only(request), await _body(request)
    portal, action = _portal(sandbox, body.get("portal")), request.match_info["action"]
    card = _card(sandbox, body)
    if action == "add":
        user_id = Parameters(body).integer("user_id") or portal.admin()["ID"]
        await installing.install(request.app, portal, card, user_id)
    elif action == "finish":
        installing.finish(sandbox, portal, _install(sandbox, portal, body))
    elif action == "update":
        await installing.update(request.app, portal, _install(sandbox, portal, body))
    else:
        await installing.uninstall(request.app, portal, card.client_id, clean=bool(body.get("clean")))
    return web.json_response({"ok": True})


async def issue_tokens(request: web.Request) -> web.Response:
    """A pair for the installed application, without a browser: of the administrator, or of `user_id`."""
    sandbox, body = _local_only(request), await _body(request)
    portal = _portal(sandbox, body.get("portal"))
    added = _install(sandbox, portal, body)
    user_id = Parameters(body).integer("user_id") or portal.admin()["ID"]
    grant = tokens.issue(sandbox, added.app.client_id, portal.member_id, user_id)
    return web.json_response({**tokens.pair(sandbox, grant), "application_token": added.application_token})


async def expire_tokens(request: web.Request) -> web.Response:
    """End all access tokens now; with `refresh` the refresh tokens, too."""
    sandbox, body = _local_only(request), await _body(request)
    now = sandbox.now()
    for grant in sandbox.grants.values():
        grant.access_until = min(grant.access_until, now)
        if body.get("refresh"):
            grant.refresh_until = min(grant.refresh_until, now - 1)
    return web.json_response({"ok": True})


async def confirm(request: web.Request) -> web.Response:
    """The administrator allows methods behind `METHOD_CONFIRM_WAITING` for one access token."""
    sandbox, body = _local_only(request), await _body(request)
    grant = sandbox.grants.get(str(body.get("token", "")))
    if grant is None:
        raise web.HTTPNotFound(text="no such token")
    portal = sandbox.portals[grant.member_id]
    added = _install(sandbox, portal, {"client_id": grant.client_id})
    added.confirmed.add(grant.access_token)
    data = {"TOKEN": grant.access_token, "METHOD": "voximplant.user.get", "CONFIRMED": 1}
    author = Author(user_id=portal.admin()["ID"])
    portal.announce(Change(event="ONAPPMETHODCONFIRM", data=data, author=author, only_for=grant.client_id))
    return web.json_response({"ok": True})


async def add_webhook(request: web.Request) -> web.Response:
    """An incoming webhook of the administrator, or of `user_id`: its address."""
    sandbox, body = _local_only(request), await _body(request)
    portal = _portal(sandbox, body.get("portal"))
    parameters = Parameters(body)
    user_id = parameters.integer("user_id") or portal.admin()["ID"]
    code = parameters.text("code") or f"hook{len(sandbox.webhooks):012}"
    scopes = parameters.text("scopes", "crm,telephony,user,department,timeman,im,task")
    until = parameters.number("until")
    sandbox.webhooks[user_id, code] = Webhook(
        member_id=portal.member_id, user_id=user_id, code=code, scopes=scopes, until=until
    )
    return web.json_response({"url": f"{sandbox.portal_origin(portal, request)}/rest/{user_id}/{code}/"})


async def set_cost(request: web.Request) -> web.Response:
    """`{"method": seconds}`: how long each call of a method counts as executing; null: as long as it does."""
    sandbox, body = _local_only(request), await _body(request)
    for method, seconds in body.items():
        if isinstance(seconds, int | float):
            sandbox.costs[method.lower()] = float(seconds)
        else:
            sandbox.costs.pop(method.lower(), None)
    return web.json_response({"ok": True})


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_post("/_sandbox/faults", add_fault)
    router.add_delete("/_sandbox/faults", clear_faults)
    router.add_get("/_sandbox/state", state)
    router.add_post("/_sandbox/reset", reset)
    router.add_post("/_sandbox/portals/{name}", change_portal)
    router.add_post("/_sandbox/app", change_app)
    router.add_post("/_sandbox/install/{action:add|finish|update|remove}", install)
    router.add_post("/_sandbox/tokens", issue_tokens)
    router.add_post("/_sandbox/expire_tokens", expire_tokens)
    router.add_post("/_sandbox/confirm", confirm)
    router.add_post("/_sandbox/webhooks", add_webhook)
    router.add_post("/_sandbox/cost", set_cost)
