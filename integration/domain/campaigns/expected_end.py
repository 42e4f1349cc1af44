"""When a campaign's list will have been called: from who is left, what a client takes, and the pace of calling.

Cheap enough for a page that moves by itself. What would happen before the first call is played by `simulation/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

from integration.domain.campaigns.model import NO_ATTEMPT, EntryState, Outcome
from integration.domain.campaigns.windows import DAY_MINUTES, Windows, day_of, is_open, zone_of
from integration.domain.ids import Timestamp

MOST_DAYS = 90
"""Nothing is said about a later end: the team, the hours and the list will have changed."""

PACE_SECONDS = 3600.0
_LEAST_SECONDS, _ENOUGH_CALLS = 300.0, 50  # either makes a pace
_DAYS_BACK = 14  # in which an hour of open windows is sought

_LEFT = (EntryState.OPEN, EntryState.TAKEN)
_SETTLED = (EntryState.REACHED, EntryState.NOT_REACHED)


class NoEnd(StrEnum):
    """Why the end cannot be told. Part of the REST interface."""

    NOT_RUNNING = "not_running"
    NOTHING_LEFT = "nothing_left"
    NOT_DIALLED = "not_dialled"  # nobody yet
    JUST_BEGUN = "just_begun"  # too short for a pace
    NO_CALLS = "no_calls"  # in the last hour of calling
    OTHER_ZONES = "other_zones"  # clients are called while the office's own hours are closed
    NO_WINDOW = "no_window"  # the windows never open
    FAR = "far"  # more than `MOST_DAYS` away


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """
    Attributes:
        left: clients still to be called; `settled`: with whom the campaign is done.
        attempts: ended ones, at which a client's phone rang.
        most: attempts at one client.
    """

    left: int
    settled: int
    attempts: int
    most: int

    @property
    def attempts_each(self) -> float:
        """That a client who is left will take. Each attempt so far has settled somebody with the same chance, also
        those at clients who are still open; one more of each keeps the first few calls from saying too much."""
        return min(max((self.attempts + 2) / (self.settled + 1), 1.0), float(max(self.most, 1)))


def progress_of(entries: Mapping[EntryState, int], outcomes: Mapping[Outcome, int], most: int) -> Progress:
    """Of a campaign's counts."""
    return Progress(
        left=sum(entries.get(state, 0) for state in _LEFT),
        settled=sum(entries.get(state, 0) for state in _SETTLED),
        attempts=sum(count for outcome, count in outcomes.items() if outcome not in NO_ATTEMPT),
        most=most,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """`dialled`: attempts since `since`; `last`: when the newest of them was written, None: there is none."""

    dialled: int
    since: Timestamp
    last: Timestamp | None = None


def pace_begins(windows: Windows, zone: str, now: Timestamp) -> Timestamp:
    """The moment since which the windows have been open for an hour: in the morning it is in the day before."""
    wanted = PACE_SECONDS
    for days in range(_DAYS_BACK):
        for first, last in reversed(list(_spans(windows, zone, day_of(now, zone) - timedelta(days=days)))):
            last = min(last, now)
            if last - first >= wanted:
                return Timestamp(last - wanted)
            wanted -= max(last - first, 0.0)
    return Timestamp(now - _DAYS_BACK * 86_400)


def expected_end(
    progress: Progress, pace: Pace | None, windows: Windows, zone: str, now: Timestamp
) -> Timestamp | NoEnd:
    """
    When the last client will have been called, at this pace and within these windows.

    Args:
        pace: since `pace_begins`, or since the campaign was started; None: it does not run.
        zone: IANA, by which the windows are read: the office's. Clients' own zones are not looked at.
    """
    if not progress.left:
        return NoEnd.NOTHING_LEFT
    if pace is None:
        return NoEnd.NOT_RUNNING
    if not progress.attempts and not pace.dialled:
        return NoEnd.NOT_DIALLED
    if pace.last is not None and not is_open(windows, (zone,), pace.last):
        return NoEnd.OTHER_ZONES
    seconds = _open_seconds(windows, zone, pace.since, now)
    if seconds <= 0.0 or (seconds < _LEAST_SECONDS and pace.dialled < _ENOUGH_CALLS):
        return NoEnd.JUST_BEGUN if not windows.is_never_open else NoEnd.NO_WINDOW
    if not pace.dialled:
        return NoEnd.NO_CALLS
    return _after(progress.left * progress.attempts_each * seconds / pace.dialled, windows, zone, now)


def _after(wanted: float, windows: Windows, zone: str, now: Timestamp) -> Timestamp | NoEnd:
    """When the windows will have been open for so many seconds from now on."""
    has_opened = False
    for first, last in _from(windows, zone, now, MOST_DAYS):
        has_opened = True
        if last - first >= wanted:
            return Timestamp(first + wanted)
        wanted -= last - first
    return NoEnd.FAR if has_opened else NoEnd.NO_WINDOW


def _open_seconds(windows: Windows, zone: str, since: Timestamp, now: Timestamp) -> float:
    days = (day_of(now, zone) - day_of(since, zone)).days + 1
    return sum(max(min(last, now) - first, 0.0) for first, last in _from(windows, zone, since, days))


def _from(windows: Windows, zone: str, since: Timestamp, days: int) -> Iterator[tuple[float, float]]:
    """Spans of these days that end after `since`, without what lies before it."""
    first_day = day_of(since, zone)
    for ahead in range(days):
        for first, last in _spans(windows, zone, first_day + timedelta(days=ahead)):
            if last > since:
                yield max(first, since), last


def _spans(windows: Windows, zone: str, day: date) -> Iterator[tuple[float, float]]:
    """Of one day, in Unix seconds, in order; where the clock jumps over a window, it is as long as it is."""
    own, before = zone_of(zone) or UTC, float("-inf")
    for span in windows.spans(day):
        first, last = (_moment(day, minute, own) for minute in (span.first, span.last))
        first = max(first, before)
        if last > first:
            yield first, last
            before = last


def _moment(day: date, minute: int, own: tzinfo) -> float:
    if minute == DAY_MINUTES:
        day, minute = day + timedelta(days=1), 0
    return datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=own).timestamp()
