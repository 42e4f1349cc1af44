"""GET methods about the account itself: account, users, roles, pipelines, custom fields; the widgets' methods.

Source: sections 4 and 10.8 of the API facts. Writes no client data.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from connectors.amocrm.sandbox import fields, listing, oauth
from connectors.amocrm.sandbox.account import Install
from connectors.amocrm.sandbox.problems import Problem, hal
from connectors.amocrm.sandbox.sandbox import Integration
from connectors.amocrm.sandbox.session import Caller, caller, sandbox_of
from connectors.amocrm.sandbox.tables import Record
from connectors.amocrm.sandbox.validation import json_body

TASK_TYPES = [
    {"id": 1, "name": "Связаться", "color": None, "icon_id": None, "code": "FOLLOW_UP"},
    {"id": 2, "name": "Встреча", "color": None, "icon_id": None, "code": "MEETING"},
]
_OPTIONAL = {
    "version": 16,
    "amojo_id": "f3c6340d-410e-4ad1-9f7e-c5e663000001",
    "uuid": "824f3a59-6154-4edf-ad90-0c2a3c000001",
    "drive_url": "https://drive-b.amocrm.ru",
}


async def account(request: web.Request) -> web.Response:
    who, names = caller(request), listing.wanted(request)
    record: Record = {
        "id": who.account.id,
        "name": who.account.name,
        "subdomain": who.account.subdomain,
        "current_user_id": who.user_id,
        "country": "RU",
        "currency": "RUB",
        "currency_symbol": "₽",
        "customers_mode": "unavailable",
        "is_unsorted_on": True,
        "is_loss_reason_enabled": True,
        "is_helpbot_enabled": False,
        "is_technical_account": False,
        "contact_name_display_order": 1,
        "mobile_feature_version": 0,
        "created_at": 1_690_000_000,
        "created_by": 0,
        "updated_at": 1_690_000_000,
        "updated_by": 0,
        "_links": listing.link(request, "account"),
    }
    record |= {name: value for name, value in _OPTIONAL.items() if name in names}
    if "is_api_filter_enabled" in names:
        record["is_api_filter_enabled"] = who.account.is_api_filter_enabled
    embedded: dict[str, Any] = {}
    if "users_groups" in names:
        embedded["users_groups"] = [
            {"id": id_, "name": name, "uuid": None} for id_, name in sorted(who.account.groups.items())
        ]
    if "task_types" in names:
        embedded["task_types"] = TASK_TYPES
    if "amojo_rights" in names:
        embedded["amojo_rights"] = {"can_direct": True, "can_create_groups": True}
    if "datetime_settings" in names:
        embedded["datetime_settings"] = {
            "timezone": "Europe/Moscow",
            "timezone_offset": "+03:00",
            "date_pattern": "d.m.Y H:i",
            "short_date_pattern": "d.m.Y",
            "date_format": "d.m.Y",
            "time_format": "H:i",
        }
    if embedded:
        record["_embedded"] = embedded
    return hal(record)


def _user_view(request: web.Request, who: Caller, user: Record) -> Record:
    names = listing.wanted(request)
    view = {name: value for name, value in user.items() if name not in ("phone_number", "role")}
    if "phone_number" in names:
        view["phone_number"] = user["phone_number"]
    if "uuid" in names:
        view["uuid"] = f"00000000-0000-4000-8000-{user['id']:012d}"
    if "amojo_id" in names:
        view["amojo_id"] = f"00000000-0000-4000-9000-{user['id']:012d}"
    if "user_rank" in names:
        view["user_rank"] = None
    embedded: dict[str, Any] = {}
    if "role" in names:
        embedded["roles"] = [user["role"]] if user["role"] else []
    if "group" in names:
        group = user["rights"]["group_id"] or 0
        embedded["groups"] = [{"id": group, "name": who.account.groups.get(group, "")}]
    if embedded:
        view["_embedded"] = embedded
    return {**view, "_links": listing.link(request, f"users/{user['id']}")}


async def users(request: web.Request) -> web.Response:
    who = caller(request)
    who.require_admin()
    _, limit = listing.paging(request)
    found = who.account.users.values()
    totals = {"_total_items": len(found), "_page_count": -(-len(found) // limit)}
    return listing.answer(request, "users", found, lambda user: _user_view(request, who, user), extra=totals)


async def user(request: web.Request) -> web.Response:
    who = caller(request)
    record = who.account.users.get(int(request.match_info["id"]))
    if record is None:
        raise Problem(404, "The user does not exist")
    if record["id"] != who.user_id:
        who.require_admin()
    return hal(_user_view(request, who, record))


async def roles(request: web.Request) -> web.Response:
    who = caller(request)
    who.require_admin()
    by_id: dict[int, Record] = {}
    for each in who.account.users.values():
        if each["role"]:
            role = by_id.setdefault(each["role"]["id"], {**each["role"], "rights": {}, "_embedded": {"users": []}})
            role["_embedded"]["users"].append(each["id"])
    if "users" not in listing.wanted(request):
        for role in by_id.values():
            del role["_embedded"]
    return listing.answer(request, "roles", by_id.values(), lambda role: role)


async def pipelines(request: web.Request) -> web.Response:
    found = caller(request).account.pipelines.values()
    return hal({"_total_items": len(found), "_links": listing.link(request, "leads/pipelines"),
                "_embedded": {"pipelines": list(found)}})  # fmt: skip


async def pipeline(request: web.Request) -> web.Response:
    record = caller(request).account.pipelines.get(int(request.match_info["id"]))
    if record is None:
        raise Problem(404, "The pipeline does not exist")
    return hal(record)


async def custom_fields(request: web.Request) -> web.Response:
    kind, who = request.match_info["kind"], caller(request)
    return listing.answer(request, "custom_fields", fields.definition_json(kind, who.account.id), lambda each: each)


# ---- widgets


def _widget_view(integration: Integration, install: Install | None) -> Record:
    widget = integration.manifest.get("widget", {})
    return {
        "id": int(integration.client_id.replace("-", ""), 16) % 10**6,
        "code": integration.code,
        "version": widget.get("version", ""),
        "rating": "0",
        "settings_count": 1,
        "is_lead_source": False,
        "is_work_with_dp": False,
        "is_crm_template": False,
        "client_uuid": integration.client_id,
        "is_active_in_account": bool(install and install.is_active),
        "pipeline_id": None,
        "settings": install.fields if install else {},
        "settings_template": [
            {"key": key, "name": rule.get("name"), "type": rule.get("type"), "is_required": bool(rule.get("required"))}
            for key, rule in integration.manifest.get("settings", {}).items()
        ],
    }


async def widgets(request: web.Request) -> web.Response:
    who = caller(request)
    found = [
        _widget_view(each, who.account.installs.get(each.client_id))
        for each in sandbox_of(request).integrations.values()
        if each.code
    ]
    return listing.answer(request, "widgets", found, lambda each: each)


def _widget_of(request: web.Request) -> Integration:
    integration = sandbox_of(request).integration_by_code(request.match_info["code"])
    if integration is None:
        raise Problem(404, "The widget does not exist")
    return integration


async def widget(request: web.Request) -> web.Response:
    integration = _widget_of(request)
    return hal(_widget_view(integration, caller(request).account.installs.get(integration.client_id)))


async def install_widget(request: web.Request) -> web.Response:
    who, integration = caller(request), _widget_of(request)
    who.require_admin()
    body = await json_body(request)
    if not isinstance(body, dict):
        raise Problem(400, "An object with the settings is expected")
    install = oauth.mark_installed(who.account, integration, who.user)
    install.fields = {key: value for key, value in body.items() if key in integration.manifest.get("settings", {})}
    return hal(_widget_view(integration, install))


async def uninstall_widget(request: web.Request) -> web.Response:
    who, integration = caller(request), _widget_of(request)
    who.require_admin()
    await oauth.uninstall(request.app, who.account, integration)
    return web.Response(status=204)


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_get("/api/v4/account", account)
    router.add_get("/api/v4/users", users)
    router.add_get(r"/api/v4/users/{id:\d+}", user)
    router.add_get("/api/v4/roles", roles)
    router.add_get("/api/v4/leads/pipelines", pipelines)
    router.add_get(r"/api/v4/leads/pipelines/{id:\d+}", pipeline)
    router.add_get("/api/v4/{kind:contacts|companies|leads}/custom_fields", custom_fields)
    router.add_get("/api/v4/widgets", widgets)
    router.add_get("/api/v4/widgets/{code}", widget)
    router.add_post("/api/v4/widgets/{code}", install_widget)
    router.add_delete("/api/v4/widgets/{code}", uninstall_widget)
