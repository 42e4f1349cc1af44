"""Measures what choosing the next entries of a campaign costs, in small and in large lists.

`dozvon bench choose [--quick]`. The same questions are asked of a database with one campaign of 1,000 entries, and of
one with 20 campaigns and 1,000,000 entries in all: the head of the list, an attempt that is written and ended, and the
figures of all campaigns. A third of the entries are done, a third are due later, so the index has to pass by them.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bench.databases import postgres
from bench.report import aim, machine, percentile
from integration.domain.campaigns.model import (
    Attempt,
    CampaignState,
    Entry,
    EntryNumber,
    EntryState,
    Mode,
    Outcome,
)
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.ids import AccountId, AttemptId, CampaignId, Timestamp
from integration.ports.campaigns import NewEntry, lease_name
from integration.ports.coordination import Lease
from integration.storage import Storage, open_storage
from integration.testing import FakeClock

T = TypeVar("T")

OFFICE = AccountId("bench")
AIM_TIMES = 2.0  # the large list against the small one: the same but for noise and the height of the trees
_HEAD = 50  # entries that a decision looks at
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Size:
    """`asked`: how often each question is asked."""

    campaigns: int
    entries: int  # of each campaign
    asked: int


SMALL = Size(campaigns=1, entries=1_000, asked=400)
FULL = Size(campaigns=20, entries=50_000, asked=400)
QUICK = Size(campaigns=20, entries=1_000, asked=100)


@dataclass(slots=True)
class Figures:
    """Milliseconds."""

    head: list[float]
    attempt: list[float]
    counts: list[float]

    def shown(self) -> dict[str, dict[str, float]]:
        named = {"head": self.head, "attempt": self.attempt, "counts": self.counts}
        return {
            name: {"p50": percentile(sorted(values), 0.5), "p99": percentile(sorted(values), 0.99)}
            for name, values in named.items()
        }


class _Lists:
    """All campaigns of one size."""

    def __init__(
        self, storage: Storage, account: AccountId, campaigns: list[CampaignId], size: Size, clock: FakeClock
    ) -> None:
        self._storage, self._account, self._campaigns, self._clock = storage, account, campaigns, clock
        self._leases: dict[CampaignId, Lease] = {}
        self.size = size
        self.figures = Figures([], [], [])

    async def take_leases(self) -> None:
        for campaign in self._campaigns:
            (self._leases[campaign],) = await self._storage.leases.acquire(
                [lease_name(self._account, campaign)], holder="bench", ttl_seconds=600
            )

    async def ask(self, turn: int) -> None:
        """Time each question once."""
        storage, account, figures = self._storage, self._account, self.figures
        campaign = self._campaigns[turn % len(self._campaigns)]
        head, took = await _timed(partial(storage.entries.head, account, campaign, now=self._clock.now(), limit=_HEAD))
        figures.head.append(took)
        attempt = _attempt(head[0], turn, self._clock)
        _, took = await _timed(partial(_dial, storage, account, attempt, head[0], self._leases[campaign]))
        figures.attempt.append(took)
        _, took = await _timed(partial(storage.campaigns.counts, account))
        figures.counts.append(took)


def run(*, quick: bool = False, size: Size | None = None) -> dict[str, Any]:
    large = size or (QUICK if quick else FULL)
    small = replace(SMALL, asked=large.asked)
    found = asyncio.run(_on_sqlite([small, large]))
    detail: dict[str, Any] = {"sqlite": [_shown(size, each) for size, each in zip([small, large], found, strict=True)]}
    aims = [_aim("sqlite", *found)]
    with postgres() as url:
        if url is not None:
            found = asyncio.run(_on_postgres([small, large], url))
            detail["postgresql"] = [_shown(size, each) for size, each in zip([small, large], found, strict=True)]
            aims.append(_aim("postgresql", *found))
    return {"bench": "choose", "aims": aims, "detail": detail | machine()}


def _shown(size: Size, figures: Figures) -> dict[str, Any]:
    return {"campaigns": size.campaigns, "entries": size.campaigns * size.entries, **figures.shown()}


def _aim(database: str, small: Figures, large: Figures) -> dict[str, Any]:
    times = percentile(sorted(large.head), 0.5) / max(0.01, percentile(sorted(small.head), 0.5))
    what = f"the head of a list among the large ones, against one of 1,000 entries ({database}, p50)"
    return aim(what, AIM_TIMES, round(times, 2), "times", more_is_better=False)


async def _on_sqlite(sizes: list[Size]) -> list[Figures]:
    async with contextlib.AsyncExitStack() as stack:
        books = []
        for size in sizes:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            books.append(await _filled(stack, f"sqlite:///{folder / 'dozvon.sqlite3'}", folder, size, OFFICE))
        return await _asked(books)


async def _on_postgres(sizes: list[Size], url: str) -> list[Figures]:
    """In one database."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        books = [
            await _filled(stack, url, folder, size, AccountId(f"bench{number}")) for number, size in enumerate(sizes)
        ]
        return await _asked(books)


async def _filled(stack: contextlib.AsyncExitStack, url: str, folder: Path, size: Size, account: AccountId) -> _Lists:
    clock = FakeClock()
    storage = await open_storage(url, folder, clock=clock)
    stack.push_async_callback(storage.close)
    campaigns = [CampaignId(f"{account}-{number}") for number in range(size.campaigns)]
    for number, campaign in enumerate(campaigns):
        await _fill(storage, account, campaign, number, size, clock)
    return _Lists(storage, account, campaigns, size, clock)


async def _asked(books: list[_Lists]) -> list[Figures]:
    """In turns, so that whatever else the machine does falls on all alike."""
    for lists in books:
        await lists.take_leases()
    for turn in range(books[0].size.asked):
        for lists in books:
            await lists.ask(turn)
    return [lists.figures for lists in books]


async def _fill(
    storage: Storage, account: AccountId, campaign: CampaignId, number: int, size: Size, clock: FakeClock
) -> None:
    await storage.campaigns.make(account, campaign, CampaignPlan(name=f"Campaign {number}"), by="bench")
    await storage.campaigns.set_state(
        account, campaign, CampaignState.RUNNING, by="bench", only_from=[CampaignState.DRAFT]
    )
    for start in range(0, size.entries, _BATCH):
        new = [
            NewEntry(numbers=(EntryNumber(e164=f"+79{number:02}{start + index:07}"),), name=f"Client {start + index}")
            for index in range(min(_BATCH, size.entries - start))
        ]
        await storage.entries.add(account, campaign, new, office=account)
        taken = await storage.entries.head(account, campaign, now=clock.now(), limit=_BATCH)
        third = len(taken) // 3
        later = [entry.id for entry in taken[:third]]
        await storage.entries.defer(account, campaign, later, until=Timestamp(clock.now() + 3600 + start))
        for entry in taken[third : third + third // 10]:
            await storage.entries.remove(account, campaign, entry.id)


async def _timed(ask: Callable[[], Awaitable[T]]) -> tuple[T, float]:
    begun = time.perf_counter()
    answer = await ask()
    return answer, (time.perf_counter() - begun) * 1000


async def _dial(storage: Storage, account: AccountId, attempt: Attempt, entry: Entry, lease: Lease) -> None:
    """Written, sent, ended: three transactions."""
    refused = await storage.attempts.write(account, attempt, office=account, lease=lease)
    assert refused is None, refused
    await storage.attempts.sent(account, attempt.id, at=attempt.written_at, lease=lease)
    ended = replace(attempt, outcome=Outcome.TALKED, ended_at=attempt.written_at)
    await storage.attempts.end(account, ended, replace(entry, state=EntryState.REACHED), lease=lease)


def _attempt(entry: Entry, turn: int, clock: FakeClock) -> Attempt:
    return Attempt(
        id=AttemptId(f"bench-{entry.campaign}-{turn}"),
        campaign=entry.campaign,
        entry=entry.id,
        number=entry.numbers[0].e164,
        line="pbx/1",
        fence=1,
        mode=Mode.PROGRESSIVE,
        written_at=clock.now(),
    )
