"""The page of managers and extensions: who is who, and who is away."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from aiohttp import web

from integration.domain.access import Permission
from integration.services.accounts import Account
from integration.web.pages.shell import Shell
from integration.web.people.desk import PeopleDesk, Place
from integration.web.people.groups import GroupPages
from integration.web.permissions import needs


class PeoplePages:
    def __init__(self, shell: Shell, desk: PeopleDesk, groups: GroupPages) -> None:
        self._shell = shell
        self._desk = desk
        self._groups = groups

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            *needs(Permission.SEE_OFFICE, web.get("/admin/{account}/people", self.people)),
            *needs(Permission.SEE_OFFICE, web.get("/admin/{account}/people/groups", self._groups.show)),
            *needs(Permission.CHANGE_OFFICE, web.post("/admin/{account}/people", self.save_people)),
            *needs(Permission.CHANGE_OFFICE, web.post("/admin/{account}/people/groups", self._groups.act)),
        ]

    async def people(self, request: web.Request) -> web.Response:
        account = self._shell.account(request)
        return await self._desk.show(request, account, self._place(account))

    async def save_people(self, request: web.Request) -> web.StreamResponse:
        account = self._shell.account(request)
        return await self._desk.act(request, account, self._place(account))

    def _place(self, account: Account) -> Place:
        return Place(f"/admin/{account.id}/people", partial(self._render, account))

    async def _render(self, account: Account, request: web.Request, values: Mapping[str, Any]) -> web.Response:
        is_answer = request.method == "POST"  # what was typed must not be read over
        return await self._shell.page(
            request, "people.html", account=account, section="people", live=not is_answer, **values
        )
