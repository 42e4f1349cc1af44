"""A message for the next page that a browser opens: kept for a moment where all processes find it, shown once."""

from __future__ import annotations

import re
from dataclasses import dataclass

import structlog
from aiohttp import web

from integration.errors import DozvonError
from integration.ports.coordination import Coordination
from integration.web.language import with_language

log = structlog.get_logger()

_COOKIE = "dozvon_said"
_SECONDS = 120  # for the browser to follow the redirect
_TICKET = re.compile(r"[\w-]{16,128}", re.ASCII)
_KEY = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Said:
    """`key`: of the text. `undo`: the number of what can be undone; empty: nothing can."""

    key: str
    undo: str = ""


class Flash:
    """The browser holds a random ticket, so that no address and no other site can make a page say something."""

    def __init__(self, coordination: Coordination, *, is_secure: bool) -> None:
        self._coordination = coordination
        self._is_secure = is_secure

    async def told(self, request: web.Request, path: str, key: str, *, undo: str = "") -> web.HTTPSeeOther:
        """The redirect to a page that shows the message. Never fails for the message: what was done is done."""
        response = web.HTTPSeeOther(with_language(request, path))
        try:
            ticket = await self._coordination.issue_ticket({"said": key, "undo": undo}, ttl_seconds=_SECONDS)
        except DozvonError as exc:
            log.info("a message is not shown", error=str(exc))
            return response
        response.set_cookie(
            _COOKIE, ticket, max_age=_SECONDS, httponly=True, secure=self._is_secure, samesite="Lax", path="/admin"
        )
        return response

    async def take(self, request: web.Request) -> Said | None:
        """What was said for this browser; a second time nothing."""
        ticket = request.cookies.get(_COOKIE, "")
        if not _TICKET.fullmatch(ticket):
            return None
        try:
            kept = await self._coordination.take_ticket(ticket)
        except DozvonError:
            return None
        match kept:
            case {"said": str(key), "undo": str(undo)} if _KEY.fullmatch(key):
                is_number = undo.isascii() and undo.isdigit() and len(undo) <= 18
                return Said(key, undo if is_number else "")
        return None

    def is_waiting(self, request: web.Request) -> bool:
        return _COOKIE in request.cookies

    def forget(self, response: web.StreamResponse) -> None:
        response.del_cookie(_COOKIE, path="/admin", secure=self._is_secure, httponly=True, samesite="Lax")
