"""A stream that begins in the middle of a call: whoever's channel is heard of first, the client is the client."""

from __future__ import annotations

import pytest

from integration.domain.calls.call import Call, Direction
from integration.domain.ids import CallId, PbxId, Timestamp
from pbx_adapter.asterisk.replay import Line, fold, read_lines
from pbx_adapter.asterisk.tracker.tracker import Tracker
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


def test_the_list_of_channels_completes_a_call_that_was_heard_of_just_before() -> None:
    """Its line and its recording are in `Status` only; an event that came a moment earlier must not hide them."""
    tracker, calls = Tracker(PbxId("lab")), dict[CallId, Call]()
    channel = {
        "Channel": "PJSIP/trunk-1", "Uniqueid": "1.0", "Linkedid": "1.0", "ChannelState": "4", "Exten": "01",
        "CallerIDNum": "79161234567", "Context": "from-trunk",
    }  # fmt: skip
    variables = ["MIXMONITOR_FILENAME=/spool/a.wav", "FROM_DID=74950000001"]
    fold(calls, tracker.link_up(Timestamp(100.0)))
    fold(calls, tracker.feed({"Event": "QueueCallerJoin", **channel, "Queue": "sales"}, Timestamp(100.1)))
    fold(calls, tracker.feed({"Event": "Status", **channel, "Variable": variables}, Timestamp(100.2)))
    fold(calls, tracker.feed({"Event": "StatusComplete"}, Timestamp(100.2)))
    phone = {"Channel": "PJSIP/101-2", "Uniqueid": "1.1", "Linkedid": "1.0", "CallerIDNum": "101"}
    for party in (phone, channel):
        fold(calls, tracker.feed({"Event": "BridgeEnter", **party, "BridgeUniqueid": "b"}, Timestamp(101.0)))
    fold(calls, tracker.tick(Timestamp(102.0)))
    (call,) = calls.values()
    assert (call.direction, call.caller, call.called) == (Direction.INBOUND, "79161234567", "74950000001")
    assert call.recordings == ("/spool/a.wav",)


def test_a_list_of_channels_shows_that_an_employee_had_called_what_looked_like_a_client() -> None:
    """Of an outgoing call the carrier's channel was heard of first."""
    tracker, calls = Tracker(PbxId("lab")), dict[CallId, Call]()
    phone = {
        "Channel": "PJSIP/101-00000001", "Uniqueid": "1.0", "Linkedid": "1.0", "ChannelState": "6",
        "Exten": "79031112233", "CallerIDNum": "101", "Context": "from-internal",
        "Application": "Dial", "Data": "PJSIP/79031112233@trunk",
    }  # fmt: skip
    trunk = {
        "Channel": "PJSIP/trunk-00000002", "Uniqueid": "1.1", "Linkedid": "1.0", "ChannelState": "6",
        "CallerIDNum": "79031112233", "Context": "from-trunk", "Application": "AppDial",
    }  # fmt: skip
    fold(calls, tracker.link_up(Timestamp(100.0)))
    fold(calls, tracker.feed({"Event": "QueueCallerJoin", **trunk, "Queue": ""}, Timestamp(100.1)))
    assert [call.direction for call in calls.values()] == [Direction.INBOUND]
    for row in (phone, trunk):
        fold(calls, tracker.feed({"Event": "Status", **row, "BridgeID": "b"}, Timestamp(100.2)))
    fold(calls, tracker.feed({"Event": "StatusComplete"}, Timestamp(100.2)))
    fold(calls, tracker.tick(Timestamp(102.0)))
    (call,) = calls.values()
    assert (call.direction, call.caller, call.called) == (Direction.OUTBOUND, "101", "79031112233")


def test_how_the_dial_of_a_phone_that_was_found_ringing_ended_is_said_of_that_phone() -> None:
    tracker, calls = Tracker(PbxId("lab")), dict[CallId, Call]()
    client = {
        "Channel": "PJSIP/trunk-00000001", "Uniqueid": "1.0", "Linkedid": "1.0", "ChannelState": "4", "Exten": "101",
        "CallerIDNum": "79161234567", "Context": "from-trunk", "Application": "Dial", "Data": "PJSIP/101",
    }  # fmt: skip
    phone = {
        "Channel": "PJSIP/101-00000002", "Uniqueid": "1.1", "Linkedid": "1.0", "ChannelState": "5",
        "CallerIDNum": "101", "Context": "from-internal", "Application": "AppDial",
    }  # fmt: skip
    fold(calls, tracker.link_up(Timestamp(100.0)))
    for row in (client, phone):
        fold(calls, tracker.feed({"Event": "Status", **row}, Timestamp(100.2)))
    fold(calls, tracker.feed({"Event": "StatusComplete"}, Timestamp(100.2)))
    fold(calls, tracker.feed({"Event": "Hangup", **phone, "Cause": "17"}, Timestamp(103.0)))
    fold(
        calls, tracker.feed({"Event": "VarSet", **client, "Variable": "DIALSTATUS", "Value": "BUSY"}, Timestamp(103.1))
    )
    fold(calls, tracker.tick(Timestamp(105.0)))
    (call,) = calls.values()
    assert [(leg.target, leg.result) for leg in call.legs] == [("101", "busy")]


@pytest.mark.parametrize("name", ["ami_atxfer", "ast16_followme_declined_next_takes"])
def test_the_phone_that_has_the_client_has_answered_though_its_answer_was_before_the_stream(name: str) -> None:
    with (TRACES / f"{name}.jsonl").open("rb") as file:
        lines = list(read_lines(file))
    for start in range(1, len(lines)):
        for call in _follow(lines[start:]):
            if call.final_responsible:
                results = [leg.result for leg in call.legs if leg.target == call.final_responsible]
                assert (start, not results or "answered" in results) == (start, True)
