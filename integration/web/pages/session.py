"""Controls access to the administrator's pages: one password, sessions in the database, forms from our pages only.

People with separate roles are a later row of the specification (C2).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

from aiohttp import web

from integration.domain.ids import Timestamp
from integration.domain.settings_changes import Author, AuthorKind
from integration.ports.clock import Clock
from integration.ports.stores import AdminSessionStore
from integration.web.client_address import ClientAddresses
from integration.web.language import with_language
from integration.web.pages.brake import SignInBrake
from integration.web.password import LONGEST, Password

_COOKIE = "dozvon_admin"
_SESSION_SECONDS = 12 * 3600
_TOKEN = re.compile(r"[\w-]{43}", re.ASCII)  # 32 random bytes
_SHORT_ID = 6  # characters of the session's hash that are shown: enough to tell a few people apart
_COMPARED_AT_ONCE = 2  # each takes 32 MiB and a core for a while
_COMPARISONS_WAITING = 20
_SIGNED_IN = web.RequestKey("signed_in", bool)  # whether a request's session was found to be valid

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AdminSessions:
    """
    A session is a random token in the browser, and its SHA-256 in the database. So every process knows it, it survives
    a restart, and signing out ends it. A changed password ends all sessions.
    """

    def __init__(
        self,
        password: str | None,
        public_url: str,
        *,
        store: AdminSessionStore,
        brake: SignInBrake,
        addresses: ClientAddresses,
        clock: Clock,
    ) -> None:
        """`password`: as it is configured, plain or an argon2 hash."""
        public = urlsplit(public_url)
        self._configured = password
        self._password: Password | None = None
        self._preparing = asyncio.Lock()
        self._is_secure = public.scheme == "https"
        # Browsers accept a cookie with this prefix only from this exact host and over TLS.
        self._cookie = f"__Host-{_COOKIE}" if self._is_secure else _COOKIE
        self._host = public.netloc
        self._store = store
        self._brake = brake
        self._addresses = addresses
        self._clock = clock
        self._comparing = asyncio.Semaphore(_COMPARED_AT_ONCE)
        self._waiting = 0

    @property
    def is_enabled(self) -> bool:
        return self._configured is not None

    async def is_signed_in(self, request: web.Request) -> bool:
        """Asks the database once per request. Raises: Unavailable."""
        if _SIGNED_IN not in request:
            token, password = self._token(request), await self._known()
            request[_SIGNED_IN] = bool(
                token
                and password
                and await self._store.is_live(_hash(token), mark=password.mark, now=self._clock.now())
            )
        return request[_SIGNED_IN]

    async def is_still_signed_in(self, request: web.Request) -> bool:
        """Asks the database again: for what stays open longer than a request. Raises: Unavailable."""
        request.pop(_SIGNED_IN, None)
        return await self.is_signed_in(request)

    def who(self, request: web.Request) -> Author:
        """
        The author of this request, as far as it can be known: all administrators have the same password, so only their
        browsers' sessions distinguish them.
        """
        token = self._token(request)
        session = _hash(token)[:_SHORT_ID] if token else ""
        return Author(kind=AuthorKind.ADMINISTRATOR, session=session, address=self._addresses.of(request))

    async def sign_in(self, request: web.Request, given: str, response: web.StreamResponse) -> bool:
        """
        If the password is right, begin a session and set its cookie on `response`.

        Raises:
            HTTPTooManyRequests: too many attempts from this address, or too many at once.
            Unavailable: the database cannot keep the session.
        """
        address = self._addresses.group_of(request)
        if wait := await self._brake.seconds_to_wait(address):
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(wait)})
        password = await self._known()
        if password is None or not await self._compared(password, given):
            return False
        await self._brake.forget(address)
        token, now = secrets.token_urlsafe(32), self._clock.now()
        await self._store.begin(_hash(token), mark=password.mark, now=now, until=Timestamp(now + _SESSION_SECONDS))
        response.set_cookie(
            self._cookie,
            token,
            max_age=_SESSION_SECONDS,
            httponly=True,
            secure=self._is_secure,
            samesite="Lax",
            path="/",
        )
        return True

    async def sign_out(self, request: web.Request, response: web.StreamResponse, *, everywhere: bool) -> None:
        """End this browser's session, or all sessions. Raises: Unavailable."""
        if everywhere:
            await self._store.end_all()
        elif token := self._token(request):
            await self._store.end(_hash(token))
        response.del_cookie(self._cookie, path="/", secure=self._is_secure, httponly=True, samesite="Lax")

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pages below /admin need a session; changes must come from one of our pages."""
        path = request.path
        if not (path == "/admin" or path.startswith("/admin/")) or path.startswith("/admin/static"):
            return await handler(request)
        is_login = path == "/admin/login"
        if not is_login and not await self.is_signed_in(request):
            if request.method not in ("GET", "HEAD"):
                raise web.HTTPForbidden(reason="Sign in again.")
            raise web.HTTPSeeOther(with_language(request, f"/admin/login?next={quote(request.path_qs, safe='/')}"))
        if request.method not in ("GET", "HEAD") and not self.is_own_page(request, is_login=is_login):
            raise web.HTTPForbidden(reason="This form was not sent from a page of Dozvon.")
        return await handler(request)

    def is_own_page(self, request: web.Request, *, is_login: bool = False) -> bool:
        """
        Whether a change comes from one of our pages. Browsers send a form's origin, and no page can forge it. A client
        without it is not a current browser: it may sign in, because no page can make it do that, but change nothing.
        """
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        if site is not None and site != "same-origin":
            return False
        if origin is not None:
            return urlsplit(origin).netloc in {self._host, request.host} - {""}
        return site is not None or is_login

    def _token(self, request: web.Request) -> str | None:
        token = request.cookies.get(self._cookie, "")
        return token if _TOKEN.fullmatch(token) else None

    async def _known(self) -> Password | None:
        """Prepare the password at its first use: that takes a core a tenth of a second."""
        if self._password is None and self._configured is not None:
            async with self._preparing:
                if self._password is None:
                    self._password = await asyncio.to_thread(Password, self._configured)
        return self._password

    async def _compared(self, password: Password, given: str) -> bool:
        if self._waiting >= _COMPARISONS_WAITING:
            raise web.HTTPTooManyRequests(headers={"Retry-After": "5"})
        self._waiting += 1
        try:
            async with self._comparing:
                return len(given) <= LONGEST and await asyncio.to_thread(password.is_same, given)
        finally:
            self._waiting -= 1


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def local_path(text: str) -> str:
    """The page to open after signing in: only one of ours, never another site's."""
    is_ours = re.match(r"/admin(?:[/?]|$)", text) is not None and "\\" not in text and text.isprintable()
    return text if is_ours else "/admin"
