"""When a campaign's list will have been called: the arithmetic, its windows, and what is said."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.campaigns.expected_end import (
    NoEnd,
    Pace,
    Progress,
    expected_end,
    pace_begins,
    progress_of,
)
from integration.domain.campaigns.model import EntryState, Outcome
from integration.domain.campaigns.windows import Span, Windows, is_open
from integration.domain.ids import Timestamp
from integration.texts import LANGUAGES
from integration.texts.expected_end import NO_END, end_sentence

MOSCOW, BERLIN = "Europe/Moscow", "Europe/Berlin"
HALF = Progress(left=100, settled=99, attempts=198, most=10)  # two attempts each
LUNCH = Windows(week=(*[(Span(9 * 60, 13 * 60), Span(14 * 60, 20 * 60))] * 5, (), ()))


def at(text: str, zone: str = MOSCOW) -> Timestamp:
    return Timestamp(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def an_hour_of(dialled: int, now: Timestamp, windows: Windows = LUNCH, zone: str = MOSCOW) -> Pace:
    since = pace_begins(windows, zone, now)
    return Pace(dialled=dialled, since=since, last=since if dialled else None)


@pytest.mark.parametrize(
    ("now", "left", "end"),
    [
        ("2026-11-30T15:00", 100, "2026-11-30T17:00"),  # a Monday; a hundred attempts an hour, two at each client
        ("2026-11-30T11:00", 100, "2026-11-30T13:00"),
        ("2026-11-30T12:00", 100, "2026-11-30T15:00"),  # over lunch
        ("2026-11-30T19:00", 100, "2026-12-01T10:00"),
        ("2026-11-30T22:00", 50, "2026-12-01T10:00"),  # at night, with the pace of the evening
        ("2026-12-04T19:00", 100, "2026-12-07T10:00"),  # over a weekend
        ("2026-12-01T19:00", 100, "2026-12-03T10:00"),  # over a holiday, the second
        ("2026-11-30T09:15", 100, "2026-11-30T11:15"),  # with the pace of a quarter of an hour, and of Friday evening
        ("2026-11-30T15:00", 1000, "2026-12-03T15:00"),  # 5 h of today, 10 h of the first, 5 h of the third
    ],
)
def test_the_end_lies_so_many_open_hours_ahead(now: str, left: int, end: str) -> None:
    windows = replace(LUNCH, holidays=frozenset({date(2026, 12, 2)}))
    if left == 1000:
        windows = replace(windows, week=((Span(10 * 60, 20 * 60),),) * 7)
    progress = replace(HALF, left=left)
    assert expected_end(progress, an_hour_of(100, at(now), windows), windows, MOSCOW, at(now)) == at(end)


def test_where_the_clock_jumps_a_window_is_as_long_as_it_is() -> None:
    """In Berlin two o'clock of 29 March 2026 does not exist."""
    nights = Windows(week=((Span(0, 4 * 60),),) * 7)
    now = at("2026-03-29T00:00", BERLIN)
    pace = an_hour_of(100, now, nights, BERLIN)
    progress = Progress(left=175, settled=99, attempts=198, most=10)
    assert expected_end(progress, pace, nights, BERLIN, now) == at("2026-03-30T00:30", BERLIN)


def test_the_hour_of_the_pace_is_one_of_open_windows() -> None:
    assert pace_begins(LUNCH, MOSCOW, at("2026-11-30T15:30")) == at("2026-11-30T14:30")
    assert pace_begins(LUNCH, MOSCOW, at("2026-11-30T14:15")) == at("2026-11-30T12:15")
    assert pace_begins(LUNCH, MOSCOW, at("2026-11-30T09:10")) == at("2026-11-27T19:10")
    assert pace_begins(LUNCH, MOSCOW, at("2026-11-29T12:00")) == at("2026-11-27T19:00")


NOW = at("2026-11-30T15:00")
NEW = Progress(left=5, settled=0, attempts=0, most=10)


@pytest.mark.parametrize(
    ("progress", "pace", "windows", "why"),
    [
        (replace(HALF, left=0), an_hour_of(10, NOW), LUNCH, NoEnd.NOTHING_LEFT),
        (HALF, None, LUNCH, NoEnd.NOT_RUNNING),
        (NEW, an_hour_of(0, NOW), LUNCH, NoEnd.NOT_DIALLED),
        (HALF, Pace(dialled=3, since=Timestamp(NOW - 60), last=NOW), LUNCH, NoEnd.JUST_BEGUN),
        (HALF, an_hour_of(0, NOW), LUNCH, NoEnd.NO_CALLS),
        (HALF, Pace(dialled=3, since=at("2026-11-30T08:00"), last=at("2026-11-30T08:30")), LUNCH, NoEnd.OTHER_ZONES),
        (HALF, an_hour_of(0, NOW), Windows(week=((),) * 7), NoEnd.NO_WINDOW),
        (replace(HALF, left=10**6), an_hour_of(1, NOW), LUNCH, NoEnd.FAR),
    ],
)
def test_why_the_end_cannot_be_told(progress: Progress, pace: Pace | None, windows: Windows, why: NoEnd) -> None:
    assert expected_end(progress, pace, windows, MOSCOW, NOW) is why


def test_many_calls_make_a_pace_within_seconds() -> None:
    pace = Pace(dialled=1000, since=Timestamp(NOW - 100), last=NOW)
    assert expected_end(HALF, pace, LUNCH, MOSCOW, NOW) == NOW + 20


def test_attempts_at_which_no_phone_rang_and_clients_who_left_the_list_do_not_count() -> None:
    entries = {
        EntryState.OPEN: 5, EntryState.TAKEN: 1, EntryState.REACHED: 3, EntryState.NOT_REACHED: 2,
        EntryState.DO_NOT_CALL: 7, EntryState.REMOVED: 9,
    }  # fmt: skip
    outcomes = {Outcome.TALKED: 3, Outcome.BUSY: 4, Outcome.TRUNK_FAILED: 50, Outcome.NOT_DIALLED: 50}
    assert progress_of(entries, outcomes, 10) == Progress(left=6, settled=5, attempts=7, most=10)


def test_a_client_takes_one_attempt_at_least_and_those_that_are_allowed_at_most() -> None:
    assert Progress(left=1, settled=100, attempts=3, most=10).attempts_each == 1.0
    assert Progress(left=1, settled=0, attempts=500, most=4).attempts_each == 4.0
    assert Progress(left=1, settled=99, attempts=298, most=10).attempts_each == 3.0


spans = st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True).map(
    lambda marks: tuple(Span(*pair) for pair in zip(sorted(marks)[::2], sorted(marks)[1::2], strict=False))
)
weeks = st.tuples(*[st.one_of(st.just(()), spans)] * 7)
days = st.dates(date(2026, 1, 1), date(2026, 12, 31))
some_windows = st.builds(
    lambda week, holidays: Windows(week=week, holidays=holidays), weeks, st.frozensets(days, max_size=5)
)
zones = st.sampled_from([MOSCOW, BERLIN, "Asia/Kathmandu", "America/St_Johns", "UTC"])
moments = st.floats(at("2026-01-20T00:00"), at("2026-12-01T00:00")).map(Timestamp)
progresses = st.builds(
    Progress,
    left=st.integers(1, 100_000),
    settled=st.integers(0, 1000),
    attempts=st.integers(1, 5000),
    most=st.integers(1, 50),
)


def moment_of(end: Timestamp | NoEnd) -> float:
    """For comparing: what is too far is later than all that can be told."""
    if isinstance(end, NoEnd):
        assert end in (NoEnd.FAR, NoEnd.NO_WINDOW)
        return float("inf")
    return end


@given(progresses, some_windows, zones, moments, st.integers(1, 2000), st.integers(0, 5000))
def test_the_end_is_in_a_window_and_never_earlier_with_more_to_call(
    progress: Progress, windows: Windows, zone: str, now: Timestamp, dialled: int, more: int
) -> None:
    since = pace_begins(windows, zone, now)
    pace = Pace(dialled=dialled, since=since)
    end = expected_end(progress, pace, windows, zone, now)
    if end in (NoEnd.JUST_BEGUN, NoEnd.NO_WINDOW):
        return
    later = expected_end(replace(progress, left=progress.left + more), pace, windows, zone, now)
    sooner = expected_end(progress, replace(pace, dialled=dialled + more), windows, zone, now)
    assert moment_of(sooner) <= moment_of(end) <= moment_of(later)
    if not isinstance(end, NoEnd):
        assert end >= now
        just_before = Timestamp(max(end - 1.0, now))
        assert is_open(windows, (zone,), end) or is_open(windows, (zone,), just_before)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("2026-11-30T17:33", ("сегодня около 17:40", "сьогодні близько 17:40", "today at about 17:40")),
        ("2026-11-30T23:57", ("сегодня около 23:57", "сьогодні близько 23:57", "today at about 23:57")),
        ("2026-12-01T10:01", ("завтра около 11:00", "завтра близько 11:00", "tomorrow at about 11:00")),
        ("2026-12-01T11:00", ("завтра около 11:00", "завтра близько 11:00", "tomorrow at about 11:00")),
        ("2026-12-02T10:20", ("в среду около 11:00", "у середу близько 11:00", "on Wednesday at about 11:00")),
        ("2026-12-07T10:20", ("07.12 около 11:00", "07.12 близько 11:00", "07.12 at about 11:00")),
    ],
)
def test_the_end_is_said_by_the_offices_clock(end: str, said: tuple[str, str, str]) -> None:
    told = tuple(end_sentence(at(end), language, zone=MOSCOW, now=NOW) for language in LANGUAGES)
    assert told == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_one_sentence(language: str) -> None:
    assert set(NO_END) == {each.value for each in NoEnd}
    for why in NoEnd:
        said = end_sentence(why, language, zone=MOSCOW, now=NOW)
        assert re.fullmatch(r"[^.{}]+\.", said), said
    assert end_sentence(NOW, "xx", zone="Europe/Nowhere", now=NOW) == "today at about 12:00"
