"""Takes Bitrix24's events at once and processes them later: posted ones, and those that the portal keeps for us.

A posted event comes once and is never repeated: what is lost here (a full queue, a killed process) the phone book's
poll finds. What the portal keeps is cleared there only after it was processed (`offline.py`). Clicks are kept even
where they are posted: one that was lost is found there, and its card closed. What comes both ways is carried out once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from connectors.bitrix24 import webhooks
from connectors.bitrix24.offline import OfflineEvents
from connectors.bitrix24.settings import Bitrix24Settings
from connectors.bitrix24.webhooks import CLICK_EVENTS, INSTALL_EVENTS, UNINSTALL_EVENT, Event, Touched
from integration.domain.crm.entities import CrmChange
from integration.domain.ids import AccountId
from integration.errors import DozvonError, Rejected, Unavailable
from integration.ports.connector import CrmNotice, Granted, Installation, Installed, Uninstalled
from integration.ports.stores import Tokens

_log = structlog.get_logger()

_EVENTS_WAITING = 1000  # bulk edits post an event for every object
_READ_AT_ONCE = 50  # objects


class Installations(Protocol):
    async def take_installation(self, installation: Installation) -> Granted | None: ...

    async def uninstalled(self, event: Event) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivers:
    """
    Who gets what of the events.

    Attributes:
        read: the objects that events name, as they are now; those that are gone as `EntityDeleted`.
        on_click: a click or a request to be called back; it decides by itself whether it is too old.
    """

    read: Callable[[Iterable[Touched]], Awaitable[list[CrmChange]]]
    on_changes: Callable[[list[CrmChange]], Awaitable[None]]
    on_lost: Callable[[], None]
    on_notice: Callable[[CrmNotice], Awaitable[None]]
    on_click: Callable[[Event], Awaitable[None]]


class Bitrix24Intake:
    """
    `integration.ports.connector.WebhookIntake` of one portal.

    An event counts if it carries the stored `application_token` of the stored portal. `known` gives the portal's
    tokens, or None while none is connected. The event of an update carries a new `application_token`, so it counts if
    the OAuth server confirms its tokens.
    """

    largest_body = webhooks.BODY_BYTES

    def __init__(
        self,
        account: AccountId,
        settings: Bitrix24Settings,
        receivers: Receivers,
        installations: Installations,
        *,
        known: Callable[[], Tokens | None],
        fetch_from: OfflineEvents,
    ) -> None:
        self._account = account
        self._settings = settings
        self._receivers = receivers
        self._installations = installations
        self._known = known
        self._fetch_from = fetch_from
        self._waiting: asyncio.Queue[Event] = asyncio.Queue(_EVENTS_WAITING)

    @property
    def tail(self) -> str:
        return webhooks.event_secret(self._settings, self._account)

    def is_addressed(self, tail: str) -> bool:
        return webhooks.is_secret(self._settings, self._account, tail)

    def take(self, body: bytes | None) -> None:
        try:
            event = webhooks.parse_event(body or b"")
        except Rejected as exc:
            _log.warning("event not taken", account_id=self._account, reason=exc.code)
            return
        if not self._counts(event):
            _log.warning("event of another origin", account_id=self._account, crm_event=event.name[:40])
            return
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            _log.warning("event not taken: too many wait", account_id=self._account, crm_event=event.name[:40])
            self._receivers.on_lost()

    def _counts(self, event: Event) -> bool:
        known = self._known()
        if known is None or event.member_id != known.crm_account_id:
            return False
        return event.name in INSTALL_EVENTS or event.is_proved_by(known.event_key)

    async def run(self) -> None:
        while True:
            events = [await self._waiting.get()]
            while len(events) < _READ_AT_ONCE and not self._waiting.empty():
                events.append(self._waiting.get_nowait())
            try:
                await self.process(events)
            except DozvonError as exc:
                _log.warning("events not worked through", account_id=self._account, error=type(exc).__name__)
                self._receivers.on_lost()
            except Exception:  # noqa: BLE001 -- one bad event must not end the loop
                _log.exception("events not worked through", account_id=self._account)
                self._receivers.on_lost()
            finally:
                for _ in events:
                    self._waiting.task_done()

    @property
    def may_fetch(self) -> bool:
        return not self._settings.is_webhook

    async def fetch(self) -> None:
        await self._fetch_from.run(self.process)

    async def drained(self) -> None:
        """Wait until everything taken so far is processed."""
        await self._waiting.join()

    async def process(self, events: Sequence[Event]) -> None:
        """
        Clicks first: somebody waits. Then what happened to objects, each read once. What cannot succeed later either is
        logged and left to the phone book's poll.

        Raises:
            Unavailable: try again later; each event was tried.
        """
        failed: Unavailable | None = None
        for work in (*(partial(self._one, event) for event in events), partial(self._changed, events)):
            try:
                await work()
            except Unavailable as exc:
                failed = failed or exc
            except DozvonError as exc:
                _log.warning("event not worked through", account_id=self._account, error=type(exc).__name__)
                self._receivers.on_lost()
        if failed is not None:
            raise failed

    async def _one(self, event: Event) -> None:
        if event.name in CLICK_EVENTS:
            await self._receivers.on_click(event)
        elif event.name == UNINSTALL_EVENT:
            if await self._installations.uninstalled(event):
                await self._receivers.on_notice(Uninstalled())
        elif event.name in INSTALL_EVENTS:
            installation = webhooks.read_installation(event)
            if await self._installations.take_installation(installation) is None:
                await self._receivers.on_notice(Installed())

    async def _changed(self, events: Sequence[Event]) -> None:
        last = {found.ref: found for found in map(webhooks.touched, events) if found is not None}
        changes = await self._receivers.read(last.values()) if last else []
        if changes:
            await self._receivers.on_changes(changes)
