"""The page of deliveries to the CRM: what waits and what failed, with buttons to retry or discard it."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.ids import AccountId
from integration.ports.clock import Clock
from integration.ports.stores import Outbox, OutboxState
from integration.services.accounts import Account
from integration.texts.pages import texts
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.pages.shell import Shell
from integration.web.pages.view import outbox_rows
from integration.web.permissions import needs

MOST_ROWS = 100  # of each state; who settles them sees the next ones


class DeliveryPages:
    """
    Args:
        wake: makes the delivery look at once for what is due.
        changed: told after a press that settled an item, for the pages of others.
    """

    def __init__(
        self,
        shell: Shell,
        *,
        outbox: Outbox,
        clock: Clock,
        wake: Callable[[], None],
        changed: Callable[[AccountId], None] = lambda _: None,
    ) -> None:
        self._shell = shell
        self._outbox = outbox
        self._clock = clock
        self._wake = wake
        self._changed = changed

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            *needs(Permission.SEE_OFFICE, web.get("/admin/{account}/delivery", self.delivery)),
            *needs(
                Permission.CHANGE_OFFICE,
                web.post("/admin/{account}/delivery/{item:[0-9]{1,18}}/retry", self.retry),
                web.post("/admin/{account}/delivery/{item:[0-9]{1,18}}/discard", self.discard),
            ),
        ]

    async def delivery(self, request: web.Request) -> web.Response:
        account = self._shell.account(request)
        states = (OutboxState.DEAD, OutboxState.WAITING, OutboxState.DISCARDED)
        dead, waiting, discarded = [
            outbox_rows(account, await self._outbox.listing(account.id, [state], limit=MOST_ROWS)) for state in states
        ]
        return await self._shell.page(
            request,
            "delivery.html",
            account=account,
            section="delivery",
            dead_items=dead,
            waiting_items=waiting,
            discarded_items=discarded,
            most_rows=MOST_ROWS,
            live=True,
        )

    async def retry(self, request: web.Request) -> web.StreamResponse:
        account = self._shell.account(request)
        item = int(request.match_info["item"])
        revived = await self._outbox.revive(account.id, item, now=self._clock.now())
        if revived:
            self._wake()
            self._changed(account.id)
        raise await self._shell.told(request, f"/admin/{account.id}/delivery", "retried" if revived else "already_gone")

    async def discard(self, request: web.Request) -> web.StreamResponse:
        account = self._shell.account(request)
        item = int(request.match_info["item"])
        if not (await read_form(request)).get("confirmed"):
            return await self._ask(request, account, item)
        if await self._outbox.discard(account.id, item):
            self._changed(account.id)
            raise await self._shell.told(request, f"/admin/{account.id}/delivery", "discarded", undo=str(item))
        raise await self._shell.told(request, f"/admin/{account.id}/delivery", "already_gone")

    async def _ask(self, request: web.Request, account: Account, item: int) -> web.Response:
        """What a browser without the script gets."""
        found = await self._outbox.listing(account.id, [OutboxState.DEAD], limit=MOST_ROWS)
        named = [f"intent_{each.kind}" for each in found if each.id == item]
        if not named:
            raise await self._shell.told(request, f"/admin/{account.id}/delivery", "already_gone")
        t = texts(language_of(request))
        return await self._shell.page(
            request,
            "confirm.html",
            account=account,
            section="delivery",
            title=t["discard_title"],
            consequences=[t["discard_what"].format(what=t[named[0]]), t["discard_back"]],
            action=f"/admin/{account.id}/delivery/{item}/discard",
            confirm=t["discard"],
            fields={},
            cancel_href=f"/admin/{account.id}/delivery",
        )
