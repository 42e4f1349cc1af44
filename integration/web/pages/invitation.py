"""An invited person sets their password: `/invitation`, which the link of an invitation opens."""

from __future__ import annotations

from aiohttp import web

from integration.ports.administrators import CodeGone, Invitation, LoginTaken
from integration.services.administrators import Administrators, NotUsable
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.pages.code_cookie import CodeCookie
from integration.web.pages.session import AdminSessions
from integration.web.pages.shell import Shell
from integration.web.pages.trouble_texts import by_field
from integration.web.permissions import open_form

PATH = "/invitation"


class InvitationPages:
    def __init__(self, shell: Shell, sessions: AdminSessions, administrators: Administrators) -> None:
        self._shell = shell
        self._sessions = sessions
        self._administrators = administrators
        self._code = CodeCookie(PATH, "dozvon_invitation", sessions)

    def routes(self) -> list[web.AbstractRouteDef]:
        return [*open_form("a one-time code is checked", web.get(PATH, self.show), web.post(PATH, self.accept))]

    async def show(self, request: web.Request) -> web.StreamResponse:
        if (onward := self._code.taken(request)) is not None:
            raise onward
        invitation = await self._invitation(request)
        if invitation is None:
            return await self._closed(request)
        return await self._form(request, invitation, {"name": invitation.name})

    async def accept(self, request: web.Request) -> web.StreamResponse:
        form = await read_form(request)
        invitation = await self._invitation(request)
        if invitation is None:
            return await self._closed(request)
        try:
            found = await self._administrators.accept(
                self._code.read(request),
                name=form.get("name", ""),
                password=form.get("password", ""),
                language=language_of(request),
            )
        except NotUsable as exc:
            return await self._form(request, invitation, form, by_field(exc.troubles, language_of(request)))
        except (CodeGone, LoginTaken):
            return await self._closed(request)
        welcome = web.HTTPSeeOther("/admin")
        await self._sessions.begin(request, found, welcome)
        self._code.drop(welcome)
        raise welcome

    async def _invitation(self, request: web.Request) -> Invitation | None:
        """Raises: HTTPTooManyRequests after too many wrong codes."""
        code = self._code.read(request)
        if not code:
            return None
        await self._code.count_attempt(request)
        invitation = await self._administrators.invitation(code)
        if invitation is not None:
            await self._code.forget_attempts(request)
        return invitation

    async def _closed(self, request: web.Request) -> web.Response:
        page = await self._shell.page(request, "invitation_gone.html")
        page.set_status(403)
        self._code.drop(page)
        return page

    async def _form(
        self,
        request: web.Request,
        invitation: Invitation,
        form: dict[str, str],
        wrong: dict[str, str] | None = None,
    ) -> web.Response:
        return await self._shell.page(request, "invitation.html", invitation=invitation, typed=form, wrong=wrong or {})
