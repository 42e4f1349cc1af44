"""Events per second from AMI bytes to calls: parser, tracker and `advance()`, at a few and at very many live calls.

`dozvon bench track [--quick]`. The streams are recordings of real calls, unfiltered, as many at once as wanted, each
copy with ids of its own. Storing the calls and reading the socket are not in the figures; making the bytes neither.
"""

from __future__ import annotations

import itertools
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
    levels = _measure(templates, LIVE_QUICK if quick else LIVE, EVENTS_QUICK if quick else EVENTS)
    slowest = min(level["events_per_second"] for level in levels)
    flatness = levels[-1]["by_the_first"]
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
        self._lengths = [len(template) for template in templates]
        self._made = 0
        self._live = live
        self._running: list[Iterator[bytes]] = []

    def _call(self, template: list[bytes]) -> Iterator[bytes]:
        self._made += 1
        mark = b"c%d-" % self._made
        return (block.replace(_MARK, mark) for block in template)

    def first_events(self) -> Iterator[bytes]:
        """
        Bring the office to where it would be after a long time, so that every number of calls is measured alike.

        A call found at a random moment is more likely a long one, and is anywhere in its course.
        """
        for template in self._chance.choices(self._templates, weights=self._lengths, k=self._live):
            call = self._call(template)
            yield from itertools.islice(call, self._chance.randrange(1, len(template)))
            self._running.append(call)

    def events(self, count: int) -> Iterator[bytes]:
        """The next so many blocks; calls take turns in short bursts, as those of a PBX do."""
        while count > 0:
            place = self._chance.randrange(len(self._running))
            for _ in range(min(count, self._chance.randint(1, 8))):
                block = next(self._running[place], None)
                if block is None:
                    self._running[place] = self._call(self._chance.choice(self._templates))
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


def _measure(templates: list[list[bytes]], lives: tuple[int, ...], events: int) -> list[dict[str, Any]]:
    """
    Time the same number of events at each number of live calls, taking turns.

    Other work on the machine slows all of them alike then, and the ratio of two stays what it is.
    """
    offices = [(_Office(templates, live), _Listener(live)) for live in lives]
    for office, listener in offices:
        first = office.first_events()
        while data := b"".join(itertools.islice(first, _CHUNK)):
            _hear(listener, data, _CHUNK)
    rounds = [
        [_hear(listener, b"".join(office.events(_CHUNK)), _CHUNK) / _CHUNK for office, listener in offices]
        for _ in range(events // _CHUNK)
    ]
    levels = []
    for place, live in enumerate(lives):
        each = statistics.median(times[place] for times in rounds)
        listener = offices[place][1]
        levels.append(
            {
                "live_calls": live,
                "events_per_second": round(1 / each),
                "microseconds_per_event": round(each * 1e6, 3),
                "by_the_first": round(statistics.median(times[place] / times[0] for times in rounds), 3),
                "tracked_at_the_end": len(listener.tracker.live_calls()),
                "calls_ended": listener.ended,
            }
        )
    return levels


def _hear(listener: _Listener, data: bytes, events: int) -> float:
    """Returns the processor's seconds spent."""
    reads = [data[at : at + _READ] for at in range(0, len(data), _READ)]
    began = time.process_time()
    for read in reads:
        listener.hear(read, events // len(reads))
    return time.process_time() - began


def _bytes_per_live_call(templates: list[list[bytes]]) -> int:
    """Memory of tracker and calls while so many are live, by their number."""
    data = b"".join(_Office(templates, MEMORY_CALLS, seed=2).first_events())
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    listener = _Listener(MEMORY_CALLS)
    _hear(listener, data, data.count(b"\r\n\r\n"))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round((after - before) / max(1, len(listener.tracker.live_calls())))
