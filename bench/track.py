"""Measures events per second from AMI bytes to calls: parser, tracker and `advance()`, with few and many live calls.

`dozvon bench track [--quick]`. The streams are unfiltered recordings of real calls, any number at once, each copy with
different ids. panoramisk and cacofonisk (`track_pair.py`) get the same bytes, in turn with us. The figures include
neither reading the socket nor making the bytes; storing is measured separately.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import aim, machine
from bench.track_pair import Pair
from integration import logs
from integration.clock import SystemClock
from integration.domain.calls.call import Call
from integration.domain.calls.events import CallEvent
from integration.domain.calls.tracking import advance
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp
from integration.domain.settings import AccountSettings
from integration.services.accounts import Account
from integration.services.tracking import CallTracking
from integration.storage import Storage, open_storage
from integration.testing import FakeCrm, FakePbx
from pbx_adapter.asterisk.ami.protocol import FrameReader
from pbx_adapter.asterisk.tracker.tracker import Tracker

AIM_TIMES_THE_PAIR = 5.0
AIM_FLATNESS = 1.25


@dataclass(frozen=True, slots=True)
class Size:
    """`live`: the numbers of calls at once to measure; `events`: events for each of them."""

    live: tuple[int, ...]
    events: int
    stored_events: int
    memory_calls: int = 500


FULL = Size(live=(10, 500, 5_000), events=300_000, stored_events=200_000)
QUICK = Size(live=(10, 200), events=80_000, stored_events=20_000, memory_calls=100)

_TRACES = Path(__file__).parent.parent / "tests" / "fixtures" / "asterisk"
STREAMS = (
    "inbound_answered", "inbound_no_answer", "queue_ringall", "queue_abandoned", "responsible_then_queue",
    "blind_transfer_by_callee", "attended_transfer", "call_pickup", "click_to_call_answered",
    "outbound_answered_hold", "freepbx_inbound_to_extension", "freepbx_queue_answered", "freepbx_ring_group",
)  # fmt: skip
_CHUNK = 20_000  # events made at once; their making is not measured
READ = 64 * 1024  # bytes a socket gives at once
_EVENTS_PER_CALL_SECOND = 12  # of the recordings; sets how fast the clock of the bench runs
_ACCOUNT, _PBX = AccountId("bench"), PbxId("bench")
_IDS = re.compile(rb"\b(?=\d{10}\.\d+\b|crm-\d+|[0-9a-f]{8}-[0-9a-f]{4}-)")
_MARK = b"\x00"


def run(*, quick: bool = False, size: Size | None = None) -> dict[str, Any]:
    """
    Measure.

    Returns:
        {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}. The flatness is the time for an event
        with the most live calls divided by that with ten. Times are processor times, except with storing.
    """
    size = size or (QUICK if quick else FULL)
    logs.set_up("error", readable=True)
    templates = [template(name) for name in STREAMS]
    levels = _measure(templates, size.live, size.events)
    times = min(level["times_the_pair"] for level in levels)
    flatness = levels[-1]["by_the_first"]
    first, last = levels[0]["live_calls"], levels[-1]["live_calls"]
    return {
        "bench": "track",
        "aims": [
            aim("bytes to calls, by panoramisk and cacofonisk", AIM_TIMES_THE_PAIR, times, "times",
                more_is_better=True),
            aim(f"time for an event with {last} live calls by that with {first}", AIM_FLATNESS, flatness, "ratio",
                more_is_better=False),
        ],
        "detail": {
            "levels": levels,
            "bytes_per_live_call": _bytes_per_live_call(templates, size.memory_calls, lambda: _ours(size.memory_calls)),
            "pair_bytes_per_live_call": _bytes_per_live_call(templates, size.memory_calls, _theirs),
            "with_storing": asyncio.run(_with_storing(templates, size.live[-1], size.stored_events)),
            "events_per_call": round(statistics.mean(len(template) for template in templates)),
            "bytes_per_event": round(statistics.mean(len(block) for template in templates for block in template)),
            **machine(),
        },
    }  # fmt: skip


def template(name: str) -> list[bytes]:
    """The events of a recording as blocks of bytes, with a mark before every id that must differ between copies."""
    blocks = []
    with (_TRACES / f"{name}.jsonl").open(encoding="utf-8") as file:
        for line in file:
            event = json.loads(line).get("event")
            if event is None or event["Event"] == "FullyBooted":
                continue
            pairs = (
                (key, text) for key, said in event.items() for text in (said if isinstance(said, list) else [said])
            )
            block = "".join(f"{key}: {text}\r\n" for key, text in pairs).encode() + b"\r\n"
            blocks.append(_IDS.sub(_MARK, block))
    return blocks


class Office:
    """Endless calls, always the same number at once: another call follows each that ends."""

    def __init__(self, templates: list[list[bytes]], live: int, seed: int = 1, first_call: int = 0) -> None:
        self._templates, self._chance = templates, random.Random(seed)
        self._lengths = [len(template) for template in templates]
        self._made = first_call
        self._live = live
        self._running: list[Iterator[bytes]] = []

    def _call(self, template: list[bytes]) -> Iterator[bytes]:
        self._made += 1
        mark = b"c%d-" % self._made
        return (block.replace(_MARK, mark) for block in template)

    def first_events(self) -> Iterator[bytes]:
        """
        Bring the office to its state after a long time, so that all numbers of calls are measured in the same way.

        A call found at a random moment is more often a long one, and may be at any point of its course.
        """
        for template in self._chance.choices(self._templates, weights=self._lengths, k=self._live):
            call = self._call(template)
            yield from itertools.islice(call, self._chance.randrange(1, len(template)))
            self._running.append(call)

    def events(self, count: int) -> Iterator[bytes]:
        """The next `count` blocks; calls take turns in short bursts, as on a PBX."""
        while count > 0:
            place = self._chance.randrange(len(self._running))
            for _ in range(min(count, self._chance.randint(1, 8))):
                block = next(self._running[place], None)
                if block is None:
                    self._running[place] = self._call(self._chance.choice(self._templates))
                    break
                count -= 1
                yield block


class Listener:
    """Handles the bytes of a connection like the product, without socket and storage."""

    def __init__(self, live: int) -> None:
        self.tracker = Tracker(_PBX)
        self.calls: dict[CallId, Call] = {}
        self.ended = 0
        self._reader = FrameReader(self.tracker.wanted)
        self._now = 0.0
        self._step = 1 / (live * _EVENTS_PER_CALL_SECOND)

    def hear(self, data: bytes, events: int) -> None:
        frames = self._reader.feed(data)
        step = self._step * events / max(1, len(frames))
        for frame in frames:
            self._now += step
            for event in self.tracker.feed(frame, Timestamp(self._now)):
                self._fold(event)

    def _fold(self, event: CallEvent) -> None:
        after = advance(self.calls.get(event.call), event, account=_ACCOUNT, pbx=_PBX).call
        if after is None:
            return
        if after.ended_at is None:
            self.calls[event.call] = after
        else:
            self.ended += self.calls.pop(event.call, None) is not None


@dataclass(slots=True)
class _Level:
    """The run with one number of live calls: its bytes, the programs that read them, and their time for an event."""

    office: Office
    listener: Listener
    pair: Pair
    ours: list[float]
    theirs: list[float]

    def hear(self, data: bytes, events: int) -> None:
        parts = list(reads(data))  # cut before the measurement, and used twice
        self.ours.append(_seconds(parts, lambda read: self.listener.hear(read, events // len(parts))) / events)
        self.theirs.append(_seconds(parts, self.pair.hear) / events)


def _measure(templates: list[list[bytes]], lives: tuple[int, ...], events: int) -> list[dict[str, Any]]:
    """
    Time the same number of events at each number of live calls, in turns with each other and with the pair.

    So other work on the machine slows all of them alike, and their ratios stay the same.
    """
    levels = [_Level(Office(templates, live), Listener(live), Pair(), [], []) for live in lives]
    for level in levels:
        first = level.office.first_events()
        while blocks := list(itertools.islice(first, _CHUNK)):
            level.hear(b"".join(blocks), len(blocks))
        level.ours.clear()
        level.theirs.clear()
    chunk = min(_CHUNK, events)
    for _ in range(events // chunk):
        for level in levels:
            level.hear(b"".join(level.office.events(chunk)), chunk)
    told = [_told(live, level, levels[0]) for live, level in zip(lives, levels, strict=True)]
    for level in levels:
        level.pair.close()
    return told


def _told(live: int, level: _Level, first: _Level) -> dict[str, Any]:
    each, theirs = statistics.median(level.ours), statistics.median(level.theirs)
    return {
        "live_calls": live,
        "events_per_second": round(1 / each),
        "microseconds_per_event": round(each * 1e6, 3),
        "by_the_first": round(statistics.median(a / b for a, b in zip(level.ours, first.ours, strict=True)), 3),
        "pair_events_per_second": round(1 / theirs),
        "times_the_pair": round(statistics.median(a / b for a, b in zip(level.theirs, level.ours, strict=True)), 2),
        "tracked_at_the_end": len(level.listener.tracker.calls_on_the_pbx()),
        "calls_ended": level.listener.ended,
        "pair_calls_ended": level.pair.reporter.ended,
        "pair_failures": level.pair.failures,
    }


def reads(data: bytes) -> Iterator[bytes]:
    """The parts one after another, as from a socket, which uses the memory of one again for the next."""
    return (data[at : at + READ] for at in range(0, len(data), READ))


def _seconds(parts: list[bytes], hear: Callable[[bytes], None]) -> float:
    """The processor's seconds spent."""
    began = time.process_time()
    for part in parts:
        hear(part)
    return time.process_time() - began


class StoringListener:
    """Handles the bytes of a connection like the product, and stores every step of a call with its intents."""

    def __init__(self, storage: Storage, live: int, pbx: PbxId = _PBX) -> None:
        account = Account(AccountSettings(account=_ACCOUNT), FakeCrm(), [FakePbx(id=pbx)])
        self.tracking = CallTracking(account, pbx, storage.calls, SystemClock(), [], asyncio.Event())
        self.steps = 0
        self._tracker = Tracker(pbx)
        self._reader = FrameReader(self._tracker.wanted)
        self._now = time.time()
        self._step = 1 / (live * _EVENTS_PER_CALL_SECOND)

    async def hear(self, data: bytes) -> None:
        for read in reads(data):
            batch: list[CallEvent] = []
            for frame in self._reader.feed(read):
                self._now += self._step
                batch += self._tracker.feed(frame, Timestamp(self._now))
            self.steps += len(batch)
            await self.tracking.on_events(batch)


async def _with_storing(templates: list[list[bytes]], live: int, events: int) -> dict[str, Any]:
    office = Office(templates, live, seed=3)
    with tempfile.TemporaryDirectory(prefix="dozvon-bench-") as folder:
        storage = await open_storage(f"sqlite:///{folder}/bench.db", Path(folder))
        listener = StoringListener(storage, live)
        await listener.tracking.begin()
        await listener.hear(b"".join(office.first_events()))
        data, steps = b"".join(office.events(events)), listener.steps
        wall, processor = time.perf_counter(), time.process_time()
        await listener.hear(data)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        await listener.tracking.end()
        await storage.close()
    return {
        "live_calls": live,
        "events_per_second": round(events / wall),
        "events_per_processor_second": round(events / processor),
        "steps_stored_per_second": round((listener.steps - steps) / wall),
    }


def _ours(live: int) -> Callable[[bytes], None]:
    listener = Listener(live)
    return lambda data: listener.hear(data, data.count(b"\r\n\r\n"))


def _theirs() -> Callable[[bytes], None]:
    pair = Pair()

    def hear(data: bytes) -> None:
        pair.hear(data)
        pair.close()

    return hear


def _bytes_per_live_call(templates: list[list[bytes]], calls: int, build: Callable[[], Callable[[bytes], None]]) -> int:
    """Memory of a program and its live calls, divided by the number of calls."""
    data = b"".join(Office(templates, calls, seed=2).first_events())
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    hear = build()
    hear(data)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round((after - before) / calls)
