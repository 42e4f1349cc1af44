"""When a client may be dialled: windows by the client's own time. Time zones are turned into moments here only.

A number may stand for several zones (a Russian mobile for sixteen), or for none that is known. Source: reference
"dialling", 5; spec G6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from integration.domain.ids import Timestamp

_DAYS_AHEAD = 8  # a week of weekdays and the day on which the search begins
_STEP_SECONDS = 900  # zones differ by quarters of an hour
DAY_MINUTES = 24 * 60


class UnknownZone(StrEnum):
    """What to do about a client whose zone is not known for certain."""

    SAFE = "safe"  # several possible zones: only when the window is open in all of them; none known: never
    OFFICE = "office"  # the office's zone is assumed; somebody has confirmed the warning
    NEVER = "never"  # such clients are not dialled


@dataclass(frozen=True, slots=True)
class Span:
    """From `first` until `last` in minutes of the day: 9:00 to 20:00 is `Span(540, 1200)`. Ends by midnight, 1440."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first < self.last <= DAY_MINUTES:
            raise ValueError(f"a window begins before it ends, within one day: {self.first} to {self.last} minutes")


_WORKDAY = (Span(9 * 60, 20 * 60),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """
    Attributes:
        week: the spans of Monday to Sunday; an empty tuple: not on this day.
        holidays: days without calls, in the client's calendar.
        on_holidays: the spans of those days, if there are calls all the same.
    """

    week: tuple[tuple[Span, ...], ...] = (*([_WORKDAY] * 5), (), ())
    holidays: frozenset[date] = frozenset()
    on_holidays: tuple[Span, ...] = ()
    unknown_zone: UnknownZone = UnknownZone.SAFE

    def __post_init__(self) -> None:
        if len(self.week) != 7:
            raise ValueError("a week has seven days")

    def spans(self, day: date) -> tuple[Span, ...]:
        """Of this day, in order; spans that touch are one: a call may ring from the first into the second."""
        return _joined(self.on_holidays if day in self.holidays else self.week[day.weekday()])

    @property
    def is_never_open(self) -> bool:
        return not any(self.week) and not self.on_holidays


@lru_cache(maxsize=256)
def _joined(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in sorted(spans, key=lambda each: each.first):
        if joined and span.first <= joined[-1].last:
            joined[-1] = Span(joined[-1].first, max(joined[-1].last, span.last))
        else:
            joined.append(span)
    return tuple(joined)


AROUND_THE_CLOCK = Windows(week=((Span(0, DAY_MINUTES),),) * 7, unknown_zone=UnknownZone.OFFICE)
"""For numbers of the office itself, and where time does not matter."""


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo | None:
    """The zone of this IANA name; None if there is none. Never raises."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def possible_zones(windows: Windows, zones: Sequence[str], office_zone: str) -> tuple[str, ...]:
    """The zones in all of which the window must be open. Empty: this client is not dialled at all."""
    known = tuple(name for name in zones if zone_of(name) is not None)
    if len(known) == 1 and len(zones) == 1:
        return known
    match windows.unknown_zone:
        case UnknownZone.NEVER:
            return ()
        case UnknownZone.OFFICE:
            return (office_zone,) if zone_of(office_zone) is not None else ()
        case UnknownZone.SAFE:
            return known if len(known) == len(zones) else ()


def is_open(windows: Windows, zones: Sequence[str], now: Timestamp, ring_seconds: int = 0) -> bool:
    """Whether a call that begins now rings inside the window in each of these zones, to its last second."""
    return bool(zones) and all(_open_in(windows, name, now, ring_seconds) for name in zones)


def _open_in(windows: Windows, name: str, now: Timestamp, ring_seconds: int) -> bool:
    zone = zone_of(name)
    if zone is None:
        return False
    begins = datetime.fromtimestamp(now, zone)
    ends = datetime.fromtimestamp(now + ring_seconds, zone)
    if ends.date() != begins.date() and (ends.hour, ends.minute, ends.second) != (0, 0, 0):
        return _covers_to_midnight(windows, begins) and _covers_from_midnight(windows, ends)
    first, last = _minute(begins), _minute(ends) or (DAY_MINUTES if ends.date() != begins.date() else 0)
    return any(span.first <= first and last <= span.last for span in windows.spans(begins.date()))


def _minute(at: datetime) -> float:
    return at.hour * 60 + at.minute + at.second / 60 + at.microsecond / 60e6


def _covers_to_midnight(windows: Windows, begins: datetime) -> bool:
    return any(span.first <= _minute(begins) and span.last == DAY_MINUTES for span in windows.spans(begins.date()))


def _covers_from_midnight(windows: Windows, ends: datetime) -> bool:
    return any(span.first == 0 and _minute(ends) <= span.last for span in windows.spans(ends.date()))


def next_opening(windows: Windows, zones: Sequence[str], now: Timestamp, ring_seconds: int = 0) -> Timestamp | None:
    """The first moment from `now` on when a call may begin, to a quarter of an hour; None: not within eight days."""
    if not zones or windows.is_never_open:
        return None
    if is_open(windows, zones, now, ring_seconds):
        return now
    at = now - now % _STEP_SECONDS + _STEP_SECONDS
    for _ in range(_DAYS_AHEAD * 86_400 // _STEP_SECONDS):
        if is_open(windows, zones, Timestamp(at), ring_seconds):
            return Timestamp(at)
        at += _STEP_SECONDS
    return None


def day_of(at: Timestamp, zone: str) -> date:
    """The calendar day of a moment; of an unknown zone by UTC."""
    return datetime.fromtimestamp(at, zone_of(zone) or UTC).date()


def hour_of(at: Timestamp, zone: str) -> int:
    """0 to 23; of an unknown zone by UTC."""
    return datetime.fromtimestamp(at, zone_of(zone) or UTC).hour


def start_of_next_day(at: Timestamp, zone: str) -> Timestamp:
    """Midnight after a moment, or the first moment of that day where summer time skips midnight."""
    own = zone_of(zone) or UTC
    day = datetime.fromtimestamp(at, own).date() + timedelta(days=1)
    return Timestamp(datetime(day.year, day.month, day.day, tzinfo=own).timestamp())
