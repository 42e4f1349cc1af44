"""Lost Hangups, and channels of which only the name is known: no call stays open forever, and nothing piles up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.domain.calls.call import Disposition
from integration.domain.calls.events import CallEnded, CallEvent
from integration.domain.ids import CallId, PbxId, Timestamp
from pbx_adapter.asterisk.replay import fold, read_lines
from pbx_adapter.asterisk.tracker import forgetting
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.trace_compare import TRACES

PBX = PbxId("pbx")
ENDS = {"Hangup", "HangupRequest", "SoftHangupRequest", "BridgeLeave", "BridgeDestroy"}


def followed(name: str, *, without: set[str]) -> tuple[Tracker, dict[Any, Any], float]:
    """A recorded stream without some of its events, and the moment of its last line."""
    tracker, calls = Tracker(PBX), dict[Any, Any]()
    at = 0.0
    with (TRACES / f"{name}.jsonl").open("rb") as file:
        for at, kind, said in read_lines(file):
            if kind == "event" and isinstance(said, dict) and said.get("Event") not in without:
                fold(calls, tracker.feed(said, Timestamp(at)))
    fold(calls, tracker.tick(Timestamp(at + 60)))
    return tracker, calls, at


def asked(tracker: Tracker, now: float) -> list[str]:
    return [each.uid for each in tracker.silent(Timestamp(now), after=600.0, half_seen_after=60.0)]


def test_a_call_whose_hangups_were_lost_ends_when_the_pbx_knows_it_no_more() -> None:
    tracker, calls, last = followed("inbound_answered", without=ENDS)
    (call,) = calls.values()
    assert call.is_live
    assert asked(tracker, last + 500) == [], "it may just be a talk"
    silent = asked(tracker, last + 700)
    assert len(silent) == 2
    assert asked(tracker, last + 900) == [], "nobody is asked about twice in a row"
    for uid in silent:
        fold(calls, tracker.gone(uid, Timestamp(last + 700)))
    (call,) = calls.values()
    assert not call.is_live
    assert call.end_inferred
    assert call.disposition is Disposition.ANSWERED
    assert last < call.ended_at < last + 700
    fold(calls, tracker.tick(Timestamp(last + 800)))
    assert not tracker.calls_on_the_pbx()


def test_a_call_goes_on_while_the_pbx_knows_its_client() -> None:
    tracker, calls, last = followed("inbound_answered", without=ENDS)
    client, phone = asked(tracker, last + 700)
    for uid, is_live in ((phone, True), (client, False)):
        fold(calls, tracker.gone(uid, Timestamp(last + 700)))
        assert [call.is_live for call in calls.values()] == [is_live]


def test_a_long_talk_is_a_talk() -> None:
    tracker, calls, last = followed("inbound_answered", without=ENDS)
    for hour in range(1, 10):
        now = last + hour * 3600
        for uid in asked(tracker, now):
            tracker.confirm(uid, Timestamp(now))
        fold(calls, tracker.tick(Timestamp(now)))
    (call,) = calls.values()
    assert call.is_live


def test_an_event_that_overtook_the_answer_counts_for_more() -> None:
    """There was an event of the channel after our question, so the answer is out of date."""
    tracker, calls, last = followed("inbound_answered", without=ENDS)
    (uid, *_) = asked(tracker, last + 700)
    tracker.feed({"Event": "Hold", "Uniqueid": uid, "Channel": "PJSIP/101-00000001"}, Timestamp(last + 701))
    fold(calls, tracker.gone(uid, Timestamp(last + 700)))
    assert all(call.is_live for call in calls.values())


def test_an_employee_channel_that_stays_behind_is_let_go_too() -> None:
    """The client's Hangup ended the call. The employee's was lost, but its channel must not stay forever."""
    tracker, calls, last = followed("inbound_answered", without=set())
    assert tracker._board.channels == {}
    tracker.feed({"Event": "Newchannel", "Uniqueid": "9.1", "Linkedid": "9.1", "Channel": "PJSIP/101-0000000b",
                  "Context": "internal", "Exten": "102", "ChannelState": "4", "CallerIDNum": "101"},
                 Timestamp(last + 100))  # fmt: skip
    assert asked(tracker, last + 800) == ["9.1"]
    fold(calls, tracker.gone("9.1", Timestamp(last + 800)))
    fold(calls, tracker.tick(Timestamp(last + 900)))
    board = tracker._board
    assert not any((board.channels, board.calls, board.by_linkedid, board.dead))


_NAMES = [
    "DialBegin", "DialEnd", "DialState", "BridgeEnter", "BridgeLeave", "HangupRequest", "VarSet", "Hold", "Newstate",
    "BlindTransfer", "AttendedTransfer", "Pickup", "ParkedCall", "QueueCallerJoin", "LocalBridge",
]  # fmt: skip
_PREFIXES = ["", "Dest", "Transferee", "Transferer", "Parkee", "LocalOne", "LocalTwo", "OrigTransferer", "Target"]


@st.composite
def passing(draw: st.DrawFn) -> dict[str, Any]:
    """An event that names channels nobody has seen."""
    frame: dict[str, Any] = {"Event": draw(st.sampled_from(_NAMES))}
    for prefix in draw(st.lists(st.sampled_from(_PREFIXES), min_size=1, max_size=3, unique=True)):
        number = draw(st.integers(0, 5000))
        frame |= {
            f"{prefix}Uniqueid": f"{number}.1",
            f"{prefix}Linkedid": f"{draw(st.integers(0, 5000))}.1",
            f"{prefix}Channel": draw(st.sampled_from([f"PJSIP/{number}-00000001", f"Local/1@x-{number:08x};1"])),
        }
    frame["BridgeUniqueid"] = f"b{draw(st.integers(0, 5000))}"
    frame["Variable"], frame["Value"] = "DID", "74950000001"
    return frame


@settings(max_examples=60, deadline=None)
@given(frames=st.lists(passing(), min_size=30, max_size=150))
def test_channels_that_are_only_named_do_not_pile_up(frames: list[dict[str, Any]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forgetting, "MOST_HALF_SEEN", 20)
        tracker, told = Tracker(PBX), list[CallEvent]()
        board = tracker._board
        now = 0.0
        for now, frame in enumerate(frames):
            told += tracker.feed(frame, Timestamp(now))
            assert len(board.channels) <= 20
            assert len(board.half_seen) <= 20
            # A bridge exists while a channel is in it; a call while a channel of it lives, or ended a moment ago.
            assert all(bridge.members for bridge in board.bridges.values())
            assert len(board.calls) <= 20 + 3 * 12
        # We may not ask the PBX about them: at last they are dropped, together with the calls made up from them.
        for hour in range(1, 8):
            told += tracker.tick(Timestamp(now + hour * 3600))
        told += tracker.tick(Timestamp(now + 8 * 3600 + 60))
        assert not any((board.channels, board.calls, board.by_linkedid, board.dead, board.half_seen, board.talking))
    calls: dict[CallId, Any] = {}
    fold(calls, told)
    assert not [call for call in calls.values() if call.is_live]
    assert sum(isinstance(event, CallEnded) for event in told) <= len(calls)
