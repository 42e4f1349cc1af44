"""The owner's page of administrators: who they are, invitations, roles, switching off, sessions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.administrators import Administrator, AdministratorId, Role
from integration.domain.ids import AccountId
from integration.ports.administrators import CodeGone, LastOwner, LoginTaken, OwnerOfAll
from integration.ports.clock import Clock
from integration.services.administrators import INVITATION_HOURS, Administrators, Issued, NotUsable
from integration.texts.pages import texts
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.pages.invitation import PATH as INVITATION_PATH
from integration.web.pages.session import AdminSessions
from integration.web.pages.session_rows import SessionRows
from integration.web.pages.shell import Shell
from integration.web.pages.trouble_texts import LOGIN_TAKEN, by_field
from integration.web.permissions import needs

PATH = "/admin/administrators"
_ONE = PATH + "/{administrator:[0-9a-f]{32}}"
_INVITATION = PATH + "/invitations/{invitation:[0-9a-f]{32}}"
_SESSION = "/sessions/{session:[0-9a-f]{64}}/end"


OfficeNames = Callable[[], Awaitable[Mapping[AccountId, str]]]
"""All offices of the installation with their names."""

_SOME = "some"  # what a form says beside the ticked offices; else it means all


class AdministratorPages:
    """
    Args:
        public_url: of links that people get; None: that under which the page was opened.
    """

    def __init__(
        self,
        shell: Shell,
        sessions: AdminSessions,
        administrators: Administrators,
        clock: Clock,
        *,
        public_url: str | None,
        offices: OfficeNames,
    ) -> None:
        self._shell = shell
        self._sessions = sessions
        self._administrators = administrators
        self._clock = clock
        self._public_url = public_url
        self._offices = offices
        self._rows = SessionRows(shell, sessions)

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            *needs(
                Permission.MANAGE_ADMINISTRATORS,
                web.get(PATH, self.everybody),
                web.post(f"{PATH}/invitations", self.invite),
                web.post(f"{_INVITATION}/renew", self.renew),
                web.post(f"{_INVITATION}/revoke", self.revoke),
                web.post(f"{PATH}/file/sessions/end", self.end_sessions_of_file),
                web.get(_ONE, self.one),
                web.post(f"{_ONE}/role", self.set_role),
                web.post(f"{_ONE}/offices", self.set_offices),
                web.post(f"{_ONE}/active", self.set_active),
                web.post(f"{_ONE}/sessions/end", self.end_sessions),
                web.post(f"{_ONE}{_SESSION}", self.end_session),
            )
        ]

    async def everybody(self, request: web.Request) -> web.StreamResponse:
        return await self._page(request)

    # ---- invitations

    async def invite(self, request: web.Request) -> web.StreamResponse:
        form = await read_form(request)
        try:
            issued = await self._administrators.invite(
                form.get("name", ""),
                form.get("login", ""),
                _role(form.get("role", Role.ADMINISTRATOR.value)),
                invited_by=self._shell.who(request).name,
                offices=await self._chosen(form),
            )
        except OwnerOfAll:
            return await self._page(request, form, {"offices": texts(language_of(request))["owner_of_all"]})
        except NotUsable as exc:
            return await self._page(request, form, by_field(exc.troubles, language_of(request)))
        except LoginTaken:
            return await self._page(request, form, by_field([LOGIN_TAKEN], language_of(request)))
        return await self._page(request, issued=issued)

    async def renew(self, request: web.Request) -> web.StreamResponse:
        await read_form(request)
        try:
            issued = await self._administrators.renew(request.match_info["invitation"])
        except CodeGone:
            raise await self._shell.told(request, PATH, "invitation_already_gone") from None
        return await self._page(request, issued=issued)

    async def revoke(self, request: web.Request) -> web.StreamResponse:
        await read_form(request)
        is_revoked = await self._administrators.invitations.revoke(request.match_info["invitation"])
        raise await self._shell.told(request, PATH, "invitation_revoked" if is_revoked else "invitation_already_gone")

    # ---- one of them

    async def one(self, request: web.Request) -> web.StreamResponse:
        return await self._one_page(request, await self._named(request))

    async def set_role(self, request: web.Request) -> web.StreamResponse:
        person, form = await self._named(request), await read_form(request)
        role = _role(form.get("role", ""))
        if person.role is Role.OWNER and role is not Role.OWNER and not form.get("confirmed"):
            return await self._confirm(request, person, "degrade", {"role": role.value})
        try:
            await self._administrators.store.set_role(person.id, role)
        except LastOwner:
            return await self._one_page(request, person, refused="last_owner")
        raise await self._shell.told(request, _page_of(person), "role_set")

    async def set_offices(self, request: web.Request) -> web.StreamResponse:
        person, form = await self._named(request), await read_form(request)
        try:
            await self._administrators.store.set_offices(person.id, await self._chosen(form))
        except OwnerOfAll:
            return await self._one_page(request, person, refused="owner_of_all")
        raise await self._shell.told(request, _page_of(person), "offices_set")

    async def _chosen(self, form: Mapping[str, str]) -> frozenset[AccountId] | None:
        """The offices that a form ticks; None: all. What is no office of ours is left out."""
        if form.get("scope") != _SOME:
            return None
        return frozenset(each for each in await self._offices() if form.get(f"office.{each}"))

    async def _office_choices(
        self, offices: frozenset[AccountId] | None, typed: Mapping[str, str]
    ) -> dict[str, object]:
        """For the part `office_choice.html`. `typed`: a form that is shown again."""
        names = await self._offices()
        ticked = await self._chosen(typed) if typed else offices
        return {
            "scope": _SOME if ticked is not None else "",
            "office_rows": [
                (f"office.{each}", name or each, ticked is not None and each in ticked)
                for each, name in sorted(names.items(), key=lambda item: (item[1].casefold(), item[0]))
            ],
        }

    async def set_active(self, request: web.Request) -> web.StreamResponse:
        person, form = await self._named(request), await read_form(request)
        is_active = form.get("active") == "1"
        if not is_active and not form.get("confirmed"):
            return await self._confirm(request, person, "switch_off_administrator", {"active": ""})
        try:
            await self._administrators.store.set_active(person.id, is_active=is_active)
        except LastOwner:
            return await self._one_page(request, person, refused="last_owner")
        raise await self._shell.told(
            request, _page_of(person), "administrator_on" if is_active else "administrator_off"
        )

    async def end_session(self, request: web.Request) -> web.StreamResponse:
        person = await self._named(request)
        await read_form(request)
        await self._sessions.store.end_of(person.id, request.match_info["session"])
        raise await self._shell.told(request, _page_of(person), "session_ended")

    async def end_sessions(self, request: web.Request) -> web.StreamResponse:
        person, form = await self._named(request), await read_form(request)
        if not form.get("confirmed"):
            return await self._confirm(request, person, "end_all_sessions", {})
        await self._sessions.store.end_all(person.id)
        raise await self._shell.told(request, _page_of(person), "sessions_ended")

    async def end_sessions_of_file(self, request: web.Request) -> web.StreamResponse:
        """All of the configuration file's password, but one's own."""
        await read_form(request)
        own = await self._sessions.signed_in(request)
        await self._sessions.store.end_all(None, but=own.session.id if own is not None else "")
        raise await self._shell.told(request, PATH, "sessions_ended")

    # ---- pieces

    async def _named(self, request: web.Request) -> Administrator:
        """The administrator in the address. Raises: HTTPNotFound."""
        person = await self._administrators.store.get(AdministratorId(request.match_info["administrator"]))
        if person is None:
            raise web.HTTPNotFound
        return person

    async def _page(
        self,
        request: web.Request,
        typed: Mapping[str, str] | None = None,
        wrong: Mapping[str, str] | None = None,
        issued: Issued | None = None,
    ) -> web.Response:
        now = self._clock.now()
        live = await self._rows.live(now)
        own = await self._sessions.signed_in(request)
        everybody, names = await self._administrators.store.all(), await self._offices()
        return await self._shell.page(
            request,
            "administrators.html",
            section="administrators",
            here=PATH,
            people=[
                {
                    "person": each,
                    "offices": _names_of(names, each.offices),
                    "url": _page_of(each),
                    "seen": self._shell.moment(request, each.seen_at) if each.seen_at else "",
                    "sessions": sum(session.administrator == each.id for session in live),
                    "is_own": own is not None and own.session.administrator == each.id,
                }
                for each in everybody
            ],
            invitations=[
                {
                    "invitation": each,
                    "offices": _names_of(names, each.offices),
                    "until": self._shell.moment(request, each.until),
                }
                for each in await self._administrators.invitations.waiting(now=now)
            ],
            role_choices=_role_choices(request),
            typed=typed or {},
            wrong=wrong or {},
            link=self._link(request, issued),
            issued=issued,
            hours=INVITATION_HOURS,
            has_file_password=self._sessions.has_file_password,
            has_owner=any(each.is_active_owner for each in everybody),
            file_sessions=await self._rows.of(request, [each for each in live if each.administrator is None]),
            **await self._office_choices(None, typed or {}),
        )

    async def _one_page(self, request: web.Request, person: Administrator, refused: str = "") -> web.Response:
        live = await self._rows.live(self._clock.now())
        own = await self._sessions.signed_in(request)
        names = await self._offices()
        return await self._shell.page(
            request,
            "administrator.html",
            section="administrators",
            here=_page_of(person),
            person=person,
            url=_page_of(person),
            role_choices=_role_choices(request),
            refused=refused,
            created=self._shell.moment(request, person.created_at),
            seen=self._shell.moment(request, person.seen_at) if person.seen_at else "",
            is_own=own is not None and own.session.administrator == person.id,
            rows=await self._rows.of(request, [each for each in live if each.administrator == person.id]),
            offices=_names_of(names, person.offices),
            is_owner=person.role is Role.OWNER,
            **await self._office_choices(person.offices, {}),
        )

    async def _confirm(
        self, request: web.Request, person: Administrator, what: str, fields: Mapping[str, str]
    ) -> web.Response:
        """Ask before something that is hard to take back. `what`: the beginning of its texts' keys."""
        t = texts(language_of(request))
        return await self._shell.page(
            request,
            "confirm.html",
            section="administrators",
            title=t[f"{what}_question"].format(name=person.name),
            consequences=[t[f"{what}_consequence"]],
            confirm=t[what],
            action=request.path,
            fields=fields,
            cancel_href=_page_of(person),
            here=_page_of(person),
        )

    def _link(self, request: web.Request, issued: Issued | None) -> str:
        if issued is None:
            return ""
        return f"{self._public_url or request.url.origin()}{INVITATION_PATH}?code={issued.code}"


def _names_of(names: Mapping[AccountId, str], offices: frozenset[AccountId] | None) -> str:
    """The names of somebody's offices; empty: all."""
    if offices is None:
        return ""
    return ", ".join(sorted(names.get(each) or each for each in offices)) or "—"


def _page_of(person: Administrator) -> str:
    return f"{PATH}/{person.id}"


def _role(text: str) -> Role:
    """Raises: HTTPBadRequest: no form of ours sends another."""
    try:
        return Role(text)
    except ValueError:
        raise web.HTTPBadRequest from None


def _role_choices(request: web.Request) -> list[tuple[str, str]]:
    """For a list to choose from: the role and what it may."""
    t = texts(language_of(request))
    return [(role.value, f"{t[f'role_{role}']}: {t[f'role_{role}_may']}") for role in Role]
