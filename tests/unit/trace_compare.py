"""Comparing replayed calls with the truth of a recorded trace. Words must be the same, times within the tolerance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from integration.domain.calls.truth import call_truth
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
    """
    What differs between two calls, in words.

    A truth may tell a part only (`{"caller": ...}`): what it does not tell is not compared. A whole one has `legs` and
    `started`, and there a field of `_ONLY_WHERE_SO` that is absent has to be absent from the call too.
    """
    is_whole = "legs" in want and "started" in want
    for key in (*_WORDS, *_ONLY_WHERE_SO):
        if key in want or (is_whole and key in _ONLY_WHERE_SO):
            yield from _word(key, want.get(key), got.get(key))
    if "failure" in want:
        yield from _word("failure", want["failure"], got.get("failure"))
    if "ended" in want:
        yield from _near("ended", want["ended"], got["ended"], _tolerance(want, "end_inferred"))
    yield from _offers("legs", want, got, ("target", "kind", "via", "result"))
    yield from _offers("transfers", want, got, ("kind", "from", "to", "result"))
    if want.get("seen_from_start") is False:
        return  # of a call found in its middle only the words and the end can be asked for
    if "recording" in want:
        yield from _word("recording", want["recording"], got["recording"])
    if is_whole or "hold_seconds" in want:
        yield from _near("hold_seconds", want.get("hold_seconds", 0.0), got.get("hold_seconds", 0.0), HOLD_SECONDS)
    gap = _tolerance(want, "end_inferred") + _tolerance(want, "answer_inferred") - TIME_SECONDS
    for key in _TIMES:
        if key in want:
            yield from _near(key, want[key], got[key], gap)
    yield from _times_of_legs(want, got)
    yield from _times_of_transfers(want, got)


def _offers(name: str, want: Truth, got: Truth, keys: tuple[str, ...]) -> Iterator[str]:
    if name in want:
        yield from _word(name, [[row.get(key) for key in keys] for row in want[name]],
                         [[row[key] for key in keys] for row in got[name]])  # fmt: skip


def _times_of_legs(want: Truth, got: Truth) -> Iterator[str]:
    for leg, told in zip(want.get("legs", []), got["legs"], strict=False):
        if "ring_seconds" in leg:
            yield from _near(f"ring_seconds of {leg['target']}", leg["ring_seconds"], told.get("ring_seconds"))


def _times_of_transfers(want: Truth, got: Truth) -> Iterator[str]:
    for transfer, told in zip(want.get("transfers", []), got["transfers"], strict=False):
        if "at" in transfer:
            yield from _near("transfer at", transfer["at"], told["at"])
            uid = transfer.get("consultation_uniqueid")
            yield from _word("its consultation", uid, told.get("consultation_uniqueid"))
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
