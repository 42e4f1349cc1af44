"""The page of deliveries to the CRM: what waits and what failed, with buttons to retry or discard it."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from integration.domain.access import Permission
from integration.ports.clock import Clock
from integration.ports.stores import Outbox, OutboxState
from integration.web.pages.shell import Shell, told
from integration.web.pages.view import outbox_rows
from integration.web.permissions import needs


class DeliveryPages:
    """`wake` makes the delivery look at once for what is due."""

    def __init__(self, shell: Shell, *, outbox: Outbox, clock: Clock, wake: Callable[[], None]) -> None:
        self._shell = shell
        self._outbox = outbox
        self._clock = clock
        self._wake = wake

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
            outbox_rows(account, await self._outbox.listing(account.id, [state], limit=200)) for state in states
        ]
        return await self._shell.page(
            request,
            "delivery.html",
            account=account,
            section="delivery",
            dead_items=dead,
            waiting_items=waiting,
            discarded_items=discarded,
        )

    async def retry(self, request: web.Request) -> web.StreamResponse:
        account = self._shell.account(request)
        item = int(request.match_info["item"])
        revived = await self._outbox.revive(account.id, item, now=self._clock.now())
        if revived:
            self._wake()
        raise told(f"/admin/{account.id}/delivery", "retried" if revived else "already_gone")

    async def discard(self, request: web.Request) -> web.StreamResponse:
        account = self._shell.account(request)
        item = int(request.match_info["item"])
        if await self._outbox.discard(account.id, item):
            raise told(f"/admin/{account.id}/delivery", "discarded", undo=str(item))
        raise told(f"/admin/{account.id}/delivery", "already_gone")
