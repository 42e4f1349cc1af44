"""The page that opens from inside a CRM: `/from-crm`. It says who will be signed in, and waits for a press."""

from __future__ import annotations

from typing import NoReturn

from aiohttp import web

from integration.domain.administrators import Administrator
from integration.services.administrators import Administrators, is_code
from integration.services.crm_entry import PAGE_SECONDS, CrmEntry, Entrance, EntryProblem, EntryRefused
from integration.texts.pages import texts
from integration.web.forms import read_form
from integration.web.language import language_of, with_language
from integration.web.pages.session import AdminSessions, subject_of
from integration.web.pages.shell import Shell
from integration.web.pages.trouble_texts import WRONG_PRESENT, by_field
from integration.web.permissions import open_form

PATH = "/from-crm"
_COOKIE = "dozvon_from_crm"
_NO_TICKET = "-"


class CrmEntryPages:
    def __init__(self, shell: Shell, sessions: AdminSessions, administrators: Administrators, entry: CrmEntry) -> None:
        self._shell = shell
        self._sessions = sessions
        self._administrators = administrators
        self._entry = entry
        self._cookie = f"__Host-{_COOKIE}" if sessions.is_secure else _COOKIE

    def routes(self) -> list[web.AbstractRouteDef]:
        return [*open_form("the CRM's proof is checked", web.get(PATH, self.show), web.post(PATH, self.act))]

    async def show(self, request: web.Request) -> web.StreamResponse:
        if (ticket := request.query.get("ticket")) is not None:
            raise await self._taken_from_address(request, ticket)
        try:
            entrance, ticket = await self._entry.looked_at(self._ticket(request))
        except EntryRefused as exc:
            return await self._refused(request, exc.problem)
        own = await self._own(request)
        if own is not None and entrance.administrator is not None and own.id == entrance.administrator.id:
            onward = web.HTTPSeeOther(with_language(request, f"/admin/{entrance.user.account}"))
            self._drop(onward)
            raise onward
        return await self._page(request, entrance, ticket)

    async def act(self, request: web.Request) -> web.StreamResponse:
        form = await read_form(request)
        try:
            entrance = await self._entry.taken(self._ticket(request))
            if form.get("do") == "tie":
                return await self._tie(request, entrance, form.get("present", ""))
            await self._enter(request, entrance)
        except EntryRefused as exc:
            return await self._refused(request, exc.problem)

    async def _enter(self, request: web.Request, entrance: Entrance) -> NoReturn:
        """Raises: EntryRefused; HTTPSeeOther, signed in."""
        found = await self._entry.enter(entrance)
        welcome = web.HTTPSeeOther(with_language(request, f"/admin/{entrance.user.account}"))
        await self._sessions.begin(request, found, welcome, crm_user=entrance.user)
        self._drop(welcome)
        raise welcome

    async def _tie(self, request: web.Request, entrance: Entrance, present: str) -> web.StreamResponse:
        """
        With the password of who is signed in here: a press alone, on a page that a stranger has sent, ties nobody.

        Raises:
            HTTPTooManyRequests. TooBusy.
        """
        own = await self._own(request)
        if own is None:
            raise EntryRefused(EntryProblem.TICKET_GONE)
        subject = subject_of(own.login)
        await self._sessions.count_attempt(request, subject)
        if await self._administrators.recognised(own.login, present) is None:
            wrong = by_field([WRONG_PRESENT], language_of(request))
            ticket = await self._entry.issued_again(entrance)
            return await self._page(request, entrance, ticket, wrong=wrong.get("present", ""))
        await self._sessions.forget_attempts(request, subject)
        await self._entry.tie(entrance, own.id)
        onward = await self._shell.told(request, f"/admin/{entrance.user.account}", "crm_tied")
        self._drop(onward)
        raise onward

    async def _own(self, request: web.Request) -> Administrator | None:
        """Who is signed in here with their own password."""
        found = await self._sessions.signed_in(request)
        return None if found is None or found.session.crm_user is not None else found.administrator

    async def _taken_from_address(self, request: web.Request, ticket: str) -> web.HTTPSeeOther:
        """The ticket goes into a cookie: it stays in no history and no `Referer`."""
        held = await self._entry.exchanged(ticket) if is_code(ticket) else None
        onward = web.HTTPSeeOther(with_language(request, PATH))
        self._keep(onward, held or _NO_TICKET)
        return onward

    async def _page(self, request: web.Request, entrance: Entrance, ticket: str, *, wrong: str = "") -> web.Response:
        found = await self._sessions.signed_in(request)
        own = await self._own(request)
        is_let_in = entrance.administrator is not None or entrance.is_by_word
        page = await self._shell.page(
            request,
            "from_crm.html",
            name=entrance.name,
            enters_as=(entrance.administrator.name if entrance.administrator is not None else entrance.name)
            if is_let_in
            else "",
            instead=own.name if own is not None else "",
            is_by_file=found is not None and found.administrator is None,
            login=own.login if own is not None else "",
            wrong=wrong,
            here=PATH,
        )
        self._keep(page, ticket)
        return page

    async def _refused(self, request: web.Request, problem: EntryProblem) -> web.Response:
        page = await self._shell.page(
            request, "from_crm_refused.html", sentence=texts(language_of(request))[problem.value], here=PATH
        )
        page.set_status(403)
        self._drop(page)
        return page

    def _ticket(self, request: web.Request) -> str:
        ticket = request.cookies.get(self._cookie, "")
        return ticket if is_code(ticket) else _NO_TICKET

    def _keep(self, response: web.StreamResponse, ticket: str) -> None:
        response.set_cookie(
            self._cookie,
            ticket,
            max_age=int(PAGE_SECONDS),
            httponly=True,
            secure=self._sessions.is_secure,
            samesite="Lax",
            path="/",
        )

    def _drop(self, response: web.StreamResponse) -> None:
        response.del_cookie(self._cookie, path="/", secure=self._sessions.is_secure, httponly=True, samesite="Lax")
