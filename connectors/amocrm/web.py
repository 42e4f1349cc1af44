"""amoCRM's webhooks as an aiohttp handler.

What follows from them is the caller's. The consent's calls are `integration/consent.py`'s, the widget's
`integration/web`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from connectors.amocrm import webhooks
from connectors.amocrm.settings import AmocrmSettings
from integration.domain.crm.entities import CrmChange
from integration.domain.ids import AccountId
from integration.errors import DozvonError

_log = structlog.get_logger()

_DELIVERIES_WAITING = 500  # amoCRM waits 2 s for an answer and never longer; what overflows comes by the poll


class WebhookIntake:
    """
    Takes an account's webhooks: answers at once, works later.

    It answers before parsing: amoCRM waits two seconds, and switches off a webhook that is late or refuses too often.
    What is lost here (a full queue, a killed process) is found by the poll of the phone book; `on_lost` may start it
    early. `crm_account_id` gives the account's id in the CRM, or None while it is not known.
    """

    def __init__(
        self,
        account: AccountId,
        settings: AmocrmSettings,
        *,
        crm_account_id: Callable[[], str | None],
        on_changes: Callable[[list[CrmChange]], Awaitable[None]],
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._account = account
        self._settings = settings
        self._crm_account_id = crm_account_id
        self._on_changes = on_changes
        self._on_lost = on_lost
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_DELIVERIES_WAITING)

    @property
    def path(self) -> str:
        """The path of `handle`, which follows our public address in the address given to amoCRM."""
        return f"/hooks/amocrm/{self._account}/{webhooks.webhook_secret(self._settings, self._account)}"

    @property
    def route(self) -> str:
        """`path` with the secret as `{secret}`, so that it is in no route table and no metric."""
        return f"/hooks/amocrm/{self._account}/{{secret}}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if not webhooks.is_secret(self._settings, self._account, request.match_info.get("secret", "")):
            _log.warning("webhook with a wrong secret", account_id=self._account)
            raise web.HTTPNotFound
        body = await request.content.read(webhooks.BODY_BYTES + 1) if request.can_read_body else b""
        while len(body) <= webhooks.BODY_BYTES and not request.content.at_eof():
            body += await request.content.read(webhooks.BODY_BYTES + 1 - len(body))
        if len(body) > webhooks.BODY_BYTES or self._waiting.full():
            _log.warning("webhook not taken", account_id=self._account, is_too_large=len(body) > webhooks.BODY_BYTES)
            self._on_lost()
        else:
            self._waiting.put_nowait(body)
        return web.Response(text="ok")

    async def run(self) -> None:
        """Work through the deliveries; until cancelled."""
        while True:
            body = await self._waiting.get()
            try:
                await self._take(body)
            except DozvonError as exc:
                _log.warning("webhook not worked through", account_id=self._account, error=type(exc).__name__)
                self._on_lost()
            except Exception:  # noqa: BLE001 -- the loop must live on: one delivery must not cost the next
                _log.exception("webhook not worked through", account_id=self._account)
                self._on_lost()
            finally:
                self._waiting.task_done()

    async def drained(self) -> None:
        """Wait until everything taken so far is worked through."""
        await self._waiting.join()

    async def _take(self, body: bytes) -> None:
        tree = webhooks.parse_form(body)
        own = self._crm_account_id()
        if own is None or webhooks.account_of(tree) != own:
            _log.warning("webhook of another account", account_id=self._account)
            return
        changes = webhooks.changes(tree)
        if changes:
            await self._on_changes(changes)
