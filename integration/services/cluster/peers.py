"""The other processes of this installation: how many there are, which PBXs they are linked to, and news from them.

Everything here lasts for seconds and may be lost at any time. A reader that must not miss anything looks into the store
at intervals. `pbx_relay.py` passes commands to a PBX.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from typing import Any

import structlog

from integration.domain.ids import AccountId, PbxId
from integration.errors import DozvonError
from integration.ports.coordination import Coordination

log = structlog.get_logger()

_CHANNEL = "processes"
_BEAT_SECONDS = 1.0
_SILENT_SECONDS = 4.0  # then a process counts as gone


class News(StrEnum):
    """What a process tells the others about an account, so that they act before their next look."""

    SETTINGS = "settings"  # an administrator changed them
    CRM = "crm"  # the CRM was connected
    PHONE_BOOK = "phone_book"  # a webhook was lost: look for changes soon
    READ_ANEW = "read_anew"  # an administrator wants all of the CRM to be read again
    OUTBOX = "outbox"  # something waits to be delivered


Handler = Callable[[AccountId], Awaitable[None]]


class Peers:
    """
    Run `beat` and `listen` as long as the process runs.

    Args:
        process: identifies this process.
        links: the PBXs that this process is linked to at the moment.
    """

    def __init__(self, coordination: Coordination, process: str, links: Callable[[], Iterable[PbxId]]) -> None:
        self._coordination = coordination
        self._process = process
        self._links = links
        self._handlers: dict[str, Handler] = {}
        self._heard: dict[str, tuple[float, frozenset[str]]] = {}  # process -> when on the loop's clock, its links
        self.count = 1  # processes, this one included; while the others cannot be reached, the last known number

    def is_linked(self, pbx: PbxId) -> bool:
        """Whether any process has lately said that it is linked to this PBX."""
        now = asyncio.get_running_loop().time()
        return any(pbx in links and now - at < _SILENT_SECONDS for at, links in self._heard.values())

    def on(self, news: News, handler: Handler) -> None:
        """`handler` is called for news from other processes."""
        self._handlers[news] = handler

    async def tell(self, news: News, account: AccountId) -> None:
        """Send to the other processes. Never raises: a process that misses it finds the change a little later."""
        try:
            await self._coordination.publish(
                _CHANNEL, {"process": self._process, "news": news.value, "account": account}
            )
        except DozvonError as exc:
            log.info("other processes not notified", news=news, error=str(exc))

    async def beat(self) -> None:
        """Send a sign of life every second, until cancelled."""
        while True:
            with contextlib.suppress(DozvonError):  # the coordination itself logs that it is away
                await self._coordination.publish(_CHANNEL, {"process": self._process, "links": sorted(self._links())})
            await asyncio.sleep(_BEAT_SECONDS)

    async def listen(self) -> None:
        """Receive the others' messages, until cancelled."""
        async for message in self._coordination.subscribe(_CHANNEL):
            process = str(message.get("process"))
            if "links" in message:
                self._note(process, message["links"])
            elif process != self._process:
                await self._hear(message)

    def _note(self, process: str, links: Any) -> None:
        now = asyncio.get_running_loop().time()
        self._heard[process] = now, frozenset(map(str, links)) if isinstance(links, list) else frozenset()
        if process == self._process:  # our own message came back, so those of others arrive too
            self._heard = {who: what for who, what in self._heard.items() if now - what[0] < _SILENT_SECONDS}
            self.count = len(self._heard)

    async def _hear(self, message: dict[str, Any]) -> None:
        handler = self._handlers.get(str(message.get("news")))
        if handler is None:
            return
        try:
            await handler(AccountId(str(message.get("account"))))
        except DozvonError as exc:
            log.warning("news from another process not applied", news=message.get("news"), error=str(exc))
