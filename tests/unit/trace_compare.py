"""Comparing replayed calls with the truth of a recorded trace. Words must be the same, times within the tolerance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from integration.domain.truth import call_truth
from pbx_adapter.asterisk.replay import replay_file

TRACES = Path(__file__).parent.parent / "fixtures" / "asterisk"

TIME_SECONDS = 1.0
HOLD_SECONDS = 2.0

_WORDS = (
    "uniqueid", "direction", "caller", "called", "disposition", "answered_by", "final_responsible", "hangup_by",
)  # fmt: skip
_ONLY_WHERE_SO = ("origin", "consultation", "seen_from_start", "end_inferred", "answer_inferred")
_TIMES = ("started", "answered", "wait_seconds", "talk_seconds")

Truth = dict[str, Any]


def expected_of(trace: Path) -> list[Truth]:
    text = trace.with_name(trace.name.removesuffix(".jsonl") + ".expected.json").read_text(encoding="utf-8")
    calls: list[Truth] = json.loads(text)["calls"]
    return calls


def differences(trace: Path) -> list[str]:
    """Replay a trace and say in words what differs from its truth; empty when nothing does."""
    expected, found = expected_of(trace), [call_truth(call) for call in replay_file(trace)]
    if len(expected) != len(found):
        return [f"{len(found)} calls, not {len(expected)}: {[call['uniqueid'] for call in found]}"]
    return [
        f"call {number}: {text}"
        for number, pair in enumerate(zip(expected, found, strict=True), 1)
        for text in call_differences(*pair)
    ]


def call_differences(want: Truth, got: Truth) -> Iterator[str]:
    """What differs between two calls, in words."""
    for key in (*_WORDS, *_ONLY_WHERE_SO):
        yield from _word(key, want.get(key), got.get(key))
    if "failure" in want:
        yield from _word("failure", want["failure"], got.get("failure"))
    yield from _near("ended", want["ended"], got["ended"], _tolerance(want, "end_inferred"))
    yield from _rows("legs", want["legs"], got["legs"], ("target", "kind", "via", "result"))
    yield from _rows("transfers", want["transfers"], got["transfers"], ("kind", "from", "to", "result"))
    if want.get("seen_from_start") is False:
        return  # of a call found in its middle only the words and the end can be asked for
    yield from _word("recording", want["recording"], got["recording"])
    for key in _TIMES:
        gap = _tolerance(want, "end_inferred") + _tolerance(want, "answer_inferred") - TIME_SECONDS
        yield from _near(key, want[key], got[key], gap)
    yield from _near("hold_seconds", want.get("hold_seconds", 0.0), got.get("hold_seconds", 0.0), HOLD_SECONDS)
    for leg, told in zip(want["legs"], got["legs"], strict=False):
        if "ring_seconds" in leg:
            yield from _near(f"ring_seconds of {leg['target']}", leg["ring_seconds"], told.get("ring_seconds"))
    for transfer, told in zip(want["transfers"], got["transfers"], strict=False):
        yield from _near("transfer at", transfer["at"], told["at"])
        yield from _word("its consultation", transfer.get("consultation_uniqueid"), told.get("consultation_uniqueid"))
        if "consultation_seconds" in transfer:
            yield from _near("consultation", transfer["consultation_seconds"], told.get("consultation_seconds"))


def _tolerance(want: Truth, inferred: str) -> float:
    """A moment in a gap of the link may be anywhere in it; the gaps of the traces are shorter than 10 s."""
    return 10.0 if want.get(inferred) else TIME_SECONDS


def _word(name: str, want: object, got: object) -> Iterator[str]:
    if want != got:
        yield f"{name} is {got!r}, not {want!r}"


def _near(name: str, want: float | None, got: float | None, tolerance: float = TIME_SECONDS) -> Iterator[str]:
    if want is None and got is None:
        return
    if want is None or got is None or abs(want - got) > tolerance:
        yield f"{name} is {got}, not {want}"


def _rows(name: str, want: list[Truth], got: list[Truth], keys: tuple[str, ...]) -> Iterator[str]:
    yield from _word(name, [[row[key] for key in keys] for row in want], [[row[key] for key in keys] for row in got])
