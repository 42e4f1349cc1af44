"""The wizard's screen about people: suggestions to take at once, and the way to the list, which is its own page."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.crm.entities import Manager
from integration.domain.people.mapping import PbxUser, callable_managers, suggest
from integration.domain.setup import Step
from integration.errors import DozvonError
from integration.services.accounts import Account, Accounts
from integration.web.forms import read_form
from integration.web.language import with_language
from integration.web.pages.people import pbx_users, people_of_form
from integration.web.pages.view import phone_text
from integration.web.permissions import needs
from integration.web.setup.frame import Frame, Opened, Wrong, path_of

_MOST_NAMED = 10


class PeopleScreen:
    def __init__(self, frame: Frame, accounts: Accounts) -> None:
        self._frame = frame
        self._accounts = accounts

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return needs(
            Permission.CHANGE_OFFICE,
            web.get("/admin/setup/{office}/people", self.show),
            web.post("/admin/setup/{office}/people", self.act),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        opened = await self._frame.open(request)
        return await self._page(request, opened, self._account(request, opened))

    def _account(self, request: web.Request, opened: Opened) -> Account:
        """Raises: HTTPSeeOther to the CRM, if there is no account yet."""
        account = self._accounts.get(opened.parts.account) if opened.parts.account is not None else None
        if account is None:
            raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.CRM)))
        return account

    async def _page(
        self, request: web.Request, opened: Opened, account: Account, wrong: Wrong | None = None
    ) -> web.Response:
        managers = callable_managers(account.managers.values())
        users, _ = await pbx_users(account)
        mapped = _mapped(account)
        found = _suggestions(account, managers, users)
        return await self._frame.page(
            request,
            opened,
            Step.PEOPLE,
            wrong=wrong,
            people_account=account.id,
            mapped=sum(1 for each in managers if each.id in mapped),
            all=len(managers),
            unmapped=[each.name for each in managers if each.id not in mapped][:_MOST_NAMED],
            suggestions=[(manager.name, f"{phone_text(account, user)} — {user.name}") for manager, user in found],
        )

    async def act(self, request: web.Request) -> web.StreamResponse:
        opened, form = await self._frame.open(request), await read_form(request)
        account = self._account(request, opened)
        if form.get("do") != "take":
            raise await self._frame.finish(request, opened.office, Step.PEOPLE)
        users, _ = await pbx_users(account)
        found = _suggestions(account, callable_managers(account.managers.values()), users)
        wanted = {each.manager: each.key for each in reversed(account.settings.employees) if each.manager}
        types = {f"type.{each.manager}": each.phone_type.value for each in account.settings.employees if each.manager}
        wanted |= {manager.id: user.key for manager, user in found}
        try:
            people = people_of_form(account, wanted, types, users)
            await self._accounts.set_employees(account, people, who=self._frame.shell.who(request))
        except DozvonError as exc:
            return await self._page(request, opened, account, self._frame.refused(request, exc, {}))
        raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.PEOPLE)))


def _mapped(account: Account) -> set[str]:
    return {str(each.manager) for each in account.settings.employees if each.manager}


def _suggestions(
    account: Account, managers: Sequence[Manager], users: Sequence[PbxUser]
) -> list[tuple[Manager, PbxUser]]:
    """For managers without a phone, phones that nobody has."""
    taken = {each.key for each in account.settings.employees if each.manager}
    by_key, mapped = {user.key: user for user in users}, _mapped(account)
    found = suggest(managers, users)
    return [
        (manager, by_key[found[manager.id]])
        for manager in managers
        if manager.id not in mapped and manager.id in found and found[manager.id] not in taken
    ]
