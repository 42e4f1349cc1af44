"""A run: an office is added, changed and removed under steady calls; then the verdict, and how late cards were."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.report import aim, machine
from tests.e2e.admin import administrator
from tests.faults.cards import Cards, Phase
from tests.faults.carrying_out import CarryingOut, Outcome
from tests.faults.changes import MAKER, TAKER, Changes
from tests.faults.office import Traffic
from tests.faults.place import Place
from tests.faults.shape import Shape
from tests.faults.stand import PASSWORD, Stand, open_stand
from tests.faults.verdict import Verdict, judge
from tests.scaled.servers import own_postgres, own_redis

CARD_P99_MS = 50.0
_FOR_EVER = 10**9  # calls


@dataclass(frozen=True, slots=True)
class ChangesVerdict:
    """
    Attributes:
        calls: of all offices, the changed one included.
        quiet, changing: the cards of the others while nothing changed, and while the office was changed undisturbed.
        links: how often the others' PBXs were linked during the undisturbed changes.
    """

    calls: Verdict
    outcome: Outcome
    quiet: Phase
    changing: Phase
    links: int

    def report(self) -> dict[str, Any]:
        """The benches' form."""
        calls, cards = self.calls, self.changing
        bad = calls.lost + calls.doubled + calls.invented + calls.out_of_order + calls.misjudged + calls.unrecorded
        told = f"card p99 of the others while an office changes, {len(cards.milliseconds)} cards"
        aims = [
            aim(told, CARD_P99_MS, cards.percentile(0.99), "ms", more_is_better=False),
            aim("cards that did not come", 0, cards.missing, "cards", more_is_better=False),
            aim("calls lost, doubled, out of order or without recording", 0, len(bad), "calls", more_is_better=False),
            aim("half changes, or not taken", 0, len(self.outcome.complaints), "changes", more_is_better=False),
            aim("links of the others cut by a change", 0, self.links, "links", more_is_better=False),
        ]
        seconds = {name: round(max(each), 1) for name, each in self.outcome.seconds.items()}
        detail = {
            "card_p50_ms": cards.percentile(0.5), "quiet_card_p50_ms": self.quiet.percentile(0.5),
            "quiet_card_p99_ms": self.quiet.percentile(0.99), "quiet_cards": len(self.quiet.milliseconds),
            "longest_seconds_of_a_change": seconds, "kills": dict(self.outcome.kills),
            "complaints": self.outcome.complaints, "calls": calls.as_json(), **machine(),
        }  # fmt: skip
        return {"bench": "changes", "aims": aims, "detail": detail}


async def run_changes(
    folder: Path,
    shape: Shape,
    *,
    rounds: int,
    quiet_seconds: float,
    settle_seconds: float,
    is_short: bool = False,
    told: Callable[[str], None] = lambda what: None,
) -> ChangesVerdict:
    """
    Args:
        shape: of two processes or more.
        rounds: how often all changes are made undisturbed, then as often with the maker killed, then with the taker.
        is_short: as for `CarryingOut`.
        told: called with what is done next.
    """
    began = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        postgres, redis = stack.enter_context(own_postgres()), stack.enter_context(own_redis())
        database = f"postgresql://dozvon@127.0.0.1:{postgres.port}/dozvon"
        shape = replace(shape, changing=True, database=database, redis=f"redis://127.0.0.1:{redis.port}/0")
        stand = await stack.enter_async_context(open_stand(folder, shape))
        cards = Cards(stand.session, stand.url, stand.fixed)
        stack.push_async_callback(cards.stop)
        await cards.start()
        person = await stack.enter_async_context(administrator(stand.url, PASSWORD))
        storage = await stack.enter_async_context(stand.storage())
        changes = Changes(stand, person, storage)
        carrying = CarryingOut(stand, cards, changes, seed=shape.seed, is_short=is_short)
        calls = _Calls(stand)
        stack.push_async_callback(calls.stop)

        calls.begin(*stand.fixed)
        for change in changes.first():
            await carrying.undisturbed(change)
        calls.begin(changes.place)
        told("nothing changes")
        with cards.phase("quiet") as quiet:
            await asyncio.sleep(quiet_seconds)
        await cards.all_came()

        told("the office is changed")
        links = _links(stand)
        with cards.phase("changing") as changing:
            await _rounds(rounds, changes, carrying, None, told)
        await cards.all_came()
        links = _links(stand) - links

        for killed in (MAKER, TAKER):
            told(f"the {killed} is killed")
            await _rounds(rounds, changes, carrying, killed, told)

        told("quiet")
        await calls.settle()
        try:
            await stand.settled(timeout_seconds=settle_seconds)
        except TimeoutError as exc:
            carrying.outcome.complaints.append(f"not settled: {str(exc)[:300]}")
        verdict = await judge(stand, kinds=calls.kinds, faults=carrying.outcome.kills, complaints=[])
    verdict.seconds = time.monotonic() - began
    return ChangesVerdict(verdict, carrying.outcome, quiet, changing, links)


async def _rounds(
    rounds: int, changes: Changes, carrying: CarryingOut, killed: str | None, told: Callable[[str], None]
) -> None:
    """All changes in their order; at the end the office is there again."""
    for _ in range(rounds):
        for change in [*changes.others(), changes.first()[0]]:
            told(f"  {change.name}")
            try:
                await carrying.carry_out(change, killed)
            except (OSError, AssertionError, TimeoutError) as exc:  # the run goes on and reports it at the end
                carrying.outcome.complaints.append(f"{change.name}: {type(exc).__name__} {str(exc)[:300]}")


def _links(stand: Stand) -> int:
    """How often the PBXs of the other offices were linked."""
    pbxs = {place.pbx for place in stand.fixed}
    said = [entry for process in stand.processes for entry in process.said("linked to the PBX")]
    return sum(entry["pbx"] in pbxs for entry in said)


class _Calls:
    """The traffic of each place, from its beginning until `settle`."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self._traffics: list[Traffic] = []
        self._running: list[asyncio.Task[None]] = []

    def begin(self, *places: Place) -> None:
        for place in places:
            traffic = place.traffic(strangers=20)
            self._traffics.append(traffic)
            self._running.append(asyncio.create_task(traffic.run(_FOR_EVER, lambda _: None)))

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def settle(self) -> None:
        """Make no more calls, and wait for the people of those under way."""
        await self.stop()
        await asyncio.gather(*(traffic.settle() for traffic in self._traffics))

    @property
    def kinds(self) -> Counter[str]:
        return sum((traffic.begun for traffic in self._traffics), Counter[str]())
