"""A stream that begins in the middle of a call: whoever's channel is heard of first, the client is the client."""

from __future__ import annotations

import pytest

from integration.domain.call import Call, Direction
from integration.domain.ids import CallId, PbxId, Timestamp
from pbx_adapter.asterisk.replay import Line, fold, read_lines
from pbx_adapter.asterisk.tracker import Tracker
from tests.unit.trace_compare import TRACES


def _follow(lines: list[Line]) -> list[Call]:
    """What is told of these events alone."""
    tracker, calls = Tracker(PbxId("lab")), dict[CallId, Call]()
    fold(calls, tracker.link_up(lines[0][0]))
    for at, kind, said in lines:
        if kind == "event" and not isinstance(said, str):
            fold(calls, tracker.feed(said, at))
    fold(calls, tracker.tick(Timestamp(lines[-1][0] + 60.0)))
    return list(calls.values())


@pytest.mark.parametrize("name", ["ast16_inbound_answered", "blind_transfer_by_callee"])
def test_the_client_is_never_an_employee(name: str) -> None:
    """
    A link that came up between the ringing of a phone and a transfer made the employee, whose channel was heard of
    first, the caller of the client's call, which then had no number to be logged under.
    """
    with (TRACES / f"{name}.jsonl").open("rb") as file:
        lines = list(read_lines(file))
    whole = next(call for call in _follow(lines) if call.direction is Direction.INBOUND)
    for start in range(1, len(lines)):
        for call in _follow(lines[start:]):
            if call.direction is Direction.INBOUND:
                assert (start, call.caller) == (start, whole.caller)
