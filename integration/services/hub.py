"""Sends messages to browsers: knows which managers have an open page, and reaches it from any process.

`card.py` builds the messages; `web/widget.py` has the WebSocket.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import structlog

from integration.domain.ids import AccountId, ManagerId
from integration.errors import DozvonError
from integration.ports.coordination import Coordination

log = structlog.get_logger()

_CHANNEL = "browsers"
_PRESENT_SECONDS = 20.0  # how long another process's report of an open page counts
_PRESENT_EVERY_SECONDS = 7.0
_MOST_WAITING = 200  # messages to one page; a page that reads slower is closed and asks for a snapshot again


class Page:
    """A manager's connected page. `messages` wait to be sent; None means close the page."""

    def __init__(self, account: AccountId, manager: ManagerId) -> None:
        self.account = account
        self.manager = manager
        self.messages: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_MOST_WAITING)

    def put(self, message: dict[str, Any]) -> bool:
        """Queue a message. Returns False if the page reads too slowly."""
        try:
            self.messages.put_nowait(message)
        except asyncio.QueueFull:
            return False
        return True


class Hub:
    def __init__(self, coordination: Coordination) -> None:
        self._coordination = coordination
        self._pages: dict[tuple[AccountId, ManagerId], set[Page]] = defaultdict(set)
        self._joined = asyncio.Event()
        self._id = uuid4().hex  # identifies this process as a publisher

    @property
    def page_count(self) -> int:
        return sum(len(pages) for pages in self._pages.values())

    def pages_of(self, account: AccountId, manager: ManagerId) -> int:
        """The number of this manager's open pages on this process."""
        return len(self._pages.get((account, manager), ()))

    def join(self, account: AccountId, manager: ManagerId) -> Page:
        page = Page(account, manager)
        self._pages[account, manager].add(page)
        self._joined.set()
        return page

    def leave(self, page: Page) -> None:
        pages = self._pages.get((page.account, page.manager))
        if pages is not None:
            pages.discard(page)
            if not pages:
                del self._pages[page.account, page.manager]

    async def has_page(self, account: AccountId, manager: ManagerId) -> bool:
        """Whether this manager has an open page on any process. Raises: Unavailable."""
        if self._pages.get((account, manager)):
            return True
        return await self._coordination.is_marked(_presence(account, manager))

    async def keep_present(self) -> None:
        """Report the managers with open pages here to the other processes, until cancelled."""
        while True:
            self._joined.clear()
            try:
                for account, manager in list(self._pages):
                    await self._coordination.mark(_presence(account, manager), ttl_seconds=_PRESENT_SECONDS)
            except DozvonError as exc:
                log.info("other processes not notified of open pages", error=str(exc))
            try:
                async with asyncio.timeout(_PRESENT_EVERY_SECONDS):
                    await self._joined.wait()
            except TimeoutError:
                pass

    async def send(self, account: AccountId, managers: Iterable[ManagerId], message: dict[str, Any]) -> None:
        """Send to every page of these managers: at once on this process, and as soon as possible on others.

        Never raises: no call may fail because of a card.
        """
        await self.send_each(account, [(managers, message)])

    async def send_each(
        self, account: AccountId, sendings: Iterable[tuple[Iterable[ManagerId], dict[str, Any]]]
    ) -> None:
        """As `send`, of several messages with one wait for the other processes' news."""
        wrapped = []
        for managers, message in sendings:
            people = list(dict.fromkeys(managers))
            if people:
                self._deliver(account, people, message)
                wrapped.append({"from": self._id, "account": account, "managers": people, "message": message})
        if not wrapped:
            return
        try:
            await self._coordination.publish(_CHANNEL, *wrapped)
        except DozvonError as exc:
            log.warning("messages not sent to other processes", account_id=account, error=str(exc))

    async def run(self) -> None:
        """Deliver other processes' messages to this process's pages, until cancelled."""
        async for wrapped in self._coordination.subscribe(_CHANNEL):
            if wrapped.get("from") == self._id:
                continue
            account = AccountId(str(wrapped.get("account", "")))
            managers = [ManagerId(str(m)) for m in wrapped.get("managers", [])]
            self._deliver(account, managers, wrapped.get("message", {}))

    def dismiss(self, account: AccountId) -> None:
        """Close the pages of an account that is no longer served."""
        for (of, _), pages in self._pages.items():
            if of == account:
                for page in pages:
                    _close(page)

    def close(self) -> None:
        """Close every page of this process; they connect again to another one."""
        for pages in self._pages.values():
            for page in pages:
                _close(page)

    def _deliver(self, account: AccountId, managers: Iterable[ManagerId], message: dict[str, Any]) -> None:
        for manager in managers:
            for page in tuple(self._pages.get((account, manager), ())):
                if not page.put(message):
                    log.warning("page reads too slowly, closed", account_id=account)
                    self.leave(page)
                    _close(page)


def _presence(account: AccountId, manager: ManagerId) -> str:
    return f"page:{account}:{manager}"


def _close(page: Page) -> None:
    while True:
        try:
            page.messages.put_nowait(None)
        except asyncio.QueueFull:
            page.messages.get_nowait()
        else:
            return
