"""Who may see the administrator's pages: one password (configuration), a signed cookie, a brake on guessing.

People with roles of their own are a later row of the specification (C2).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

from aiohttp import web

_COOKIE = "dozvon_admin"
_SESSION_SECONDS = 12 * 3600
_FAILURES_ALLOWED = 5  # per address and minute; a person mistypes, a guesser tries thousands
_FAILURES_REMEMBERED = 10_000  # addresses

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AdminSessions:
    """Stateless but for the brake: any process that has the password accepts the cookie."""

    def __init__(self, password: str | None, public_url: str, clock: Callable[[], float] = time.time) -> None:
        self._password = password
        self._key = hashlib.scrypt((password or secrets.token_hex()).encode(), salt=b"dozvon admin", n=2**14, r=8, p=1)
        self._is_secure = public_url.startswith("https://")
        self._host = urlsplit(public_url).netloc
        self._clock = clock
        self._failures: dict[str, list[float]] = {}

    @property
    def is_enabled(self) -> bool:
        return self._password is not None

    def is_signed_in(self, request: web.Request) -> bool:
        expiry, _, signature = request.cookies.get(_COOKIE, "").partition(".")
        if not expiry.isdigit() or int(expiry) < self._clock():
            return False
        return hmac.compare_digest(signature, self._sign(expiry))

    async def sign_in(self, request: web.Request, password: str, response: web.StreamResponse) -> bool:
        """Sets the cookie on `response` when the password is right. Raises HTTPTooManyRequests."""
        address = request.remote or ""
        now = self._clock()
        recent = [at for at in self._failures.get(address, []) if now - at < 60]
        if len(recent) >= _FAILURES_ALLOWED:
            raise web.HTTPTooManyRequests(text="Too many attempts. Wait a minute.", headers={"Retry-After": "60"})
        given = await asyncio.to_thread(hashlib.scrypt, password.encode(), salt=b"dozvon admin", n=2**14, r=8, p=1)
        if not self.is_enabled or not hmac.compare_digest(given, self._key):
            if len(self._failures) >= _FAILURES_REMEMBERED:
                self._failures.clear()
            self._failures[address] = [*recent, now]
            return False
        self._failures.pop(address, None)
        expiry = str(int(now) + _SESSION_SECONDS)
        response.set_cookie(
            _COOKIE,
            f"{expiry}.{self._sign(expiry)}",
            max_age=_SESSION_SECONDS,
            httponly=True,
            secure=self._is_secure,
            samesite="Lax",
            path="/",
        )
        return True

    def sign_out(self, response: web.StreamResponse) -> None:
        response.del_cookie(_COOKIE, path="/")

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pages below /admin need the cookie; what changes something must come from our own page."""
        path = request.path
        if (
            not path.startswith("/admin")
            or path in {"/admin/login", "/admin/static"}
            or path.startswith("/admin/static/")
        ):
            return await handler(request)
        if not self.is_signed_in(request):
            if request.method != "GET":
                raise web.HTTPForbidden(text="Sign in again.")
            raise web.HTTPSeeOther(f"/admin/login?next={quote(request.path_qs)}")
        if request.method != "GET" and not self._is_own_page(request):
            raise web.HTTPForbidden(text="This form was not sent from a page of Dozvon.")
        return await handler(request)

    def _is_own_page(self, request: web.Request) -> bool:
        origin = urlsplit(request.headers.get("Origin", "")).netloc
        return bool(origin) and origin in {self._host, request.host}

    def _sign(self, expiry: str) -> str:
        return hmac.new(self._key, expiry.encode(), hashlib.sha256).hexdigest()


def local_path(text: str) -> str:
    """Where to go after signing in: only a path of our own pages, never another site."""
    return text if text.startswith("/admin") and "\\" not in text and not text.startswith("//") else "/admin"
