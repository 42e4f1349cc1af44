"""The pages to sign in and out. `session.py` checks the password."""

from __future__ import annotations

from aiohttp import web

from integration.domain.access import Permission
from integration.web.forms import read_form
from integration.web.pages.session import AdminSessions, local_path
from integration.web.pages.shell import Shell
from integration.web.permissions import needs, open_form


class SignInPages:
    def __init__(self, shell: Shell, sessions: AdminSessions) -> None:
        self._shell = shell
        self._sessions = sessions

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            *open_form(
                "a password is checked",
                web.get("/admin/login", self.show_login),
                web.post("/admin/login", self.sign_in),
            ),
            *needs(Permission.OWN_PROFILE, web.post("/admin/logout", self.sign_out)),
        ]

    async def show_login(self, request: web.Request) -> web.Response:
        return await self._page(request, local_path(request.query.get("next", "")))

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        form = await read_form(request)
        goal, login = local_path(form.get("next", "")), form.get("login", "")
        welcome = web.HTTPSeeOther(goal)
        if await self._sessions.sign_in(request, form.get("password", ""), welcome, login=login):
            raise welcome
        return await self._page(request, goal, login=login, failed=True)

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        farewell = web.HTTPSeeOther("/admin/login")
        everywhere = bool((await read_form(request)).get("everywhere"))
        await self._sessions.sign_out(request, farewell, everywhere=everywhere)
        raise farewell

    async def _page(self, request: web.Request, goal: str, *, login: str = "", failed: bool = False) -> web.Response:
        return await self._shell.page(
            request,
            "login.html",
            next=goal,
            failed=failed,
            login=login,
            has_people=await self._sessions.administrators.store.have_any(),
            has_file_password=self._sessions.has_file_password,
        )
