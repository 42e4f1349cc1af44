"""The frame of the portal's pages: menu, person, working day, language; a page whole or only its main part.

`pages.py` and `app_pages.py` have the pages.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from connectors.bitrix24.sandbox import page_views as views
from connectors.bitrix24.sandbox import rest_users
from connectors.bitrix24.sandbox.rest_placements import LEFT_MENU
from connectors.bitrix24.sandbox.session import COOKIE, LANGUAGE_COOKIE, Person, language, person

WEB = Path(__file__).parent / "web"
TEMPLATES = web.AppKey("templates", jinja2.Environment)
WORKERS: web.AppKey[Callable[[web.Request], list[Any]]] = web.AppKey("workers")
"""Opens the applications' background workers, which every page carries; `app_pages.py` has the function."""


def templates(utc_offset_hours: int) -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(WEB / "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    env.filters |= {"money": views.money, "clock": views.clock, "initials": views.initials}
    env.filters["moment"] = views.moment_filter(utc_offset_hours)
    return env


class Texts:
    """The `t` of templates. With a plain dict `t.keys` would be a method, not the text of that name."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def __getitem__(self, key: str) -> str:
        return self._texts[key]


def common(request: web.Request) -> dict[str, Any]:
    """What every template needs."""
    who, lang = person(request), language(request)
    return {
        "t": Texts(views.TEXTS[lang]),
        "lang": lang,
        "who": who,
        "portal": who.portal,
        "users": {id_: user for id_, user in who.portal.users.items() if user["ACTIVE"]},
        "day": rest_users.day_status(who.user),
        "menu": _menu(who, lang),
    }


def _menu(who: Person, lang: str) -> list[dict[str, str]]:
    """Applications with their own page, and the items that they have added."""
    finished = [added for added in who.sandbox.installs_of(who.portal) if added.is_finished]
    own = [
        {"url": f"/apps/{added.app.client_id}/", "title": added.app.name}
        for added in finished
        if added.app.handler_url and not added.app.is_api_only
    ]
    bound = [
        {"url": f"/apps/{added.app.client_id}/?place={LEFT_MENU}", "title": each.title_in(lang)}
        for added in finished
        for each in added.placements
        if each.code == LEFT_MENU
    ]
    return own + bound


def page(request: web.Request, template: str, *, area: str, title: str, **data: Any) -> web.Response:
    """Render a page. `title`: a key of the texts, or a name. With `X-Fragment` only its main part."""
    shared = common(request)
    who, lang = shared["who"], shared["lang"]
    title = views.TEXTS[lang].get(title, title)
    env = request.app[TEMPLATES]
    body = env.get_template(template).render(**shared, area=area, title=title, **data)
    if request.headers.get("X-Fragment"):
        return web.Response(text=body, content_type="text/html", headers={"Cache-Control": "no-store"})
    boot = {"lang": lang, "portal": who.portal.member_id, "user": who.id, "texts": views.TEXTS[lang]}
    layout, workers = env.get_template("layout.html"), request.app[WORKERS](request)
    whole = layout.render(**shared, area=area, title=title, body=body, boot=boot, workers=workers)
    response = web.Response(text=whole, content_type="text/html", headers={"Cache-Control": "no-store"})
    response.set_cookie(COOKIE, f"{who.portal.member_id}:{who.id}", httponly=True, samesite="Lax")
    if "lang" in request.query:
        response.set_cookie(LANGUAGE_COOKIE, lang, httponly=True, samesite="Lax")
    return response
