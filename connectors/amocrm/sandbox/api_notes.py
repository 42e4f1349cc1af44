"""Notes of contacts, companies and leads, calls among them: writing, changing, reading with filters.

`api_calls.py` decides which entity a call belongs to.
"""

from __future__ import annotations

from aiohttp import web

from connectors.amocrm.sandbox import listing
from connectors.amocrm.sandbox.account import Account
from connectors.amocrm.sandbox.problems import Problem, hal, nothing, validation
from connectors.amocrm.sandbox.session import caller
from connectors.amocrm.sandbox.tables import Record
from connectors.amocrm.sandbox.validation import FLAG, INT, TEXT, Error, Rule, Schema, batch, check, single

CALL_STATUSES = range(1, 9)  # 8: undefined, known to the official client
_KINDS = "contacts|companies|leads"

_CALL_PARAMS: Schema = {
    "uniq": TEXT,
    "duration": INT.needed(),
    "source": Rule("str", required=True, blank=False),
    "link": TEXT,
    "phone": TEXT,
    "call_responsible": Rule("party"),
    "call_status": Rule("int", choices=CALL_STATUSES),
    "call_result": TEXT,
}
_TEXT_PARAMS: Schema = {"text": Rule("str", required=True, blank=False)}
PARAMS: dict[str, Schema] = {
    "common": _TEXT_PARAMS,
    "call_in": _CALL_PARAMS,
    "call_out": _CALL_PARAMS,
    "service_message": {**_TEXT_PARAMS, "service": Rule("str", required=True)},
    "extended_service_message": {**_TEXT_PARAMS, "service": Rule("str", required=True)},
    "sms_in": {**_TEXT_PARAMS, "phone": Rule("str", required=True)},
    "sms_out": {**_TEXT_PARAMS, "phone": Rule("str", required=True)},
    "message_cashier": {**_TEXT_PARAMS, "status": Rule("str", required=True)},
    "geolocation": {**_TEXT_PARAMS, "address": Rule("str", required=True), "longitude": TEXT, "latitude": TEXT},
    "attachment": {"file_uuid": TEXT, "file_name": TEXT, "version_uuid": TEXT},
}


def _schema(account: Account, *, new: bool) -> Schema:
    users = account.assignable() | {0}
    return {
        "entity_id": INT,
        "note_type": Rule("str", required=new, choices=set(PARAMS)),
        "params": Rule("object", required=new),
        "created_by": Rule("int", choices=users),
        "updated_by": Rule("int", choices=users),
        "responsible_user_id": Rule("int", choices=users),
        "created_at": INT,
        "updated_at": INT,
        "is_need_to_trigger_digital_pipeline": FLAG,
        "is_pinned": FLAG,
    }


async def create(request: web.Request) -> web.Response:
    who, kind = caller(request), request.match_info["kind"]
    items = await batch(request, _schema(who.account, new=True))
    failures = []
    for item in items:
        if "id" in request.match_info:
            item["entity_id"] = int(request.match_info["id"])
        errors = check(item["params"], PARAMS[item["note_type"]], "params")
        errors += _entity_errors(who.account, kind, item)
        if errors:
            failures.append({"request_id": item["request_id"], "errors": errors})
    if failures:
        raise validation(failures)
    answers = []
    for item in items:
        values = {k: v for k, v in item.items() if k not in ("entity_id", "request_id")}
        values.pop("is_need_to_trigger_digital_pipeline", None)
        note = who.account.add_note(kind, item["entity_id"], values, who.user_id)
        answers.append(
            {
                "id": note["id"],
                "entity_id": note["entity_id"],
                "request_id": item["request_id"],
                "_links": listing.link(request, f"{kind}/notes/{note['id']}"),
            }
        )
    return hal({"_links": listing.link(request, f"{kind}/notes"), "_embedded": {"notes": answers}})


def _entity_errors(account: Account, kind: str, item: Record) -> list[Error]:
    if "entity_id" not in item:
        return [{"code": "FieldMissing", "path": "entity_id", "detail": "This field is missing."}]
    entity = account.table(kind).get(item["entity_id"])
    if entity is None or (entity.get("hidden") and not account.unsorted_takes_notes):
        return [{"code": "NotSupportedChoice", "path": "entity_id", "detail": "The entity does not exist."}]
    return []


async def change(request: web.Request) -> web.Response:
    who = caller(request)
    note = _find(request, who.account)
    item = await single(request, {**_schema(who.account, new=False), "id": INT})
    if item.get("note_type", note["note_type"]) != note["note_type"]:
        raise Problem(400, "note_type of a note cannot be changed")
    params = {**note["params"], **item.get("params", {})}
    errors = check(params, PARAMS[note["note_type"]], "params")
    if errors:
        raise validation([{"request_id": "0", "errors": errors}])
    values = {k: v for k, v in item.items() if k in ("responsible_user_id", "created_at", "is_pinned")}
    note |= {**values, "params": params, "updated_at": who.account.moment(), "updated_by": who.user_id}
    who.account.touch()
    return hal({"id": note["id"], "entity_id": note["entity_id"], "updated_at": note["updated_at"]})


def _find(request: web.Request, account: Account) -> Record:
    note = account.notes.get(int(request.match_info["note"]))
    if note is None or note["entity_type"] != request.match_info["kind"]:
        raise Problem(404, "The note does not exist")
    if "id" in request.match_info and note["entity_id"] != int(request.match_info["id"]):
        raise Problem(404, "The note does not exist")
    return note


def view(request: web.Request, note: Record) -> Record:
    shown = {name: value for name, value in note.items() if name != "entity_type"}
    return {**shown, "_links": listing.link(request, f"{note['entity_type']}/notes/{note['id']}")}


async def index(request: web.Request) -> web.Response:
    """Does not list a contact's calls under its lead."""
    account, kind = caller(request).account, request.match_info["kind"]
    filters = listing.query_tree(request).get("filter", {})
    notes = [note for note in account.notes.values() if note["entity_type"] == kind]
    if "id" in request.match_info:
        notes = [note for note in notes if note["entity_id"] == int(request.match_info["id"])]
    if isinstance(filters, dict):
        names = ("id", "entity_id", "note_type", "updated_at", "created_at")
        notes = [note for note in notes if listing.matches(note, filters, names)]
    found = listing.ordered(request, notes, ("id", "updated_at", "created_at"))
    return listing.answer(request, "notes", found, lambda note: view(request, note))


async def read(request: web.Request) -> web.Response:
    account = caller(request).account
    try:
        return hal(view(request, _find(request, account)))
    except Problem:
        return nothing()


def add_routes(router: web.UrlDispatcher) -> None:
    for path in (f"/api/v4/{{kind:{_KINDS}}}/notes", f"/api/v4/{{kind:{_KINDS}}}/{{id:\\d+}}/notes"):
        router.add_get(path, index)
        router.add_post(path, create)
        router.add_get(path + "/{note:\\d+}", read)
        router.add_patch(path + "/{note:\\d+}", change)
