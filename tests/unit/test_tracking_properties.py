"""Whatever happens to a stream of frames on its way, tracking neither raises nor tells a call twice."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.domain.calls.call import Call
from integration.domain.calls.events import CallStarted
from integration.domain.calls.tracking import advance
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp
from pbx_adapter.asterisk.replay import Line, fold, read_lines, replay
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.trace_compare import TRACES

ACCOUNT, PBX = AccountId("office"), PbxId("pbx")

_SAMPLE = (
    "parking_return", "conference", "attended_feature_blond", "forward_302_mobile", "click_local_answered",
    "attended_blond",
    "attended_transfer", "blind_transfer_by_callee", "call_pickup", "click_to_call_answered", "queue_ringall",
    "freepbx_queue_answered", "freepbx_ring_group", "outbound_answered_hold", "midcall_connect", "two_interleaved",
)  # fmt: skip
"""One stream of each kind: the properties cost a replay per example."""


def _lines(name: str) -> list[Line]:
    """The lines that the tracker's reader lets through; what it drops cannot matter."""
    wanted = Tracker(PBX).wanted

    def matters(line: Line) -> bool:
        _, kind, said = line
        if kind != "event" or isinstance(said, str):
            return True
        if said.get("Event") == "VarSet":
            return str(said.get("Variable")).lstrip("_").encode() in wanted.variables
        return str(said.get("Event")).encode() in wanted.events

    with (TRACES / f"{name}.jsonl").open("rb") as file:
        return [line for line in read_lines(file) if matters(line)]


STREAMS = {name: _lines(name) for name in _SAMPLE}
streams = st.sampled_from(sorted(STREAMS)).map(STREAMS.__getitem__)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _told(lines: list[Line]) -> tuple[dict[CallId, Call], int, Tracker]:
    """Follow a stream to its very end; also counts how many calls were said to begin."""
    tracker, calls, begun = Tracker(PBX), dict[CallId, Call](), 0
    now = Timestamp(0.0)
    for at, kind, said in lines:
        now = max(now, at)
        if isinstance(said, str):
            events = tracker.link_up(now) if said == "up" else tracker.link_lost(now)
        elif kind == "action":
            tracker.sent(said)
            continue
        else:
            events = tracker.feed(said, now)
        begun += sum(isinstance(event, CallStarted) for event in events)
        fold(calls, events)
    events = tracker.tick(Timestamp(now + 60.0))
    begun += sum(isinstance(event, CallStarted) for event in events)
    fold(calls, events)
    return calls, begun, tracker


def _check(lines: list[Line]) -> dict[CallId, Call]:
    calls, begun, tracker = _told(lines)
    assert begun == len(calls), "a call was said to begin twice"
    live = {call.id for call in calls.values() if call.is_live}
    assert live == {call for call in tracker.calls_on_the_pbx() if call in calls}
    for call in calls.values():
        if not call.is_live:
            assert call.merged_into is not None or call.disposition is not None
            assert call.talk_since is None
            assert call.hold_since is None
            assert all(leg.ended_at is not None and leg.result is not None for leg in call.legs)
            assert call.talked_seconds >= 0
            assert call.ended_at is not None
            assert call.ended_at >= call.started_at
    return calls


def _records(calls: dict[CallId, Call]) -> list[tuple[Any, ...]]:
    return sorted(
        (call.id, call.direction, call.caller, call.called, call.disposition)
        for call in calls.values()
        if call.merged_into is None
    )


def _all_hung_up(lines: list[Line]) -> bool:
    born = {said["Uniqueid"] for _, _, said in lines if isinstance(said, dict) and said.get("Event") == "Newchannel"}
    gone = {said["Uniqueid"] for _, _, said in lines if isinstance(said, dict) and said.get("Event") == "Hangup"}
    return born <= gone


@FEW
@given(lines=streams, start=st.floats(0, 1), end=st.floats(0, 1))
def test_a_stream_cut_anywhere_is_followed_as_far_as_it_goes(lines: list[Line], start: float, end: float) -> None:
    first, last = sorted((int(start * len(lines)), int(end * len(lines))))
    _check(lines[first:last])


@FEW
@given(lines=streams, start=st.floats(0, 0.9))
def test_every_call_of_a_stream_joined_late_is_closed_at_its_end(lines: list[Line], start: float) -> None:
    calls = _check(lines[int(start * len(lines)) :])
    assert not [call for call in calls.values() if call.is_live]


@FEW
@given(lines=streams, seed=st.integers(0, 2**32), times=st.integers(1, 3))
def test_repeated_frames_change_nothing(lines: list[Line], seed: int, times: int) -> None:
    chance = random.Random(seed)
    doubled = [line for line in lines for _ in range(1 + (times if chance.random() < 0.3 else 0))]
    assert _records(_check(doubled)) == _records(_check(lines))


@FEW
@given(lines=streams, seed=st.integers(0, 2**32))
def test_frames_that_come_again_later_raise_no_ghosts(lines: list[Line], seed: int) -> None:
    chance = random.Random(seed)
    late: list[Line] = list(lines)
    for at, kind, said in lines:
        if kind == "event" and chance.random() < 0.1:
            late.append((Timestamp(at + chance.uniform(0, 5)), kind, said))
    late.sort(key=lambda line: line[0])
    calls = _check(late)
    assert len(_records(calls)) == len(_records(_check(lines)))


@FEW
@given(lines=streams, seed=st.integers(0, 2**32))
def test_order_between_channels_within_100_ms_does_not_matter(lines: list[Line], seed: int) -> None:
    """Within a channel the order stays; each channel is delayed by its own time, again for each of its moments."""
    chance = random.Random(seed)
    clocks: dict[str, float] = {}
    moved: list[tuple[float, int, Line]] = []
    for number, (at, kind, said) in enumerate(lines):
        key = str(said.get("Uniqueid") or said.get("DestUniqueid") or kind) if isinstance(said, dict) else "link"
        clocks[key] = max(clocks.get(key, 0.0), at + (chance.uniform(0, 0.1) if kind == "event" else 0.0))
        moved.append((clocks[key], number, (Timestamp(clocks[key]), kind, said)))
    calls = _check([line for _, _, line in sorted(moved, key=lambda entry: entry[:2])])
    assert not [call for call in calls.values() if call.is_live]
    plain = _check(lines)
    assert {call.id for call in plain.values() if call.merged_into is None} == {
        call.id for call in calls.values() if call.merged_into is None
    }


@FEW
@given(lines=streams, seed=st.integers(0, 2**32), share=st.floats(0.01, 0.5))
def test_lost_frames_never_raise(lines: list[Line], seed: int, share: float) -> None:
    chance = random.Random(seed)
    _check([line for line in lines if chance.random() > share])


@FEW
@given(lines=streams, lost=st.floats(0, 1), back=st.floats(0, 1))
def test_what_ended_in_a_gap_of_the_link_is_closed_by_the_snapshot(lines: list[Line], lost: float, back: float) -> None:
    first, last = sorted((int(lost * len(lines)), int(back * len(lines))))
    before, after = lines[:first], lines[last:]
    lost_at = before[-1][0] if before else Timestamp(0.0)
    up_at = max(after[0][0] if after else lines[-1][0], lost_at)
    alive = _alive_at(lines[:last])
    snapshot: list[Line] = [(up_at, "link", "up")]
    snapshot += [(up_at, "event", {**said, "Event": "CoreShowChannel", "Duration": "00:00:01"}) for said in alive]
    snapshot.append((up_at, "event", {"Event": "CoreShowChannelsComplete", "ListItems": str(len(alive))}))
    calls = _check([*before, (lost_at, "link", "down"), *snapshot, *after])
    if _all_hung_up(lines):
        assert not [call for call in calls.values() if call.is_live]


def _alive_at(lines: list[Line]) -> list[dict[str, Any]]:
    alive: dict[str, dict[str, Any]] = {}
    for _, _, said in lines:
        if not isinstance(said, dict):
            continue
        uid = str(said.get("Uniqueid", ""))
        if said.get("Event") == "Newchannel":
            alive[uid] = dict(said)
        elif uid in alive and said.get("Event") == "BridgeEnter":
            alive[uid]["BridgeId"] = said["BridgeUniqueid"]
        elif uid in alive and said.get("Event") == "BridgeLeave":
            alive[uid].pop("BridgeId", None)
        elif said.get("Event") == "Hangup":
            alive.pop(uid, None)
    return list(alive.values())


_NAMES = ["Newchannel", "DialBegin", "DialEnd", "BridgeEnter", "BridgeLeave", "Hangup", "HangupRequest", "VarSet",
          "BlindTransfer", "AttendedTransfer", "Pickup", "ParkedCall", "UnParkedCall", "Hold", "Unhold", "Newstate",
          "QueueCallerJoin", "LocalBridge", "OriginateResponse", "CoreShowChannel", "CoreShowChannelsComplete",
          "Status", "StatusComplete", "FullyBooted", "Shutdown", "BridgeListItem", "Nonsense", ""]  # fmt: skip
_KEYS = ["Uniqueid", "Linkedid", "Channel", "DestUniqueid", "DestChannel", "DestLinkedid", "BridgeUniqueid", "Exten",
         "BridgeCreator", "BridgeTechnology", "DialStatus", "DialString", "Cause", "Variable", "Value", "Result",
         "TransfererUniqueid", "TransfereeUniqueid", "OrigTransfererUniqueid", "SecondTransfererUniqueid",
         "TransfereeChannel", "TransfererChannel", "TargetUniqueid", "ParkeeUniqueid", "RetrieverUniqueid",
         "ParkeeChannel", "RetrieverChannel", "Forward", "Queue", "ActionID", "Response", "Reason", "Uptime",
         "ChannelState", "Context", "CallerIDNum", "BridgeId", "Duration", "LocalOneUniqueid", "LocalTwoUniqueid",
         "LocalOneChannel", "LocalTwoChannel", "Application", "ApplicationData"]  # fmt: skip
_VALUES = st.one_of(
    st.sampled_from(
        ["1.1", "1.2", "1.3", "1.4", "b1", "b2", "PJSIP/101-00000001", "PJSIP/trunk-00000002", "from-trunk", "sales",
         "Local/101@x-00000003;1", "Local/101@x-00000003;2", "ANSWER", "BUSY", "Success", "Failure", "6", "5", "4",
         "0", "16", "MIXMONITOR_FILENAME", "DIALSTATUS", "ConfBridge", "holding_bridge", "AppDial2", "", "<unknown>"]
    ),
    st.text(max_size=12),
)  # fmt: skip
garbage = st.builds(
    lambda event, rest: {"Event": event, **rest},
    st.sampled_from(_NAMES),
    st.dictionaries(st.sampled_from(_KEYS), st.one_of(_VALUES, st.lists(_VALUES, max_size=3)), max_size=10),
)


@settings(max_examples=300, deadline=None)
@given(frames=st.lists(garbage, max_size=40))
def test_frames_of_garbage_never_raise(frames: list[dict[str, Any]]) -> None:
    _check([(Timestamp(number * 0.07), "event", frame) for number, frame in enumerate(frames)])


@settings(max_examples=100, deadline=None)
@given(lines=streams, frames=st.lists(garbage, min_size=1, max_size=10), seed=st.integers(0, 2**32))
def test_garbage_among_real_frames_never_raises(lines: list[Line], frames: list[dict[str, Any]], seed: int) -> None:
    chance = random.Random(seed)
    mixed = list(lines)
    for frame in frames:
        place = chance.randrange(len(mixed))
        mixed.insert(place, (mixed[place][0], "event", frame))
    _check(mixed)


@pytest.mark.parametrize("trace", sorted(TRACES.glob("*.jsonl")), ids=lambda path: path.stem)
def test_events_told_twice_change_no_call(trace: Path) -> None:
    with trace.open("rb") as file:
        lines = list(read_lines(file))
    tracker, calls = Tracker(PBX), dict[CallId, Call]()
    for at, kind, said in lines:
        if kind != "event" or isinstance(said, str):
            continue
        for event in tracker.feed(said, at):
            once = advance(calls.get(event.call), event, account=ACCOUNT, pbx=PBX)
            twice = advance(once.call, event, account=ACCOUNT, pbx=PBX)
            assert twice.call is once.call
            assert twice.changes == frozenset()
            if once.call is not None:
                calls[event.call] = once.call


def test_the_tracker_forgets_what_is_over() -> None:
    lines = STREAMS["freepbx_queue_answered"]
    tracker = Tracker(PBX)
    for at, _kind, said in lines:
        if isinstance(said, dict):
            tracker.feed(said, at)
    tracker.tick(Timestamp(lines[-1][0] + 3600))
    board = tracker._board
    assert not any((board.channels, board.bridges, board.calls, board.by_linkedid, board.dead, board.talking))


def test_replaying_lines_is_replaying_the_file() -> None:
    assert [call.native_id for call in replay(STREAMS["two_interleaved"])] == ["1795320247.0", "1795320248.2"]
