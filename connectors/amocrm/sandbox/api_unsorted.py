"""Incoming leads ("unsorted") of telephony: created by the API, accepted or declined by a person or the API.

Until then their contact and lead exist, but search and phone matching do not find them.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from aiohttp import web

from connectors.amocrm.sandbox import api_entities, listing
from connectors.amocrm.sandbox.account import Account, Change
from connectors.amocrm.sandbox.api_calls import author, note_values
from connectors.amocrm.sandbox.problems import Problem, hal, refused, validation
from connectors.amocrm.sandbox.session import Caller, caller
from connectors.amocrm.sandbox.tables import Record
from connectors.amocrm.sandbox.validation import FLAG, INT, TEXT, Rule, Schema, batch, check, json_body

METADATA: Schema = {
    "from": Rule("any"),
    "phone": Rule("party"),
    "called_at": INT,
    "duration": INT,
    "link": TEXT,
    "service_code": TEXT,
    "uniq": TEXT,
    "is_call_event_needed": FLAG,
    "call_responsible": Rule("party", nullable=True),
}
_REQUIRED = ("called_at", "duration", "service_code", "uniq")


def _schema(account: Account) -> Schema:
    metadata = {name: rule.needed() if name in _REQUIRED else rule for name, rule in METADATA.items()}
    embedded: Schema = {
        kind: Rule("list", items={**api_entities.schema(kind, account), "request_id": TEXT})
        for kind in ("leads", "contacts", "companies")
    }
    return {
        "source_name": Rule("str", required=True, blank=False),
        "source_uid": Rule("str", required=True, blank=False),
        "pipeline_id": Rule("int", choices=set(account.pipelines)),
        "created_at": INT,
        "metadata": Rule("object", required=True, items=metadata),
        "_embedded": Rule("object", items=embedded),
    }


async def create(request: web.Request) -> web.Response:
    who = caller(request)
    items = await batch(request, _schema(who.account))
    failures = [
        {"request_id": item["request_id"], "errors": errors} for item in items if (errors := _errors(who.account, item))
    ]
    if failures:
        raise validation(failures)
    return hal({"_total_items": len(items), "_embedded": {"unsorted": [_create(who, item) for item in items]}})


def _errors(account: Account, item: Record) -> list[dict[str, str]]:
    errors: list[dict[str, str]] = []
    if _fingerprint(item) in account.seen_unsorted:
        detail = "The same data were sent before."
        errors.append({"code": "NotSupportedChoice", "path": "source_uid", "detail": detail})
    if not account.pipelines[item.get("pipeline_id") or account.main_pipeline()]["is_unsorted_on"]:
        detail = "Incoming leads are off in this pipeline."
        errors.append({"code": "NotSupportedChoice", "path": "pipeline_id", "detail": detail})
    for kind, inline in item.get("_embedded", {}).items():
        for each in inline:
            errors += api_entities.prepare(account, kind, each, None)[1]
    return errors


def _fingerprint(item: Record) -> str:
    """For refusing identical data a second time. The echo id does not count."""
    return json.dumps({k: v for k, v in item.items() if k != "request_id"}, sort_keys=True)


def _create(who: Caller, item: Record) -> Record:
    account, embedded = who.account, item.get("_embedded", {})
    account.seen_unsorted.add(_fingerprint(item))
    pipeline = item.get("pipeline_id") or account.main_pipeline()
    at = {"created_at": item["created_at"]} if "created_at" in item else {}
    ids: dict[str, list[int]] = {"contacts": [], "companies": []}
    for kind in ("companies", "contacts"):
        for each in embedded.get(kind, []):
            values, _ = api_entities.prepare(account, kind, each, None)
            if kind == "contacts" and ids["companies"]:
                values["company_id"] = ids["companies"][0]
            ids[kind].append(account.create(kind, {**at, **values}, 0, hidden=True)["id"])
    drafts = embedded.get("leads") or [{"name": f"Звонок от {item['metadata'].get('phone', '')}"}]
    values, _ = api_entities.prepare(account, "leads", drafts[0], None)
    values |= {"pipeline_id": pipeline, "status_id": account.unsorted_stage(pipeline)}
    values |= {"contacts": ids["contacts"], "company_id": ids["companies"][0] if ids["companies"] else None}
    lead = account.create("leads", {**at, **values}, 0, hidden=True)
    entry = register(
        account,
        lead,
        item["metadata"],
        source_name=item["source_name"],
        source_uid=item["source_uid"],
        request_id=item["request_id"],
    )
    return {
        "uid": entry["uid"],
        "account_id": account.id,
        "request_id": item["request_id"],
        "_embedded": _ids(entry, lead),
    }


def register(
    account: Account, lead: Record, metadata: Record, *, source_name: str, source_uid: str, request_id: str
) -> Record:
    """Put a hidden lead into the list of incoming ones."""
    entry: Record = {
        "uid": uuid.uuid4().hex + uuid.uuid4().hex[:20],
        "source_uid": source_uid,
        "source_name": source_name,
        "category": "sip",
        "pipeline_id": lead["pipeline_id"],
        "created_at": lead["created_at"],
        "metadata": dict(metadata),
        "account_id": account.id,
        "lead_id": lead["id"],
    }
    account.unsorted[entry["uid"]] = entry
    account.listener(account, Change(entity="unsorted", action="add", record={**entry, "lead": lead}))
    return entry


def _ids(entry: Record, lead: Record | None) -> dict[str, list[dict[str, Any]]]:
    lead = lead or {"contacts": [], "company_id": None}
    company = lead["company_id"]
    return {
        "leads": [{"id": entry["lead_id"]}],
        "contacts": [{"id": id_} for id_ in lead["contacts"]],
        "companies": [{"id": company}] if company else [],
    }


def view(account: Account, entry: Record) -> Record:
    lead = account.leads.get(entry["lead_id"])
    shown = {name: value for name, value in entry.items() if name != "lead_id"}
    # `is_call_event_needed` can be written but not read.
    shown["metadata"] = {k: v for k, v in entry["metadata"].items() if k != "is_call_event_needed"}
    return {**shown, "_embedded": _ids(entry, lead)}


async def index(request: web.Request) -> web.Response:
    account = caller(request).account
    filters = listing.query_tree(request).get("filter", {})
    found = list(account.unsorted.values())
    if isinstance(filters, dict):
        found = [each for each in found if listing.matches(each, filters, ("category", "pipeline_id", "uid"))]
    in_order = sorted(found, key=lambda each: each["created_at"])
    order = listing.query_tree(request).get("order")
    if isinstance(order, dict) and "desc" in order.values():
        in_order.reverse()
    return listing.answer(request, "unsorted", in_order, lambda each: view(account, each))


def _find(request: web.Request) -> Record:
    entry = caller(request).account.unsorted.get(request.match_info["uid"])
    if entry is None:
        raise Problem(404, "There is no such incoming lead")
    return entry


async def read(request: web.Request) -> web.Response:
    return hal(view(caller(request).account, _find(request)))


async def _decision(request: web.Request, account: Account, schema: Schema) -> Record:
    body = await json_body(request) if request.can_read_body else {}
    errors = check(body, schema)
    if errors:
        raise validation([{"request_id": "0", "errors": errors}])
    return dict(body)


async def accept(request: web.Request) -> web.Response:
    who, entry = caller(request), _find(request)
    schema = {"user_id": Rule("int", choices=who.account.assignable()), "status_id": INT}
    body = await _decision(request, who.account, schema)
    if "status_id" in body and body["status_id"] not in who.account.ordinary_stages(entry["pipeline_id"]):
        raise refused("NotSupportedChoice", "status_id", "The stage does not belong to the pipeline.")
    lead = accept_entry(who.account, entry, body.get("user_id", who.user_id), body.get("status_id"))
    return hal(_settled(entry, lead))


def accept_entry(account: Account, entry: Record, user_id: int, status_id: int | None) -> Record:
    """Show the contact, company and lead, under `user_id`. The call joins the feed if the request asked for it."""
    lead = account.leads.get(entry["lead_id"])
    assert lead is not None
    del account.unsorted[entry["uid"]]
    shown = {"hidden": False, "responsible_user_id": user_id}
    for kind, ids in (("companies", [lead["company_id"]]), ("contacts", lead["contacts"])):
        for id_ in ids:
            record = account.table(kind).get(id_) if id_ else None
            if record is not None and record["hidden"]:
                account.table(kind).put({**record, **shown})
                account.announce_new(kind, {**record, **shown})
    stage = status_id or account.first_stage(entry["pipeline_id"])
    lead = {**lead, **shown, "status_id": stage, "updated_at": account.moment()}
    account.leads.put(lead)
    account.announce_new("leads", lead)
    if entry["metadata"].get("is_call_event_needed"):
        call = {**entry["metadata"], "source": entry["source_name"] or entry["metadata"].get("service_code", "sip")}
        call["created_at"] = entry["metadata"].get("called_at", entry["created_at"])
        call.setdefault("call_status", 4 if call.get("duration") else 6)
        account.add_note("leads", lead["id"], note_values(account, call), author(account, call))
    _tell_settled(account, entry, lead, "accept")
    return lead


async def decline(request: web.Request) -> web.Response:
    who, entry = caller(request), _find(request)
    await _decision(request, who.account, {"user_id": Rule("int", choices=who.account.assignable())})
    return hal(_settled(entry, decline_entry(who.account, entry, who.user_id)))


def decline_entry(account: Account, entry: Record, by: int) -> Record:
    """Delete the data of the incoming lead."""
    lead = account.leads.get(entry["lead_id"])
    assert lead is not None
    del account.unsorted[entry["uid"]]
    for kind, ids in (("contacts", lead["contacts"]), ("companies", [lead["company_id"]])):
        for id_ in ids:
            record = account.table(kind).get(id_) if id_ else None
            if record is not None and record["hidden"]:
                account.delete(kind, record["id"], by)
    account.delete("leads", lead["id"], by)
    _tell_settled(account, entry, lead, "decline")
    return lead


def _settled(entry: Record, lead: Record) -> Record:
    names = ("uid", "pipeline_id", "category", "created_at", "account_id")
    return {**{name: entry[name] for name in names}, "_embedded": _ids(entry, lead)}


def _tell_settled(account: Account, entry: Record, lead: Record, action: str) -> None:
    result = {"leads": [lead["id"]], "contacts": lead["contacts"]}
    record = {**entry, "action": action, f"{action}_result": result}
    account.listener(account, Change(entity="unsorted", action="delete", record=record))


async def summary(request: web.Request) -> web.Response:
    waiting = caller(request).account.unsorted
    return hal({"total": len(waiting), "accepted": 0, "declined": 0, "average_sort_time": 0,
                "categories": {"sip": {"total": len(waiting)}, "forms": {"total": 0}}})  # fmt: skip


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_post("/api/v4/leads/unsorted/sip", create)
    router.add_get("/api/v4/leads/unsorted", index)
    router.add_get("/api/v4/leads/unsorted/summary", summary)
    router.add_get("/api/v4/leads/unsorted/{uid}", read)
    router.add_post("/api/v4/leads/unsorted/{uid}/accept", accept)
    router.add_delete("/api/v4/leads/unsorted/{uid}/decline", decline)
