"""A process that logs in and is slow to hear the answers: a call that ends before them is not told as if it were known.

A process was frozen just after its login. When it went on, the Hangups of calls that had been answered meanwhile came
before the snapshot: they were logged as missed, though the PBX's own records knew better.
"""

from __future__ import annotations

import itertools

import pytest

from integration.domain.calls.call import Call
from integration.domain.ids import CallId, Timestamp
from pbx_adapter.asterisk.replay import fold
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
                assert not call.end_inferred
                explained += 1
    assert explained
