"""Takes amoCRM's webhooks at once and processes them later; the caller gets the changes in them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from connectors.amocrm import webhooks
from connectors.amocrm.settings import AmocrmSettings
from integration.domain.crm.entities import CrmChange
from integration.domain.ids import AccountId
from integration.errors import DozvonError

_log = structlog.get_logger()

_DELIVERIES_WAITING = 500  # amoCRM waits at most 2 s for an answer; the poll finds what does not fit


class AmocrmIntake:
    """
    `integration.ports.connector.WebhookIntake` of one account.

    It answers before parsing: amoCRM waits two seconds, and switches off a webhook that is late or refuses too often.
    The poll of the phone book finds what is lost here (a full queue, a killed process); `on_lost` may start it early.
    `crm_account_id` gives the account's id in the CRM, or None while it is unknown.
    """

    largest_body = webhooks.BODY_BYTES
    may_fetch = False

    def __init__(
        self,
        account: AccountId,
        settings: AmocrmSettings,
        *,
        crm_account_id: Callable[[], str | None],
        on_changes: Callable[[list[CrmChange]], Awaitable[None]],
        on_lost: Callable[[], None],
    ) -> None:
        self._account = account
        self._settings = settings
        self._crm_account_id = crm_account_id
        self._on_changes = on_changes
        self._on_lost = on_lost
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_DELIVERIES_WAITING)

    @property
    def tail(self) -> str:
        return webhooks.webhook_secret(self._settings, self._account)

    def is_addressed(self, tail: str) -> bool:
        return webhooks.is_secret(self._settings, self._account, tail)

    def take(self, body: bytes | None) -> None:
        if body is None or self._waiting.full():
            _log.warning("webhook not taken", account_id=self._account, is_too_large=body is None)
            self._on_lost()
        else:
            self._waiting.put_nowait(body)

    async def run(self) -> None:
        while True:
            body = await self._waiting.get()
            try:
                await self._work_through(body)
            except DozvonError as exc:
                _log.warning("webhook not worked through", account_id=self._account, error=type(exc).__name__)
                self._on_lost()
            except Exception:  # noqa: BLE001 -- one bad delivery must not end the loop
                _log.exception("webhook not worked through", account_id=self._account)
                self._on_lost()
            finally:
                self._waiting.task_done()

    async def fetch(self) -> None:
        """amoCRM sends its webhooks and keeps none."""

    async def drained(self) -> None:
        """Wait until everything taken so far is processed."""
        await self._waiting.join()

    async def _work_through(self, body: bytes) -> None:
        tree = webhooks.parse_form(body)
        own = self._crm_account_id()
        if own is None or webhooks.account_of(tree) != own:
            _log.warning("webhook of another account", account_id=self._account)
            return
        changes = webhooks.changes(tree)
        if changes:
            await self._on_changes(changes)
