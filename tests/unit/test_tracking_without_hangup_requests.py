"""An AMI user's event filter may drop HangupRequest: who ended a call is told all the same, by who went first."""

from __future__ import annotations

import pytest

from integration.domain.calls.truth import call_truth
from pbx_adapter.asterisk.replay import Line, read_lines, replay
from tests.unit.trace_compare import TRACES, expected_of

_NOT_TO_BE_TOLD = {
    "voicemail": "the channel goes when the message is stored",
    "conference": "whoever stays in the room is not let go",
    "whisper": "a supervisor who listens is in no bridge",
    "spy": "a supervisor who listens is in no bridge",
    "confirm_client_leaves": "the phone that is asked whether to take the call has answered",
    "followme_client_leaves": "the phone that is asked whether to take the call has answered",
    "joined_by_bridge": "who was put together by command stays together",
    "pbx_restart_now": "a PBX that stops says so in SoftHangupRequest only",
    "link_lost": "who went in the gap is not known",
}
"""Parts of the names of streams in which nothing else says who went."""

_NAMES = sorted(path.stem for path in TRACES.glob("*.jsonl") if not any(part in path.stem for part in _NOT_TO_BE_TOLD))


def _without(line: Line, dropped: set[str]) -> bool:
    return isinstance(line[2], str) or line[2].get("Event") not in dropped


@pytest.mark.parametrize("dropped", [{"HangupRequest"}, {"HangupRequest", "SoftHangupRequest"}], ids=len)
@pytest.mark.parametrize("name", _NAMES)
def test_who_ended_the_call_is_told_by_who_went_first(name: str, dropped: set[str]) -> None:
    trace = TRACES / f"{name}.jsonl"
    with trace.open("rb") as file:
        told = [call_truth(call) for call in replay([line for line in read_lines(file) if _without(line, dropped)])]
    wanted = expected_of(trace)
    assert len(told) == len(wanted)
    for want, got in zip(wanted, told, strict=True):
        for word in ("hangup_by", "disposition"):
            assert (word, got[word]) == (word, want.get(word, got[word]))
