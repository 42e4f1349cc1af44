"""The widget's report of what it met in the CRM's page, as `widgets/README.md` describes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from integration.ports.crm import WidgetUser
from integration.services.accounts import Account
from integration.services.sightings import PageSightings, names_reported
from integration.web.errors import json_body
from integration.web.permissions import for_everybody


class WidgetSightings:
    def __init__(
        self, sightings: PageSightings, who: Callable[[web.Request], Awaitable[tuple[WidgetUser, Account]]]
    ) -> None:
        """`who`: the user that the CRM's token proves. Raises: AuthFailed, Refused."""
        self._sightings = sightings
        self._who = who

    def routes(self) -> list[web.AbstractRouteDef]:
        return [*for_everybody("the CRM's token is checked", [web.post("/api/widget/sightings", self.report)])]

    async def report(self, request: web.Request) -> web.Response:
        user, account = await self._who(request)
        names = names_reported((await json_body(request)).get("other_telephony", []))
        await self._sightings.other_telephony(account, user.manager, names)
        return web.json_response({})
