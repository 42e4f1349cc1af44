"""The wizard's screen about people: how many are mapped, and the way to the list, which is a page of its own."""

from __future__ import annotations

from aiohttp import web

from collections.abc import Sequence
from integration.domain.access import Permission
from integration.web.permissions import needs
from integration.domain.people.mapping import callable_managers
from integration.domain.setup import Step
from integration.services.accounts import Accounts
from integration.web.forms import read_form
from integration.web.language import with_language
from integration.web.setup.frame import Frame, path_of


class PeopleScreen:
    def __init__(self, frame: Frame, accounts: Accounts) -> None:
        self._frame = frame
        self._accounts = accounts

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return needs(
            Permission.CHANGE_OFFICE,
            web.get("/admin/setup/{office}/people", self.show),
            web.post("/admin/setup/{office}/people", self.done),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        opened = await self._frame.open(request)
        account = self._accounts.get(opened.parts.account) if opened.parts.account is not None else None
        if account is None:
            raise web.HTTPSeeOther(with_language(request, path_of(opened.office, Step.CRM)))
        managers = callable_managers(account.managers.values())
        mapped = {each.manager for each in account.settings.employees if each.manager}
        return await self._frame.page(
            request,
            opened,
            Step.PEOPLE,
            people_account=account.id,
            mapped=sum(1 for each in managers if each.id in mapped),
            all=len(managers),
            unmapped=[each.name for each in managers if each.id not in mapped][:10],
        )

    async def done(self, request: web.Request) -> web.StreamResponse:
        opened = await self._frame.open(request)
        await read_form(request)
        raise await self._frame.finish(request, opened.office, Step.PEOPLE)
