"""The person who is "logged in" on the portal's pages, by a cookie. For demonstrations anybody may choose any user.

The API does not look at it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from connectors.bitrix24.sandbox.crm_kinds import Record
from connectors.bitrix24.sandbox.portal import Author, Portal
from connectors.bitrix24.sandbox.sandbox import SANDBOX, Sandbox

COOKIE = "b24_user"
LANGUAGE_COOKIE = "b24_lang"
LANGUAGES = ("ru", "uk", "en")


@dataclass(frozen=True, slots=True)
class Person:
    sandbox: Sandbox
    portal: Portal
    user: Record

    @property
    def id(self) -> int:
        return int(self.user["ID"])

    @property
    def is_admin(self) -> bool:
        return bool(self.user["IS_ADMIN"])

    @property
    def author(self) -> Author:
        return Author(user_id=self.id)

    def require_admin(self) -> None:
        if not self.is_admin:
            raise web.HTTPForbidden(text="Это может сделать только администратор портала")


def person(request: web.Request) -> Person:
    """The person of the cookie; without one, whom the settings name, or the portal's administrator."""
    sandbox = request.app[SANDBOX]
    member_id, _, user = request.cookies.get(COOKIE, "").partition(":")
    portal = sandbox.portal_of_host(request.host)
    if portal is None or not portal.host:
        portal = sandbox.portals.get(member_id, portal)
    if portal is None:
        raise web.HTTPNotFound(text="The sandbox has no portal")
    known = (
        portal.active_user(int(user)) if user.isdigit() and len(user) < 10 and member_id == portal.member_id else None
    )
    usual = portal.active_user(sandbox.settings.page_user) if sandbox.settings.page_user else None
    return Person(sandbox, portal, known or usual or portal.admin())


def language(request: web.Request) -> str:
    """The page's language: `?lang=`, else the earlier choice, else Russian."""
    wanted = request.query.get("lang") or request.cookies.get(LANGUAGE_COOKIE, "ru")
    return wanted if wanted in LANGUAGES else "ru"


def same_origin(request: web.Request) -> None:
    """
    Raises:
        HTTPForbidden: the request comes from a page of another origin (by its Origin header).
    """
    origin = request.headers.get("Origin", "")
    if origin and origin.partition("://")[2] != request.host:
        raise web.HTTPForbidden(text="not from another page")


async def json_body(request: web.Request) -> dict[str, Any]:
    """
    The JSON object that a page of the portal sent.

    Raises:
        HTTPBadRequest: it is something else.
    """
    same_origin(request)
    try:
        body = json.loads(await request.text() or "{}")
    except (ValueError, RecursionError) as error:
        raise web.HTTPBadRequest(text="not JSON") from error
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="not an object")
    return body
