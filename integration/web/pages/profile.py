"""One's own name, language, password and sessions."""

from __future__ import annotations

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.administrators import Administrator, AdministratorId, CrmUser
from integration.domain.ids import AccountId, ManagerId
from integration.ports.administrators import SignedIn
from integration.ports.clock import Clock
from integration.services.administrators import Administrators, NotUsable
from integration.services.crm_entry import CrmEntry
from integration.texts import LANGUAGES
from integration.texts.pages import texts
from integration.web.forms import read_form
from integration.web.language import COOKIE, language_of
from integration.web.pages.session import AdminSessions, subject_of
from integration.web.pages.session_rows import SessionRows
from integration.web.pages.shell import Shell
from integration.web.pages.trouble_texts import WRONG_PRESENT, by_field
from integration.web.permissions import needs

PATH = "/admin/administrators/me"


class ProfilePages:
    """Who signed in with the configuration file's password has sessions only."""

    def __init__(
        self,
        shell: Shell,
        sessions: AdminSessions,
        administrators: Administrators,
        clock: Clock,
        entry: CrmEntry,
    ) -> None:
        self._entry = entry
        self._shell = shell
        self._sessions = sessions
        self._administrators = administrators
        self._clock = clock
        self._rows = SessionRows(shell, sessions)

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            *needs(
                Permission.OWN_PROFILE,
                web.get(PATH, self.show),
                web.post(f"{PATH}/profile", self.save),
                web.post(f"{PATH}/password", self.change_password),
                web.post(f"{PATH}/sessions/end", self.end_others),
                web.post(PATH + "/sessions/{session:[0-9a-f]{64}}/end", self.end_session),
                web.post(f"{PATH}/crm/untie", self.untie),
            )
        ]

    async def show(self, request: web.Request) -> web.StreamResponse:
        return await self._page(request)

    async def save(self, request: web.Request) -> web.StreamResponse:
        person, form = await self._person(request), await read_form(request)
        language = form.get("language", "")
        if language not in LANGUAGES:
            raise web.HTTPBadRequest
        try:
            await self._administrators.set_profile(person.id, name=form.get("name", ""), language=language)
        except NotUsable as exc:
            return await self._page(request, form, by_field(exc.troubles, language_of(request)))
        saved = await self._shell.told(request, PATH, "saved")
        saved.set_cookie(COOKIE, language, max_age=365 * 24 * 3600, samesite="Lax", httponly=True)
        raise saved

    async def change_password(self, request: web.Request) -> web.StreamResponse:
        person, form = await self._person(request), await read_form(request)
        subject = subject_of(person.login)
        await self._sessions.count_attempt(request, subject)
        try:
            changed = await self._administrators.change_password(
                person, form.get("present", ""), form.get("password", "")
            )
        except NotUsable as exc:
            await self._sessions.forget_attempts(request, subject)
            return await self._page(request, wrong=by_field(exc.troubles, language_of(request)))
        if changed is None:
            return await self._page(request, wrong=by_field([WRONG_PRESENT], language_of(request)))
        await self._sessions.forget_attempts(request, subject)
        done = await self._shell.told(request, PATH, "password_changed")
        await self._sessions.begin(request, changed, done)
        raise done

    async def end_session(self, request: web.Request) -> web.StreamResponse:
        found = await self._found(request)
        await read_form(request)
        await self._sessions.store.end_of(found.session.administrator, request.match_info["session"])
        raise await self._shell.told(request, PATH, "session_ended")

    async def end_others(self, request: web.Request) -> web.StreamResponse:
        """All but the one that asks."""
        found, form = await self._found(request), await read_form(request)
        if not form.get("confirmed"):
            t = texts(language_of(request))
            return await self._shell.page(
                request,
                "confirm.html",
                section="administrators",
                title=t["end_others_question"],
                consequences=[t["end_others_consequence"]],
                confirm=t["end_others"],
                action=request.path,
                fields={},
                cancel_href=PATH,
                here=PATH,
            )
        await self._sessions.store.end_all(found.session.administrator, but=found.session.id)
        raise await self._shell.told(request, PATH, "sessions_ended")

    async def untie(self, request: web.Request) -> web.StreamResponse:
        found, form = await self._found(request), await read_form(request)
        person = found.administrator
        if person is None:
            raise web.HTTPForbidden
        user = CrmUser(AccountId(form.get("account", "")), ManagerId(form.get("manager", "")))
        await self._entry.ties.untie(user, person.id)
        raise await self._shell.told(request, PATH, "crm_untied")

    async def _tie_rows(self, found: SignedIn) -> list[dict[str, str]]:
        """The CRM users who are this administrator."""
        person = found.administrator
        ties = [] if person is None else await self._entry.ties.of(person.id)
        return [
            {
                "account": each.user.account,
                "manager": each.user.manager,
                "name": self._entry.name_of(each.user),
            }
            for each in ties
        ]

    async def _found(self, request: web.Request) -> SignedIn:
        found = await self._sessions.signed_in(request)
        if found is None:  # it was ended while the guard let it in
            raise web.HTTPForbidden
        return found

    async def _person(self, request: web.Request) -> Administrator:
        """
        Raises:
            HTTPForbidden: for the configuration file's password, which is nobody's, and for who was let in by a CRM:
                its word must not change how somebody signs in.
        """
        found = await self._found(request)
        if found.administrator is None or found.session.crm_user is not None:
            raise web.HTTPForbidden(reason="Sign in with your password to change this.")
        return found.administrator

    async def _page(
        self, request: web.Request, typed: dict[str, str] | None = None, wrong: dict[str, str] | None = None
    ) -> web.Response:
        found = await self._found(request)
        own: AdministratorId | None = found.session.administrator
        live = await self._rows.live(self._clock.now())
        return await self._shell.page(
            request,
            "profile.html",
            section="administrators",
            here=PATH,
            person=found.administrator,
            typed=typed or {},
            wrong=wrong or {},
            url=PATH,
            is_from_crm=found.session.crm_user is not None,
            ties=await self._tie_rows(found),
            language_choices=[("ru", "Русский"), ("uk", "Українська"), ("en", "English")],
            rows=await self._rows.of(request, [each for each in live if each.administrator == own]),
        )
