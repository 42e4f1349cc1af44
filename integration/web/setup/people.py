"""The wizard's screen about people: the same list as on their own page, and the way on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.setup import Step
from integration.services.accounts import Account, Accounts
from integration.web.forms import read_form
from integration.web.language import with_language
from integration.web.people.desk import PeopleDesk, Place
from integration.web.permissions import needs
from integration.web.setup.frame import Frame, Opened


class PeopleScreen:
    def __init__(self, frame: Frame, accounts: Accounts, desk: PeopleDesk) -> None:
        self._frame = frame
        self._accounts = accounts
        self._desk = desk

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return needs(
            Permission.CHANGE_OFFICE,
            web.get("/admin/setup/{office}/people", self.show),
            web.post("/admin/setup/{office}/people", self.act),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        opened = await self._frame.open(request)
        account = self._account(request, opened)
        return await self._desk.show(request, account, self._place(opened, account))

    async def act(self, request: web.Request) -> web.StreamResponse:
        opened = await self._frame.open(request)
        account, form = self._account(request, opened), await read_form(request)
        if form.get("do") == "next":
            raise await self._frame.finish(request, opened.office, Step.PEOPLE)
        return await self._desk.act(request, account, self._place(opened, account))

    def _account(self, request: web.Request, opened: Opened) -> Account:
        """Raises: HTTPSeeOther to the CRM, if there is no account yet."""
        account = self._accounts.get(opened.parts.account) if opened.parts.account is not None else None
        if account is None:
            raise web.HTTPSeeOther(with_language(request, opened.path(Step.CRM)))
        return account

    def _place(self, opened: Opened, account: Account) -> Place:
        render = partial(self._render, opened, account)
        return Place(opened.path(Step.PEOPLE), render, is_setup=True)

    async def _render(
        self, opened: Opened, account: Account, request: web.Request, values: Mapping[str, Any]
    ) -> web.Response:
        return await self._frame.page(request, opened, Step.PEOPLE, undo_account=account, **values)
