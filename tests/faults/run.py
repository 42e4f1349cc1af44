"""One run: steady traffic while things go wrong, then peace until everything is delivered, then the verdict."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.faults.mishaps import Mishaps
from tests.faults.stand import Shape, open_stand
from tests.faults.verdict import Verdict, judge
from tests.scaled.servers import own_postgres, own_redis


async def run(
    folder: Path,
    shape: Shape,
    *,
    calls: int,
    faults: int,
    settle_seconds: float,
    on_call: Callable[[int], None] = lambda number: None,
) -> Verdict:
    """
    Args:
        folder: for all files of the run; a thousand calls leave some 150 MB of recordings in it.
        settle_seconds: how long the outbox may take to empty after the last fault.
        on_call: told the number of each call as it begins.

    Returns:
        Also where calls hung or the outbox did not empty in time: a complaint says so.
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
        traffic = stand.traffic(strangers=max(calls // 4, 5))

        def each(number: int) -> None:
            on_call(number)
            for name in planned.get(number, ()):
                mishaps.begin(name)

        await traffic.run(calls, each)
        await traffic.settle()
        await mishaps.end()
        try:
            await stand.settled(timeout_seconds=settle_seconds)
        except TimeoutError as exc:
            mishaps.complaints.append(f"not settled: {str(exc)[:200]}")
        verdict = await judge(stand, kinds=traffic.begun, faults=mishaps.happened, complaints=mishaps.complaints)
    verdict.seconds = time.monotonic() - began
    return verdict
