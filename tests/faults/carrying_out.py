"""Carries out changes of an office: undisturbed, or with a process killed in the middle of it.

A change *is made* by somebody: `dozvon apply`, an administrator's page, the CRM's call. It *is taken* by every process.
Who makes it is killed inside the transaction (`stopped.py`); who runs the connection is killed when its old link has
ended, or its new one has just begun, or while it writes what it took.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiohttp

from tests.e2e.dozvon_process import DozvonProcess
from tests.faults.cards import Cards, UnderWay
from tests.faults.changes import MAKER, TAKER, Change, Changes, Decided
from tests.faults.stand import Stand
from tests.faults.stopped import stopped

_PATIENCE_SECONDS = 180.0  # a busy machine starts a process slowly
_REPEAT_SECONDS = 60.0
_ASK_SECONDS = 0.25

_CUT_OFF = (OSError, aiohttp.ClientError, AssertionError, TimeoutError)
"""What a maker raises whose process was killed."""


@dataclass(slots=True)
class Outcome:
    """
    Attributes:
        seconds: how long each change took, from its beginning until every process had taken it, undisturbed.
        kills: of the maker and of the taker, by change.
        complaints: half a change, or one that was not taken.
        calls_at_change: calls of the office's campaign that were under way when each change began.
        calls_at_kill: calls of both campaigns that were under way at kills.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    kills: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    complaints: list[str] = field(default_factory=list)
    calls_at_change: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    calls_at_kill: int = 0


class CarryingOut:
    """
    `is_short`: commands run only where they are killed, only those are killed that `Change.short` names, and with the
    takers killed only changes are made in which one is, or which the next ones need.
    """

    def __init__(self, stand: Stand, cards: Cards, changes: Changes, *, seed: int, is_short: bool = False) -> None:
        self._stand, self._cards, self._changes = stand, cards, changes
        self._is_short = is_short
        self._rng = random.Random(f"changes {seed}")
        self.outcome = Outcome()
        changes.runs_commands = not is_short

    def is_left_out(self, change: Change, killed: str | None) -> bool:
        return self._is_short and killed == TAKER and TAKER not in change.short and not change.is_needed

    async def carry_out(self, change: Change, killed: str | None) -> None:
        """`killed`: MAKER, TAKER or nobody."""
        if killed is None or (self._is_short and killed not in change.short):
            await self.undisturbed(change)
            return
        with self._under_way(change, killed):
            await (self._maker_killed(change) if killed == MAKER else self._taker_killed(change))

    async def undisturbed(self, change: Change) -> None:
        with self._under_way(change, None):
            await self._undisturbed(change)

    @contextlib.contextmanager
    def _under_way(self, change: Change, killed: str | None) -> Iterator[None]:
        self._next()
        self.outcome.calls_at_change[change.name] += self._changes.place.campaign_calls()
        self._cards.under_way = UnderWay(change=change.name, began=time.perf_counter(), killed=killed)
        try:
            yield
        finally:
            self._cards.under_way = None

    async def _undisturbed(self, change: Change) -> None:
        began = time.monotonic()
        await change.make()
        await self._taken(change)
        self.outcome.seconds[change.name].append(time.monotonic() - began)

    async def _maker_killed(self, change: Change) -> None:
        """Killed in the middle of the transaction: nothing was changed. Repeated, all is."""
        before = await self._changes.decided()
        async with stopped(self._stand.shape.database, change.table) as table:
            self._changes.runs_commands = True
            making = asyncio.create_task(change.make())
            killed = await table.waits(self._makers)
            self._changes.runs_commands = not self._is_short
            if killed in self._changes.commands:
                self._meet_kill()
                self._changes.commands[killed].kill()
            else:
                self._kill(killed)
            with contextlib.suppress(*_CUT_OFF):
                await making
        self.outcome.kills[f"maker of {change.name}"] += 1
        now = await self._changes.decided()
        await self._started()
        after = await self._repeated(change, before)
        if (done := now.differs_in(before)) and (missing := now.differs_in(after)):
            self.outcome.complaints.append(f"{change.name}: half done: {sorted(done)}, without {sorted(missing)}")
        if not await self._changes.history_fits():
            self.outcome.complaints.append(f"{change.name}: the office's revision is not that of its newest change")
        await self._taken(change)

    async def _taker_killed(self, change: Change) -> None:
        """The process that runs the connection is killed while it takes the change."""
        holder = await self._holder()
        if change.takes_by is not None:
            async with stopped(self._stand.shape.database, change.takes_by) as table:
                making = asyncio.create_task(change.make())
                await table.waits(lambda: [holder.pid] if holder.is_alive else [])
                self._kill(holder.pid)
        else:
            making = asyncio.create_task(change.make())
            await (change.begins() if change.begins else self._at_some_moment(change))
            self._kill((await self._holder(holder)).pid)
        try:
            await making
        except _CUT_OFF:  # it made the change as well
            await self._started()
            await self._made(change)
        self.outcome.kills[f"taker of {change.name}"] += 1
        await self._started()
        await self._taken(change)

    async def _repeated(self, change: Change, before: Decided) -> Decided:
        """
        Make it again until something is changed. A call that Dozvon has just had may be left alone for seconds; and a
        process that has just been killed may be missed by the first try, which then says so: a person tries again.
        """
        deadline = time.monotonic() + _REPEAT_SECONDS
        while True:
            refusal: Exception | None = None
            try:
                await change.make()
            except _CUT_OFF as exc:
                refusal = exc
            after = await self._changes.decided()
            if after.differs_in(before):
                return after
            if time.monotonic() > deadline:
                if refusal is not None:
                    raise refusal
                self.outcome.complaints.append(f"{change.name}: the repetition changed nothing")
                return after
            await asyncio.sleep(0.5)

    async def _made(self, change: Change) -> None:
        """As `_repeated`, where the first try may have made it: until a try is answered."""
        deadline = time.monotonic() + _REPEAT_SECONDS
        while True:
            try:
                await change.make()
            except _CUT_OFF:
                if time.monotonic() > deadline:
                    raise
            else:
                return
            await asyncio.sleep(0.5)

    def _next(self) -> None:
        self._changes.place.office.ledger.disrupted()
        self._changes.another_phone()

    async def _at_some_moment(self, change: Change) -> None:
        longest = max(self.outcome.seconds[change.name], default=1.0)
        await asyncio.sleep(self._rng.uniform(0.0, longest))

    async def _taken(self, change: Change) -> None:
        """Wait until every process has taken it. Asked slowly: what is asked takes time from the calls."""
        for process in self._stand.processes:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    while not await change.is_taken(process):  # noqa: ASYNC110 - another process
                        await asyncio.sleep(_ASK_SECONDS)
            except TimeoutError:
                self.outcome.complaints.append(f"{change.name}: not taken by the process at {process.url}")

    # ---- processes -------------------------------------------------------------------------------------------------

    def _makers(self) -> list[int]:
        return [*self._changes.commands, *(each.pid for each in self._stand.processes if each.is_alive)]

    async def _holder(self, otherwise: DozvonProcess | None = None) -> DozvonProcess:
        """The process with the link to this PBX; at present it may be without one, then who had it."""
        named = f'pbx="{self._changes.place.pbx}"'
        for process in self._stand.processes:
            async with self._stand.session.get(f"{process.url}/metrics") as answer:
                lines = (await answer.text()).splitlines()
            if any(
                line.startswith("dozvon_pbx_connected{") and named in line and line.endswith(" 1.0") for line in lines
            ):
                return process
        return otherwise or self._rng.choice(self._stand.processes)

    def _kill(self, pid: int) -> None:
        """And start it again."""
        process = next(each for each in self._stand.processes if each.pid == pid)
        self._meet_kill()
        self._cards.broken()
        for place in self._stand.places:
            place.office.ledger.disrupted()
        process.kill()
        process.launch()

    def _meet_kill(self) -> None:
        self._cards.killed()
        self.outcome.calls_at_kill += sum(place.campaign_calls() for place in self._stand.places)

    async def _started(self) -> None:
        """Every process runs again, the other offices' PBXs are followed, and their pages are connected."""
        for process in self._stand.processes:
            await process.health(timeout_seconds=_PATIENCE_SECONDS)
        await self._stand.pbx_is_followed()
        await self._cards.mended()
