"""The other processes of this installation: how many there are, which PBXs they are linked to, and news from them.

Everything here lasts for seconds and may be lost at any time. A reader that must not miss anything looks into the store
at intervals. `pbx_relay.py` passes commands to a PBX.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Any

import structlog

from integration.domain.connections.link import Link, LinkPhase
from integration.domain.ids import AccountId, PbxId, Timestamp
from integration.domain.reasons import Reason
from integration.errors import DozvonError
from integration.ports.coordination import Coordination

log = structlog.get_logger()

_CHANNEL = "processes"
_BEAT_SECONDS = 1.0
_SILENT_SECONDS = 4.0  # then a process counts as gone
_AWAY_AT_ONCE = 100  # PBXs without a link that one beat tells of, in turn
_LATEST = 1e11  # Unix seconds: what is later is no moment of ours
_AWAY_SECONDS = 30.0  # then what another process said of such a link counts no more


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
        links: the PBXs that this process follows, linked to them at the moment or not.
    """

    def __init__(self, coordination: Coordination, process: str, links: Callable[[], Mapping[PbxId, Link]]) -> None:
        self._coordination = coordination
        self._process = process
        self._links = links
        self._beats = 0
        self._away: dict[str, tuple[float, str, Link]] = {}  # PBX -> when, which process, what it said of its link
        self._handlers: dict[str, Handler] = {}
        self._heard: dict[str, tuple[float, frozenset[str]]] = {}  # process -> when on the loop's clock, its links
        self.count = 1  # processes, this one included; while the others cannot be reached, the last known number

    def is_linked(self, pbx: PbxId) -> bool:
        """Whether any process has lately said that it is linked to this PBX."""
        now = asyncio.get_running_loop().time()
        return any(pbx in links and now - at < _SILENT_SECONDS for at, links in self._heard.values())

    def link(self, pbx: PbxId) -> Link:
        """What the process that follows this PBX has lately said of its link; an idle one where none has."""
        if self.is_linked(pbx):
            return Link(phase=LinkPhase.UP)
        at, process, link = self._away.get(pbx, (0.0, "", Link()))
        now = asyncio.get_running_loop().time()
        heard, _ = self._heard.get(process, (0.0, None))
        return link if now - at < _AWAY_SECONDS and now - heard < _SILENT_SECONDS else Link()

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
                await self._coordination.publish(_CHANNEL, self._beat())
            await asyncio.sleep(_BEAT_SECONDS)

    def _beat(self) -> dict[str, Any]:
        links = self._links()
        away = sorted(pbx for pbx, link in links.items() if link.phase is not LinkPhase.UP)
        parts = -(-len(away) // _AWAY_AT_ONCE) or 1
        told = away[self._beats % parts :: parts]
        self._beats += 1
        return {
            "process": self._process,
            "links": sorted(links.keys() - set(away)),
            "away": {pbx: _written(links[pbx]) for pbx in told},
        }

    async def listen(self) -> None:
        """Receive the others' messages, until cancelled."""
        async for message in self._coordination.subscribe(_CHANNEL):
            process = str(message.get("process"))
            if "links" in message:
                self._note(process, message["links"])
                if process != self._process:
                    self._note_away(process, message.get("away"))
            elif process != self._process:
                await self._hear(message)

    def _note(self, process: str, links: Any) -> None:
        now = asyncio.get_running_loop().time()
        linked = frozenset(map(str, links)) if isinstance(links, list) else frozenset[str]()
        self._heard[process] = now, linked
        for pbx in self._away.keys() & linked:  # what was said of the link before is over, also when this link ends
            del self._away[pbx]
        if process == self._process:  # our own message came back, so those of others arrive too
            self._heard = {who: what for who, what in self._heard.items() if now - what[0] < _SILENT_SECONDS}
            self.count = len(self._heard)

    def _note_away(self, process: str, away: Any) -> None:
        """A process of the release before does not say it."""
        now = asyncio.get_running_loop().time()
        for pbx, link in away.items() if isinstance(away, dict) else ():
            self._away[str(pbx)] = now, process, _read(link)
        if len(self._away) > _AWAY_AT_ONCE:
            self._away = {pbx: told for pbx, told in self._away.items() if now - told[0] < _AWAY_SECONDS}

    async def _hear(self, message: dict[str, Any]) -> None:
        handler = self._handlers.get(str(message.get("news")))
        if handler is None:
            return
        try:
            await handler(AccountId(str(message.get("account"))))
        except DozvonError as exc:
            log.warning("news from another process not applied", news=message.get("news"), error=str(exc))


def _written(link: Link) -> dict[str, Any]:
    return {
        "phase": link.phase.value,
        "code": link.fault.code if link.fault else None,
        "values": link.fault.detail if link.fault else {},
        "detail": link.detail,
        "next_try": link.next_try,
        "since": link.since,
    }


def _read(said: Any) -> Link:
    """What a process said of a link; an idle one for what cannot be read. Never raises."""
    said = said if isinstance(said, dict) else {}
    phase, code, values = said.get("phase"), said.get("code"), said.get("values")
    if phase not in list(LinkPhase):
        return Link()
    values = {str(name): str(value) for name, value in values.items()} if isinstance(values, dict) else {}
    return Link(
        phase=LinkPhase(phase),
        fault=Reason(code=str(code), detail=values) if code else None,
        detail=str(said.get("detail") or ""),
        next_try=_moment(said.get("next_try")),
        since=_moment(said.get("since")),
    )


def _moment(said: Any) -> Timestamp | None:
    return Timestamp(float(said)) if isinstance(said, int | float) and 0 < said < _LATEST else None
