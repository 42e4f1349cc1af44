"""Replaying a recorded AMI stream: a `.jsonl` file in, the calls it tells out.

A line has `t` (seconds) and one of `event`, `response`, `action` (sent by the recording client) and `link`
(`up` or `down`). What the calls look like when printed is not decided here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from integration.domain.call import Call
from integration.domain.events import CallEvent
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp
from integration.domain.tracking import advance
from integration.errors import ProtocolError
from pbx_adapter.asterisk.office import OfficeShape
from pbx_adapter.asterisk.protocol import Frame, cut_values
from pbx_adapter.asterisk.tracker import Tracker

_PBX = PbxId("replay")
_ACCOUNT = AccountId("replay")

_SILENCE_SECONDS = 60.0
"""After the last line; everything the tracker decides by silence is decided by then."""

_KINDS = ("event", "response", "action", "link")

Line = tuple[Timestamp, str, Frame | str]
"""Moment, one of `_KINDS`, and what was said; for `link` it is the word."""


def replay_file(path: Path, office: OfficeShape | None = None) -> list[Call]:
    """
    Follow a recorded stream.

    Returns:
        The calls in order of their start, without those that were joined to another. A call without an end was still
        going on when the recording ended.

    Raises:
        ProtocolError: the file is no recording; says in which line.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return replay(read_lines(file), office)


def replay(lines: Iterable[Line], office: OfficeShape | None = None) -> list[Call]:
    """The same for lines that were read already."""
    tracker = Tracker(_PBX, office)
    calls: dict[CallId, Call] = {}
    now = Timestamp(0.0)
    for at, kind, said in lines:
        now = max(now, at)
        fold(calls, _step(tracker, now, kind, said))
    fold(calls, tracker.tick(Timestamp(now + _SILENCE_SECONDS)))
    kept = (call for call in calls.values() if call.merged_into is None)
    return sorted(kept, key=lambda call: (call.started_at, call.uniqueid))


def fold(calls: dict[CallId, Call], events: Iterable[CallEvent]) -> None:
    """Apply events to the calls they name."""
    for event in events:
        after = advance(calls.get(event.call), event, account=_ACCOUNT, pbx=_PBX).call
        if after is not None:
            calls[event.call] = after


def _step(tracker: Tracker, at: Timestamp, kind: str, said: Frame | str) -> list[CallEvent]:
    if isinstance(said, str):
        return tracker.link_up(at) if said == "up" else tracker.link_lost(at)
    if kind == "action":
        tracker.sent(said)
        return []
    return tracker.feed(said, at)


def read_lines(file: Iterable[bytes]) -> Iterator[Line]:
    """
    Parse the lines of a recording, one by one.

    Raises:
        ProtocolError: a line is not what it should be; the message has its number.
    """
    for number, raw in enumerate(file, 1):
        if not raw.strip():
            continue
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError) as exc:
            raise ProtocolError(f"line {number}: not JSON: {exc}") from None
        try:
            yield _line(line)
        except (TypeError, ValueError) as exc:
            raise ProtocolError(f"line {number}: {exc}") from None


def _line(line: object) -> Line:
    if not isinstance(line, dict):
        raise TypeError('not an object with "t" and one of "event", "response", "action", "link"')
    at = line.get("t")
    if isinstance(at, bool) or not isinstance(at, int | float) or not -1e12 < at < 1e12:
        raise ValueError('"t" is not a number of seconds')
    for kind in _KINDS:
        if kind in line:
            said = _said(kind, line[kind])
            if not isinstance(said, str):
                cut_values(said)
            return Timestamp(float(at)), kind, said
    raise ValueError('none of "event", "response", "action", "link"')


def _said(kind: str, said: object) -> Frame | str:
    if kind == "link":
        if said not in ("up", "down"):
            raise ValueError('"link" is neither "up" nor "down"')
        return str(said)
    if not isinstance(said, dict):
        raise TypeError(f'"{kind}" is not an object')
    for key, value in said.items():
        if isinstance(value, str) or (isinstance(value, list) and all(isinstance(text, str) for text in value)):
            continue
        raise TypeError(f'"{kind}": the value of {key!r} is neither a text nor a list of texts')
    return said
