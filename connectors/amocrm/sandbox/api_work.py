"""Tasks, the events feed and webhook subscriptions.

`webhooks.py` delivers webhooks.
"""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web
from yarl import URL

from connectors.amocrm.sandbox import brackets, listing
from connectors.amocrm.sandbox.account import Account, Change
from connectors.amocrm.sandbox.problems import Problem, hal, nothing, refused, validation
from connectors.amocrm.sandbox.session import caller, sandbox_of
from connectors.amocrm.sandbox.tables import Record
from connectors.amocrm.sandbox.validation import FLAG, INT, TEXT, Error, Rule, Schema, batch, single
from connectors.amocrm.sandbox.webhooks import SETTINGS, Hook

_ENTITIES = ("leads", "contacts", "companies", "customers")
_MAX_HOOKS = 100
_TASK_FILTERS = ("id", "responsible_user_id", "is_completed", "task_type_id", "entity_type", "entity_id", "updated_at")


def _schema(account: Account, *, new: bool) -> Schema:
    users = account.assignable()
    return {
        "text": Rule("str", required=new, blank=False),
        "complete_till": replace(INT, required=new),
        "entity_id": INT,
        "entity_type": Rule("str", choices=_ENTITIES),
        "task_type_id": Rule("int", choices=(1, 2)),
        "responsible_user_id": Rule("int", choices=users),
        "duration": INT,
        "is_completed": FLAG,
        "result": Rule("object", items={"text": TEXT}),
        "created_by": Rule("int", choices=users | {0}),
        "updated_by": Rule("int", choices=users | {0}),
        "created_at": INT,
        "updated_at": INT,
    }


def _entity_errors(account: Account, item: Record) -> list[Error]:
    if ("entity_id" in item) != ("entity_type" in item):
        missing = "entity_type" if "entity_id" in item else "entity_id"
        return [{"code": "FieldMissing", "path": missing, "detail": "This field is missing."}]
    if "entity_id" in item:
        kind = item["entity_type"]
        if kind == "customers" or account.table(kind).get(item["entity_id"]) is None:
            return [{"code": "NotSupportedChoice", "path": "entity_id", "detail": "The entity does not exist."}]
    return []


async def create_tasks(request: web.Request) -> web.Response:
    who = caller(request)
    items = await batch(request, _schema(who.account, new=True))
    failures = [
        {"request_id": item["request_id"], "errors": errors}
        for item in items
        if (errors := _entity_errors(who.account, item))
    ]
    if failures:
        raise validation(failures)
    answers = []
    for item in items:
        task = new_task(who.account, {k: v for k, v in item.items() if k != "request_id"}, who.user_id)
        answers.append(
            {"id": task["id"], "request_id": item["request_id"], "_links": listing.link(request, f"tasks/{task['id']}")}
        )
    return hal({"_links": listing.link(request, "tasks"), "_embedded": {"tasks": answers}})


def new_task(account: Account, values: Record, by: int) -> Record:
    at = account.moment()
    task: Record = {
        "id": account.next_id(),
        "created_by": by,
        "updated_by": by,
        "created_at": at,
        "updated_at": at,
        "responsible_user_id": by,
        "group_id": 0,
        "entity_id": None,
        "entity_type": None,
        "duration": 0,
        "is_completed": False,
        "task_type_id": 1,
        "result": [],
        "account_id": account.id,
        **values,
    }
    account.tasks[task["id"]] = task
    if task["entity_id"]:
        account.record_event("task_added", task["entity_type"], task["entity_id"], by)
    account.listener(account, Change(entity="task", action="add", record=task))
    return task


def change_task(account: Account, task: Record, values: Record, by: int) -> Record:
    old = dict(task)
    task |= {**values, "updated_at": account.moment(), "updated_by": by}
    if task["is_completed"] and not old["is_completed"] and task["entity_id"]:
        account.record_event("task_completed", task["entity_type"], task["entity_id"], by)
    if task["responsible_user_id"] != old["responsible_user_id"]:
        account.listener(account, Change(entity="task", action="responsible", record=task, old=old))
    account.listener(account, Change(entity="task", action="update", record=task, old=old))
    return task


def _task(request: web.Request, id_: int) -> Record:
    task = caller(request).account.tasks.get(id_)
    if task is None:
        raise Problem(404, "The task does not exist")
    return task


async def patch_task(request: web.Request) -> web.Response:
    who = caller(request)
    task = _task(request, int(request.match_info["id"]))
    item = await single(request, {**_schema(who.account, new=False), "id": INT, "request_id": TEXT})
    changed = _patch(who.account, task, item, who.user_id)
    return hal({"id": changed["id"], "updated_at": changed["updated_at"]})


async def patch_tasks(request: web.Request) -> web.Response:
    who = caller(request)
    items = await batch(request, {**_schema(who.account, new=False), "id": replace(INT, required=True)})
    tasks = [_task(request, item["id"]) for item in items]
    changed = [_patch(who.account, task, item, who.user_id) for task, item in zip(tasks, items, strict=True)]
    answers = [{"id": task["id"], "updated_at": task["updated_at"]} for task in changed]
    return hal({"_embedded": {"tasks": answers}})


def _patch(account: Account, task: Record, item: Record, by: int) -> Record:
    values = {k: v for k, v in item.items() if k not in ("id", "request_id")}
    errors = _entity_errors(account, item)
    if errors:
        raise validation([{"request_id": "0", "errors": errors}])
    return change_task(account, task, values, by)


async def tasks(request: web.Request) -> web.Response:
    account = caller(request).account
    filters = listing.query_tree(request).get("filter", {})
    found = list(account.tasks.values())
    if isinstance(filters, dict):
        filters.setdefault("task_type_id", filters.get("task_type"))
        found = [task for task in found if listing.matches(task, filters, _TASK_FILTERS)]
    in_order = listing.ordered(request, found, ("id", "created_at", "complete_till", "updated_at"))
    return listing.answer(
        request, "tasks", in_order, lambda task: {**task, "_links": listing.link(request, f"tasks/{task['id']}")}
    )


async def task(request: web.Request) -> web.Response:
    found = caller(request).account.tasks.get(int(request.match_info["id"]))
    return nothing() if found is None else hal(found)


async def events(request: web.Request) -> web.Response:
    """The feed, newest first, in pages of at most 100."""
    account = caller(request).account
    filters = listing.query_tree(request).get("filter", {})
    found = list(reversed(account.events))
    if isinstance(filters, dict):
        renamed = {**filters, "entity_type": filters.get("entity"), "id": filters.get("id")}
        names = ("id", "type", "entity_id", "entity_type", "created_by", "created_at")
        found = [event for event in found if listing.matches(event, renamed, names)]
    return listing.answer(request, "events", found, lambda event: event, most=100)


# ---- webhooks


async def subscribe(request: web.Request) -> web.Response:
    """A second subscription of the same destination replaces its settings and switches it on."""
    who, sandbox = caller(request), sandbox_of(request)
    who.require_admin()
    if not sandbox.settings.webhooks_available:
        raise Problem(403, "Webhooks are not part of the account's plan")
    choices = Rule("list", required=True)
    schema = {"destination": Rule("str", required=True, blank=False), "settings": choices, "sort": INT}
    item = await single(request, schema)
    try:
        url = URL(item["destination"])
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise refused("NotSupportedChoice", "destination", "This value is not a valid URL.")
    for number, name in enumerate(item["settings"]):
        if name not in SETTINGS:
            raise refused("NotSupportedChoice", f"settings.{number}", "The value you selected is not a valid choice.")
    hooks: list[Hook] = sandbox.hooks.setdefault(who.account.id, [])
    hook = next((each for each in hooks if each.destination == item["destination"]), None)
    if hook is None:
        if len(hooks) >= _MAX_HOOKS:
            raise Problem(400, "At most 100 webhooks in one account")
        at = who.account.moment()
        hook = Hook(id=who.account.next_id(), destination=item["destination"], created_by=who.user_id, created_at=at)
        hooks.append(hook)
    hook.renew(item["settings"], item.get("sort", hook.sort), who.account.moment())
    return hal(hook.view(who.account.id), 201)


async def hooks(request: web.Request) -> web.Response:
    who = caller(request)
    who.require_admin()
    found: list[Hook] = sandbox_of(request).hooks.get(who.account.id, [])
    filters = listing.query_tree(request).get("filter", {})
    wanted = brackets.values(filters.get("destination")) if isinstance(filters, dict) else []
    shown = [hook.view(who.account.id) for hook in found if not wanted or hook.destination in wanted]
    return listing.answer(request, "webhooks", shown, lambda each: each)


async def unsubscribe(request: web.Request) -> web.Response:
    who = caller(request)
    who.require_admin()
    item = await single(request, {"destination": Rule("str", required=True), "settings": Rule("list"), "sort": INT})
    found: list[Hook] = sandbox_of(request).hooks.get(who.account.id, [])
    for hook in [each for each in found if each.destination == item["destination"]]:
        hook.disabled = True  # deliveries that still run are abandoned
        found.remove(hook)
    return nothing()


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_get("/api/v4/tasks", tasks)
    router.add_post("/api/v4/tasks", create_tasks)
    router.add_patch("/api/v4/tasks", patch_tasks)
    router.add_get(r"/api/v4/tasks/{id:\d+}", task)
    router.add_patch(r"/api/v4/tasks/{id:\d+}", patch_task)
    router.add_get("/api/v4/events", events)
    router.add_get("/api/v4/webhooks", hooks)
    router.add_post("/api/v4/webhooks", subscribe)
    router.add_delete("/api/v4/webhooks", unsubscribe)
