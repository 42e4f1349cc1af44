"""A process that logs in and is slow to hear the answers: a call that ends before them is not told as if it were known.

A process was frozen just after its login. When it went on, the Hangups of calls that had been answered meanwhile came
before the snapshot: they were logged as missed, though the PBX's own records knew better.
"""

from __future__ import annotations

import itertools

import pytest

from integration.domain.calls.call import Call, Direction
from integration.domain.ids import CallId, Timestamp
from pbx_adapter.asterisk.replay import fold, replay
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.pbx_mirror import PbxMirror
from tests.unit.test_tracking_login_at_any_moment import MOMENTS_PER_STREAM, PBX, STREAMS, Events


def _logged_in(events: Events, moment: int, answers_until: str) -> dict[str, Call]:
    """Follow from a moment on. All answers come at once, the one named and those after it never."""
    mirror, tracker, calls = PbxMirror(), Tracker(PBX), dict[CallId, Call]()
    for at, said in events[:moment]:
        mirror.take(said, at)
    now = events[moment - 1][0]
    fold(calls, tracker.link_up(now))
    for said in itertools.takewhile(lambda said: said["Event"] != answers_until, mirror.answers(now)):
        fold(calls, tracker.feed(said, now))
    for at, said in events[moment:]:
        fold(calls, tracker.feed(said, at))
    fold(calls, tracker.tick(Timestamp(events[-1][0] + 60.0)))
    return {call.native_id: call for call in calls.values() if call.merged_into is None}


def _moments(events: Events) -> range:
    return range(1, len(events), max(1, len(events) // MOMENTS_PER_STREAM))


@pytest.mark.parametrize("answers_until", ["CoreShowChannel", "CoreShowChannelsComplete", "Status", "StatusComplete"])
@pytest.mark.parametrize("name", STREAMS)
def test_the_end_of_a_call_that_was_only_overheard_is_inferred(name: str, answers_until: str) -> None:
    events = STREAMS[name]
    for moment in _moments(events):
        for call in _logged_in(events, moment, answers_until).values():
            assert call.seen_from_start or call.end_inferred


@pytest.mark.parametrize("name", STREAMS)
def test_the_end_of_a_call_that_the_pbx_explained_is_known(name: str) -> None:
    events = STREAMS[name]
    explained = 0
    for moment in _moments(events):
        mirror = PbxMirror()
        for at, said in events[:moment]:
            mirror.take(said, at)
        for uid, call in _logged_in(events, moment, "").items():
            if uid in mirror.uniqueids:
                explained += 1
                may_have_talked = mirror.any_is_up_with(uid) and call.answered_at is None
                assert may_have_talked or not call.end_inferred
    assert explained


def test_a_talk_that_was_over_before_the_login_is_looked_up_in_the_records() -> None:
    """Answered, then transferred to a phone that still rings: without the records it would be a missed call."""
    found = set()
    for name, events in STREAMS.items():
        whole = {call.native_id: call for call in replay((at, "event", said) for at, said in events)}
        for moment in _moments(events):
            now = events[moment - 1][0]
            for uid, call in _logged_in(events, moment, "").items():
                true = whole.get(uid)
                if true is None or Direction.INTERNAL in (true.direction, call.direction):
                    continue
                if true.answered_at is None or true.answered_at > now or call.answered_at is not None:
                    continue
                assert call.end_inferred, f"{name}, after {moment} events"
                found.add(name)
    assert len(found) > 3, found
