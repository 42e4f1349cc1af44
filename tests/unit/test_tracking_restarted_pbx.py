"""A PBX that died and is back: its old calls are over, those of its new life go on."""

from __future__ import annotations

from integration.domain.calls.call import Call
from integration.domain.ids import CallId, PbxId, Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.replay import fold
from pbx_adapter.asterisk.tracker.tracker import Tracker


def _caller(event: str, uid: str) -> Frame:
    return {
        "Event": event, "Channel": f"PJSIP/trunk-{uid}", "Uniqueid": uid, "Linkedid": uid, "ChannelState": "4",
        "CallerIDNum": "79161234567", "Exten": "74950000001", "Context": "from-trunk",
    }  # fmt: skip


def test_a_call_that_begins_while_the_restart_is_found_out_goes_on() -> None:
    """
    FullyBooted and the start date of CoreStatus say the same, one after the other. The second must not end what has
    begun between them: ended calls are remembered, and never begin again.
    """
    tracker, calls = Tracker(PbxId("lab")), dict[CallId, Call]()
    fold(calls, tracker.link_up(Timestamp(100.0)))
    fold(calls, tracker.feed({"CoreStartupDate": "2026-11-22", "CoreStartupTime": "07:00:00"}, Timestamp(100.1)))
    fold(calls, tracker.feed(_caller("Newchannel", "1.0"), Timestamp(101.0)))
    fold(calls, tracker.tick(Timestamp(102.0)))
    fold(calls, tracker.link_lost(Timestamp(110.0)))
    fold(calls, tracker.link_up(Timestamp(120.0)))
    fold(calls, tracker.feed({"Event": "FullyBooted", "Uptime": "2"}, Timestamp(120.1)))
    fold(calls, tracker.feed(_caller("Newchannel", "120.0"), Timestamp(120.2)))
    fold(calls, tracker.feed({"CoreStartupDate": "2026-11-22", "CoreStartupTime": "07:00:18"}, Timestamp(120.3)))
    fold(calls, tracker.tick(Timestamp(122.0)))
    assert {call.native_id: call.is_live for call in calls.values()} == {"1.0": False, "120.0": True}


def test_a_short_gap_in_the_first_second_of_a_pbx_is_no_restart() -> None:
    """Uptime is in whole seconds, cut off: a PBX that was up before the gap may still say 0 after it."""
    tracker, calls = Tracker(PbxId("lab")), dict[CallId, Call]()
    fold(calls, tracker.link_up(Timestamp(100.0)))
    fold(calls, tracker.feed(_caller("Newchannel", "1.0"), Timestamp(100.1)))
    fold(calls, tracker.tick(Timestamp(100.6)))
    fold(calls, tracker.link_lost(Timestamp(100.7)))
    fold(calls, tracker.link_up(Timestamp(100.9)))
    fold(calls, tracker.feed({"Event": "FullyBooted", "Uptime": "0"}, Timestamp(100.95)))
    fold(calls, tracker.tick(Timestamp(102.0)))
    assert [call.is_live for call in calls.values()] == [True]
