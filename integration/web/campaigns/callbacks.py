"""The list of callbacks, in the section of campaigns: who waits to be called back, who was, and to cancel one."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.campaigns.callbacks import rule_of
from integration.domain.ids import CallId, EntryId
from integration.ports.callbacks import Callback
from integration.services.accounts import Account
from integration.web.campaigns.callback_rows import CallbackRow, callback_row, tries_of
from integration.web.campaigns.desk import SECTION, CampaignDesk, path_of
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.permissions import needs

_ENTRY = "{entry:[0-9]{1,18}}"
_MOST_WAITING, _MOST_OVER = 500, 50


class CallbackPages:
    def __init__(self, desk: CampaignDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.AbstractRouteDef]:
        base = "/admin/{account}/campaigns/callbacks"
        return [
            *needs(Permission.SEE_CAMPAIGNS, web.get(base, self.show)),
            *needs(
                Permission.CHANGE_CAMPAIGNS,
                web.post(f"{base}/{_ENTRY}/cancel", self.cancel),
                web.post(f"{base}/{_ENTRY}/restore", self.restore),
            ),
        ]

    async def show(self, request: web.Request) -> web.Response:
        account, language = self._desk.shell.account(request), language_of(request)
        waiting = await self._desk.callbacks.waiting(account.id, limit=_MOST_WAITING)
        over = await self._desk.callbacks.over(account.id, limit=_MOST_OVER)
        lines = (account.settings.default_line, *account.settings.lines.values())
        return await self._desk.shell.page(
            request,
            "callbacks.html",
            account=account,
            section=SECTION,
            base=path_of(account),
            waiting=await self._rows(account, waiting, language),
            over=await self._rows(account, over, language),
            is_on=any(rule_of(line) is not None for line in lines),
            is_cut=len(waiting) == _MOST_WAITING,
            live=True,
        )

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        account, form = self._desk.shell.account(request), await read_form(request)
        entry = EntryId(int(request.match_info["entry"]))
        done = await self._desk.callbacks.cancel(account.id, entry, by=self._desk.who(request, account))
        self._desk.tell(account.id)
        raise await self._desk.shell.told(request, _back(account, form), "cb_cancelled" if done else "cb_not_changed")

    async def restore(self, request: web.Request) -> web.StreamResponse:
        account, form = self._desk.shell.account(request), await read_form(request)
        done = await self._desk.callbacks.restore(account.id, EntryId(int(request.match_info["entry"])))
        self._desk.tell(account.id)
        raise await self._desk.shell.told(request, _back(account, form), "cb_restored" if done else "cb_not_changed")

    async def of_call(self, account: Account, call: CallId, language: str) -> CallbackRow | None:
        """For the page of a call; None: it asks for no callback."""
        found = await self._desk.callbacks.of_call(account.id, call)
        return (await self._rows(account, [found], language))[0] if found is not None else None

    async def _rows(self, account: Account, found: Sequence[Callback], language: str) -> list[CallbackRow]:
        tries = await tries_of(self._desk.attempts, account.id, found)
        doing = await self._desk.dialling.now(account.id) if found else {}
        now = self._desk.clock.now()
        return [
            callback_row(account, each, tries=tries[each.entry.id], doing=doing, now=now, language=language)
            for each in found
        ]


def _back(account: Account, form: dict[str, str]) -> str:
    """The page on which the button was: the list, or a call's."""
    call = form.get("call", "")
    return f"/admin/{account.id}/calls/{call}" if _is_id(call) else path_of(account, tail="/callbacks")


def _is_id(text: str) -> bool:
    """An id of a call, and nothing that leads elsewhere."""
    return 0 < len(text) <= 200 and all(each.isalnum() or each in ":.-_" for each in text) and ".." not in text
