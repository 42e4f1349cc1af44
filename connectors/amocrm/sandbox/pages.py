"""The CRM's pages and what their buttons do, apart from widgets (`widget_pages.py`).

The browser asks for a whole page, or for a fragment (`X-Fragment`) when it changes the page or reloads its content.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import web
from yarl import URL

from connectors.amocrm.sandbox import page_views as views
from connectors.amocrm.sandbox.account import LOST, WON
from connectors.amocrm.sandbox.api_unsorted import accept_entry, decline_entry
from connectors.amocrm.sandbox.api_work import change_task
from connectors.amocrm.sandbox.fields import phone_field
from connectors.amocrm.sandbox.page_shell import page, page_body
from connectors.amocrm.sandbox.session import COOKIE, Caller, page_caller, sandbox_of
from connectors.amocrm.sandbox.tables import Record, phones_of
from connectors.amocrm.sandbox.validation import INT, TEXT, Rule, Schema

_HEARTBEAT_SECONDS = 15.0


# ---- pages


async def home(request: web.Request) -> web.Response:
    raise web.HTTPFound(URL("/leads/").with_query(request.query))  # with its `?lang=`


def _page_number(request: web.Request) -> int:
    text = request.query.get("page", "1")
    return min(int(text), 1000) if text.isdigit() and int(text) else 1


async def people(request: web.Request) -> web.Response:
    kind = request.match_info.get("kind", "contacts")
    query, number = request.query.get("query", "").strip(), _page_number(request)
    rows, more = views.person_rows(page_caller(request).account, kind, query, number)
    area = "clist" if kind == "contacts" else "comlist"
    return page(
        request, "people.html", area=area, title=kind, kind=kind, rows=rows, more=more, query=query, number=number
    )


async def leads(request: web.Request) -> web.Response:
    """The board of a pipeline; searching shows the list instead."""
    account = page_caller(request).account
    pipeline = int(request.match_info.get("pipeline", account.main_pipeline()))
    if pipeline not in account.pipelines:
        raise web.HTTPNotFound(text="no such pipeline")
    columns = views.board(account, pipeline)
    return page(request, "board.html", area="leads", title="deals", columns=columns, pipeline=pipeline)


async def leads_list(request: web.Request) -> web.Response:
    query, number = request.query.get("query", "").strip(), _page_number(request)
    rows, more = views.lead_rows(page_caller(request).account, query, number)
    return page(request, "leads.html", area="llist", title="deals", rows=rows, more=more, query=query, number=number)


async def unsorted(request: web.Request) -> web.Response:
    rows = views.unsorted_rows(page_caller(request).account)
    return page(request, "unsorted.html", area="leads", title="unsorted", rows=rows)


async def tasks(request: web.Request) -> web.Response:
    who = page_caller(request)
    groups = views.task_groups(who.account, 0 if who.is_admin else who.user_id)
    return page(request, "tasks.html", area="tlist", title="tasks", groups=groups)


async def detail(request: web.Request) -> web.Response:
    kind, account = request.match_info["kind"], page_caller(request).account
    record = account.table(kind).get(int(request.match_info["id"]))
    if record is None:
        raise web.HTTPNotFound(text="The card does not exist")
    area = {"contacts": "ccard", "companies": "comcard", "leads": "lcard"}[kind]
    return page(
        request,
        "card.html",
        area=area,
        title=record["name"] or f"#{record['id']}",
        card=views.card(account, kind, record),
        feed=views.feed(account, kind, record),
        card_place={"id": record["id"], "entity": kind},
    )


# ---- what buttons do


async def login(request: web.Request) -> web.Response:
    body = await page_body(request, {"account_id": INT.needed(), "user_id": INT.needed()})
    account = sandbox_of(request).accounts.get(body["account_id"])
    user = account.users.get(body["user_id"]) if account else None
    if account is None or user is None or not user["rights"]["is_active"]:
        raise web.HTTPForbidden(text="This user cannot log in")
    response = web.json_response({"ok": True})
    response.set_cookie(COOKIE, f"{account.id}:{user['id']}", httponly=True, samesite="Lax")
    return response


async def settle_unsorted(request: web.Request) -> web.Response:
    who, action = page_caller(request), request.match_info["action"]
    entry = who.account.unsorted.get(request.match_info["uid"])
    if entry is None:
        raise web.HTTPNotFound(text="no such incoming lead")
    if action == "decline":
        decline_entry(who.account, entry, who.user_id)
        return web.json_response({"url": None})
    lead = accept_entry(who.account, entry, who.user_id, None)
    return web.json_response({"url": f"/leads/detail/{lead['id']}"})


async def complete_task(request: web.Request) -> web.Response:
    who = page_caller(request)
    body = await page_body(request, {"result": TEXT})
    task = who.account.tasks.get(int(request.match_info["id"]))
    if task is None:
        raise web.HTTPNotFound(text="no such task")
    change_task(who.account, task, {"is_completed": True, "result": {"text": body.get("result", "")}}, who.user_id)
    return web.json_response({"ok": True})


def _entity(request: web.Request, who: Caller) -> tuple[str, Record]:
    kind = request.match_info["kind"]
    record = who.account.table(kind).get(int(request.match_info["id"]))
    if record is None:
        raise web.HTTPNotFound(text="no such card")
    return kind, record


async def add_note(request: web.Request) -> web.Response:
    who = page_caller(request)
    kind, record = _entity(request, who)
    body = await page_body(request, {"text": Rule("str", required=True, blank=False)})
    who.account.add_note(kind, record["id"], {"note_type": "common", "params": {"text": body["text"]}}, who.user_id)
    return web.json_response({"ok": True})


async def edit(request: web.Request) -> web.Response:
    """Change a card's owner, stage or name, or add a phone."""
    who = page_caller(request)
    kind, record = _entity(request, who)
    schema: Schema = {
        "name": TEXT,
        "responsible_user_id": Rule("int", choices=who.account.assignable()),
        "status_id": INT,
        "phone": TEXT,
    }
    body = await page_body(request, schema)
    if "status_id" in body:
        allowed = who.account.ordinary_stages(record["pipeline_id"]) | {WON, LOST} if kind == "leads" else set()
        if body["status_id"] not in allowed:
            raise web.HTTPBadRequest(text="no such stage")
    phone = body.pop("phone", "").strip()
    if phone and kind != "leads":
        body["custom_fields_values"] = _with_phone(who, kind, record, phone)
    who.account.update(kind, record, body, who.user_id)
    return web.json_response({"ok": True})


def _with_phone(who: Caller, kind: str, record: Record, phone: str) -> list[Record] | None:
    numbers = [*phones_of(record), phone]
    return who.account.check_fields(kind, [phone_field(*numbers)], record)[0]


async def create_contact(request: web.Request) -> web.Response:
    who = page_caller(request)
    body = await page_body(request, {"name": Rule("str", required=True, blank=False), "phone": TEXT})
    first, _, last = body["name"].partition(" ")
    values: Record = {"name": body["name"], "first_name": first, "last_name": last}
    if body.get("phone", "").strip():
        values["custom_fields_values"] = who.account.check_fields("contacts", [phone_field(body["phone"])], None)[0]
    record = who.account.create("contacts", values, who.user_id)
    return web.json_response({"url": f"/contacts/detail/{record['id']}"})


async def delete(request: web.Request) -> web.Response:
    who = page_caller(request)
    body = await page_body(request, {"kind": Rule("str", required=True, choices=("contacts", "companies", "leads")),
                                     "ids": Rule("list", required=True)})  # fmt: skip
    for id_ in body["ids"]:
        if isinstance(id_, int):
            who.account.delete(body["kind"], id_, who.user_id)
    return web.json_response({"ok": True})


async def stream(request: web.Request) -> web.StreamResponse:
    """Server-sent events for an open page: changes, and notifications for its user."""
    sandbox, who = sandbox_of(request), page_caller(request)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(1000)
    sandbox.watchers.add(queue)  # before the page learns that the stream is open, and reloads its content
    try:
        with contextlib.suppress(ConnectionResetError):
            await response.prepare(request)
            await response.write(b": open\n\n")
            while not sandbox.closing.is_set():
                await response.write(await _next_event(queue, who))
    finally:
        sandbox.watchers.discard(queue)
    return response


async def _next_event(queue: asyncio.Queue[dict[str, Any]], who: Caller) -> bytes:
    try:
        message = await asyncio.wait_for(queue.get(), _HEARTBEAT_SECONDS)
    except TimeoutError:
        return b": still here\n\n"
    is_mine = message.get("account") == who.account.id
    if is_mine and message["kind"] == "popup" and who.user_id not in message["popup"]["users"]:
        is_mine = False
    return f"data: {json.dumps(message, ensure_ascii=False)}\n\n".encode() if is_mine else b": not for you\n\n"


def add_routes(router: web.UrlDispatcher) -> None:
    kinds = "{kind:contacts|companies|leads}"
    router.add_get("/", home)
    router.add_get("/contacts/list/", people)
    router.add_get("/contacts/list/{kind:companies}/", people)
    router.add_get("/leads/", leads)
    router.add_get(r"/leads/pipeline/{pipeline:\d+}/", leads)
    router.add_get("/leads/list/", leads_list)
    router.add_get("/leads/unsorted/", unsorted)
    router.add_get("/todo/line/", tasks)
    router.add_get(f"/{kinds}/detail/{{id:\\d+}}", detail)
    router.add_get("/page/stream", stream)
    router.add_post("/page/login", login)
    router.add_post("/page/unsorted/{uid}/{action:accept|decline}", settle_unsorted)
    router.add_post(r"/page/tasks/{id:\d+}/complete", complete_task)
    router.add_post("/page/contacts", create_contact)
    router.add_post("/page/delete", delete)
    router.add_post(f"/page/{kinds}/{{id:\\d+}}/notes", add_note)
    router.add_post(f"/page/{kinds}/{{id:\\d+}}", edit)
