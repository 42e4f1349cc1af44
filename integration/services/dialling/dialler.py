"""Dials the campaigns of all accounts of a process: takes the lease of each that runs, or has calls on their way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from integration.domain.ids import AccountId, CampaignId
from integration.errors import Unavailable
from integration.ports.campaigns import lease_name
from integration.ports.coordination import Lease, Leases
from integration.services.accounts import Accounts
from integration.services.cluster.leadership import Leadership
from integration.services.dialling.desk import Desk
from integration.services.dialling.floor import Floor, Sources
from integration.services.dialling.journals import Journals
from integration.services.dialling.run import CampaignRun
from integration.services.ending import ended
from integration.services.offers import OfferPress
from integration.services.page_news import PageNews, Watch

log = structlog.get_logger()

_LOOK_EVERY_SECONDS = 0.5  # at which campaigns run

_Key = tuple[AccountId, CampaignId]


class Dialler:
    """Run `run` as long as the process runs."""

    def __init__(
        self,
        accounts: Accounts,
        sources: Sources,
        journals: Journals,
        news: PageNews,
        leases: Leases,
        process: str,
        *,
        tell: Callable[[AccountId], None] | None = None,
    ) -> None:
        """`process`: the holder of leases. `tell`: that something of an account changed; None: `news` says it."""
        self._accounts = accounts
        self._sources = sources
        self._journals = journals
        self._news = news
        self._leadership = Leadership(leases, process)
        self._tell = tell or news.tell
        self._assigned: set[_Key] = set()
        self._desks: dict[AccountId, tuple[Desk, Watch]] = {}
        sources.offers.take = self._pressed

    @property
    def dialled(self) -> frozenset[str]:
        """The names of the leases of the campaigns that this process dials."""
        return self._leadership.held

    async def run(self) -> None:
        """Until cancelled; then the leases are freed at once, and calls on their way stay for another process."""
        leading = asyncio.create_task(self._leadership.run(), name="leases of campaigns")
        try:
            is_failing = False
            while True:
                try:
                    await self._assign(set(await self._journals.dialling.at_work()))
                    is_failing = False
                except Unavailable as exc:
                    if not is_failing:
                        log.warning("campaigns cannot be looked up now", error=str(exc))
                    is_failing = True
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
        finally:
            await ended([leading])
            for key in self._assigned:
                await self._leadership.remove(_name(key))
            self._assigned.clear()
            for _, watch in self._desks.values():
                self._news.leave(watch)
            self._desks.clear()

    async def _assign(self, at_work: set[_Key]) -> None:
        wanted = {key for key in at_work if self._accounts.get(key[0]) is not None}
        for key in wanted - self._assigned:
            self._leadership.add(_name(key), partial(self._dial, key))
        for key in self._assigned - wanted:
            await self._leadership.remove(_name(key))
        self._assigned = wanted
        for account in self._desks.keys() - {account for account, _ in wanted}:
            _, watch = self._desks.pop(account)
            self._news.leave(watch)

    def _pressed(self, press: OfferPress) -> bool:
        """What an employee has pressed under a client who is shown, in whatever process. Whether it is dialled here."""
        known = self._desks.get(press.account)
        return known is not None and known[0].pressed(press)

    async def _dial(self, key: _Key, lease: Lease) -> None:
        """A job of the leadership: one campaign, under its lease."""
        account, campaign = key
        desk = self._desk(account)
        if desk is None:
            return  # the account has been removed: asked for again until it is not at work here any more
        run = CampaignRun(campaign, desk.floor, self._journals, lease)
        await run.begin()
        await desk.dial(run)

    def _desk(self, account: AccountId) -> Desk | None:
        """The desk of an account; a new one after the account was removed and added again."""
        running = self._accounts.get(account)
        if running is None:
            return None
        known = self._desks.get(account)
        if known is not None and known[0].floor.account is running:
            return known[0]
        if known is not None:
            self._news.leave(known[1])
        watch = self._news.join(account, is_page=False)
        desk = Desk(Floor(running, self._sources), watch.changed, self._tell)
        self._desks[account] = desk, watch
        return desk


def _name(key: _Key) -> str:
    return lease_name(*key)
