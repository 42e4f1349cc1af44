"""The campaigns of one account that this process dials: one pool of employees, so they decide one after the other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from integration.domain.ids import AccountId, CampaignId
from integration.errors import LeaseLost, Unavailable
from integration.services.dialling.floor import Floor
from integration.services.dialling.run import CampaignRun
from integration.services.ending import ended
from integration.services.offers import OfferPress

log = structlog.get_logger()

_AT_LEAST_EVERY_SECONDS = 1.0
_TOGETHER_SECONDS = 0.05  # an event of a call seldom comes alone


class Desk:
    """
    Args:
        news: is set when something of the account has changed; cleared here.
        tell: that something of the account changed, to its open pages.
    """

    def __init__(self, floor: Floor, news: asyncio.Event, tell: Callable[[AccountId], None]) -> None:
        self.floor = floor
        self._news = news
        self._tell = tell
        self._runs: dict[CampaignId, CampaignRun] = {}
        self._lost: dict[CampaignId, asyncio.Event] = {}
        self._work: asyncio.Task[None] | None = None
        self._is_failing = False

    async def dial(self, run: CampaignRun) -> None:
        """Until cancelled. Raises: LeaseLost."""
        lost = self.take(run)
        if self._work is None:
            self._work = asyncio.create_task(self._run(), name=f"campaigns of {self.floor.account.id}")
        try:
            await lost.wait()
            raise LeaseLost("Another process dials this campaign.")
        finally:
            self.leave(run)
            if not self._runs and self._work is not None:
                work, self._work = self._work, None
                await ended([work])
            await run.end()

    def take(self, run: CampaignRun) -> asyncio.Event:
        """Dial one more campaign in each step. Returns what is set when its lease was lost."""
        self._runs[run.campaign], self._lost[run.campaign] = run, asyncio.Event()
        self.floor.dialled.add(run.campaign)
        return self._lost[run.campaign]

    def leave(self, run: CampaignRun) -> None:
        if self._runs.get(run.campaign) is run:
            del self._runs[run.campaign], self._lost[run.campaign]
            self.floor.dialled.discard(run.campaign)

    def pressed(self, press: OfferPress) -> bool:
        """
        What an employee decided about a client who is shown; the next step, at once, carries it out. The same once
        more, before it was, is one press.

        Returns: whether the campaign is dialled here.
        """
        if press.campaign not in self._runs:
            return False
        if all(press != known for _, known in self.floor.presses):
            self.floor.presses.append((self.floor.sources.clock.now(), press))
            self._news.set()
        return True

    async def _run(self) -> None:
        phones = asyncio.create_task(self._watch_phones())
        try:
            while True:
                goes_on = await self.step()
                if not goes_on:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._news.wait(), _AT_LEAST_EVERY_SECONDS)
                await asyncio.sleep(_TOGETHER_SECONDS)
                self._news.clear()
        finally:
            await ended([phones])

    async def _watch_phones(self) -> None:
        while True:
            try:
                await self.floor.look_at_phones()
            except Exception:
                log.exception("the phones of a campaign's employees cannot be read")
            await asyncio.sleep(_AT_LEAST_EVERY_SECONDS * 5)

    async def step(self) -> bool:
        """Each campaign once, the most important first. Returns whether there may be more to do at once."""
        if not await self._tried(self.floor.look):
            return False
        goes_on = False
        for run in sorted(self._runs.values(), key=lambda each: (-each.priority, each.campaign)):
            try:
                goes_on = (await run.step()).goes_on or goes_on
            except LeaseLost:
                if run.campaign in self._lost:
                    self._lost[run.campaign].set()
            except Unavailable as exc:
                self._failed(exc)
            except Exception:  # a defect in one campaign must not stop the others
                log.exception("a campaign cannot be dialled", campaign=run.campaign)
            else:
                self._is_failing = False
            if run.has_news():
                self._tell(self.floor.account.id)
        return goes_on

    async def _tried(self, look: Callable[[], Awaitable[None]]) -> bool:
        try:
            await look()
        except Unavailable as exc:
            self._failed(exc)
            return False
        return True

    def _failed(self, exc: Unavailable) -> None:
        if not self._is_failing:
            log.warning("campaigns wait for the database", account_id=self.floor.account.id, error=str(exc))
        self._is_failing = True
