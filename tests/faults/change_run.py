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
from tests.faults.change_campaigns import ChangeCampaigns
from tests.faults.changes import MAKER, TAKER, Changes
from tests.faults.office import Traffic
from tests.faults.place import Place
from tests.faults.run import finish_campaigns
from tests.faults.shape import Shape
from tests.faults.stand import PASSWORD, Stand, open_stand
from tests.faults.supervisor import supervisor
from tests.faults.verdict import Verdict, judge
from tests.scaled.servers import own_postgres, own_redis

CARD_P99_MS = 50.0
_FOR_EVER = 10**9  # calls


@dataclass(frozen=True, slots=True)
class ChangesVerdict:
    """
    Attributes:
        calls: of all offices, the changed one included.
        quiet, changing, killing: the cards of the others while nothing changed, while the office was changed
            undisturbed, and while processes were killed (without those that a kill itself held up).
        links: how often the others' PBXs were linked during the undisturbed changes.
    """

    calls: Verdict
    outcome: Outcome
    quiet: Phase
    changing: Phase
    killing: Phase
    links: int

    def report(self) -> dict[str, Any]:
        """The benches' form."""
        calls, cards = self.calls, self.changing
        bad = calls.lost + calls.doubled + calls.invented + calls.out_of_order + calls.misjudged + calls.unrecorded
        campaigns = calls.campaigns.wrong
        told = f"card p99 of the others while an office changes, {len(cards.milliseconds)} cards"
        aims = [
            aim(told, CARD_P99_MS, cards.percentile(0.99), "ms", more_is_better=False),
            aim("cards that did not come", 0, cards.missing, "cards", more_is_better=False),
            aim("calls lost, doubled, out of order or without recording", 0, len(bad), "calls", more_is_better=False),
            aim("clients dialled twice, lost, or without an outcome", 0, sum(map(len, campaigns.values())), "clients",
                more_is_better=False),
            aim("half changes, or not taken", 0, len(self.outcome.complaints), "changes", more_is_better=False),
            aim("links of the others cut by a change", 0, self.links, "links", more_is_better=False),
        ]  # fmt: skip
        seconds = {name: round(max(each), 1) for name, each in self.outcome.seconds.items()}
        detail = {
            **_of(cards, ""), **_of(self.quiet, "quiet_"), **_of(self.killing, "killing_"),
            "campaign_calls_under_way_at_a_change": dict(self.outcome.calls_at_change),
            "campaign_calls_under_way_at_kills": self.outcome.calls_at_kill,
            "longest_seconds_of_a_change": seconds, "kills": dict(self.outcome.kills),
            "complaints": self.outcome.complaints, "calls": calls.as_json(), **machine(),
        }  # fmt: skip
        return {"bench": "changes", "aims": aims, "detail": detail}


def _of(phase: Phase, prefix: str) -> dict[str, Any]:
    """How late its cards were. The p99 of so few is one of the slowest: each of those says what was under way."""
    return {
        f"{prefix}cards": len(phase.cards), f"{prefix}card_p50_ms": phase.percentile(0.5),
        f"{prefix}card_p95_ms": phase.percentile(0.95), f"{prefix}card_p99_ms": phase.percentile(0.99),
        f"{prefix}slowest_cards": phase.slowest(),
    }  # fmt: skip


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
        campaigns = ChangeCampaigns(stand, await stack.enter_async_context(supervisor(stand.url, PASSWORD)))
        changes = Changes(stand, person, storage)
        carrying = CarryingOut(stand, cards, changes, seed=shape.seed, is_short=is_short)
        calls = _Calls(stand)
        stack.push_async_callback(calls.stop)

        calls.begin(*stand.fixed)
        for change in changes.first():
            await carrying.undisturbed(change)
        calls.begin(changes.place)
        await campaigns.begin(*stand.places)
        told("nothing changes")
        with cards.phase("quiet") as quiet:
            await asyncio.sleep(quiet_seconds)
        await cards.all_came()

        told("the office is changed")
        links = _links(stand)
        with cards.phase("changing") as changing:
            await _rounds(rounds, changes, carrying, campaigns, None, told)
        await cards.all_came()
        links = _links(stand) - links

        with cards.phase("killing") as killing:
            for killed in (MAKER, TAKER):
                told(f"the {killed} is killed")
                await _rounds(rounds, changes, carrying, campaigns, killed, told)
        await cards.all_came()

        told("everybody is called")
        campaigns.close()
        await calls.settle()
        carrying.outcome.complaints += await finish_campaigns(stand, timeout_seconds=settle_seconds)
        told("quiet")
        try:
            await stand.settled(timeout_seconds=settle_seconds)
        except TimeoutError as exc:
            carrying.outcome.complaints.append(f"not settled: {str(exc)[:300]}")
        verdict = await judge(stand, kinds=calls.kinds, faults=carrying.outcome.kills, complaints=[])
    verdict.seconds = time.monotonic() - began
    return ChangesVerdict(verdict, carrying.outcome, quiet, changing, killing, links)


async def _rounds(
    rounds: int,
    changes: Changes,
    carrying: CarryingOut,
    campaigns: ChangeCampaigns,
    killed: str | None,
    told: Callable[[str], None],
) -> None:
    """All changes in their order; at the end the office is there again."""
    for _ in range(rounds):
        others, last = changes.others(), changes.first()[0]
        for change in [*others, last]:
            if carrying.is_left_out(change, killed):
                continue
            told(f"  {change.name}")
            try:
                if change is not last:  # until then there is no office
                    await campaigns.keep_busy()
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
