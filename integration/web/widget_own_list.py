"""The widget's API for a manager's own list, as `widgets/README.md` describes it. Presses come by the WebSocket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from integration.domain.campaigns.own_list import MOST_SCRIPT_CHARACTERS
from integration.ports.crm import WidgetUser
from integration.services.accounts import Account
from integration.services.click import Refused
from integration.services.own_lists.desk import Action, OwnListDesk
from integration.web.errors import json_body, text_field
from integration.web.permissions import for_everybody
from integration.web.widget_campaigns import selected_refs

_PREFIX = "/api/widget/own-list"
_ACTIONS = {each.value for each in Action}
_MOST_KEY = 2**31


class WidgetOwnList:
    def __init__(self, desk: OwnListDesk, who: Callable[[web.Request], Awaitable[tuple[WidgetUser, Account]]]) -> None:
        """`who`: the user that the CRM's token proves, whose own list it is. Raises: AuthFailed, Refused."""
        self._desk = desk
        self._who = who

    def routes(self) -> list[web.AbstractRouteDef]:
        routes = (web.post(f"{_PREFIX}/entries", self.add), web.post(f"{_PREFIX}/script", self.keep_script))
        return [*for_everybody("the CRM's token is checked; a list is its manager's own", routes)]

    async def add(self, request: web.Request) -> web.Response:
        user, account = await self._who(request)
        placed = await self._desk.add(account, user.manager, selected_refs(await json_body(request)))
        return web.json_response({"added": placed.added, "left_out": dict(placed.left_out)}, status=201)

    async def keep_script(self, request: web.Request) -> web.Response:
        user, account = await self._who(request)
        # A pasted CR LF counts as one character later, so twice as many may come.
        text = text_field(await json_body(request), "script", longest=2 * MOST_SCRIPT_CHARACTERS)
        await self._desk.keep_script(account, user.manager, text)
        return web.json_response({})


def own_list_press(message: Mapping[str, Any]) -> tuple[Action, int | None]:
    """A press on the panel. Raises: Refused if it is none."""
    action, key = message.get("action"), message.get("client")
    if not isinstance(action, str) or action not in _ACTIONS:
        raise Refused("bad_request", "action: a button of the panel")
    if key is not None and (not isinstance(key, int) or isinstance(key, bool) or not 0 < key < _MOST_KEY):
        raise Refused("bad_request", "client: the key of a client in the list")
    return Action(action), key
