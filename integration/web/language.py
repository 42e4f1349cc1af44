"""Finds the language that a visitor wants, and keeps it from page to page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from aiohttp import web

from integration.texts import LANGUAGES

COOKIE = "dozvon_lang"
_SECONDS = 365 * 24 * 3600
_PAGES = ("/", "/setup", "/invitation", "/from-crm")  # beside those below /admin

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def language_of(request: web.BaseRequest) -> str:
    """The language in the address, else the one chosen before, else the browser's. Never raises."""
    wishes = [request.query.get("lang", ""), request.cookies.get(COOKIE, "")]
    wishes += [part.split(";")[0].strip()[:2] for part in request.headers.get("Accept-Language", "").split(",")[:20]]
    return next((wish for wish in wishes if wish in LANGUAGES), "ru")


def with_language(request: web.BaseRequest, path: str) -> str:
    """`path` with the language of this request's address, so that a redirect does not lose it."""
    wish = request.query.get("lang", "")
    if wish not in LANGUAGES:
        return path
    path, mark, place = path.partition("#")
    return f"{path}{'&' if '?' in path else '?'}lang={quote(wish)}{mark}{place}"


@web.middleware
async def remember_language(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keep the language of a page's address for all pages, whatever the answer is: also for where it redirects to."""
    wish = request.query.get("lang", "")
    is_choice = wish in LANGUAGES and (request.path in _PAGES or request.path.startswith("/admin"))
    try:
        response = await handler(request)
    except web.HTTPException as exc:
        if is_choice and exc.status < 400:
            _keep(exc, wish)
        raise
    if is_choice and not response.prepared:
        _keep(response, wish)
    return response


def _keep(response: web.StreamResponse, lang: str) -> None:
    response.set_cookie(COOKIE, lang, max_age=_SECONDS, samesite="Lax", httponly=True)
