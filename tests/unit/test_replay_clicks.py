"""Clicks whose Originate another program made, or is no longer known: the frames alone show that they are clicks."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.domain.calls.truth import call_truth
from pbx_adapter.asterisk.replay import Line, read_lines, replay
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


IN_VAIN = [
    trace
    for trace in sorted(TRACES.glob("*click*.jsonl"))
    if trace.stem != "click_agent_unregistered" and any(call.get("failure") for call in expected_of(trace))
]
"""Without the one that has no channel at all: only an OriginateResponse tells of it."""


@pytest.mark.parametrize("trace", IN_VAIN, ids=lambda path: path.stem)
def test_a_click_that_no_employee_takes_never_dialled_the_client_whoever_made_it(trace: Path) -> None:
    """As another program would have made it: without our action, an OriginateResponse, and the CRM's id."""
    with trace.open("rb") as file:
        lines = [line for line in read_lines(file) if not _is_ours(line)]
    (want,) = expected_of(trace)
    (got,) = [call_truth(call) for call in replay(lines)]
    assert list(call_differences({key: value for key, value in want.items() if key != "origin"}, got)) == []
    assert got["failure"] == want["failure"]


def _is_ours(line: Line) -> bool:
    _, kind, said = line
    if kind != "event" or isinstance(said, str):
        return kind == "action"
    return said.get("Event") == "OriginateResponse" or "CRM_CALL_ID" in str(said.get("Variable"))


def test_there_are_such_recordings() -> None:
    assert len(CLICKS) >= 5
    assert len(IN_VAIN) >= 8
