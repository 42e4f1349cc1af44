"""Connecting a CRM account: from the button on our page through the CRM's consent to the wizard's step 1 (spec A1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from aiohttp import web

from connectors.amocrm import Connector
from integration.errors import DozvonError
from integration.ports import Coordination
from integration.services.accounts import Account, Accounts

log = structlog.get_logger()

_STATE_SECONDS = 20 * 60  # a consent's code lives as long (amoCRM reference, 1.3)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Consent:
    """One account's consent. `on_connected` is told when the tokens are stored and the managers are read."""

    def __init__(
        self,
        account: Account,
        connector: Connector,
        accounts: Accounts,
        coordination: Coordination,
        *,
        public_url: str,
        on_connected: Callable[[], None],
    ) -> None:
        self._account = account
        self._connector = connector
        self._accounts = accounts
        self._coordination = coordination
        self._public_url = public_url
        self._on_connected = on_connected

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        callback = self._connector.oauth_callback(
            take_state=self._take_state, on_installed=self._installed, opener_origin=self._public_url
        )
        hook = self._connector.disconnect_hook(on_disconnected=self._disconnected)
        key = self._account.id
        return [
            web.get(oauth_path(key), self._then_map_people(callback)),
            web.get(f"/admin/{key}/connect", self._begin),
            web.get(f"/hooks/amocrm/{key}/disconnected", hook),
        ]

    async def _begin(self, _: web.Request) -> web.StreamResponse:
        state = await self._coordination.issue_ticket({"account": self._account.id}, ttl_seconds=_STATE_SECONDS)
        raise web.HTTPSeeOther(self._connector.authorise_url(state))

    async def _take_state(self, state: str) -> bool:
        ticket = await self._coordination.take_ticket(state)
        return ticket is not None and ticket.get("account") == self._account.id

    def _then_map_people(self, callback: Handler) -> Handler:
        """In a person's browser the mapping page opens by itself; the CRM's own call gets a plain answer."""

        async def handle(request: web.Request) -> web.StreamResponse:
            response = await callback(request)
            if response.status == 200 and "state" in request.query:
                raise web.HTTPSeeOther(f"/admin/{self._account.id}/people?done=crm_connected")
            return response

        return handle

    async def _installed(self, _: Any) -> None:
        try:
            await self._accounts.refresh_managers(self._account)
        except DozvonError as exc:
            log.warning("managers not read after the consent", account_id=self._account.id, error=str(exc))
        self._accounts.refresh_soon()
        self._on_connected()

    async def _disconnected(self) -> None:
        log.warning("disconnected by the CRM", account_id=self._account.id)
        self._accounts.refresh_soon()


def oauth_path(account: str) -> str:
    """Where amoCRM sends a browser after the consent; the registered redirect address ends in it."""
    return f"/oauth/amocrm/{account}"
