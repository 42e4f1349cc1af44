"""Finds the language that a visitor wants, and keeps it from page to page."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from integration.texts import LANGUAGES

COOKIE = "dozvon_lang"


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
    return f"{path}{'&' if '?' in path else '?'}lang={quote(wish)}"
