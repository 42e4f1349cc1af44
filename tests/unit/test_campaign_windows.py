"""When a client may be dialled, by the client's own time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.campaigns.windows import (
    AROUND_THE_CLOCK,
    Span,
    UnknownZone,
    Windows,
    day_of,
    is_open,
    next_opening,
    possible_zones,
    start_of_next_day,
)
from integration.domain.ids import Timestamp

MOSCOW, KYIV, KAMCHATKA, KALININGRAD = "Europe/Moscow", "Europe/Kyiv", "Asia/Kamchatka", "Europe/Kaliningrad"
EVERY_DAY = Windows(week=((Span(9 * 60, 20 * 60),),) * 7)


def at(text: str, zone: str = MOSCOW) -> Timestamp:
    return Timestamp(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("moment", "is_wanted"),
    [
        ("2026-11-30T08:59:59", False),
        ("2026-11-30T09:00:00", True),
        ("2026-11-30T19:59:35", True),  # rings until 20:00:00
        ("2026-11-30T19:59:36", False),  # would ring past the window's end
        ("2026-11-28T12:00:00", False),  # a Saturday
    ],
)
def test_a_call_rings_inside_the_window_to_its_last_second(moment: str, is_wanted: bool) -> None:
    assert is_open(Windows(), (MOSCOW,), at(moment), 25) is is_wanted


def test_a_call_may_ring_from_one_span_into_the_next_but_not_into_lunch() -> None:
    touching = Windows(week=((Span(780, 1200), Span(540, 780)),) * 7)
    assert is_open(touching, (MOSCOW,), at("2026-11-30T12:59:50"), 25)
    with_lunch = Windows(week=((Span(540, 780), Span(840, 1200)),) * 7)
    assert not is_open(with_lunch, (MOSCOW,), at("2026-11-30T12:59:50"), 25)
    assert next_opening(with_lunch, (MOSCOW,), at("2026-11-30T12:59:50"), 25) == at("2026-11-30T14:00")


def test_a_holiday_has_its_own_spans() -> None:
    off = Windows(holidays=frozenset({date(2026, 11, 30)}))
    assert not is_open(off, (MOSCOW,), at("2026-11-30T12:00"))
    short = Windows(holidays=frozenset({date(2026, 11, 30)}), on_holidays=(Span(600, 720),))
    assert is_open(short, (MOSCOW,), at("2026-11-30T11:00"))
    assert not is_open(short, (MOSCOW,), at("2026-11-30T13:00"))


def test_summer_time_is_the_client_s() -> None:
    """9:00 in Kyiv is 7:00 UTC in winter and 6:00 UTC in summer."""
    assert not is_open(EVERY_DAY, (KYIV,), at("2026-01-15T06:30", "UTC"))
    assert is_open(EVERY_DAY, (KYIV,), at("2026-07-15T06:30", "UTC"))


def test_of_several_zones_all_must_be_open() -> None:
    zones = (KALININGRAD, KAMCHATKA)
    assert possible_zones(EVERY_DAY, zones, MOSCOW) == zones
    assert not is_open(EVERY_DAY, zones, at("2026-11-30T09:59"))
    assert is_open(EVERY_DAY, zones, at("2026-11-30T10:30"))
    assert not is_open(EVERY_DAY, zones, at("2026-11-30T11:01"))


@pytest.mark.parametrize("zones", [(), ("No/Where",), (MOSCOW, "No/Where")])
def test_an_unknown_zone_is_never_open_unless_the_office_says_so(zones: tuple[str, ...]) -> None:
    assert possible_zones(EVERY_DAY, zones, MOSCOW) == ()
    assert not is_open(EVERY_DAY, possible_zones(EVERY_DAY, zones, MOSCOW), at("2026-11-30T12:00"))
    assumed = Windows(unknown_zone=UnknownZone.OFFICE)
    assert possible_zones(assumed, zones, MOSCOW) == (MOSCOW,)
    assert possible_zones(assumed, (KYIV,), MOSCOW) == (KYIV,)
    assert possible_zones(Windows(unknown_zone=UnknownZone.NEVER), (MOSCOW, KYIV), MOSCOW) == ()
    assert possible_zones(assumed, zones, "No/Where") == ()


def test_the_next_opening_is_found_over_a_weekend_and_over_summer_time() -> None:
    friday = at("2026-11-27T19:59:50")
    assert next_opening(Windows(), (MOSCOW,), friday, 25) == at("2026-11-30T09:00")
    before_the_change = at("2026-03-28T21:00", KYIV)  # on the 29th clocks go forward
    assert next_opening(EVERY_DAY, (KYIV,), before_the_change) == at("2026-03-29T09:00", KYIV)
    assert next_opening(Windows(week=((),) * 7), (MOSCOW,), friday) is None
    assert next_opening(EVERY_DAY, (), friday) is None
    noon = at("2026-11-30T12:00")
    assert next_opening(EVERY_DAY, (MOSCOW,), noon) == noon


def test_around_the_clock_is_open_over_midnight() -> None:
    assert is_open(AROUND_THE_CLOCK, (MOSCOW,), at("2026-11-30T23:59:50"), 25)
    assert is_open(AROUND_THE_CLOCK, (MOSCOW,), at("2026-11-30T23:59:35"), 25)


@pytest.mark.parametrize(("first", "last"), [(-1, 5), (5, 5), (6, 5), (0, 1441)])
def test_a_span_that_is_none_is_refused(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="begins before it ends"):
        Span(first, last)


def test_a_week_has_seven_days() -> None:
    with pytest.raises(ValueError, match="seven"):
        Windows(week=((),))


def test_days_end_at_the_zone_s_midnight() -> None:
    late = at("2026-11-30T23:30")
    assert day_of(late, MOSCOW) == date(2026, 11, 30)
    assert day_of(late, KAMCHATKA) == date(2026, 12, 1)
    assert day_of(late, "No/Where") == datetime.fromtimestamp(late, UTC).date()
    assert start_of_next_day(late, MOSCOW) == at("2026-12-01T00:00")


@given(
    now=st.floats(min_value=1.7e9, max_value=1.9e9),
    zones=st.lists(
        st.sampled_from([MOSCOW, KYIV, KAMCHATKA, KALININGRAD, "America/New_York", "Asia/Kolkata", "Pacific/Chatham"]),
        min_size=1,
        max_size=3,
    ),
    ring=st.integers(min_value=0, max_value=60),
)
def test_an_open_window_is_open_at_both_ends_of_the_ring_in_every_zone(now: float, zones: list[str], ring: int) -> None:
    if not is_open(EVERY_DAY, zones, Timestamp(now), ring):
        return
    for zone in zones:
        for moment in (now, now + ring):
            local = datetime.fromtimestamp(moment, ZoneInfo(zone))
            minute = local.hour * 60 + local.minute + local.second / 60 + local.microsecond / 60e6
            assert 9 * 60 <= minute <= 20 * 60
