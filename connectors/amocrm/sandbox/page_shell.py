"""The frame of the CRM's pages: renders them whole or as a fragment, and sets the language and the script's start data.

`pages.py` and `widget_pages.py` have the pages.
"""

from __future__ import annotations

from typing import Any

import jinja2
from aiohttp import web

from connectors.amocrm.sandbox import page_views as views
from connectors.amocrm.sandbox import widget_boot
from connectors.amocrm.sandbox.api_account import TASK_TYPES
from connectors.amocrm.sandbox.oauth import TEMPLATES
from connectors.amocrm.sandbox.problems import Problem
from connectors.amocrm.sandbox.session import (
    COOKIE,
    LANGUAGE_COOKIE,
    Caller,
    language,
    page_caller,
    same_origin,
    sandbox_of,
)
from connectors.amocrm.sandbox.validation import Schema, single


def add_filters(env: jinja2.Environment) -> None:
    names = ("money", "moment", "day", "clock", "initials", "hue")
    env.filters.update({name: getattr(views, name) for name in names})


def page(request: web.Request, template: str, *, area: str, title: str, **data: Any) -> web.Response:
    """Render a page. `area`: its name for widgets. `title`: a key of the texts, or a name."""
    who, lang = page_caller(request), language(request)
    texts = views.TEXTS[lang]
    title = texts.get(title, title)
    common = {
        "t": views.Texts(texts),
        "lang": lang,
        "who": who,
        "account": who.account,
        "users": who.account.users,
        "owner": lambda id_: views.user_name(who.account, id_, texts),
        "path": request.path,
        "area": area,
        "title": title,
    }
    env = request.app[TEMPLATES]
    body = env.get_template(template).render(**common, **data)
    place = {"area": area, "title": title, "card": data.get("card_place")}
    if request.headers.get("X-Fragment"):
        return web.json_response({**place, "html": body, **_badges(who)})
    whole = env.get_template("layout.html").render(**common, body=body, boot=_boot(request, who, lang, place))
    response = web.Response(text=whole, content_type="text/html", headers={"Cache-Control": "no-store"})
    response.set_cookie(COOKIE, f"{who.account.id}:{who.user_id}", httponly=True, samesite="Lax")
    if "lang" in request.query:
        response.set_cookie(LANGUAGE_COOKIE, lang, httponly=True, samesite="Lax")
    return response


def _badges(who: Caller) -> dict[str, int]:
    open_tasks = [
        task
        for task in who.account.tasks.values()
        if task["responsible_user_id"] == who.user_id and not task["is_completed"]
    ]
    return {"unsorted": len(who.account.unsorted), "tasks": len(open_tasks)}


def _boot(request: web.Request, who: Caller, lang: str, place: dict[str, Any]) -> dict[str, Any]:
    """The start data of the page's script: the constants of the widgets' API, and the installed widgets."""
    account, settings = who.account, sandbox_of(request).settings
    return {
        "lang": lang,
        "texts": views.TEXTS[lang],
        "place": place,
        "badges": _badges(who),
        "user": {"id": who.user_id, "name": who.user["name"], "login": who.user["email"], "is_admin": who.is_admin},
        "account": {
            "id": account.id,
            "name": account.name,
            "subdomain": account.subdomain,
            "domain": sandbox_of(request).account_host(account, request),
            "currency": "RUB",
            "language": lang,
            "timezone": "Europe/Moscow",
        },
        "managers": {
            str(id_): {
                "id": id_,
                "title": user["name"],
                "login": user["email"],
                "active": user["rights"]["is_active"],
                "free_user": "Y" if user["rights"]["is_free"] else "N",
                "is_admin": "Y" if user["rights"]["is_admin"] else "N",
                "group": f"group_{user['rights']['group_id'] or 0}",
                "phone": user["phone_number"],
            }
            for id_, user in account.users.items()
        },
        "groups": {f"group_{id_}": name for id_, name in account.groups.items()},
        "task_types": {str(kind["id"]): kind for kind in TASK_TYPES},
        "widgets": widget_boot.boot(request, who, lang),
        "vendor": widget_boot.has_vendor(request),
        "demo_office_url": settings.demo_office_url.rstrip("/"),
        "demo_line": settings.demo_line,
    }


async def page_body(request: web.Request, schema: Schema) -> dict[str, Any]:
    """
    The JSON of a button. A page of another origin cannot press it: the browser does not let it send JSON without a
    preflight request, and the origin is checked as well.
    """
    same_origin(request)
    try:
        return await single(request, schema)
    except Problem as problem:
        raise web.HTTPBadRequest(text=problem.response().text, content_type="application/json") from problem
