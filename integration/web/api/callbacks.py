"""Callbacks over REST: who waits, who was called back, to cancel one. The page is in `web/campaigns/callbacks.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http import HTTPMethod
from typing import Any

from aiohttp import web

from integration.domain.access import Permission, Viewer
from integration.domain.ids import AccountId, EntryId
from integration.ports.callbacks import Callback, CallbackStore
from integration.ports.campaigns import AttemptJournal
from integration.ports.clock import Clock
from integration.ports.dialling import DiallingStore
from integration.services.accounts import Account
from integration.texts.changes import author
from integration.texts.offices import ApiProblem
from integration.web.api.answers import Refused, answer
from integration.web.api.door import Operation
from integration.web.campaigns.callback_rows import tries_of, why_waiting

_LIST = "/api/offices/{office}/account/{id}/callbacks"
_ONE = _LIST + "/{entry:[0-9]{1,18}}"


class CallbackApi:
    """`account`: a running one. `tell`: that something of an account changed."""

    def __init__(
        self,
        *,
        callbacks: CallbackStore,
        attempts: AttemptJournal,
        dialling: DiallingStore,
        clock: Clock,
        account: Callable[[AccountId], Account | None],
        office_of: Callable[[AccountId], AccountId],
        tell: Callable[[AccountId], None],
    ) -> None:
        self._callbacks = callbacks
        self._attempts = attempts
        self._dialling = dialling
        self._clock = clock
        self._account = account
        self._office_of = office_of
        self._tell = tell

    def operations(self) -> list[Operation]:
        see, change = Permission.SEE_CAMPAIGNS, Permission.CHANGE_CAMPAIGNS
        post = HTTPMethod.POST
        return [
            Operation(
                method=HTTPMethod.GET, path=_LIST, handler=self.all, permission=see,
                summary="Clients who wait to be called back, the next ones first; then the newest that have ended.",
                answers="Callbacks", refusals=(404,),
            ),
            Operation(
                method=post, path=_ONE + "/cancel", handler=self.cancel, permission=change,
                summary="Nobody is dialled for it any more; what rings is ended, a talk goes on.", answers="Callback",
                refusals=(404, 409),
            ),
            Operation(
                method=post, path=_ONE + "/restore", handler=self.restore, permission=change,
                summary="Undo a cancellation, unless the client waits for a later callback.", answers="Callback",
                refusals=(404, 409),
            ),
        ]  # fmt: skip

    async def all(self, request: web.Request, _: Viewer) -> web.Response:
        account = self._of(request)
        found = [*await self._callbacks.waiting(account.id), *await self._callbacks.over(account.id)]
        return answer({"callbacks": await self._documents(account, found)})

    async def cancel(self, request: web.Request, viewer: Viewer) -> web.Response:
        account, entry = self._of(request), EntryId(int(request.match_info["entry"]))
        by = author(viewer.author, account.settings.language)
        return await self._changed(account, entry, await self._callbacks.cancel(account.id, entry, by=by))

    async def restore(self, request: web.Request, _: Viewer) -> web.Response:
        account, entry = self._of(request), EntryId(int(request.match_info["entry"]))
        return await self._changed(account, entry, await self._callbacks.restore(account.id, entry))

    async def _changed(self, account: Account, entry: EntryId, is_done: bool) -> web.Response:
        found = await self._callbacks.get(account.id, entry)
        if found is None:
            raise Refused(404, ApiProblem.NO_PART, {"part": str(entry)})
        if not is_done:
            raise Refused(409, ApiProblem.NOT_THIS_STATE, {"state": found.entry.state.value})
        self._tell(account.id)
        return answer((await self._documents(account, [found]))[0])

    async def _documents(self, account: Account, found: Sequence[Callback]) -> list[dict[str, Any]]:
        tries = await tries_of(self._attempts, account.id, found)
        doing, now = await self._dialling.now(account.id), self._clock.now()
        return [
            _document(each, tries[each.entry.id], why.code if (why := why_waiting(account, each, doing, now)) else None)
            for each in found
        ]

    def _of(self, request: web.Request) -> Account:
        """The account of the address. Raises: Refused."""
        key = AccountId(request.match_info["id"])
        account = self._account(key)
        if account is None or self._office_of(key) != request.match_info["office"]:
            raise Refused(404, ApiProblem.NO_PART, {"part": f"account/{key}"})
        return account


def _document(callback: Callback, tries: int, hold: str | None) -> dict[str, Any]:
    entry = callback.entry
    return {
        "id": str(entry.id),
        "state": entry.state.value,
        "kind": callback.kind.value,
        "call": callback.call,
        "calls": callback.calls,
        "number": entry.numbers[0].e164 if entry.numbers else "",
        "name": entry.name,
        "responsible": entry.responsible,
        "asked_at": _moment(callback.asked_at),
        "due_at": _moment(entry.due_at) if entry.due_at is not None else None,
        "tries": tries,
        "hold": hold,
        "changed_at": _moment(callback.changed_at),
        "cancelled_by": callback.cancelled_by,
    }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
