"""A one-time code on its way: from the address of a link into a cookie, so that it stays in no history and no log."""

from __future__ import annotations

from aiohttp import web

from integration.services.administrators import is_code
from integration.web.language import with_language
from integration.web.pages.session import AdminSessions

_SECONDS = 3600
_SUBJECT = "code"  # for the brake
_NO_CODE = "-"  # what the address had cannot be a code, and might not fit into a cookie


class CodeCookie:
    """
    The code of one kind of page, such as `/setup?code=...`.

    Args:
        path: of the page.
        name: of the cookie.
    """

    def __init__(self, path: str, name: str, sessions: AdminSessions) -> None:
        self._path = path
        self._name = f"__Host-{name}" if sessions.is_secure else name
        self._sessions = sessions

    def read(self, request: web.Request) -> str:
        return request.cookies.get(self._name, "")

    def taken(self, request: web.Request) -> web.HTTPSeeOther | None:
        """If the address has a code: where to go on without it, with the code as a cookie."""
        code = request.query.get("code")
        if code is None:
            return None
        onward = web.HTTPSeeOther(with_language(request, self._path))
        onward.set_cookie(
            self._name,
            code if is_code(code) else _NO_CODE,
            max_age=_SECONDS,
            httponly=True,
            secure=self._sessions.is_secure,
            samesite="Lax",
            path="/",
        )
        return onward

    def drop(self, response: web.StreamResponse) -> None:
        response.del_cookie(self._name, path="/", secure=self._sessions.is_secure, httponly=True, samesite="Lax")

    async def count_attempt(self, request: web.Request) -> None:
        """Before the code is looked up. Raises: HTTPTooManyRequests."""
        await self._sessions.count_attempt(request, _SUBJECT)

    async def forget_attempts(self, request: web.Request) -> None:
        await self._sessions.forget_attempts(request, _SUBJECT)
