"""Contacts, companies and leads: lists, search, reading, creating, changing, linking.

`api_links.py` creates a lead together with its contact.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from aiohttp import web

from connectors.amocrm.sandbox import brackets, fields, listing
from connectors.amocrm.sandbox.account import LOST, WON, Account
from connectors.amocrm.sandbox.problems import Problem, hal, nothing, validation
from connectors.amocrm.sandbox.session import Caller, caller
from connectors.amocrm.sandbox.tables import Record
from connectors.amocrm.sandbox.validation import ANY, INT, TEXT, Error, Rule, Schema, batch, single

KINDS = "contacts|companies|leads"
_ORDER = ("id", "created_at", "updated_at")
_FILTERS = ("id", "name", "responsible_user_id", "created_by", "updated_by", "created_at", "updated_at", "closed_at")
_TAG: Schema = {"id": INT, "name": TEXT, "color": ANY, "request_id": TEXT}
_TAGS = Rule("list", items=_TAG)
_LINKED = Rule("list", items={"id": INT.needed(), "is_main": Rule("bool"), "_links": ANY})


def schema(kind: str, account: Account) -> Schema:
    """The writable fields. A deactivated user is refused as `responsible_user_id`, as on old accounts."""
    users = account.assignable()
    common: Schema = {
        "name": TEXT,
        "responsible_user_id": Rule("int", choices=users),
        "group_id": INT,
        "created_by": Rule("int", choices=users | {0}),
        "updated_by": Rule("int", choices=users | {0}),
        "created_at": INT,
        "updated_at": INT,
        "custom_fields_values": fields.CUSTOM_FIELDS_RULE,
        "tags_to_add": _TAGS,
        "tags_to_delete": _TAGS,
    }
    if kind == "contacts":
        embedded: Schema = {"tags": _TAGS, "companies": _LINKED}
        return {**common, "first_name": TEXT, "last_name": TEXT, "_embedded": Rule("object", items=embedded)}
    if kind == "companies":
        return {**common, "_embedded": Rule("object", items={"tags": _TAGS})}
    embedded = {"tags": _TAGS, "contacts": _LINKED, "companies": _LINKED, "source": ANY}
    return {
        **common,
        "price": INT,
        "pipeline_id": Rule("int", choices=set(account.pipelines)),
        "status_id": INT,
        "loss_reason_id": Rule("int", nullable=True),
        "closed_at": Rule("int", nullable=True),
        "_embedded": Rule("object", items=embedded),
    }


# ---- reading


def view(request: web.Request, account: Account, kind: str, record: Record, names: Iterable[str]) -> Record:
    shown = {k: v for k, v in record.items() if k not in ("company_id", "tags", "hidden", "contacts")}
    company = record["company_id"]
    embedded: dict[str, Any] = {"tags": record["tags"]}
    if kind == "companies":
        if "contacts" in names:
            embedded["contacts"] = [{"id": id_} for id_ in account.contacts_of_company(record["id"])]
    else:
        embedded["companies"] = [{"id": company}] if company else []
    if kind == "leads":
        if "contacts" in names:
            embedded["contacts"] = [{"id": id_, "is_main": n == 0} for n, id_ in enumerate(record["contacts"])]
        if "loss_reason" in names:
            embedded["loss_reason"] = []
    elif "leads" in names:
        embedded["leads"] = [{"id": lead["id"]} for lead in account.leads_of(kind, record["id"])]
    for name in ("customers", "catalog_elements"):
        if name in names:
            embedded[name] = []
    return {**shown, "_links": listing.link(request, f"{kind}/{record['id']}"), "_embedded": embedded}


async def index(request: web.Request) -> web.Response:
    kind, account = request.match_info["kind"], caller(request).account
    names = listing.wanted(request)
    table, tree = account.table(kind), listing.query_tree(request)
    filters = tree.get("filter") if account.is_api_filter_enabled else None
    records: Iterable[Record]
    skipped = 0
    if request.query.get("query", "").strip():
        records = table.search(request.query["query"], fields.text_of)
    elif isinstance(filters, dict) and filters:
        records = _candidates(account, kind, filters)
    elif tree.get("order", {"id": "asc"}) != {"id": "asc"}:
        records = table.scan()
    else:  # the table's own order: only the records of this page are generated
        page, limit = listing.paging(request)
        skipped = (page - 1) * limit
        records = table.scan(skipped)
    if isinstance(filters, dict) and filters:
        records = (record for record in records if _passes(record, filters))
    records = listing.ordered(request, records, _ORDER)
    return listing.answer(
        request, kind, records, lambda record: view(request, account, kind, record, names), skipped=skipped
    )


def _candidates(account: Account, kind: str, filters: dict[str, Any]) -> Iterable[Record]:
    """The records to filter: only those named by id, if any; without the untouched population if it is too old."""
    table = account.table(kind)
    if "id" in filters:
        found = (table.get(id_) for id_ in sorted(brackets.ints(filters["id"])))
        return [record for record in found if record is not None and not record["hidden"]]
    updated = filters.get("updated_at")
    since = str(updated.get("from", "")) if isinstance(updated, dict) else ""
    if since.isdigit() and table.population is not None and int(since) > table.population.updated_until:
        return [record for record in table.own() if not record["hidden"]]
    return table.scan()


def _passes(record: Record, filters: dict[str, Any]) -> bool:
    if not listing.matches(record, filters, _FILTERS):
        return False
    statuses = filters.get("statuses")
    if isinstance(statuses, dict) and not any(
        isinstance(each, dict) and listing.matches(record, each, ("status_id", "pipeline_id"))
        for each in statuses.values()
    ):
        return False
    pipelines = filters.get("pipeline_id")
    if pipelines is not None and not listing.matches(record, {"pipeline_id": pipelines}, ("pipeline_id",)):
        return False
    wanted = filters.get("custom_fields_values")
    return not isinstance(wanted, dict) or all(_has(record, id_, brackets.values(v)) for id_, v in wanted.items())


def _has(record: Record, field_id: str, accepted: list[str]) -> bool:
    return any(
        str(field["field_id"]) == field_id and any(str(value["value"]) in accepted for value in field["values"])
        for field in record["custom_fields_values"] or []
    )


async def read(request: web.Request) -> web.Response:
    kind, account = request.match_info["kind"], caller(request).account
    record = account.table(kind).get(int(request.match_info["id"]))
    if record is None:
        return nothing()
    return hal(view(request, account, kind, record, listing.wanted(request)))


# ---- writing


def prepare(account: Account, kind: str, item: Record, record: Record | None) -> tuple[Record, list[Error]]:
    """
    Turn a checked item into stored values: custom fields merged, names joined, tags, stage and links.

    `record`: the record to change; None for a new one.
    """
    plain = ("request_id", "custom_fields_values", "tags_to_add", "tags_to_delete", "_embedded", "id")
    values = {name: value for name, value in item.items() if name not in plain}
    errors: list[Error] = []
    if item.get("custom_fields_values") is not None:
        values["custom_fields_values"], errors = account.check_fields(kind, item["custom_fields_values"], record)
    if kind == "contacts":
        _join_names(values, record)
    embedded = item.get("_embedded", {})
    values |= _tags(item, embedded, record)
    if kind == "leads":
        errors += _stage(account, values, record)
    if kind in ("contacts", "leads"):
        errors += _embedded_links(account, kind, embedded, values)
    return values, errors


def _join_names(values: Record, record: Record | None) -> None:
    """Keep a contact's name and its two parts equal, whichever was written."""
    if "first_name" in values or "last_name" in values:
        old = record or {}
        parts = [values.get(part, old.get(part, "")) for part in ("first_name", "last_name")]
        values.setdefault("name", " ".join(part for part in parts if part))
    elif "name" in values:
        first, _, last = values["name"].partition(" ")
        values |= {"first_name": first, "last_name": last}


def _tags(item: Record, embedded: Record, record: Record | None) -> Record:
    if not ("tags" in embedded or "tags_to_add" in item or "tags_to_delete" in item):
        return {}
    tags = list(record["tags"]) if record and "tags" not in embedded else []
    for tag in [*embedded.get("tags", []), *item.get("tags_to_add", [])]:
        name = tag.get("name") or str(tag.get("id", ""))
        if name and all(name != each["name"] for each in tags):
            tags.append({"id": tag.get("id") or sum(name.encode()) + 5000, "name": name, "color": None})
    gone = {tag.get("name") for tag in item.get("tags_to_delete", [])}
    gone_ids = {tag.get("id") for tag in item.get("tags_to_delete", []) if tag.get("id")}
    return {"tags": [tag for tag in tags if tag["name"] not in gone and tag["id"] not in gone_ids]}


def _stage(account: Account, values: Record, record: Record | None) -> list[Error]:
    if "status_id" not in values and "pipeline_id" not in values:
        return []
    pipeline = values.get("pipeline_id") or (record["pipeline_id"] if record else account.main_pipeline())
    values["pipeline_id"] = pipeline
    if "status_id" not in values:
        values["status_id"] = account.first_stage(pipeline)
    if values["status_id"] in account.ordinary_stages(pipeline) | {WON, LOST}:
        return []
    return [{"code": "NotSupportedChoice", "path": "status_id", "detail": "The stage does not belong to the pipeline."}]


def _embedded_links(account: Account, kind: str, embedded: Record, values: Record) -> list[Error]:
    errors: list[Error] = []
    for other in ("companies", "contacts"):
        for number, link in enumerate(embedded.get(other, [])):
            if account.table(other).get(link["id"]) is None:
                path = f"_embedded.{other}.{number}.id"
                errors.append({"code": "NotSupportedChoice", "path": path, "detail": "The entity does not exist."})
    if embedded.get("companies"):
        values["company_id"] = embedded["companies"][0]["id"]
    if kind == "leads" and "contacts" in embedded:
        links = sorted(embedded["contacts"], key=lambda link: not link.get("is_main"))
        values["contacts"] = [link["id"] for link in links]
    return errors


async def create(request: web.Request) -> web.Response:
    kind, who = request.match_info["kind"], caller(request)
    items = await batch(request, schema(kind, who.account))
    prepared, failures = [], []
    for item in items:
        values, errors = prepare(who.account, kind, item, None)
        prepared.append((item, values))
        if errors:
            failures.append({"request_id": item["request_id"], "errors": errors})
    if failures:
        raise validation(failures)
    answers = []
    for item, values in prepared:
        record = who.account.create(kind, _authored(values, who), values.get("created_by", who.user_id))
        answers.append(
            {
                "id": record["id"],
                "request_id": item["request_id"],
                "_links": listing.link(request, f"{kind}/{record['id']}"),
            }
        )
    return hal({"_links": listing.link(request, kind), "_embedded": {kind: answers}})


def _authored(values: Record, who: Caller) -> Record:
    return {"responsible_user_id": who.user_id, **values}


async def change_one(request: web.Request) -> web.Response:
    kind, who = request.match_info["kind"], caller(request)
    item = await single(request, {**schema(kind, who.account), "id": INT, "request_id": TEXT})
    return hal(_change(request, who, kind, [{**item, "id": int(request.match_info["id"])}])[0])


async def change_many(request: web.Request) -> web.Response:
    kind, who = request.match_info["kind"], caller(request)
    items = await batch(request, {**schema(kind, who.account), "id": replace(INT, required=True)})
    changed = _change(request, who, kind, items)
    return hal({"_links": listing.link(request, kind), "_embedded": {kind: changed}})


def _change(request: web.Request, who: Caller, kind: str, items: list[Record]) -> list[Record]:
    prepared, failures = [], []
    for number, item in enumerate(items):
        record = who.account.table(kind).get(item["id"])
        if record is None:
            raise Problem(404, f"{kind} {item['id']} does not exist")
        values, errors = prepare(who.account, kind, item, record)
        # Only link and unlink change links, a PATCH of the lead does not.
        values.pop("contacts", None)
        prepared.append((record, values))
        if errors:
            failures.append({"request_id": item.get("request_id", str(number)), "errors": errors})
    if failures:
        raise validation(failures)
    changed = [who.account.update(kind, record, values, who.user_id) for record, values in prepared]
    return [
        {
            "id": record["id"],
            "name": record["name"],
            "updated_at": record["updated_at"],
            "_links": listing.link(request, f"{kind}/{record['id']}"),
        }
        for record in changed
    ]


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_get(f"/api/v4/{{kind:{KINDS}}}", index)
    router.add_post(f"/api/v4/{{kind:{KINDS}}}", create)
    router.add_patch(f"/api/v4/{{kind:{KINDS}}}", change_many)
    router.add_get(f"/api/v4/{{kind:{KINDS}}}/{{id:\\d+}}", read)
    router.add_patch(f"/api/v4/{{kind:{KINDS}}}/{{id:\\d+}}", change_one)
