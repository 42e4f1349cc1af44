"""Whether two processes do twice the work of one: each follows a PBX of its own, as accounts are shared out.

`dozvon bench scale [--quick]`. Bytes to calls, and the same with every step stored in one PostgreSQL where there is
one. One process and two take turns, so that other work on the machine meets both.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.databases import postgres
from bench.report import aim, machine
from bench.track import STREAMS, Listener, Office, StoringListener, reads, template
from integration import logs
from integration.domain.ids import PbxId
from integration.storage import Storage, open_storage

AIM_TIMES = 1.8
_PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Size:
    """Events for each process and round."""

    events: int
    stored_events: int
    rounds: int
    live: int = 200


FULL = Size(events=300_000, stored_events=60_000, rounds=7)
QUICK = Size(events=60_000, stored_events=8_000, rounds=3)


def run(*, quick: bool = False, size: Size | None = None) -> dict[str, Any]:
    """
    Returns:
        {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}; events per second of the wall clock.
        `with_storing` is None without a PostgreSQL, which takes its share of the processors there.
    """
    logs.set_up("error", readable=True)
    size = size or (QUICK if quick else FULL)
    tracking = asyncio.run(_compare(size.live, size.events, size.rounds, None))
    with postgres() as url:
        storing = asyncio.run(_compare(size.live, size.stored_events, size.rounds, url)) if url else None
    return {
        "bench": "scale",
        "aims": [aim("two processes by one, bytes to calls", AIM_TIMES, tracking["times"], "times",
                     more_is_better=True)],
        "detail": {"tracking": tracking, "with_storing": storing, **machine()},
    }  # fmt: skip


async def _compare(live: int, events: int, rounds: int, url: str | None) -> dict[str, Any]:
    alone, together = [], []
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dozvon-bench-"))  # with the key of all
        workers = []
        for place in range(_PROCESSES):  # one after another: the first brings the tables up to date
            options = {"place": place, "live": live, "events": events, "url": url, "folder": folder}
            workers.append(await stack.enter_async_context(_worker(options)))
        for _ in range(rounds):
            alone.append(await _round(workers[:1], events))
            together.append(await _round(workers, events))
    return {
        "one_process_events_per_second": round(statistics.median(alone)),
        "two_processes_events_per_second": round(statistics.median(together)),
        "times": round(statistics.median(two / one for one, two in zip(alone, together, strict=True)), 2),
    }


async def _round(workers: list[asyncio.subprocess.Process], events: int) -> float:
    """All begin together; events per second of all."""
    await asyncio.gather(*(_ask(worker, "prepare") for worker in workers))
    began = time.perf_counter()
    await asyncio.gather(*(_ask(worker, "go") for worker in workers))
    return len(workers) * events / (time.perf_counter() - began)


async def _ask(worker: asyncio.subprocess.Process, word: str) -> None:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(f"{word}\n".encode())
    if not await worker.stdout.readline():
        raise RuntimeError("a process of the bench ended; what it said is above")


@asynccontextmanager
async def _worker(options: dict[str, Any]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.scale", json.dumps(options)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    assert process.stdin is not None
    try:
        await _ask(process, "prepare")
        yield process
    finally:
        process.stdin.close()
        await process.wait()


# ---- in a process of its own --------------------------------------------------------------------------------------


async def _work(place: int, live: int, events: int, url: str | None, folder: str) -> None:
    """Does what each line of the input says, and answers with a line when it is done."""
    logs.set_up("error", readable=True)
    office = Office([template(name) for name in STREAMS], live, seed=place + 1, first_call=place * 10_000_000)
    async with AsyncExitStack() as stack:
        storage: Storage | None = None
        if url is not None:
            storage = await open_storage(url, Path(folder))
            stack.push_async_callback(storage.close)
        hear = await _hearing(storage, place, live, events)
        await hear(b"".join(office.first_events()))
        data = b""
        while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
            if line == "prepare":
                data = b"".join(office.events(events))
            else:
                await hear(data)
            print("done", flush=True)


async def _hearing(storage: Storage | None, place: int, live: int, events: int) -> Any:
    if storage is not None:
        storing = StoringListener(storage, live, PbxId(f"bench-{place}"))
        await storing.tracking.begin()
        return storing.hear
    listener = Listener(live)

    async def hear(data: bytes) -> None:
        parts = reads(data)
        for part in parts:
            listener.hear(part, max(1, events // len(parts)))

    return hear


if __name__ == "__main__":
    asyncio.run(_work(**json.loads(sys.argv[1])))
