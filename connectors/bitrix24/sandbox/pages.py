"""The portal's pages and what people do on them: lists, objects, telephony, the working day, clicks on numbers.

Applications and their iframes are in `app_pages.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import web
from yarl import URL

from connectors.bitrix24.sandbox import app_pages, calls, rest_users
from connectors.bitrix24.sandbox import page_views as views
from connectors.bitrix24.sandbox.crm_kinds import KINDS, KINDS_BY_NAME, Kind, Record
from connectors.bitrix24.sandbox.page_shell import page
from connectors.bitrix24.sandbox.parameters import Parameters
from connectors.bitrix24.sandbox.portal import Change
from connectors.bitrix24.sandbox.sandbox import SANDBOX
from connectors.bitrix24.sandbox.session import COOKIE, Person, json_body, person
from connectors.bitrix24.sandbox.tables import digits

_HEARTBEAT_SECONDS = 15
_ROWS = 100


async def home(request: web.Request) -> web.Response:
    raise web.HTTPFound(URL("/crm/contact/list/").with_query(request.query))  # with its `?lang=`


def _kind(request: web.Request) -> Kind:
    return views.KIND_PATHS[request.match_info["kind"]]


async def listing(request: web.Request) -> web.Response:
    who, kind = person(request), _kind(request)
    query, pages = request.query.get("query", ""), request.query.get("page", "1")
    number = int(pages) if pages.isdigit() and int(pages[:6]) > 0 else 1
    found, has_more = views.rows(who.portal, kind, query, number)
    menus = {place: app_pages.placement_titles(request, who, f"CRM_{kind.name}_LIST_{place}")
             for place in ("MENU", "TOOLBAR")}  # fmt: skip
    return page(request, "list.html", area=kind.name.lower(), title=f"{kind.name.lower()}s", kind=kind, rows=found,
                query=query, next_page=number + 1 if has_more else 0, menus=menus)  # fmt: skip


def _object(request: web.Request, who: Person) -> tuple[Kind, Record]:
    kind = _kind(request)
    record = who.portal.object(kind, int(request.match_info["id"]))
    if record is None:
        raise web.HTTPNotFound(text="Такой карточки нет")
    return kind, record


async def details(request: web.Request) -> web.Response:
    who = person(request)
    kind, record = _object(request, who)
    tabs = app_pages.placement_tabs(request, who, f"CRM_{kind.name}_DETAIL_TAB", {"ID": record["ID"]})
    card = views.details(who.portal, kind, record)
    feed = views.timeline(who.portal, kind, record)
    return page(request, "details.html", area=kind.name.lower(), title=card["title"], card=card, feed=feed, tabs=tabs)


async def telephony(request: web.Request) -> web.Response:
    who = person(request)
    rows = [views.call_row(who.portal, row) for row in reversed(who.portal.statistics[-_ROWS:])]
    apps = [each.app for each in who.sandbox.installs_of(who.portal)]
    # An application can be chosen for clicks after it has bound their event.
    ready = [
        each.app
        for each in who.sandbox.installs_of(who.portal)
        if each.is_finished and any(handler.event == "ONEXTERNALCALLSTART" for handler in each.handlers)
    ]
    return page(request, "telephony.html", area="telephony", title="telephony", rows=rows, apps=apps, ready=ready,
                lines=[{**line, "client_id": key[0]} for key, line in who.portal.lines.items()],
                outgoing=who.portal.outgoing_line)  # fmt: skip


# ---- what people do


async def login(request: web.Request) -> web.Response:
    body = await json_body(request)
    response = web.json_response({"ok": True})
    response.set_cookie(COOKIE, str(body.get("user", "")), httponly=True, samesite="Lax")
    return response


async def day(request: web.Request) -> web.Response:
    """The working-day button: `open`, `pause`, `close`."""
    who, body = person(request), await json_body(request)
    if body.get("action") not in ("open", "pause", "close"):
        raise web.HTTPBadRequest(text="action is open, pause or close")
    rest_users.set_day(who.portal, who.user, str(body["action"]))
    return web.json_response({"status": rest_users.day_status(who.user)})


async def comment(request: web.Request) -> web.Response:
    who, body = person(request), await json_body(request)
    kind, record = _object(request, who)
    text = Parameters(body).text("text").strip()
    if not text:
        raise web.HTTPBadRequest(text="an empty comment")
    who.portal.add_comment(kind, record["ID"], text, who.author)
    return web.json_response({"ok": True})


async def outgoing_line(request: web.Request) -> web.Response:
    """Choose where clicks go: an application, or one of its lines."""
    who, body = person(request), await json_body(request)
    who.require_admin()
    client_id, _, number = Parameters(body).text("line").partition("|")
    is_known = who.sandbox.install_of(who.portal, client_id) is not None
    who.portal.outgoing_line = (client_id, number) if is_known else None
    who.portal.touch()
    return web.json_response({"ok": True})


async def click(request: web.Request) -> web.Response:
    """
    A click on a number: the portal registers the call, opens the card, and tells the application of the chosen line.
    """
    who, body = person(request), Parameters(await json_body(request))
    added = who.sandbox.install_of(who.portal, who.portal.outgoing_line[0]) if who.portal.outgoing_line else None
    number = body.text("number")
    plain = calls.plain_number(number)
    if added is None or who.portal.outgoing_line is None:
        raise web.HTTPConflict(text="no_line")
    if not plain:
        raise web.HTTPBadRequest(text="not a number")
    line = who.portal.outgoing_line[1]
    entity_type, entity_id = body.text("entity_type").upper(), body.integer("entity_id")
    entity = (entity_type, entity_id) if entity_type in KINDS_BY_NAME and entity_id else None
    asked = calls.Registration(
        app=added.app,
        user_id=who.id,
        number=plain,
        type=calls.OUTGOING,
        started_at=who.sandbox.now(),
        line=line,
        entity=entity,
        is_repeatable=False,
    )
    live = calls.register(who.sandbox, who.portal, asked, who.author).live
    data = {
        "PHONE_NUMBER": number,
        "PHONE_NUMBER_INTERNATIONAL": _international(number),
        "EXTENSION": "",
        "USER_ID": who.id,
        "CALL_LIST_ID": 0,
        "LINE_NUMBER": line,
        "IS_MOBILE": 0,
        "CALL_ID": live.id,
        "CRM_ENTITY_TYPE": live.entity[0] if live.entity else "",
        "CRM_ENTITY_ID": live.entity[1] if live.entity else 0,
    }
    who.portal.announce(
        Change(event="ONEXTERNALCALLSTART", data=data, author=who.author, subject=live.id, only_for=live.client_id)
    )
    return web.json_response({"call": live.id})


def _international(number: str) -> str:
    plain = digits(number)
    if len(plain) == 11 and plain[0] in "78":
        return f"+7{plain[1:]}"
    return f"+{plain}" if number.strip().startswith("+") else ""


async def callback_form(request: web.Request) -> web.Response:
    """A visitor asks to be called back on a CRM form: ONEXTERNALCALLBACKSTART, without a call id."""
    who, body = person(request), Parameters(await json_body(request))
    number = body.text("number").strip()
    if not calls.plain_number(number) or who.portal.outgoing_line is None:
        raise web.HTTPConflict(text="no_line")
    owner = who.portal.owner_of_number(number)
    data = {
        "PHONE_NUMBER": number,
        "TEXT": "Заявка на звонок с сайта",
        "VOICE": "ruinternalfemale",
        "CRM_ENTITY_TYPE": owner[0].name if owner else "",
        "CRM_ENTITY_ID": owner[1]["ID"] if owner else 0,
        "LINE_NUMBER": who.portal.outgoing_line[1],
    }
    change = Change(event="ONEXTERNALCALLBACKSTART", data=data, author=who.author, subject=number,
                    only_for=who.portal.outgoing_line[0])  # fmt: skip
    who.portal.announce(change)
    return web.json_response({"ok": True})


# ---- live pages


async def stream(request: web.Request) -> web.StreamResponse:
    """Server-sent events for an open page: changes, cards and notices for its person."""
    sandbox, who = request.app[SANDBOX], person(request)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(1000)
    sandbox.watchers.add(queue)
    try:
        with contextlib.suppress(ConnectionResetError):
            await response.prepare(request)
            await response.write(b": open\n\n")
            while not sandbox.closing.is_set():
                await response.write(await _next_event(queue, who))
    finally:
        sandbox.watchers.discard(queue)
    return response


async def _next_event(queue: asyncio.Queue[dict[str, Any]], who: Person) -> bytes:
    try:
        message = await asyncio.wait_for(queue.get(), _HEARTBEAT_SECONDS)
    except TimeoutError:
        return b": still here\n\n"
    is_mine = message.get("portal") == who.portal.member_id and who.id in message.get("users", [who.id])
    return f"data: {json.dumps(message, ensure_ascii=False)}\n\n".encode() if is_mine else b": not for you\n\n"


def add_routes(router: web.UrlDispatcher) -> None:
    kinds = f"{{kind:{'|'.join(kind.name.lower() for kind in KINDS.values())}}}"
    router.add_get("/", home)
    router.add_get(f"/crm/{kinds}/list/", listing)
    router.add_get(f"/crm/{kinds}/details/{{id:\\d{{1,12}}}}/", details)
    router.add_get("/telephony/", telephony)
    router.add_get("/page/stream", stream)
    router.add_post("/page/login", login)
    router.add_post("/page/day", day)
    router.add_post("/page/line", outgoing_line)
    router.add_post("/page/click", click)
    router.add_post("/page/callback", callback_form)
    router.add_post(f"/page/{kinds}/{{id:\\d{{1,12}}}}/comments", comment)
