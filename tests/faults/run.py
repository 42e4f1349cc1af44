"""A run: steady traffic with faults, then quiet until everything is delivered, then the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.faults.mishaps import Mishaps
from tests.faults.shape import Shape
from tests.faults.stand import PASSWORD, Stand, open_stand
from tests.faults.supervisor import supervisor
from tests.faults.verdict import Verdict, judge
from tests.scaled.servers import own_postgres, own_redis


@dataclass(frozen=True, slots=True)
class Progress:
    calls: int
    faults: int
    arrived: int  # in the CRM
    mib: float  # the largest process of Dozvon

    def text(self) -> str:
        return f"{self.faults} faults, {self.arrived} in the CRM, {self.mib:.0f} MiB; {self.calls}"


async def run(
    folder: Path,
    shape: Shape,
    *,
    calls: int,
    faults: int,
    settle_seconds: float,
    on_call: Callable[[Progress], None] = lambda progress: None,
) -> Verdict:
    """
    Args:
        folder: for all files of the run; a thousand calls need about 40 MB.
        settle_seconds: how long the outbox may take to empty after the last fault.
        on_call: called at the start of each call, with the progress of the run.

    Returns:
        The verdict, with a complaint if calls hung or the outbox did not empty in time.
    """
    began = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        postgres = redis = None
        if shape.processes > 1:
            postgres, redis = stack.enter_context(own_postgres()), stack.enter_context(own_redis())
            shape = replace(
                shape,
                database=f"postgresql://dozvon@127.0.0.1:{postgres.port}/dozvon",
                redis=f"redis://127.0.0.1:{redis.port}/0",
            )
        stand = await stack.enter_async_context(open_stand(folder, shape))
        mishaps = Mishaps(stand, seed=shape.seed, postgres=postgres, redis=redis)
        planned = mishaps.plan(calls, faults)
        await begin_campaigns(stand)
        traffics = [place.traffic(strangers=max(calls // 4 // shape.accounts, 5)) for place in stand.places]
        numbers = itertools.count()

        def each(_: int) -> None:
            number = next(numbers)
            arrived = sum(len(place.arrived) for place in stand.places)
            on_call(Progress(number, sum(mishaps.happened.values()), arrived, stand.largest_mib()))
            for name in planned.get(number, ()):
                mishaps.begin(name)

        shares = [calls // shape.accounts + (number < calls % shape.accounts) for number in range(shape.accounts)]
        await asyncio.gather(*(traffic.run(share, each) for traffic, share in zip(traffics, shares, strict=True)))
        await asyncio.gather(*(traffic.settle() for traffic in traffics))
        await mishaps.end()
        mishaps.complaints += await finish_campaigns(stand, timeout_seconds=settle_seconds)
        try:
            await stand.settled(timeout_seconds=settle_seconds)
        except TimeoutError as exc:
            mishaps.complaints.append(f"not settled: {str(exc)[:200]}")
        kinds = sum((traffic.begun for traffic in traffics), Counter[str]())
        verdict = await judge(stand, kinds=kinds, faults=mishaps.happened, complaints=mishaps.complaints)
    verdict.seconds = time.monotonic() - began
    return verdict


async def begin_campaigns(stand: Stand) -> None:
    """And managers' own lists."""
    async with supervisor(stand.url, PASSWORD) as person:
        for place in stand.places:
            if place.campaign is not None:
                await place.campaign.begin(person, stand.database)
            if place.own_list is not None:
                await place.own_list.begin(stand.session, stand.url)


async def finish_campaigns(stand: Stand, *, timeout_seconds: float) -> list[str]:
    """Wait until everybody was called, and stop own lists. Returns which campaigns did not come so far."""
    own_lists = [place.own_list for place in stand.places if place.own_list is not None]
    campaigns = [place.campaign for place in stand.places if place.campaign is not None]
    try:
        async with (
            asyncio.timeout(timeout_seconds),
            supervisor(stand.url, PASSWORD) as person,
            stand.storage() as storage,
        ):
            await asyncio.gather(
                *(own.finish(storage) for own in own_lists),
                *(campaign.finish(person, storage) for campaign in campaigns),
            )
    except TimeoutError as exc:
        left = {campaign.account: campaign.left[:5] for campaign in campaigns if campaign.left}
        return [f"not everybody was called in time: {left} {exc}"]
    return []
