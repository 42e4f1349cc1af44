"""Turns the stored events of a call into what a person reads: sentences in their order, and the events as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from integration.domain.calls.call import LegKind, LegResult
from integration.domain.ids import Timestamp
from integration.texts.timeline import TIMELINE, happened
from integration.web.pages.view import local_clock

_TOGETHER_SECONDS = 1.5  # phones of a group that begin to ring within this time are one line
_SAME_MOMENT_SECONDS = 1.5  # events that are one for a person: a phone is answered, and the client is connected

_LATEST = 4e9  # Unix seconds: what is later is no moment of ours

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """`at`: the office's time of day, `06:11:00`."""

    at: str
    sentence: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as it was stored, for who looks into the machinery. `at`: seconds since the start, `+2.5`."""

    at: str
    name: str
    detail: str


@dataclass(slots=True)
class _Moment:
    at: float
    key: str
    values: dict[str, str] = field(default_factory=dict)
    phones: list[str] = field(default_factory=list)


def event_rows(entries: Iterable[Entry], started_at: Timestamp) -> list[EventRow]:
    rows = []
    for entry in _in_order(entries):
        own = {name: value for name, value in entry.items() if name not in {"event", "at"}}
        detail = ", ".join(f"{name} {value}" for name, value in own.items())
        rows.append(EventRow(f"+{_at(entry) - started_at:.1f}", str(entry.get("event", "")), detail))
    return rows


def timeline_rows(
    entries: Iterable[Entry], lang: str, zone: ZoneInfo, shown: Callable[[str], str], *, is_internal: bool = False
) -> list[TimelineRow]:
    """
    Args:
        shown: a number or extension as people know it: `Anna Orlova (101)`, `+7 916 123-45-67`.

    Returns:
        A row for each thing that a person would tell. Events of a newer release are left out. Never raises for what is
        stored.
    """
    story = _Story(_in_order(entries), shown, is_internal=is_internal)
    return [
        TimelineRow(
            local_clock(Timestamp(moment.at), zone),
            happened(moment.key, lang, **moment.values, **({"who": ", ".join(moment.phones)} if moment.phones else {})),
        )
        for moment in _together(story.moments())
    ]


def _together(moments: Iterable[_Moment]) -> Iterator[_Moment]:
    """Phones to which the same happens at once in one line."""
    last: _Moment | None = None
    for moment in moments:
        is_same = (
            last is not None
            and last.phones
            and moment.phones
            and (last.key, last.values) == (moment.key, moment.values)
            and moment.at - last.at <= _TOGETHER_SECONDS
        )
        if is_same and last is not None:
            last.phones += [phone for phone in moment.phones if phone not in last.phones]
            continue
        if last is not None:
            yield last
        last = moment
    if last is not None:
        yield last


class _Story:
    def __init__(self, entries: Sequence[Entry], shown: Callable[[str], str], *, is_internal: bool) -> None:
        self._entries = entries
        self._shown = shown
        self._is_internal = is_internal
        self._targets = {_text(e, "leg"): _text(e, "target") for e in entries if e.get("event") == "LegOffered"}
        self._answered = {_text(e, "leg") for e in entries if e.get("event") == "LegAnswered"}
        self._offered: set[str] = set()
        self._queue = ""
        self._tellers: Mapping[str, Callable[[Entry], tuple[str, dict[str, str]] | None]] = {
            "CallStarted": self._started,
            "CallDescribed": self._described,
            "ClientReleased": lambda _: ("released", {}),
            "HoldStarted": lambda _: ("held", {}),
            "HoldEnded": lambda _: ("unheld", {}),
            "TransferStarted": self._transfer,
            "TransferEnded": lambda entry: (f"transferred_{_text(entry, 'result')}", {}),
            "CallMerged": lambda _: ("merged", {}),
            "ClientChosen": self._chosen,
            "RecordingStarted": lambda _: ("recording", {}),
            "ClientWaiting": lambda _: ("waiting_for_employee", {}),
            "AnswererJudged": lambda entry: (f"judged_{_text(entry, 'answerer')}", {}),
            "MessageStarted": lambda _: ("message_started", {}),
            "MessagePlayed": lambda entry: ("message_left" if entry.get("on_machine") else "message_played", {}),
            "KeyPressed": lambda entry: ("key_pressed", {"digit": _text(entry, "key") or "—"}),
            "ClientTurnedAway": lambda _: ("turned_away", {}),
            "CallEnded": self._ended,
        }
        self._of_phones: Mapping[str, Callable[[Entry], tuple[str, str] | None]] = {
            "LegOffered": self._ringing,
            "LegAnswered": self._picked_up,
            "ClientConnected": self._talking,
            "LegEnded": self._left,
            "HangUpPressed": self._pressed,
        }

    def moments(self) -> Iterator[_Moment]:
        for entry in self._entries:
            name, at = str(entry.get("event", "")), _at(entry)
            values: dict[str, str] = {}
            phones: list[str] = []
            key = ""
            if teller := self._tellers.get(name):
                key, values = teller(entry) or ("", {})
            elif of_phone := self._of_phones.get(name):
                key, phone = of_phone(entry) or ("", "")
                phones = [self._shown(phone) if phone else "—"]
                values = {"queue": self._queue} if key == "offered_queue" else {}
            if key in TIMELINE:
                yield _Moment(at, key, values, phones)

    def _started(self, entry: Entry) -> tuple[str, dict[str, str]]:
        if entry.get("seen_from_start") is False:
            return "joined_late", {}
        is_click = "kind='click'" in _text(entry, "origin")
        key = "started_click" if is_click else f"started_{_text(entry, 'direction')}"
        return key, {end: self._shown(_text(entry, end)) or "—" for end in ("caller", "called")}

    def _described(self, entry: Entry) -> tuple[str, dict[str, str]] | None:
        queue = _text(entry, "queue")
        if not queue or queue == self._queue:
            return None
        self._queue = queue
        return "in_queue", {"queue": queue}

    def _transfer(self, entry: Entry) -> tuple[str, dict[str, str]]:
        ends = {end: self._shown(_text(entry, end)) or "—" for end in ("from_", "to")}
        return f"transfer_{_text(entry, 'kind')}", ends

    def _chosen(self, entry: Entry) -> tuple[str, dict[str, str]]:
        by = self._shown(_text(entry, "extension")) or "—"
        return "client_chosen", {"name": _text(entry, "name") or _text(entry, "person") or "—", "by": by}

    def _ended(self, entry: Entry) -> tuple[str, dict[str, str]]:
        return ("ended_unseen" if entry.get("inferred") else f"ended_{_text(entry, 'hangup_by')}"), {}

    def _ringing(self, entry: Entry) -> tuple[str, str] | None:
        leg = _text(entry, "leg")
        if leg in self._offered:  # repeated, with a better reason
            return None
        self._offered.add(leg)
        target = _text(entry, "target")
        if _text(entry, "kind") == LegKind.EXTERNAL:
            return "offered_external", target
        if _text(entry, "kind") == LegKind.CONFERENCE:
            return "offered_conference", target
        if queue := _text(entry, "queue"):
            self._queue = queue
            return "offered_queue", target
        return "offered", target

    def _picked_up(self, entry: Entry) -> tuple[str, str] | None:
        target = self._targets.get(_text(entry, "leg"), "")
        if self._follows(entry, "ClientConnected"):
            return None
        return "answered", target

    def _talking(self, entry: Entry) -> tuple[str, str]:
        person = _text(entry, "person") or _text(entry, "answered_by")
        return ("talking_internal" if self._is_internal else "talking"), person

    def _left(self, entry: Entry) -> tuple[str, str] | None:
        leg = _text(entry, "leg")
        result = LegResult.ANSWERED.value if leg in self._answered else _text(entry, "result")
        if result in (LegResult.ANSWERED, LegResult.CANCELLED) and self._follows(entry, "CallEnded"):
            return None
        return f"leg_over_{result}", self._targets.get(leg, "")

    def _pressed(self, entry: Entry) -> tuple[str, str]:
        return ("press_declined" if entry.get("own_leg") else "press_hung_up"), _text(entry, "extension")

    def _follows(self, entry: Entry, name: str) -> bool:
        """Whether an event of this name belongs to the same moment."""
        return any(
            other.get("event") == name and abs(_at(other) - _at(entry)) <= _SAME_MOMENT_SECONDS
            for other in self._entries
        )


def _in_order(entries: Iterable[Entry]) -> list[Entry]:
    """By time: the PBX reports some things late. What happened at one moment stays as it was reported."""
    return sorted(entries, key=_at)


def _at(entry: Entry) -> float:
    at = entry.get("at")
    return float(at) if isinstance(at, int | float) and 0 <= at < _LATEST else 0.0


def _text(entry: Entry, name: str) -> str:
    value = entry.get(name)
    return "" if value is None else str(value)
