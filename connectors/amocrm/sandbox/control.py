"""The sandbox's controls under `/_sandbox`: faults, state for tests, reset, switches of an account. Loopback only.

amoCRM has none of this.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from aiohttp import web

from connectors.amocrm.sandbox import tokens
from connectors.amocrm.sandbox.account import Account
from connectors.amocrm.sandbox.problems import Problem
from connectors.amocrm.sandbox.sandbox import Fault, Sandbox
from connectors.amocrm.sandbox.session import sandbox_of
from connectors.amocrm.sandbox.validation import INT, TEXT, Rule, single
from connectors.amocrm.sandbox.webhooks import Hook

_STATE_RECORDS = 2000  # of one kind in the answer; tests create far fewer

_FAULT = {
    "kind": Rule("str", required=True, choices=("status", "timeout_after_store", "slow", "drop")),
    "status": Rule("int", choices=range(400, 600)),
    "count": INT,
    "path_prefix": TEXT,
    "method": TEXT,
    "seconds": Rule("number"),
}


def _local_only(request: web.Request) -> Sandbox:
    """
    Answer only this machine, and no foreign page in its browser (a page's request has its origin).
    """
    address = request.remote or ""
    origin = request.headers.get("Origin", "")
    is_local = bool(address) and ipaddress.ip_address(address.partition("%")[0]).is_loopback
    if not is_local or (origin and origin.partition("://")[2] != request.host):
        raise web.HTTPForbidden(text="The sandbox can only be controlled from its own machine")
    return sandbox_of(request)


async def _body(request: web.Request, schema: dict[str, Rule]) -> dict[str, Any]:
    try:
        return await single(request, schema)
    except Problem as problem:
        raise web.HTTPBadRequest(text=problem.response().text, content_type="application/problem+json") from problem


async def add_fault(request: web.Request) -> web.Response:
    """Add a fault for the next `count` requests; below 0, for all until it is removed."""
    sandbox = _local_only(request)
    fault = Fault(**await _body(request, _FAULT))
    if fault.count == 0:
        raise web.HTTPBadRequest(text="count is not 0")
    sandbox.faults.append(fault)
    return web.json_response({"faults": len(sandbox.faults)})


async def clear_faults(request: web.Request) -> web.Response:
    _local_only(request).faults.clear()
    return web.json_response({"faults": 0})


async def reset(request: web.Request) -> web.Response:
    _local_only(request).reset()
    return web.json_response({"ok": True})


async def state(request: web.Request) -> web.Response:
    """Everything that tests look at, of the first account unless `?account=` names another."""
    sandbox = _local_only(request)
    account = _account(sandbox, request.query.get("account", ""))
    traffic = sandbox.traffic
    hooks: list[Hook] = sandbox.hooks.get(account.id, [])
    return web.json_response(
        {
            "account": {"id": account.id, "name": account.name, "subdomain": account.subdomain},
            "counts": {kind: len(account.table(kind)) for kind in ("contacts", "companies", "leads")},
            "contacts": account.contacts.own()[-_STATE_RECORDS:],
            "companies": account.companies.own()[-_STATE_RECORDS:],
            "leads": account.leads.own()[-_STATE_RECORDS:],
            "notes": list(account.notes.values())[-_STATE_RECORDS:],
            "calls": account.calls[-_STATE_RECORDS:],
            "unsorted": list(account.unsorted.values()),
            "tasks": list(account.tasks.values())[-_STATE_RECORDS:],
            "popups": account.popups[-_STATE_RECORDS:],
            "webhooks": [
                {**hook.view(account.id), "delivered": hook.delivered, "failed": len(hook.failures)} for hook in hooks
            ],
            "installs": {
                client_id: {"is_active": install.is_active, "fields": install.fields, "notice": install.last_notice}
                for client_id, install in account.installs.items()
            },
            "requests": {
                "total": traffic.total,
                "by_path": traffic.by_path,
                "by_status": traffic.by_status,
                "max_rate": traffic.max_rate,
            },
            "grants": {
                "living": sum(1 for grant in sandbox.grants.values() if not (grant.is_spent or grant.is_revoked)),
                "issued": len(sandbox.grants),
            },
            "faults": len(sandbox.faults),
        }
    )


def _account(sandbox: Sandbox, text: str) -> Account:
    account = sandbox.accounts.get(int(text)) if text.isdigit() else next(iter(sandbox.accounts.values()), None)
    if account is None:
        raise web.HTTPNotFound(text="no such account")
    return account


async def change_account(request: web.Request) -> web.Response:
    """
    Change an account: `subdomain`, `subscription_ended` ("", writes, all), `is_api_filter_enabled`,
    `unsorted_takes_notes`.
    """
    sandbox = _local_only(request)
    account = _account(sandbox, request.match_info["id"])
    schema = {
        "subdomain": Rule("str", blank=False),
        "subscription_ended": Rule("str", choices=("", "writes", "all")),
        "is_api_filter_enabled": Rule("bool"),
        "unsorted_takes_notes": Rule("bool"),
    }
    for name, value in (await _body(request, schema)).items():
        setattr(account, name, value)
    return web.json_response({"ok": True})


async def change_integration(request: web.Request) -> web.Response:
    """Set the integration's addresses, which an administrator types into its settings."""
    sandbox = _local_only(request)
    integration = sandbox.integrations[sandbox.settings.client_id]
    for name, value in (await _body(request, {"redirect_uri": TEXT, "disconnect_url": TEXT})).items():
        setattr(integration, name, value)
    return web.json_response({"ok": True})


async def long_lived(request: web.Request) -> web.Response:
    """A long-lived token of the account's administrator, or of `user_id`."""
    sandbox = _local_only(request)
    body = await _body(request, {"account_id": INT, "user_id": INT, "seconds": INT})
    account = _account(sandbox, str(body.get("account_id", "")))
    user = account.users.get(body.get("user_id", 0)) or account.admin()
    integration = sandbox.integrations[sandbox.settings.client_id]
    host = sandbox.account_host(account, request)
    seconds = body.get("seconds", 365 * 86_400)
    return web.json_response({"token": tokens.issue_long_lived(sandbox, integration, account, user, seconds, host)})


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_post("/_sandbox/faults", add_fault)
    router.add_delete("/_sandbox/faults", clear_faults)
    router.add_get("/_sandbox/state", state)
    router.add_post("/_sandbox/reset", reset)
    router.add_post(r"/_sandbox/accounts/{id:\d+}", change_account)
    router.add_post("/_sandbox/integration", change_integration)
    router.add_post("/_sandbox/long_lived", long_lived)
