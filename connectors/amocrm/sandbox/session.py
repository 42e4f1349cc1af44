"""Identifies the caller: the bearer of a token, or the person who is "logged in" on the CRM page by a cookie.

On the page anybody may choose any user, for demonstrations; the API checks tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from connectors.amocrm.sandbox import tokens
from connectors.amocrm.sandbox.account import Account
from connectors.amocrm.sandbox.problems import Problem
from connectors.amocrm.sandbox.sandbox import SANDBOX, Sandbox
from connectors.amocrm.sandbox.tables import Record

COOKIE = "crm_user"
LANGUAGE_COOKIE = "crm_lang"
LANGUAGES = ("ru", "uk", "en")


@dataclass(frozen=True, slots=True)
class Caller:
    account: Account
    user: Record
    client_id: str = ""  # empty: a person on the page

    @property
    def user_id(self) -> int:
        return int(self.user["id"])

    @property
    def is_admin(self) -> bool:
        return bool(self.user["rights"]["is_admin"])

    def require_admin(self) -> None:
        if not self.is_admin:
            raise Problem(403, "Only an administrator may do this")


CALLER = web.RequestKey("caller", Caller)


def caller(request: web.Request) -> Caller:
    return request[CALLER]


def sandbox_of(request: web.Request) -> Sandbox:
    return request.app[SANDBOX]


def page_caller(request: web.Request) -> Caller:
    """The person in the cookie; without a cookie, the first ordinary manager of the first account."""
    sandbox = sandbox_of(request)
    account_text, _, user_text = request.cookies.get(COOKIE, "").partition(":")
    account = sandbox.accounts.get(int(account_text)) if account_text.isdigit() else None
    if account is None:
        account = next(iter(sandbox.accounts.values()), None)
    if account is None:
        raise web.HTTPNotFound(text="The sandbox has no account")
    user = account.users.get(int(user_text)) if user_text.isdigit() else None
    if user is None or not user["rights"]["is_active"]:
        user = next(each for each in account.users.values() if each["rights"]["is_active"])
    return Caller(account, user)


def api_caller(request: web.Request) -> Caller:
    """
    The caller of an API request: from its bearer token, else, for same-origin requests of widgets, from the session.

    Raises:
        Problem: 401.
    """
    sandbox = sandbox_of(request)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        if COOKIE in request.cookies:
            return page_caller(request)
        raise Problem(401, "Неверный логин или пароль", extra={"hint": "No bearer token"})
    grant = tokens.bearer(sandbox, token.strip())
    account = sandbox.accounts[grant.account_id]
    if sandbox.settings.account_host and request.host != sandbox.account_host(account, request):
        raise Problem(401, "The account does not have this address")
    user = account.users[grant.user_id]
    if not user["rights"]["is_active"]:
        raise Problem(401, "The user who gave access is switched off")
    return Caller(account, _acting(request, account, user), grant.client_id)


def _acting(request: web.Request, account: Account, user: Record) -> Record:
    """`X-Context-User-ID`: an administrator's token may act with another user's rights."""
    wanted = request.headers.get("X-Context-User-ID", "")
    if not wanted:
        return user
    other = account.users.get(int(wanted)) if wanted.isdigit() else None
    if other is None or not user["rights"]["is_admin"]:
        raise Problem(403, "X-Context-User-ID is not allowed here")
    return other


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
