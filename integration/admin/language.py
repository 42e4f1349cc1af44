"""In which language a person reads our pages: what was asked for, else what the browser says."""

from __future__ import annotations

from aiohttp import web

from integration.admin.texts import LANGUAGES

LANGUAGE_COOKIE = "dozvon_lang"


def language_of(request: web.Request) -> str:
    """One of `LANGUAGES`. Never raises."""
    wishes = [request.query.get("lang", ""), request.cookies.get(LANGUAGE_COOKIE, "")]
    wishes += [part.split(";")[0].strip()[:2] for part in request.headers.get("Accept-Language", "").split(",")]
    return next((wish for wish in wishes if wish in LANGUAGES), "ru")
