"""The widget's API for the callback of a missed call, as `widgets/README.md` describes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from integration.domain.campaigns.callbacks import settings_of
from integration.domain.campaigns.model import EntryState
from integration.domain.ids import AccountId, CallId
from integration.ports.callbacks import Callback, CallbackStore
from integration.ports.campaigns import AttemptJournal
from integration.ports.crm import WidgetUser
from integration.ports.stores import CallStore
from integration.services.accounts import Account
from integration.services.card import part_of_manager
from integration.services.click import Refused
from integration.web.campaigns.callback_rows import tries_of
from integration.web.errors import json_body, text_field
from integration.web.permissions import for_everybody

_PATH = "/api/widget/callback"
_LONGEST_CALL = 200


class WidgetCallbacks:
    """`who`: the user that the CRM's token proves; raises AuthFailed, Refused. `tell`: that an account changed."""

    def __init__(
        self,
        *,
        callbacks: CallbackStore,
        attempts: AttemptJournal,
        calls: CallStore,
        who: Callable[[web.Request], Awaitable[tuple[WidgetUser, Account]]],
        tell: Callable[[AccountId], None],
    ) -> None:
        self._callbacks = callbacks
        self._attempts = attempts
        self._calls = calls
        self._who = who
        self._tell = tell

    def routes(self) -> list[web.AbstractRouteDef]:
        routes = web.get(_PATH, self.read), web.post(_PATH, self.want)
        return [*for_everybody("the CRM's token is checked", routes)]

    async def read(self, request: web.Request) -> web.Response:
        """The callback that a call asks for; null: none."""
        user, account = await self._who(request)
        call = request.query.get("call", "")[:_LONGEST_CALL]
        return await self._answer(account, await self._of(account, user, call))

    async def want(self, request: web.Request) -> web.Response:
        """`wanted` false cancels it, true undoes that. One that has ended meanwhile is answered as it is."""
        user, account = await self._who(request)
        body = await json_body(request)
        wanted = body.get("wanted")
        if not isinstance(wanted, bool):
            raise Refused("bad_request", "wanted: true or false")
        known = await self._of(account, user, text_field(body, "call", longest=_LONGEST_CALL))
        if known is None:
            raise Refused("call_unknown", "nobody is called back for this call")
        entry = known.entry.id
        if wanted:
            await self._callbacks.restore(account.id, entry)
        else:
            by = account.manager_name(user.manager) or user.manager
            await self._callbacks.cancel(account.id, entry, by=by)
        self._tell(account.id)
        return await self._answer(account, await self._callbacks.get(account.id, entry))

    async def _of(self, account: Account, user: WidgetUser, call: str) -> Callback | None:
        """Raises: Refused if the call was never this manager's."""
        found = await self._calls.get(account.id, CallId(call)) if call else None
        if found is None or found.elsewhere or part_of_manager(account, user.manager, found) is None:
            raise Refused("call_unknown", "this call is not yours")
        return await self._callbacks.of_call(account.id, found.id)

    async def _answer(self, account: Account, callback: Callback | None) -> web.Response:
        if callback is None:
            return web.json_response({"callback": None})
        tries = await tries_of(self._attempts, account.id, [callback])
        return web.json_response({"callback": _shown(account, callback, tries[callback.entry.id])})


def _shown(account: Account, callback: Callback, tries: int) -> dict[str, Any]:
    entry = callback.entry
    is_open = entry.state is EntryState.OPEN
    return {
        "state": entry.state.value,
        "at": entry.due_at if is_open else None,
        "tries": tries,
        "most": settings_of(entry.campaign, account.settings).repeat_times,
    }
