"""How late cards come: from the moment when the PBX says that a phone rings to the message on its manager's page."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import aiohttp

from pbx_adapter.asterisk.simulator.switch import Headers
from tests.e2e.widget_page import widget_page
from tests.faults.place import Place, managers
from tests.lab.waiting import until

_AGAIN_SECONDS = 0.1
_LATEST_SECONDS = 10.0  # then a card counts as missing
_SLOWEST = 5
_Ring = tuple[str, int]  # the call, and whose phone it is


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A change; moments are those of `time.perf_counter`. `killed`: who is to be killed, dead since `killed_at`."""

    change: str
    began: float
    killed: str | None = None
    killed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """`rang_at` and `under_way` are of the moment of its ring."""

    milliseconds: float
    rang_at: float
    under_way: UnderWay | None

    def as_json(self) -> dict[str, Any]:
        """Its delay, the change under way at its ring, who is killed in it, and seconds since each began; or null."""
        now = self.under_way
        return {
            "milliseconds": round(self.milliseconds, 1),
            "change": now and now.change,
            "seconds_since_its_beginning": now and round(self.rang_at - now.began, 2),
            "killed": now and now.killed,
            "seconds_since_the_kill": None
            if now is None or now.killed_at is None
            else round(self.rang_at - now.killed_at, 2),
        }


@dataclass(slots=True)
class Phase:
    """A part of the run, with the cards that were due in it."""

    name: str
    cards: list[Card] = field(default_factory=list)
    missing: int = 0

    @property
    def milliseconds(self) -> list[float]:
        return [card.milliseconds for card in self.cards]

    def percentile(self, share: float) -> float:
        known = sorted(self.milliseconds)
        return round(known[min(int(len(known) * share), len(known) - 1)], 1) if known else float("nan")

    def slowest(self) -> list[dict[str, Any]]:
        """The slowest first, in JSON, with what may explain each."""
        found = sorted(self.cards, key=lambda card: card.milliseconds, reverse=True)
        return [card.as_json() for card in found[:_SLOWEST]]


class Cards:
    """
    Opens a page of every manager of these places and measures. A ring counts for the phase in which it began, unless a
    process was killed since (`broken`): a page on it has to connect again, and another process takes over its PBXs.
    Rings count again when all is as before (`mended`).

    Attributes:
        under_way: the change at present, which each card remembers.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, places: list[Place]) -> None:
        self._session, self._url, self._places = session, url, places
        self._of_phone = managers()
        self._rang: dict[_Ring, tuple[float, Phase, UnderWay | None]] = {}
        self._seen: set[_Ring] = set()  # a call that rings at a manager's phones again changes their card, or not
        self._phase: Phase | None = None
        self._is_broken = False
        self.under_way: UnderWay | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._open: set[tuple[str, int]] = set()

    async def start(self) -> None:
        for place in self._places:
            place.office.witnesses.append(partial(self._witness, place.pbx))
            for manager in sorted(set(self._of_phone.values())):
                self._readers.append(asyncio.create_task(self._keep_open(place, manager)))
        await self.are_open()
        gc.collect()
        gc.freeze()  # a full collection of the test's own objects takes 100 ms, in which no card is seen

    async def are_open(self) -> None:
        """Wait until every page is connected."""
        async with asyncio.timeout(180.0):
            while len(self._open) < len(self._readers):  # noqa: ASYNC110 - the pages are other tasks
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        gc.unfreeze()  # else Hypothesis finds no references of what other tests of this process hold
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[Phase]:
        """Rings count for this phase until the end of the block."""
        self._phase = phase = Phase(name)
        try:
            yield phase
        finally:
            self._phase = None

    async def all_came(self) -> None:
        """Wait until all cards have come, or can come in time no more: those are missing."""
        with contextlib.suppress(TimeoutError):
            await until(lambda: not self._rang, timeout_seconds=_LATEST_SECONDS)
        for _, phase, _ in self._rang.values():
            phase.missing += 1
        self._rang.clear()

    def broken(self) -> None:
        """A process is killed: what is due now says nothing about changes."""
        self._rang.clear()
        self._is_broken = True

    async def mended(self) -> None:
        """Its PBXs are followed again; wait until every page is connected."""
        await self.are_open()
        self._is_broken = False

    def killed(self) -> None:
        """Whoever is killed for the present change is killed now."""
        if self.under_way is not None:
            self.under_way = replace(self.under_way, killed_at=time.perf_counter())

    def _witness(self, pbx: str, name: str, _: str, headers: Headers) -> None:
        if name != "DialBegin":
            return
        fields = dict(headers)
        extension = fields.get("DestChannel", "").removeprefix("PJSIP/").partition("-")[0]
        manager = self._of_phone.get(extension)
        linkedid = fields.get("DestLinkedid", "")
        if manager is None or not linkedid or "Channel" not in fields:  # without a source it is a click
            return
        ring = f"{pbx}:{linkedid}", manager
        if ring in self._seen:
            return
        self._seen.add(ring)
        if self._phase is not None and not self._is_broken:
            self._rang[ring] = time.perf_counter(), self._phase, self.under_way

    async def _keep_open(self, place: Place, manager: int) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, AssertionError, TimeoutError, TypeError, ValueError):
                async with widget_page(self._session, self._url, place.crm, manager) as page:
                    self._open.add((place.account, manager))
                    pinging = asyncio.create_task(_ping(page.socket))
                    try:
                        async for message in page.socket:
                            self._came(manager, message.json())
                    finally:
                        pinging.cancel()
            self._open.discard((place.account, manager))
            await asyncio.sleep(_AGAIN_SECONDS)

    def _came(self, manager: int, said: dict[str, object]) -> None:
        call = said.get("call")
        if said["type"] != "call_updated" or not isinstance(call, dict):
            return
        rang = self._rang.pop((str(call["id"]), manager), None)
        if rang is not None:
            at, phase, under_way = rang
            phase.cards.append(Card((time.perf_counter() - at) * 1000, at, under_way))


async def _ping(socket: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        await asyncio.sleep(10.0)
        await socket.send_json({"type": "ping"})
