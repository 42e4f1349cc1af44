"""Events per second from AMI bytes to calls: parser, tracker and `advance()`, at a few and at very many live calls.

`dozvon bench track [--quick]`. The streams are recordings of real calls, unfiltered, as many at once as wanted, each
copy with ids of its own. Storing the calls and reading the socket are not in the figures; making the bytes neither.
"""

from __future__ import annotations

import json
import random
import re
import statistics
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from integration.domain.call import Call
from integration.domain.events import CallEvent
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp
from integration.domain.tracking import advance
from pbx_adapter.asterisk.protocol import FrameReader
from pbx_adapter.asterisk.tracker import Tracker

AIM_EVENTS_PER_SECOND = 100_000
AIM_FLATNESS = 1.25
LIVE, LIVE_QUICK = (10, 500, 5_000), (10, 500)
EVENTS, EVENTS_QUICK = 300_000, 120_000  # measured at each number of live calls
MEMORY_CALLS = 500

_TRACES = Path(__file__).parent.parent / "tests" / "fixtures" / "asterisk"
_STREAMS = (
    "inbound_answered", "inbound_no_answer", "queue_ringall", "queue_abandoned", "responsible_then_queue",
    "blind_transfer_by_callee", "attended_transfer", "call_pickup", "click_to_call_answered",
    "outbound_answered_hold", "freepbx_inbound_to_extension", "freepbx_queue_answered", "freepbx_ring_group",
)  # fmt: skip
_CHUNK = 20_000  # events made at once; their making is not measured
_READ = 64 * 1024  # bytes a socket gives at once
_EVENTS_PER_CALL_SECOND = 12  # of the recordings; sets how fast the clock of the bench runs
_ACCOUNT, _PBX = AccountId("bench"), PbxId("bench")
_IDS = re.compile(rb"\b(?=\d{10}\.\d+\b|crm-\d+|[0-9a-f]{8}-[0-9a-f]{4}-)")
_MARK = b"\x00"


def run(*, quick: bool = False) -> dict[str, Any]:
    """
    Measure.

    Returns:
        {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}. The flatness is the time for an event
        with the most live calls by that with ten; times are of the processor.
    """
    templates = [_template(name) for name in _STREAMS]
    levels = [_measure(templates, live, EVENTS_QUICK if quick else EVENTS) for live in (LIVE_QUICK if quick else LIVE)]
    slowest = min(level["events_per_second"] for level in levels)
    flatness = round(levels[-1]["microseconds_per_event"] / levels[0]["microseconds_per_event"], 3)
    return {
        "bench": "track",
        "aims": [
            _aim("events from bytes to calls", AIM_EVENTS_PER_SECOND, slowest, "events/s", more_is_better=True),
            _aim(
                f"time for an event with {levels[-1]['live_calls']} live calls by that with {levels[0]['live_calls']}",
                AIM_FLATNESS, flatness, "ratio", more_is_better=False,
            ),
        ],
        "detail": {
            "levels": levels,
            "bytes_per_live_call": _bytes_per_live_call(templates),
            "events_per_call": round(statistics.mean(len(template) for template in templates)),
            "bytes_per_event": round(statistics.mean(len(block) for template in templates for block in template)),
        },
    }  # fmt: skip


def _aim(what: str, aim: float, measured: float, unit: str, *, more_is_better: bool) -> dict[str, Any]:
    met = measured >= aim if more_is_better else measured <= aim
    return {"what": what, "aim": aim, "measured": measured, "unit": unit, "met": met}


def _template(name: str) -> list[bytes]:
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


class _Office:
    """Endless calls, so many at once: each as it is over is followed by another."""

    def __init__(self, templates: list[list[bytes]], live: int, seed: int = 1) -> None:
        self._templates, self._chance = templates, random.Random(seed)
        self._made = 0
        self._running = [self._call() for _ in range(live)]

    def _call(self) -> Iterator[bytes]:
        self._made += 1
        mark = b"c%d-" % self._made
        return (block.replace(_MARK, mark) for block in self._chance.choice(self._templates))

    def events(self, count: int) -> Iterator[bytes]:
        """The next so many blocks; calls take turns in short bursts, as those of a PBX do."""
        while count > 0:
            place = self._chance.randrange(len(self._running))
            for _ in range(min(count, self._chance.randint(1, 8))):
                block = next(self._running[place], None)
                if block is None:
                    self._running[place] = self._call()
                    break
                count -= 1
                yield block


class _Listener:
    """What the product does with the bytes of a connection, without socket and storage."""

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


def _measure(templates: list[list[bytes]], live: int, events: int) -> dict[str, Any]:
    office, listener = _Office(templates, live), _Listener(live)
    per_call = statistics.mean(len(template) for template in templates)
    _feed(office, listener, int(live * per_call * 1.2))  # until the calls are at all their stages
    seconds = [_feed(office, listener, _CHUNK) / _CHUNK for _ in range(events // _CHUNK)]
    each = statistics.median(seconds)
    return {
        "live_calls": live,
        "events_per_second": round(1 / each),
        "microseconds_per_event": round(each * 1e6, 3),
        "tracked_at_the_end": len(listener.tracker.live_calls()),
        "calls_ended": listener.ended,
    }


def _feed(office: _Office, listener: _Listener, count: int) -> float:
    """Returns the processor's seconds spent on hearing, not on making."""
    spent = 0.0
    while count > 0:
        some = min(count, _CHUNK)
        data = b"".join(office.events(some))
        count -= some
        reads = [data[at : at + _READ] for at in range(0, len(data), _READ)]
        began = time.process_time()
        for read in reads:
            listener.hear(read, some // len(reads) + 1)
        spent += time.process_time() - began
    return spent


def _bytes_per_live_call(templates: list[list[bytes]]) -> int:
    """Memory of tracker and calls while so many are live, by their number."""
    office = _Office(templates, MEMORY_CALLS, seed=2)
    per_call = statistics.mean(len(template) for template in templates)
    data = b"".join(office.events(int(MEMORY_CALLS * per_call / 2)))
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    listener = _Listener(MEMORY_CALLS)
    for at in range(0, len(data), _READ):
        listener.hear(data[at : at + _READ], _READ // 400)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round((after - before) / max(1, len(listener.tracker.live_calls())))
