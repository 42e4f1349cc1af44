"""Logging in at any moment of any recorded call, the first time or after a gap: the call is known, and ends."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

from integration.domain.calls.call import Call, Direction, Origin
from integration.domain.campaigns.model import Outcome
from integration.domain.campaigns.outcomes import outcome_of
from integration.domain.ids import CallId, PbxId, Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.replay import fold, read_lines, replay
from pbx_adapter.asterisk.tracker.tracker import Tracker
from tests.unit.pbx_mirror import PbxMirror
from tests.unit.trace_compare import TRACES

PBX = PbxId("replay")  # as `replay` has it
EVENTS_BEFORE_LIST = (0, 1, 2, 6)
MOMENTS_PER_STREAM = 10

_ENDS = frozenset({
    "BridgeLeave", "HangupRequest", "SoftHangupRequest", "Hangup", "BlindTransfer", "AttendedTransfer",
})  # fmt: skip
"""What was before them is known from events only; a login later does not hear of it."""

_STORY_IS_GONE = {
    "conference": "who entered the room first",
    "forward_302_mobile": "whose phone forwarded",
    "forward_cfu_mobile": "whose forwarding it was",
    "freepbx_follow_me_external": "which number the phone of the follow-me stands for",
    "callback_*": "that the PBX rang the client first",
    "uplink_callback": "the same",
    "spy_from_outside": "that the caller is a supervisor who listens",
    "campaign_*": "within the milliseconds in which the client is dialled, whom the office rings",
    "caller_*": "the caller's number before the dialplan rewrote it",
    "uplink_numbers_rewritten": "the same",
}
"""Streams, or kinds of them, in which a channel list does not tell what came before it."""

_ONE_LINKEDID = ("uplink_two_clients_joined", "joined_*")
"""Streams in which one list shows the channels of two calls under one Linkedid: a call that began in the gap and was
joined in it is not seen."""

Events = list[tuple[Timestamp, Frame]]


def _is_any_of(name: str, kinds: Iterable[str]) -> bool:
    return any(fnmatchcase(name.removeprefix("ast16_"), kind) for kind in kinds)


def _streams() -> dict[str, Events]:
    streams = {}
    for path in sorted(TRACES.glob("*.jsonl")):
        with path.open("rb") as file:
            lines = list(read_lines(file))
        events = [(at, said) for at, kind, said in lines if kind == "event" and not isinstance(said, str)]
        links = sum(kind == "link" for _, kind, _ in lines)
        was_asked = any(said.get("Event") == "CoreShowChannelsComplete" for _, said in events)
        name = path.name.removesuffix(".jsonl")
        lasts = any(said.get("Event") == "DialBegin" for _, said in events)
        if links <= 1 and not was_asked and lasts and not _is_any_of(name, _STORY_IS_GONE) and _has_client(events):
            streams[name] = events
    return streams


def _calls(events: Events) -> dict[str, Call]:
    return {call.native_id: call for call in replay((at, "event", said) for at, said in events)}


def _has_client(events: Events) -> bool:
    return any(call.direction is not Direction.INTERNAL for call in _calls(events).values())


STREAMS = _streams()


def _logged_in(events: Events, moment: int, between: int) -> tuple[frozenset[str], dict[str, Call]]:
    """Follow from a moment on; the list is answered after so many events. Also: which channels lived then."""
    mirror, tracker, calls = PbxMirror(), Tracker(PBX), dict[CallId, Call]()
    for at, said in events[:moment]:
        mirror.take(said, at)
    now = events[moment - 1][0]
    fold(calls, tracker.link_up(now))
    for at, said in events[moment : moment + between]:
        mirror.take(said, at)
        now = at
        fold(calls, tracker.feed(said, at))
    live = mirror.uniqueids
    for said in mirror.answers(now):
        fold(calls, tracker.feed(said, now))
    for at, said in events[moment + between :]:
        fold(calls, tracker.feed(said, at))
    fold(calls, tracker.tick(Timestamp(events[-1][0] + 60.0)))
    return live, {call.native_id: call for call in calls.values() if call.merged_into is None}


def _logins(name: str, events: Events) -> list[tuple[int, int]]:
    """(moment, events until the list), while the story can still be told."""
    said = [frame for _, frame in events]
    end = min(len(said), _first(frame.get("Event") in _ENDS for frame in said))
    begin, between = 0, list(EVENTS_BEFORE_LIST)
    if "click" in name:  # what it is shows from its dial until its phone has refused
        begin = _first(frame.get("Event") == "DialBegin" for frame in said)
        refused = _first(frame.get("DialStatus") not in (None, "ANSWER", "RINGING", "PROGRESS") for frame in said)
        end = min(end, refused, _first(frame.get("Response") == "Failure" for frame in said))
        if "Local/" in str(said[begin]):  # a dial that is heard of before the list looks like a ring group's
            between = [0]
    step = max(1, (end - begin) // MOMENTS_PER_STREAM)
    return [(moment, few) for moment in range(begin + 1, end, step) for few in between if moment + few < end]


def _first(found: Iterable[bool]) -> int:
    return next((number for number, is_it in enumerate(found) if is_it), 1_000_000)


def _words(call: Call) -> dict[str, Any]:
    names = ("direction", "caller", "called", "answered_by", "final_responsible", "disposition")
    return {name: getattr(call, name) for name in names}


@pytest.mark.parametrize("name", STREAMS)
def test_a_call_under_way_is_known_whenever_one_logs_in(name: str) -> None:
    """
    A login within milliseconds of an answer left the call without who answered: the phone's BridgeEnter came before
    the list, and what the list said of a channel that was known by its name alone was not read.
    """
    events = STREAMS[name]
    whole = _calls(events)
    tried = 0
    for moment, between in _logins(name, events):
        live, calls = _logged_in(events, moment, between)
        for uniqueid, call in whole.items():
            if uniqueid in live and call.direction is not Direction.INTERNAL:
                found = calls[uniqueid]
                assert (moment, between, _words(found)) == (moment, between, _words(call))
                tried += 1
        assert not set(calls) - set(whole)
    assert tried


def _after_a_gap(
    events: Events, lost: int, back: int, between: int
) -> tuple[set[str], frozenset[str], dict[str, Call]]:
    """Hear nothing from one moment to another. Also: the calls that went on when it began, the channels at its end."""
    mirror, tracker, calls = PbxMirror(), Tracker(PBX), dict[CallId, Call]()
    fold(calls, tracker.link_up(events[0][0]))
    for at, said in events[:lost]:
        mirror.take(said, at)
        fold(calls, tracker.feed(said, at))
    known = {call.native_id for call in calls.values() if call.is_live}
    now = events[lost - 1][0]
    fold(calls, tracker.link_lost(now))
    for at, said in events[lost:back]:
        mirror.take(said, at)
    now = Timestamp(max(now + 0.01, events[back - 1][0]))
    fold(calls, tracker.link_up(now))
    for at, said in events[back : back + between]:
        mirror.take(said, at)
        now = max(now, at)
        fold(calls, tracker.feed(said, at))
    live = mirror.uniqueids
    for said in mirror.answers(now):
        fold(calls, tracker.feed(said, now))
    for at, said in events[back + between :]:
        fold(calls, tracker.feed(said, at))
    fold(calls, tracker.tick(Timestamp(events[-1][0] + 60.0)))
    return known, live, {call.native_id: call for call in calls.values() if call.merged_into is None}


def _same_number(one: str, other: str) -> bool:
    """Outside numbers may be known as they were dialled: 8916… or 7916…."""
    return one[-10:] == other[-10:]


@pytest.mark.parametrize(
    "name", [name for name in STREAMS if "click" not in name and not _is_any_of(name, _ONE_LINKEDID)]
)
def test_a_call_is_known_after_a_gap_of_the_link_and_every_call_ends(name: str) -> None:
    """
    A phone or trunk whose dial fell into the gap got no leg, and an outgoing call lost its number to "s": what a list
    says of channels that were known before was not read.
    """
    events = STREAMS[name]
    whole = _calls(events)
    step = max(1, len(events) // 9)
    for lost in range(1, len(events) - 1, step):
        for back in range(lost, len(events), step):
            between = (lost + back) % 3
            known, live, calls = _after_a_gap(events, lost, back, min(between, len(events) - back))
            gap = (lost, back)
            assert (gap, [call for call in calls.values() if call.is_live]) == (gap, [])
            assert all(calls[uid].direction is Direction.INTERNAL for uid in set(calls) - set(whole))
            for uniqueid, call in whole.items():
                if call.direction is Direction.INTERNAL or not (uniqueid in known or uniqueid in live):
                    continue
                found = calls[uniqueid]
                assert (gap, found.direction) == (gap, call.direction)
                if uniqueid in live or re.search(
                    r"\d", found.caller
                ):  # an analogue line's caller may fall into the gap
                    assert (gap, found.caller) == (gap, call.caller)
                if uniqueid in live:
                    assert _same_number(found.called, call.called), (gap, found.called, call.called)


@pytest.mark.parametrize("name", [path.stem for path in sorted(TRACES.glob("campaign_*.jsonl"))])
def test_a_campaign_s_call_whose_beginning_fell_into_a_gap_ends(name: str) -> None:
    """A gap from the first channel until the client waited left no leg at all, and the end of the call was an error."""
    with (TRACES / f"{name}.jsonl").open("rb") as file:
        events = [(at, said) for at, kind, said in read_lines(file) if kind == "event" and not isinstance(said, str)]
    for back in range(1, len(events)):
        _, _, calls = _after_a_gap(events, 1, back, 0)
        assert (back, [call for call in calls.values() if call.is_live]) == (back, [])


@pytest.mark.parametrize("name", ["turned_away", "client_leaves", "handed_over_in_vain", "client_taken"])
def test_a_login_while_a_campaign_s_client_rings_hears_the_answer(name: str) -> None:
    """A client who answered after a restart and got nobody was taken for one who had declined: nobody called back."""
    with next(TRACES.glob(f"campaign_*{name}.jsonl")).open("rb") as file:
        events = [(at, said) for at, kind, said in read_lines(file) if kind == "event" and not isinstance(said, str)]
    (whole,) = _calls(events).values()
    answered = _first(said.get("DialStatus") == "ANSWER" for _, said in events)
    for moment in range(1, answered):
        _, calls = _logged_in(events, moment, 0)
        found = [outcome_of(call).outcome for call in calls.values()]
        assert (moment, found) == (moment, [outcome_of(whole).outcome])


@pytest.mark.parametrize("name", ["busy", "declines", "rings_out"])
def test_a_login_while_a_campaign_s_client_rings_hears_why_they_did_not_answer(name: str) -> None:
    """What the client's phone said was followed by a second leg without a cause: who declined was called as one who had
    only not answered."""
    with (TRACES / f"campaign_client_{name}.jsonl").open("rb") as file:
        events = [(at, said) for at, kind, said in read_lines(file) if kind == "event" and not isinstance(said, str)]
    (whole,) = _calls(events).values()
    for moment in range(1, _first(said.get("Event") in _ENDS for _, said in events)):
        _, calls = _logged_in(events, moment, 0)
        found = [(outcome_of(call).outcome, len(call.legs), call.legs[-1].cause) for call in calls.values()]
        assert (moment, found) == (moment, [(outcome_of(whole).outcome, 1, whole.legs[-1].cause)])


def test_a_login_after_a_campaign_s_client_was_turned_away_finds_no_talk() -> None:
    """While the client hears that nobody is there, the PBX shows an answered client and no more."""
    with (TRACES / "campaign_client_turned_away.jsonl").open("rb") as file:
        events = [(at, said) for at, kind, said in read_lines(file) if kind == "event" and not isinstance(said, str)]
    away = _first(str(said.get("Value", "")).endswith(" away") for _, said in events)
    found = set()
    for moment in range(away + 1, _first(said.get("Event") in _ENDS for _, said in events)):
        _, calls = _logged_in(events, moment, 0)
        for call in calls.values():
            ours = replace(call, origin=Origin(kind="click", request_id="dozvon-a"))
            found.add(outcome_of(ours, employee_first=False).outcome)
    assert found == {Outcome.ABANDONED}


@pytest.mark.parametrize("name", ["campaign_client_taken", "campaign_employee_hangs_up"])
def test_a_login_finds_the_recording_of_a_campaign_s_call(name: str) -> None:
    """It is named on the half of the Local channel that dials the client, which is not the call's first channel."""
    with (TRACES / f"{name}.jsonl").open("rb") as file:
        events = [(at, said) for at, kind, said in read_lines(file) if kind == "event" and not isinstance(said, str)]
    (whole,) = _calls(events).values()
    assert len(whole.recordings) == 1
    for moment in range(1, _first(said.get("Event") in _ENDS for _, said in events)):
        _, calls = _logged_in(events, moment, 0)
        assert (moment, [call.recordings for call in calls.values()]) == (moment, [whole.recordings])
