"""`POST /api/v4/calls` and `POST /api/v2/events`: calls and popups, matched to clients by their number.

Calls are read as notes. As in the CRM, these methods cannot read or change them.
"""

from __future__ import annotations

from aiohttp import web

from connectors.amocrm.sandbox.account import SINGULAR, Account
from connectors.amocrm.sandbox.api_notes import CALL_STATUSES
from connectors.amocrm.sandbox.problems import Problem, hal
from connectors.amocrm.sandbox.session import Caller, caller, sandbox_of
from connectors.amocrm.sandbox.tables import Record
from connectors.amocrm.sandbox.validation import INT, TEXT, Rule, Schema, batch, json_body

_CALL_DIGITS = 10
_POPUP_DIGITS = 8
_NOTE_PARAMS = ("uniq", "duration", "source", "link", "phone", "call_result", "call_status", "call_responsible")


def _schema(account: Account) -> Schema:
    users = account.assignable()
    return {
        "direction": Rule("str", required=True, choices=("inbound", "outbound")),
        "phone": Rule("str", required=True, blank=False),
        "duration": INT.needed(),
        "source": Rule("str", required=True, blank=False),
        "uniq": TEXT,
        "link": TEXT,
        "call_result": TEXT,
        "call_status": Rule("int", choices=CALL_STATUSES),
        "call_responsible": Rule("party"),
        "responsible_user_id": Rule("int", choices=users),
        "created_by": Rule("int", choices=users | {0}),
        "updated_by": Rule("int", choices=users | {0}),
        "created_at": INT,
        "updated_at": INT,
    }


async def create(request: web.Request) -> web.Response:
    """
    Log calls. Duplicates are not detected: `uniq` is only a label. A call with an unknown number gives an entry of
    `errors`; if no call of the request finds its entity, the status is 400.
    """
    who = caller(request)
    logged, errors = [], []
    for item in await batch(request, _schema(who.account)):
        landing = who.account.landing(item["phone"], _CALL_DIGITS)
        if landing is None:
            detail = f"Entity for the phone of item {item['request_id']} was not found"
            errors.append(
                {"title": "Entity not found", "type": "https://httpstatus.es/404", "status": 404, "code": 263,
                 "detail": detail, "request_id": item["request_id"]}
            )  # fmt: skip
            continue
        logged.append(_log(who, item, *landing))
    body = {"_total_items": len(logged), "errors": errors, "_embedded": {"calls": logged}}
    return hal(body, 200 if logged else 400)


def _log(who: Caller, item: Record, kind: str, entity: Record) -> Record:
    account = who.account
    note = account.add_note(kind, entity["id"], note_values(account, item), author(account, item))
    call = {
        "id": account.next_id(),
        "entity_id": entity["id"],
        "entity_type": SINGULAR[kind],
        "account_id": account.id,
        "request_id": item["request_id"],
        "_embedded": {"entity": {"id": entity["id"]}},
    }
    account.calls.append({**call, "note_id": note["id"], "uniq": item.get("uniq")})
    return call


def note_values(account: Account, item: Record) -> Record:
    """The note of a call, also of a call in an accepted unsorted lead (always inbound)."""
    at = account.moment()
    values: Record = {
        "note_type": "call_out" if item.get("direction") == "outbound" else "call_in",
        "params": {name: item[name] for name in _NOTE_PARAMS if item.get(name) is not None},
        "created_at": item.get("created_at", at),
        "updated_at": item.get("updated_at", item.get("created_at", at)),
        "created_by": author(account, item),
    }
    if "responsible_user_id" in item:
        values["responsible_user_id"] = item["responsible_user_id"]
    return values


def author(account: Account, item: Record) -> int:
    """
    The user of a call in the statistics: `call_responsible` if it is a number, else `created_by`, else the robot. A
    numeric string counts as a name.
    """
    responsible = item.get("call_responsible")
    if isinstance(responsible, int) and responsible in account.users:
        return responsible
    return int(item.get("created_by", 0))


async def popup(request: web.Request) -> web.Response:
    """`POST /api/v2/events`: a notification of an incoming call for the listed users; 202."""
    who, sandbox = caller(request), sandbox_of(request)
    body = await json_body(request)
    events = body.get("add") if isinstance(body, dict) else None
    if not isinstance(events, list) or not events:
        raise Problem(400, "`add` with at least one event is expected")
    for event in events:
        if not isinstance(event, dict) or event.get("type") != "phone_call":
            raise Problem(400, "Only events of the type phone_call are known")
        users = event.get("users")
        if not event.get("phone_number") or not isinstance(users, list):
            raise Problem(400, "phone_number and users are required")
        known = [id_ for id_ in users if isinstance(id_, int) and id_ in who.account.assignable()]
        sandbox.notify_user(who.account, known, popup_content(who.account, str(event["phone_number"])))
    items = [{"uid": each["id"]} for each in who.account.popups[-len(events) :]]
    return hal({"_embedded": {"items": items}}, 202)


def popup_content(account: Account, number: str) -> Record:
    """The notification's content: the match by the last eight digits, or an offer to create a contact."""
    landing = account.landing(number, _POPUP_DIGITS)
    content: Record = {"type": "phone_call", "phone_number": number, "entity": None}
    if landing is not None:
        kind, entity = landing
        content["entity"] = {"type": kind, "id": entity["id"], "name": entity["name"]}
    return content


async def only_post(request: web.Request) -> web.Response:
    raise web.HTTPMethodNotAllowed(request.method, ["POST"])


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_post("/api/v4/calls", create)
    router.add_route("*", "/api/v4/calls", only_post)
    router.add_post("/api/v2/events", popup)
