"""Clicks whose Originate was not ours, or is no longer known: what the frames themselves show."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.domain.calls.truth import call_truth
from pbx_adapter.asterisk.replay import read_lines, replay
from tests.unit.trace_compare import TRACES, call_differences, expected_of

CLICKS = sorted(TRACES.glob("*click_own_number*.jsonl"))


@pytest.mark.parametrize("trace", CLICKS, ids=lambda path: path.stem)
def test_whom_a_click_is_for_is_seen_without_its_action(trace: Path) -> None:
    """The caller id of the employee's channel is the employee; the client is the connected line."""
    with trace.open("rb") as file:
        lines = [line for line in read_lines(file) if line[1] != "action"]
    (want,) = expected_of(trace)
    (got,) = [call_truth(call) for call in replay(lines)]
    assert list(call_differences({**want, "origin": got.get("origin")}, got)) == []


def test_there_are_such_recordings() -> None:
    assert len(CLICKS) >= 5
