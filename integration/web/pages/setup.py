"""The first owner, and a new password when all are lost: `/setup`, which a one-time code opens.

`dozvon run` prints the address while nobody can sign in, and `dozvon setup-code` prints another at any time.
"""

from __future__ import annotations

from aiohttp import web

from integration.domain.administrators import Administrator, AdministratorId
from integration.ports.administrators import CodeGone, LoginTaken
from integration.services.administrators import Administrators, NewPerson, NotUsable
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.pages.code_cookie import CodeCookie
from integration.web.pages.session import AdminSessions
from integration.web.pages.shell import Shell
from integration.web.pages.trouble_texts import LOGIN_TAKEN, by_field
from integration.web.permissions import open_form

PATH = "/setup"


class SetupPages:
    """`go_on`: where a new owner comes to, once signed in."""

    def __init__(
        self, shell: Shell, sessions: AdminSessions, administrators: Administrators, *, go_on: str = "/admin"
    ) -> None:
        self._shell = shell
        self._sessions = sessions
        self._administrators = administrators
        self._go_on = go_on
        self._code = CodeCookie(PATH, "dozvon_setup", sessions)

    def routes(self) -> list[web.AbstractRouteDef]:
        return [*open_form("a one-time code is checked", web.get(PATH, self.show), web.post(PATH, self.set_up))]

    async def show(self, request: web.Request) -> web.StreamResponse:
        if (onward := self._code.taken(request)) is not None:
            raise onward
        code = self._code.read(request)
        if not code:
            return await self._shell.page(request, "setup_code_missing.html", is_wrong=False)
        if not await self._is_valid(request, code):
            return await self._closed(request)
        return await self._form(request, {})

    async def set_up(self, request: web.Request) -> web.StreamResponse:
        form, code = await read_form(request), self._code.read(request)
        if not await self._is_valid(request, code):
            return await self._closed(request)
        chosen, password = form.get("who", ""), form.get("password", "")
        try:
            if chosen:
                found = await self._administrators.reset_password(code, AdministratorId(chosen), password)
            else:
                person = NewPerson(
                    name=form.get("name", ""),
                    login=form.get("login", ""),
                    password=password,
                    language=language_of(request),
                )
                found = await self._administrators.set_up(code, person)
        except NotUsable as exc:
            return await self._form(request, form, by_field(exc.troubles, language_of(request)))
        except LoginTaken:
            return await self._form(request, form, by_field([LOGIN_TAKEN], language_of(request)))
        except CodeGone:
            return await self._closed(request)
        welcome = web.HTTPSeeOther(self._go_on)
        await self._sessions.begin(request, found, welcome)
        self._code.drop(welcome)
        raise welcome

    async def _is_valid(self, request: web.Request, code: str) -> bool:
        """Raises: HTTPTooManyRequests after too many wrong ones."""
        if not code:
            return False
        await self._code.count_attempt(request)
        if not await self._administrators.is_setup_code(code):
            return False
        await self._code.forget_attempts(request)
        return True

    async def _closed(self, request: web.Request) -> web.Response:
        page = await self._shell.page(request, "setup_code_missing.html", is_wrong=bool(self._code.read(request)))
        page.set_status(403)
        self._code.drop(page)
        return page

    async def _form(
        self, request: web.Request, form: dict[str, str], wrong: dict[str, str] | None = None
    ) -> web.Response:
        everybody: list[Administrator] = await self._administrators.store.all()
        return await self._shell.page(
            request, "setup.html", people=everybody, typed=form, wrong=wrong or {}, chosen=form.get("who", "")
        )
