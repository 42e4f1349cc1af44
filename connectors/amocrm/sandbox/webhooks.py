"""Webhooks: matches changes to subscriptions, builds form bodies, delivers, retries, and switches subscriptions off.

The API's method to subscribe is in `api_work.py`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
import structlog
from aiohttp import web

from connectors.amocrm.sandbox import brackets
from connectors.amocrm.sandbox.account import SINGULAR, Account, Change
from connectors.amocrm.sandbox.guard import pause
from connectors.amocrm.sandbox.oauth import HTTP
from connectors.amocrm.sandbox.sandbox import SANDBOX, Sandbox
from connectors.amocrm.sandbox.tables import Record

log = structlog.get_logger()

SETTINGS = frozenset(
    f"{action}_{entity}"
    for entity in ("lead", "contact", "company")
    for action in ("add", "update", "delete", "restore", "responsible", "note")
) | {
    *("status_lead", "add_talk", "update_talk", "add_unsorted", "update_unsorted", "delete_unsorted"),
    *("add_task", "update_task", "delete_task", "responsible_task"),
    *("add_customer", "update_customer", "delete_customer", "responsible_customer", "note_customer"),
}

_ELEMENT_TYPES = {"contacts": 1, "leads": 2, "companies": 3}
_NOTE_TYPES = {"common": 4, "call_in": 10, "call_out": 11}  # numbers of the old API
_QUEUE_BOUND = 10_000


@dataclass(slots=True, kw_only=True)
class Hook:
    id: int
    destination: str
    created_by: int
    created_at: int
    settings: list[str] = field(default_factory=list)
    sort: int = 10
    disabled: bool = False
    updated_at: int = 0
    delivered: int = 0
    failures: deque[float] = field(default_factory=deque)
    waiting: asyncio.Queue[str] | None = None  # bodies to deliver; created with the hook's worker

    def renew(self, settings: list[str], sort: int, at: int) -> None:
        self.settings, self.sort, self.updated_at = list(settings), sort, at
        self.disabled = False
        self.failures.clear()

    def view(self, account_id: int) -> Record:
        return {
            "id": self.id,
            "destination": self.destination,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "account_id": account_id,
            "created_by": self.created_by,
            "sort": self.sort,
            "disabled": self.disabled,
            "settings": self.settings,
        }


def setting_of(change: Change) -> str:
    return f"{change.action}_{SINGULAR.get(change.entity, change.entity)}"


# ---- bodies


def body(account: Account, change: Change) -> str:
    """The body of a delivery: `contacts[add][0][id]=...`. All values are text; companies are sent as contacts."""
    key = "contacts" if change.entity == "companies" else change.entity
    action = change.action
    if key == "contacts" and action == "responsible":
        # A contact's new owner is an update with the old owner in it; only leads have an action for it.
        action = "update"
    tree = {
        key: {action: [_item(change)]},
        "account": {
            "subdomain": account.subdomain,
            "id": account.id,
            "_links": {"self": f"https://{account.subdomain}.amocrm.ru"},
        },
    }
    return urlencode(list(brackets.flatten(tree)))


def _item(change: Change) -> Record:
    if change.note is not None:
        return _note_item(change, change.note)
    if change.entity == "task":
        return _task_item(change)
    if change.entity == "unsorted":
        return _unsorted_item(change)
    if change.action == "delete":
        return _deleted_item(change)
    return _entity_item(change)


def _entity_item(change: Change) -> Record:
    record, old = change.record, change.old
    item: Record = {
        "id": record["id"],
        "name": record["name"],
        "responsible_user_id": record["responsible_user_id"],
        "group_id": record["group_id"],
        "date_create": record["created_at"],
        "last_modified": record["updated_at"],
        "created_user_id": record["created_by"],
        "modified_user_id": record["updated_by"],
        "created_at": record["created_at"],
        "updated_at": record["updated_at"],
        "account_id": record["account_id"],
        "tags": [{"id": tag["id"], "name": tag["name"]} for tag in record["tags"]],
        "custom_fields": _custom_fields(record),
    }
    if change.entity == "leads":
        item |= {"status_id": record["status_id"], "pipeline_id": record["pipeline_id"], "price": record["price"]}
        if change.action == "status":
            item |= {"old_status_id": old["status_id"], "old_pipeline_id": old["pipeline_id"]}
    else:
        item["type"] = SINGULAR[change.entity]
        item["linked_company_id"] = record["company_id"]
    if old and old["responsible_user_id"] != record["responsible_user_id"]:
        item["old_responsible_user_id"] = old["responsible_user_id"]
    return item


def _custom_fields(record: Record) -> list[Record]:
    return [
        {
            "id": each["field_id"],
            "name": each["field_name"],
            "code": each["field_code"],
            "values": [{"value": value["value"], "enum": value.get("enum_id")} for value in each["values"]],
        }
        for each in record["custom_fields_values"] or []
    ]


def _deleted_item(change: Change) -> Record:
    record = change.record
    if change.entity == "leads":
        return {"id": record["id"], "status_id": record["status_id"], "pipeline_id": record["pipeline_id"]}
    return {"id": record["id"], "type": SINGULAR[change.entity]}


def _note_item(change: Change, note: Record) -> Record:
    params = note["params"]
    item: Record = {
        "note": {
            "id": note["id"],
            "element_id": note["entity_id"],
            "element_type": _ELEMENT_TYPES[change.entity],
            "note_type": _NOTE_TYPES.get(note["note_type"], 25),
            "text": params.get("text") or params.get("call_result") or "",
            "params": {name: value for name, value in params.items() if name != "text"},
            "main_user_id": note["responsible_user_id"],
            "created_by": note["created_by"],
            "modified_by": note["updated_by"],
            "created_at": note["created_at"],
            "updated_at": note["updated_at"],
            "account_id": note["account_id"],
        }
    }
    if change.entity != "leads":
        item["type"] = SINGULAR[change.entity]
    return item


def _task_item(change: Change) -> Record:
    task = change.record
    item: Record = {
        "id": task["id"],
        "element_id": task["entity_id"],
        "element_type": _ELEMENT_TYPES.get(task["entity_type"] or ""),
        "task_type": task["task_type_id"],
        "text": task["text"],
        "status": task["is_completed"],
        "account_id": task["account_id"],
        "created_user_id": task["created_by"],
        "responsible_user_id": task["responsible_user_id"],
        "complete_before": task["complete_till"],
        "created_at": task["created_at"],
        "updated_at": task["updated_at"],
    }
    if change.action == "responsible":
        item["old_responsible_user_id"] = change.old["responsible_user_id"]
    return item


def _unsorted_item(change: Change) -> Record:
    record = change.record
    item: Record = {"uid": record["uid"], "category": record["category"], "created_at": record["created_at"]}
    item["pipeline_id"] = record["pipeline_id"]
    for name in ("action", "accept_result", "decline_result"):
        if name in record:
            item[name] = record[name]
    if change.action == "add":
        item |= {"source": record["source_name"], "lead_id": record["lead_id"], "source_data": record["metadata"]}
    return item


# ---- delivery


class Deliveries:
    """Runs one worker for each subscription, so that the deliveries of a destination keep their order."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self._sandbox = sandbox
        self._http = http
        self._tasks: set[asyncio.Task[None]] = set()

    def on_change(self, account: Account, change: Change) -> None:
        name = setting_of(change)
        hooks: list[Hook] = self._sandbox.hooks.get(account.id, [])
        for hook in hooks:
            if hook.disabled or name not in hook.settings:
                continue
            if hook.waiting is None:
                hook.waiting = asyncio.Queue(_QUEUE_BOUND)
                self._start(self._work(account, hook, hook.waiting))
            if not hook.waiting.full():
                hook.waiting.put_nowait(body(account, change))

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, account: Account, hook: Hook, queue: asyncio.Queue[str]) -> None:
        while True:
            text = await queue.get()
            if not await self._deliver(account, hook, text):
                # A retry does not delay the next deliveries: amoCRM promises no order.
                self._start(self._retry(account, hook, text))

    async def _retry(self, account: Account, hook: Hook, text: str) -> None:
        for seconds in self._sandbox.settings.webhook_retry_seconds:
            await pause(self._sandbox, seconds)
            if self._sandbox.closing.is_set() or hook.disabled or await self._deliver(account, hook, text):
                return

    async def _deliver(self, account: Account, hook: Hook, text: str) -> bool:
        """One attempt. An answer within two seconds with a status of 100 to 299 counts as delivered."""
        if hook.disabled:
            return True
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "amoCRM-Webhooks/3.0"}
        timeout = aiohttp.ClientTimeout(total=self._sandbox.settings.webhook_timeout_seconds)
        try:
            async with self._http.post(
                hook.destination, data=text, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                is_good = answer.status < 300
        except (aiohttp.ClientError, TimeoutError, ValueError):
            is_good = False
        if is_good:
            hook.delivered += 1
        else:
            self._failed(account, hook)
        return is_good

    def _failed(self, account: Account, hook: Hook) -> None:
        settings, now = self._sandbox.settings, self._sandbox.now()
        while hook.failures and hook.failures[0] < now - settings.webhook_window_seconds:
            hook.failures.popleft()
        hook.failures.append(now)
        if len(hook.failures) > settings.webhook_failures_allowed:
            hook.disabled = True
            log.warning("sandbox webhook switched off", account_id=account.id, hook_id=hook.id)
            admins = [id_ for id_, user in account.users.items() if user["rights"]["is_admin"]]
            text = "Вебхук отключён: получатель слишком часто не отвечал"
            self._sandbox.notify_user(account, admins, {"type": "error", "header": "Вебхуки", "text": text})

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def running(app: web.Application) -> Any:
    """The application's cleanup context: owns the HTTP session and the workers."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        app[HTTP] = http
        deliveries = Deliveries(app[SANDBOX], http)
        app[SANDBOX].listeners.append(deliveries.on_change)
        yield
        app[SANDBOX].closing.set()
        app[SANDBOX].listeners.remove(deliveries.on_change)
        await deliveries.close()
