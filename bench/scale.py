"""Measures whether two processes do twice the work of one, each with its own PBX, as accounts are divided.

`dozvon bench scale [--quick]`. Measures bytes to calls, and if there is a PostgreSQL, the same with every step stored
in it. In each round every process works alone and then all of them at once; the bytes are made before the measured
time. Two processes need two cores: a round in which other programs used them is repeated, and reported as noisy.
Virtual cores may share more than a bus, so every round also runs a plain loop in the same way.
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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.databases import postgres
from bench.report import aim, machine, percentile, processors_busy
from bench.track import READ, STREAMS, Listener, Office, StoringListener, reads, template
from integration import logs
from integration.domain.ids import PbxId
from integration.storage import Storage, open_storage

AIM_TIMES = 1.8
_PROCESSES = 2
_QUIET = 0.1  # cores that other programs may use on average in a quiet round
_TRIES = 2  # at most so many times the wanted rounds


@dataclass(frozen=True, slots=True)
class Size:
    """Events for each process and round; `rounds` quiet ones are wanted."""

    events: int
    stored_events: int
    rounds: int
    live: int = 200


FULL = Size(events=40_000, stored_events=10_000, rounds=60)
QUICK = Size(events=30_000, stored_events=4_000, rounds=7)
_LOOP = 1_500_000  # steps; as long as a round of events


@dataclass(frozen=True, slots=True)
class _Spent:
    """Seconds of one process for its events of one round."""

    wall: float
    processor: float


@dataclass(slots=True)
class _Work:
    """The time of each process alone and beside the others."""

    alone: list[_Spent] = field(default_factory=list)
    together: list[_Spent] = field(default_factory=list)

    @property
    def times(self) -> float:
        """The work of all at once divided by that of one. Compares each process with itself: streams differ."""
        return sum(one.wall / both.wall for one, both in zip(self.alone, self.together, strict=True))

    @property
    def times_by_processor(self) -> float:
        """The same by processor time: how much they slow each other down through caches and memory."""
        return sum(one.processor / both.processor for one, both in zip(self.alone, self.together, strict=True))


@dataclass(frozen=True, slots=True)
class _Round:
    """`others`: cores that other programs used during the round."""

    hearing: _Work
    looping: _Work
    others: float


def run(*, quick: bool = False, size: Size | None = None) -> dict[str, Any]:
    """
    Returns:
        {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}; by the wall clock. If no round was
        quiet, the aim says so, and only `times_by_processor` in the detail is valid. `with_storing` is None without a
        PostgreSQL; the server uses a part of the processors.
    """
    logs.set_up("error", readable=True)
    size = size or (QUICK if quick else FULL)
    tracking = asyncio.run(_compare(size.live, size.events, size.rounds, None))
    with postgres() as url:
        storing = asyncio.run(_compare(size.live, size.stored_events, size.rounds, url)) if url else None
    what = "two processes by one, bytes to calls"
    if not tracking["quiet_rounds"]:
        what += f", while others used {tracking['cores_used_by_others']} cores"
    return {
        "bench": "scale",
        "aims": [aim(what, AIM_TIMES, tracking["times"], "times", more_is_better=True)],
        "detail": {"tracking": tracking, "with_storing": storing, **machine()},
    }


async def _compare(live: int, events: int, rounds: int, url: str | None) -> dict[str, Any]:
    made: list[_Round] = []
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dozvon-bench-"))  # with the key of all
        workers = []
        for place in range(_PROCESSES):  # one after another: the first brings the tables up to date
            options = {"place": place, "live": live, "events": events, "url": url, "folder": folder}
            workers.append(await stack.enter_async_context(_worker(options)))
        # The database server's use of cores looks like that of other programs, so with it every round counts.
        while len(made) < (rounds if url else rounds * _TRIES) and len(_quiet(made)) < rounds:
            made.append(await _round(workers))
    counted = made if url else _quiet(made) or made
    return {
        "one_process_events_per_second": round(
            statistics.median(events / each.hearing.alone[0].wall for each in counted)
        ),
        "two_processes_events_per_second": round(
            statistics.median(sum(events / spent.wall for spent in each.hearing.together) for each in counted)
        ),
        "times": round(statistics.median(each.hearing.times for each in counted), 2),
        "times_by_processor": round(statistics.median(each.hearing.times_by_processor for each in counted), 2),
        "times_of_a_plain_loop": round(statistics.median(each.looping.times for each in counted), 2),
        "times_in_half_of_the_rounds": [
            percentile(sorted(each.hearing.times for each in counted), at) for at in (0.25, 0.75)
        ],
        "rounds": len(made),
        "quiet_rounds": len(_quiet(made)),
        "cores_used_by_others": round(statistics.median(each.others for each in counted), 2),
    }


def _quiet(rounds: list[_Round]) -> list[_Round]:
    return [each for each in rounds if each.others <= _QUIET]


async def _round(workers: list[asyncio.subprocess.Process]) -> _Round:
    hearing, looping = _Work(), _Work()
    others = 0.0  # core-seconds
    began = time.perf_counter()
    made = 0.0  # seconds in which bytes were made
    for group in (*([worker] for worker in workers), workers):
        making = time.perf_counter()
        await asyncio.gather(*(_ask(worker, "prepare") for worker in group))
        made += time.perf_counter() - making
        busy = processors_busy()
        for work, word in ((hearing, "hear"), (looping, "loop")):
            spent = [_Spent(**json.loads(line)) for line in await asyncio.gather(*(_ask(w, word) for w in group))]
            others -= sum(each.processor for each in spent)
            (work.alone if len(group) == 1 else work.together).extend(spent)
        others += processors_busy() - busy
    return _Round(hearing, looping, max(0.0, others) / (time.perf_counter() - began - made))


async def _ask(worker: asyncio.subprocess.Process, word: str) -> bytes:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(f"{word}\n".encode())
    line = await worker.stdout.readline()
    if not line:
        raise RuntimeError("a process of the bench ended; its output is above")
    return line


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


# ---- in its own process --------------------------------------------------------------------------------------


async def _work(place: int, live: int, events: int, url: str | None, folder: str) -> None:
    """Execute the command in each line of the input, and write a line when it is done."""
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
            wall, processor = time.perf_counter(), time.process_time()
            if line == "prepare":
                data = b"".join(office.events(events))
            elif line == "loop":
                _loop()
            else:
                await hear(data)
            spent = _Spent(time.perf_counter() - wall, time.process_time() - processor)
            print(json.dumps(asdict(spent)), flush=True)


def _loop() -> None:
    """Work of the interpreter that needs next to no memory."""
    value = 0
    for step in range(_LOOP):
        value = (value + step) & 0xFF


async def _hearing(storage: Storage | None, place: int, live: int, events: int) -> Any:
    if storage is not None:
        storing = StoringListener(storage, live, PbxId(f"bench-{place}"))
        await storing.tracking.begin()
        return storing.hear
    listener = Listener(live)

    async def hear(data: bytes) -> None:
        each = max(1, events * READ // len(data))
        for part in reads(data):
            listener.hear(part, each)

    return hear


if __name__ == "__main__":
    asyncio.run(_work(**json.loads(sys.argv[1])))
