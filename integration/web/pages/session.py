"""Who is signed in: the cookie, and the guard that asks of each request what its route needs."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import NoReturn
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import web

from integration.domain.access import Granted, Permission, Refusal, Refused, Viewer, allows, viewer_from_crm, viewer_of
from integration.domain.administrators import LONGEST_LOGIN, Administrator, CrmUser, login_key
from integration.domain.ids import AccountId, Timestamp
from integration.domain.settings_changes import BY_FILE, Author, AuthorKind
from integration.errors import Unavailable
from integration.ports.administrators import AdminSessionStore, Credentials, Session, SignedIn
from integration.ports.clock import Clock
from integration.services.administrators import Administrators, digest, is_code
from integration.services.passwords import Password, PasswordDesk, TooBusy
from integration.web.client_address import ClientAddresses
from integration.web.language import COOKIE, with_language
from integration.web.pages.brake import SignInBrake
from integration.web.permissions import Need, need_of

log = structlog.get_logger()

_COOKIE = "dozvon_admin"
_SESSION_SECONDS = 12 * 3600
_TOUCH_SECONDS = 60.0  # how exactly the last use is known
_SHORT_ID = 6  # characters of the session's hash that are shown: enough to tell a few people apart
_LONGEST_BROWSER = 300

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class _LookedUp:
    """A request's session; None: there is none."""

    found: SignedIn | None


_LOOKED_UP = web.RequestKey("looked_up", _LookedUp)
_NOT_YET = _LookedUp(None)


class AdminSessions:
    """
    A session is a random token in the browser, and its SHA-256 in the database. So every process knows it, it survives
    a restart, and signing out ends it. A changed password ends all sessions of its owner.
    """

    def __init__(
        self,
        password: str | None,
        public_url: str,
        *,
        store: AdminSessionStore,
        administrators: Administrators,
        passwords: PasswordDesk,
        brake: SignInBrake,
        addresses: ClientAddresses,
        clock: Clock,
        office_of: Callable[[AccountId], AccountId] = lambda account: account,
        vouches: Callable[[CrmUser, Administrator], bool] = lambda user, person: False,
    ) -> None:
        """
        Args:
            password: as it is configured, plain or an argon2 hash.
            office_of: the office of an account.
            vouches: whether a CRM's word still holds by which a session began.
        """
        public = urlsplit(public_url)
        self._configured = password
        self._password: Password | None = None
        self._preparing = asyncio.Lock()
        self.is_secure = public.scheme == "https"
        # Browsers accept a cookie with this prefix only from this exact host and over TLS.
        self._cookie = f"__Host-{_COOKIE}" if self.is_secure else _COOKIE
        self._host = public.netloc
        self.store = store
        self.administrators = administrators
        self._passwords = passwords
        self._brake = brake
        self._addresses = addresses
        self._clock = clock
        self.office_of = office_of
        self._vouches = vouches

    @property
    def has_file_password(self) -> bool:
        """Whether the configuration has a password."""
        return self._configured is not None

    # ---- whose request it is

    async def signed_in(self, request: web.Request) -> SignedIn | None:
        """Asks the database once per request. Raises: Unavailable."""
        if _LOOKED_UP not in request:
            request[_LOOKED_UP] = _LookedUp(await self._found(request))
        return request[_LOOKED_UP].found

    async def is_signed_in(self, request: web.Request) -> bool:
        """Raises: Unavailable."""
        return await self.signed_in(request) is not None

    async def is_still_let_in(self, request: web.Request) -> bool:
        """
        Whether the guard would let this request in now. Asks the database again: for what stays open longer than a
        request, which is no use. Raises: Unavailable.
        """
        request[_LOOKED_UP] = _LookedUp(await self._found(request, is_use=False))
        need = need_of(request.match_info.route)
        if request[_LOOKED_UP].found is None or need is None or need.permission is None:
            return False
        return isinstance(self._decided(request, need.permission), Granted)

    def who(self, request: web.Request) -> Author:
        """The author of this request, which `signed_in` has looked up."""
        found = request.get(_LOOKED_UP, _NOT_YET).found
        person = None if found is None else found.administrator
        return Author(
            kind=AuthorKind.ADMINISTRATOR,
            session="" if found is None else found.session.id[:_SHORT_ID],
            address=self._addresses.of(request),
            administrator=BY_FILE if person is None else person.id,
            name="" if person is None else person.name,
        )

    def viewer(self, request: web.Request) -> Viewer:
        """What may the author of this request, which `signed_in` has looked up?"""
        found = request.get(_LOOKED_UP, _NOT_YET).found
        if found is None:
            return Viewer(author=self.who(request), permissions=frozenset())
        crm_user, person = found.session.crm_user, found.administrator
        if crm_user is not None and person is not None:
            return viewer_from_crm(person, self.who(request), self.office_of(crm_user.account))
        return viewer_of(person, self.who(request))

    # ---- signing in and out

    async def sign_in(self, request: web.Request, given: str, response: web.StreamResponse, *, login: str = "") -> bool:
        """
        If the password is right, begin a session and set its cookie on `response`.

        Args:
            login: empty: `given` is the configuration file's password.

        Raises:
            HTTPTooManyRequests: too many attempts from this address.
            TooBusy: too many passwords are being compared.
            Unavailable: the database cannot keep the session.
        """
        subject = subject_of(login)
        await self.count_attempt(request, subject)
        if login.strip():
            found = await self.administrators.recognised(login, given)
            if found is None:
                return False
            await self.forget_attempts(request, subject)
            await self.begin(request, found, response)
            return True
        password = await self.known()
        if not await self._passwords.is_same(None if password is None else password.hash, given) or password is None:
            return False
        await self.forget_attempts(request, subject)
        await self._begin(request, None, password.mark, response)
        return True

    async def count_attempt(self, request: web.Request, subject: str) -> None:
        """Before a password or a code is compared. Raises: HTTPTooManyRequests."""
        if wait := await self._brake.seconds_to_wait(self._addresses.group_of(request), subject):
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(wait)})

    async def count_wrong_key(self, request: web.Request) -> int:
        """Returns how many seconds the sender has to wait before another one; 0: not yet."""
        return await self._brake.seconds_to_wait_with_key(self._addresses.group_of(request))

    def address_of(self, request: web.Request) -> str:
        """The sender's."""
        return self._addresses.of(request)

    async def forget_attempts(self, request: web.Request, subject: str) -> None:
        await self._brake.forget(self._addresses.group_of(request), subject)

    async def begin(
        self,
        request: web.Request,
        found: Credentials,
        response: web.StreamResponse,
        *,
        crm_user: CrmUser | None = None,
    ) -> None:
        """
        Sign this browser in as somebody who has proved it.

        Args:
            crm_user: by whose word; None: by a password.

        Raises:
            Unavailable.
        """
        await self._begin(request, found.administrator, found.mark, response, crm_user)
        response.set_cookie(
            COOKIE, found.administrator.language, max_age=365 * 24 * 3600, samesite="Lax", httponly=True
        )

    async def sign_out(self, request: web.Request, response: web.StreamResponse, *, everywhere: bool) -> None:
        """End this browser's session, or all of the same administrator. Raises: Unavailable."""
        found = await self.signed_in(request)
        if found is not None and everywhere:
            await self.store.end_all(found.session.administrator)
        elif token := self._token(request):
            await self.store.end(digest(token))
        response.del_cookie(self._cookie, path="/", secure=self.is_secure, httponly=True, samesite="Lax")

    async def known(self) -> Password | None:
        """The configured password, prepared at its first use: that takes a core a tenth of a second."""
        if self._password is None and self._configured is not None:
            async with self._preparing:
                if self._password is None:
                    self._password = await self._passwords.configured(self._configured)
        return self._password

    # ---- the guard

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in who may; changes must come from one of our pages."""
        need = need_of(request.match_info.route)
        if need is None:
            need = await self._undeclared(request)
        if need.permission is not None and not need.is_checked_there:
            await self._let_in(request, need)
        is_form = need.is_own_form and not need.is_checked_there and request.method not in ("GET", "HEAD")
        if is_form and not self.is_own_page(request, is_login=need.permission is None):
            raise web.HTTPForbidden(reason="This form was not sent from a page of Dozvon.")
        try:
            return await handler(request)
        except TooBusy as exc:
            raise web.HTTPTooManyRequests(headers={"Retry-After": f"{exc.retry_after_seconds or 5:.0f}"}) from exc

    async def _undeclared(self, request: web.Request) -> Need:
        """An address that does not exist; who is signed out does not learn that of those below /admin."""
        if request.match_info.http_exception is None:
            log.error("this route declares no permission", place=request.match_info.route.resource)
            raise web.HTTPForbidden
        if _is_admin(request.path) and not await self.is_signed_in(request):
            self._send_to_sign_in(request)
        return Need(why="there is nothing", is_own_form=False)

    async def _let_in(self, request: web.Request, need: Need) -> None:
        assert need.permission is not None
        if not await self.is_signed_in(request):
            self._send_to_sign_in(request)
        decision = self._decided(request, need.permission)
        if isinstance(decision, Granted):
            return
        if decision.reason is Refusal.NOT_THEIRS:  # as if it did not exist
            raise web.HTTPNotFound
        raise web.HTTPForbidden(reason="This administrator may not do this.")

    def _decided(self, request: web.Request, permission: Permission) -> Granted | Refused:
        """For the office in the address."""
        account, office = request.match_info.get("account"), request.match_info.get("office")
        if account is not None:
            office = self.office_of(AccountId(account))
        return allows(self.viewer(request), permission, None if office is None else AccountId(office))

    def _send_to_sign_in(self, request: web.Request) -> NoReturn:
        if request.method not in ("GET", "HEAD"):
            raise web.HTTPForbidden(reason="Sign in again.")
        raise web.HTTPSeeOther(with_language(request, f"/admin/login?next={quote(request.path_qs, safe='/')}"))

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

    # ---- pieces

    async def _found(self, request: web.Request, *, is_use: bool = True) -> SignedIn | None:
        token = self._token(request)
        if token is None:
            return None
        password, now = await self.known(), self._clock.now()
        mark = None if password is None else password.mark
        found = await self.store.find(digest(token), file_mark=mark, now=now)
        if found is not None and not self._is_vouched_for(found):
            return None
        if found is not None and is_use:
            await self._touch(request, found.session, now)
        return found

    def _is_vouched_for(self, found: SignedIn) -> bool:
        crm_user, person = found.session.crm_user, found.administrator
        return crm_user is None or (person is not None and self._vouches(crm_user, person))

    async def _touch(self, request: web.Request, session: Session, now: Timestamp) -> None:
        """Store the last use, to the minute. A page does not fail because this cannot be stored."""
        address = self._addresses.of(request)
        if now - session.used_at < _TOUCH_SECONDS and address == session.address:
            return
        try:
            await self.store.touch(replace(session, used_at=now, address=address), now=now)
        except Unavailable as exc:
            log.warning("the last use of a session was not stored", error=str(exc))

    async def _begin(
        self,
        request: web.Request,
        person: Administrator | None,
        mark: str,
        response: web.StreamResponse,
        crm_user: CrmUser | None = None,
    ) -> None:
        """Always with a new token: one that a stranger has set beforehand is worth nothing."""
        if former := self._token(request):
            await self.store.end(digest(former))
        token, now = secrets.token_urlsafe(32), self._clock.now()
        session = Session(
            id=digest(token),
            administrator=None if person is None else person.id,
            begun_at=now,
            used_at=now,
            until=Timestamp(now + _SESSION_SECONDS),
            browser=request.headers.get("User-Agent", "")[:_LONGEST_BROWSER],
            address=self._addresses.of(request),
            crm_user=crm_user,
        )
        await self.store.begin(session, mark=mark, now=now)
        response.set_cookie(
            self._cookie,
            token,
            max_age=_SESSION_SECONDS,
            httponly=True,
            secure=self.is_secure,
            samesite="Lax",
            path="/",
        )

    def _token(self, request: web.Request) -> str | None:
        token = request.cookies.get(self._cookie, "")
        return token if is_code(token) else None


def _is_admin(path: str) -> bool:
    return path == "/admin" or path.startswith("/admin/")


def subject_of(login: str) -> str:
    """What the brake counts attempts at: a login in any spelling; empty: the configuration file's password."""
    return f"login {login_key(login[:LONGEST_LOGIN])}" if login.strip() else ""


def local_path(text: str) -> str:
    """The page to open after signing in: only one of ours, never another site's."""
    is_ours = re.match(r"(?:/admin(?:[/?]|$)|/from-crm$)", text) is not None and "\\" not in text and text.isprintable()
    return text if is_ours else "/admin"
