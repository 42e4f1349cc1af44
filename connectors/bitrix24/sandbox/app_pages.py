"""Applications on the portal's pages: their settings, the iframe of their page or installer, placements, the call card.

`frames.py` says what is posted to an iframe, `web/static/host.js` speaks to it.
"""

from __future__ import annotations

import dataclasses
import secrets
from typing import Any

from aiohttp import web

from connectors.bitrix24.sandbox import frames, rest_placements
from connectors.bitrix24.sandbox import install as installing
from connectors.bitrix24.sandbox import page_views as views
from connectors.bitrix24.sandbox.page_shell import TEMPLATES, common, page
from connectors.bitrix24.sandbox.parameters import Parameters
from connectors.bitrix24.sandbox.sandbox import App, Install, Placement, Webhook
from connectors.bitrix24.sandbox.session import Person, json_body, language, person


@dataclasses.dataclass(frozen=True, slots=True)
class Tab:
    title: str
    frame: frames.Frame


def _frame(
    request: web.Request, who: Person, added: Install, url: str, code: str, options: dict[str, Any]
) -> frames.Frame:
    origin = f"{request.scheme}://{request.host}"
    return frames.open_frame(who, added, url, code, options, origin=origin, lang=language(request))


def placement_tabs(request: web.Request, who: Person, code: str, options: dict[str, Any]) -> list[Tab]:
    """The pages that applications show at this place, for this person. None until an installation is finished."""
    found: list[tuple[Install, Placement]] = [
        (added, each)
        for added in who.sandbox.installs_of(who.portal)
        if added.is_finished
        for each in added.placements
        if each.code == code and each.user_id in (0, who.id)
    ]
    return [
        Tab(each.title_in(language(request)), _frame(request, who, added, each.handler, code, options))
        for added, each in found
    ]


def placement_titles(request: web.Request, who: Person, code: str) -> list[str]:
    """What applications have added to this menu, in the order of `placement_tabs`."""
    return [
        each.title_in(language(request))
        for added in who.sandbox.installs_of(who.portal)
        if added.is_finished
        for each in added.placements
        if each.code == code and each.user_id in (0, who.id)
    ]


async def from_menu(request: web.Request) -> web.Response:
    """A page of an application behind a menu of a list, in a slider: a row's with its id, the list's with none."""
    who, code = person(request), request.match_info["code"]
    options = {"URI": request.headers.get("Referer", "")}
    if code.endswith("_LIST_MENU"):
        options["ID"] = request.query.get("id", "")
    tabs = placement_tabs(request, who, code, options)
    at = request.query.get("at", "0")
    if not at.isdigit() or int(at[:3]) >= len(tabs):
        raise web.HTTPNotFound(text="no application has added this")
    text = request.app[TEMPLATES].get_template("slider.html").render(**common(request), tab=tabs[int(at[:3])])
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})


_LETTERS = {"LEAD": "L", "CONTACT": "C", "COMPANY": "CO", "DEAL": "D"}


async def choose(request: web.Request) -> web.Response:
    """What the dialogue of `BX24.selectCRM` offers, by kind, in the shape of its answer."""
    who = person(request)
    found = {}
    for name in request.query.get("types", "").split(","):
        kind = views.KIND_PATHS.get(name)
        if kind is None:
            raise web.HTTPBadRequest(text="no such type")
        rows, _ = views.rows(who.portal, kind, "", 1)
        found[name] = [
            {"id": f"{_LETTERS[kind.name]}_{row['id']}", "type": name, "place": name, "title": row["title"],
             "desc": "", "url": row["url"]}
            for row in rows
        ]  # fmt: skip
    return web.json_response(found)


def workers(request: web.Request) -> list[frames.Frame]:
    """Hidden frames of every page."""
    options = {"ID": "0", "URI": request.path_qs}
    return [tab.frame for tab in placement_tabs(request, person(request), rest_placements.BACKGROUND_WORKER, options)]


# ---- settings


async def settings(request: web.Request) -> web.Response:
    who = person(request)
    apps = [(card, who.sandbox.install_of(who.portal, card.client_id)) for card in who.sandbox.apps.values()]
    hooks = [each for each in who.sandbox.webhooks.values() if each.member_id == who.portal.member_id]
    return page(request, "apps.html", area="apps", title="apps", apps=apps, hooks=hooks)


def _card(request: web.Request, who: Person) -> App:
    card = who.sandbox.apps.get(request.match_info["client_id"])
    if card is None:
        raise web.HTTPNotFound(text="Такого приложения нет")
    return card


async def save(request: web.Request) -> web.Response:
    """Write the application's card: addresses, scopes, "uses API only"."""
    who, body = person(request), Parameters(await json_body(request))
    who.require_admin()
    card = _card(request, who)
    for name in ("handler_url", "install_url"):
        url = body.text(name).strip()
        if url and not url.startswith(("http://", "https://")):
            raise web.HTTPBadRequest(text="wrong_url")
        setattr(card, name, url)
    card.scopes = ",".join(part.strip() for part in body.text("scopes").split(",") if part.strip()) or card.scopes
    card.is_api_only = body.flag("is_api_only")
    return web.json_response({"ok": True})


async def act(request: web.Request) -> web.Response:
    """Install, update or remove an application. One with pages then opens its installer."""
    who = person(request)
    await json_body(request)
    who.require_admin()
    card, action = _card(request, who), request.match_info["action"]
    added = who.sandbox.install_of(who.portal, card.client_id)
    if action == "install":
        added = await installing.install(request.app, who.portal, card, who.id)
    elif action == "remove":
        await installing.uninstall(request.app, who.portal, card.client_id)
        return web.json_response({"url": "/apps/"})
    elif added is None:
        raise web.HTTPConflict(text="not installed")
    else:
        await installing.update(request.app, who.portal, added)
    url = "/apps/" if added.is_finished else f"/apps/{card.client_id}/"
    return web.json_response({"url": url})


async def add_webhook(request: web.Request) -> web.Response:
    """A new incoming webhook of the person, with all scopes that webhooks can have."""
    who = person(request)
    await json_body(request)
    who.require_admin()
    hook = Webhook(
        member_id=who.portal.member_id,
        user_id=who.id,
        code=secrets.token_hex(8),
        scopes="crm,telephony,user,department,timeman,im,task",
    )
    who.sandbox.webhooks[hook.user_id, hook.code] = hook
    return web.json_response({"url": "/apps/"})


async def application(request: web.Request) -> web.Response:
    """The application's page in an iframe; its installer until the installation is finished."""
    who = person(request)
    card = _card(request, who)
    added = who.sandbox.install_of(who.portal, card.client_id)
    if added is None:
        raise web.HTTPNotFound(text="Приложение не установлено")
    url = card.handler_url if added.is_finished else card.install_url or card.handler_url
    may_see, code, area = added.is_finished or who.is_admin, "DEFAULT", request.path
    in_menu = [each for each in added.placements if each.code == rest_placements.LEFT_MENU]
    if added.is_finished and in_menu and request.query.get("place") == rest_placements.LEFT_MENU:
        url, code, area = in_menu[0].handler, rest_placements.LEFT_MENU, request.path_qs
    frame = _frame(request, who, added, url, code, {}) if url and may_see else None
    return page(request, "app.html", area=area, title=card.name, frame=frame, card=card, may_see=may_see)


# ---- what frames ask


async def frame_action(request: web.Request) -> web.Response:
    """`auth`: a fresh pair for the frame. `finish`: the installer has finished."""
    who = person(request)
    await json_body(request)
    added = frames.owner_of(who.sandbox, request.match_info["sid"], who)
    if added is None:
        raise web.HTTPForbidden(text="not this person's frame")
    if request.match_info["action"] == "auth":
        return web.json_response(frames.fresh_auth(who, added))
    who.require_admin()
    installing.finish(who.sandbox, who.portal, added)
    return web.json_response({"ok": True})


async def call_card(request: web.Request) -> web.Response:
    """The card of a live call, with the tabs of applications."""
    who = person(request)
    live = who.portal.live.get(request.match_info["call"])
    if live is None:
        raise web.HTTPNotFound(text="the call has ended")
    tabs = placement_tabs(request, who, rest_placements.CALL_CARD, views.card_options(who.portal, live))
    template = request.app[TEMPLATES].get_template("call_card.html")
    text = template.render(**common(request), call=views.live_call(who.portal, live), tabs=tabs)
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_get("/apps/", settings)
    router.add_get("/apps/{client_id}/", application)
    router.add_post("/page/webhooks", add_webhook)
    router.add_post("/page/apps/{client_id}", save)
    router.add_post("/page/apps/{client_id}/{action:install|update|remove}", act)
    router.add_post("/page/frames/{sid}/{action:auth|finish}", frame_action)
    router.add_get("/page/cards/{call}", call_card)
    router.add_get("/page/placements/{code:CRM_[A-Z]+_LIST_(?:MENU|TOOLBAR)}", from_menu)
    router.add_get("/page/choose", choose)
