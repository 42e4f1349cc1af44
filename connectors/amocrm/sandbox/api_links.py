"""Links between leads and contacts or companies, and `leads/complex`: a lead with its contact and company at once.

`api_entities.py` creates and changes single records.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from connectors.amocrm.sandbox import api_entities, api_unsorted, listing
from connectors.amocrm.sandbox.account import Account
from connectors.amocrm.sandbox.problems import Problem, hal, nothing, refused, validation
from connectors.amocrm.sandbox.session import Caller, caller
from connectors.amocrm.sandbox.tables import Record
from connectors.amocrm.sandbox.validation import ANY, INT, Error, Rule, Schema, batch

_LINK: Schema = {
    "to_entity_id": INT.needed(),
    "to_entity_type": Rule("str", required=True, choices=("contacts", "companies", "leads")),
    "metadata": Rule("object", items={"is_main": Rule("bool"), "quantity": ANY, "catalog_id": ANY}),
}
_COMPLEX_LIMIT = 50
_COMPLEX_FIELDS = 40


def _own(request: web.Request, account: Account) -> Record:
    record = account.table(request.match_info["kind"]).get(int(request.match_info["id"]))
    if record is None:
        raise Problem(404, "The entity does not exist")
    return record


def _pairs(account: Account, kind: str, record: Record, item: Record) -> tuple[Record, str, int]:
    """`(lead, other kind, other id)`, whichever side the request names. A contact and a company are not such a pair."""
    other, other_id = item["to_entity_type"], item["to_entity_id"]
    target = account.table(other).get(other_id)
    if target is None:
        raise refused("NotSupportedChoice", "to_entity_id", "The entity does not exist.", item["request_id"])
    if kind == "leads" and other != "leads":
        return record, other, other_id
    if kind != "leads" and other == "leads":
        return target, kind, record["id"]
    raise refused("NotSupportedChoice", "to_entity_type", "These entities cannot be linked.", item["request_id"])


def _link_contact_to_company(who: Caller, kind: str, record: Record, item: Record, *, on: bool) -> bool:
    """Link a contact and a company, from either side, by the contact's company. False for another pair."""
    other, other_id = item["to_entity_type"], item["to_entity_id"]
    if {kind, other} != {"contacts", "companies"}:
        return False
    contact_id, company_id = (record["id"], other_id) if kind == "contacts" else (other_id, record["id"])
    contact = who.account.contacts.get(contact_id)
    if contact is None or who.account.companies.get(company_id) is None:
        raise refused("NotSupportedChoice", "to_entity_id", "The entity does not exist.", item["request_id"])
    who.account.update("contacts", contact, {"company_id": company_id if on else None}, who.user_id)
    return True


async def link(request: web.Request) -> web.Response:
    who, kind = caller(request), request.match_info["kind"]
    items = await batch(request, _LINK, limit=50)
    for item in items:
        record = _own(request, who.account)
        if not _link_contact_to_company(who, kind, record, item, on=True):
            lead, other, other_id = _pairs(who.account, kind, record, item)
            is_main = bool(item.get("metadata", {}).get("is_main"))
            who.account.link(lead, other, other_id, who.user_id, is_main=is_main)
    links = _links(who.account, kind, _own(request, who.account))
    return hal({"_total_items": len(links), "_embedded": {"links": links}})


async def unlink(request: web.Request) -> web.Response:
    who, kind = caller(request), request.match_info["kind"]
    for item in await batch(request, _LINK, limit=50):
        record = _own(request, who.account)
        if not _link_contact_to_company(who, kind, record, item, on=False):
            lead, other, other_id = _pairs(who.account, kind, record, item)
            who.account.unlink(lead, other, other_id, who.user_id)
    return nothing()


async def links(request: web.Request) -> web.Response:
    account = caller(request).account
    found = _links(account, request.match_info["kind"], _own(request, account))
    return listing.answer(request, "links", found, lambda each: each)


def _links(account: Account, kind: str, record: Record) -> list[Record]:
    if kind == "leads":
        pairs: list[tuple[str, int, Any]] = [
            ("contacts", id_, {"main_contact": n == 0}) for n, id_ in enumerate(record["contacts"])
        ]
    else:
        pairs = [("leads", lead["id"], None) for lead in account.leads_of(kind, record["id"])]
    if kind == "companies":
        pairs += [("contacts", id_, None) for id_ in account.contacts_of_company(record["id"])]
    if record["company_id"]:
        pairs.append(("companies", record["company_id"], None))
    return [{"to_entity_id": id_, "to_entity_type": other, "metadata": metadata} for other, id_, metadata in pairs]


# ---- leads/complex


def _complex_schema(account: Account) -> Schema:
    contact = {**api_entities.schema("contacts", account), "id": INT}
    company = {**api_entities.schema("companies", account), "id": INT}
    embedded: Schema = {
        "contacts": Rule("list", items=contact),
        "companies": Rule("list", items=company),
        "tags": Rule("list", items={"id": INT, "name": Rule("str")}),
        "source": ANY,
        "metadata": Rule("object", items={"category": Rule("str", choices=("sip",)), **api_unsorted.METADATA}),
    }
    return {**api_entities.schema("leads", account), "_embedded": Rule("object", items=embedded)}


async def complex_create(request: web.Request) -> web.Response:
    """At most 50 leads, each with one contact and one company; 40 custom fields per entity. Merges no duplicates."""
    who = caller(request)
    items = await batch(request, _complex_schema(who.account), limit=_COMPLEX_LIMIT)
    failures = [
        {"request_id": item["request_id"], "errors": errors}
        for item in items
        if (errors := _complex_errors(who.account, item))
    ]
    if failures:
        raise validation(failures)
    return hal([_create_complex(who, item) for item in items])


def _complex_errors(account: Account, item: Record) -> list[Error]:
    errors: list[Error] = []
    embedded = item.get("_embedded", {})
    for kind in ("contacts", "companies"):
        inline = embedded.get(kind, [])
        if len(inline) > 1:
            errors.append({"code": "NotSupportedChoice", "path": f"_embedded.{kind}", "detail": "At most one."})
        for each in inline:
            errors += api_entities.prepare(account, kind, each, None)[1]
            if "id" in each and account.table(kind).get(each["id"]) is None:
                errors.append({"code": "NotSupportedChoice", "path": f"_embedded.{kind}.0.id", "detail": "Unknown id."})
    for each in [item, *embedded.get("contacts", []), *embedded.get("companies", [])]:
        if len(each.get("custom_fields_values") or []) > _COMPLEX_FIELDS:
            errors.append({"code": "NotSupportedChoice", "path": "custom_fields_values", "detail": "At most 40."})
    plain = {**item, "_embedded": {"tags": embedded.get("tags", [])}}
    return errors + api_entities.prepare(account, "leads", plain, None)[1]


def _create_complex(who: Caller, item: Record) -> Record:
    account, embedded = who.account, item.get("_embedded", {})
    metadata = embedded.get("metadata")
    ids: dict[str, int | None] = {}
    for kind in ("companies", "contacts"):
        inline = embedded.get(kind, [])
        ids[kind] = inline[0].get("id") if inline else None
        if inline and ids[kind] is None:
            values, _ = api_entities.prepare(account, kind, inline[0], None)
            values.setdefault("responsible_user_id", item.get("responsible_user_id", who.user_id))
            if kind == "contacts" and ids["companies"]:
                values["company_id"] = ids["companies"]
            ids[kind] = account.create(kind, values, who.user_id, hidden=metadata is not None)["id"]
    plain = {**item, "_embedded": {"tags": embedded.get("tags", [])}}
    values, _ = api_entities.prepare(account, "leads", plain, None)
    values.setdefault("responsible_user_id", who.user_id)
    values |= {"contacts": [ids["contacts"]] if ids["contacts"] else [], "company_id": ids["companies"]}
    if metadata is not None:
        values["pipeline_id"] = values.get("pipeline_id") or account.main_pipeline()
        values["status_id"] = account.unsorted_stage(values["pipeline_id"])
    lead = account.create("leads", values, who.user_id, hidden=metadata is not None)
    if metadata is not None:
        api_unsorted.register(account, lead, metadata, source_name="", source_uid="", request_id=item["request_id"])
    return {
        "id": lead["id"],
        "contact_id": ids["contacts"],
        "company_id": ids["companies"],
        "request_id": [item["request_id"]],
        "merged": False,
    }


def add_routes(router: web.UrlDispatcher) -> None:
    kinds = api_entities.KINDS
    router.add_post("/api/v4/leads/complex", complex_create)
    router.add_post(f"/api/v4/{{kind:{kinds}}}/{{id:\\d+}}/link", link)
    router.add_post(f"/api/v4/{{kind:{kinds}}}/{{id:\\d+}}/unlink", unlink)
    router.add_get(f"/api/v4/{{kind:{kinds}}}/{{id:\\d+}}/links", links)
