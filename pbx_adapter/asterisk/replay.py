"""Replays a recorded AMI stream: reads a `.jsonl` file and returns its calls.

A line has `t` (seconds) and one of `event`, `response`, `action` (sent by the recording client) and `link`
(`up` or `down`). The caller prints the calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from integration.domain.calls.call import Call
from integration.domain.calls.events import CallEvent
from integration.domain.calls.tracking import advance
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp
from integration.errors import ProtocolError
from pbx_adapter.asterisk.ami.protocol import Frame, cut_values
from pbx_adapter.asterisk.tracker.office import OfficeShape
from pbx_adapter.asterisk.tracker.tracker import Tracker

_PBX = PbxId("replay")
_ACCOUNT = AccountId("replay")

_SILENCE_SECONDS = 60.0
"""After the last line; longer than any timeout of the tracker."""

_KINDS = ("event", "response", "action", "link")

Line = tuple[Timestamp, str, Frame | str]
"""Moment, one of `_KINDS`, and the frame; for `link` the word."""


def replay_file(
    path: Path, office: OfficeShape | None = None, on_cut: Callable[[str], None] | None = None
) -> list[Call]:
    """
    Follow a recorded stream.

    Args:
        on_cut: called with a message if the last line is cut off and left out; without it that is an error.

    Returns:
        The calls in order of their start, without those that were joined to another. A call without an end was live
        when the recording ended.

    Raises:
        ProtocolError: the file is not a recording; the message names the line.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return replay(read_lines(file, on_cut), office)


def replay(lines: Iterable[Line], office: OfficeShape | None = None) -> list[Call]:
    """The same for lines that have been read already."""
    calls: dict[CallId, Call] = {}
    fold(calls, events_of(lines, office))
    kept = (call for call in calls.values() if call.merged_into is None)
    return sorted(kept, key=lambda call: (call.started_at, call.native_id))


def events_of(lines: Iterable[Line], office: OfficeShape | None = None) -> Iterator[CallEvent]:
    """What the lines say of calls, in their order, and what the silence after them says."""
    tracker = Tracker(_PBX, office)
    now = Timestamp(0.0)
    for at, kind, said in lines:
        now = max(now, at)
        yield from _step(tracker, now, kind, said)
    yield from tracker.tick(Timestamp(now + _SILENCE_SECONDS))


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


def read_lines(file: Iterable[bytes], on_cut: Callable[[str], None] | None = None) -> Iterator[Line]:
    """
    Parse the lines of a recording, one by one.

    Args:
        on_cut: called with a message and the line's number if the last line is cut off, because the recorder was
            stopped or the disk was full. The lines before it are still a recording.

    Raises:
        ProtocolError: a line is invalid; the message has its number.
    """
    unread: tuple[bytes, str] | None = None
    for number, raw in enumerate(file, 1):
        if not raw.strip():
            continue
        if unread is not None:
            raise ProtocolError(unread[1])
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError) as exc:
            unread = raw, f"line {number}: not JSON: {exc}"
            continue
        try:
            yield _line(line)
        except (TypeError, ValueError) as exc:
            raise ProtocolError(f"line {number}: {exc}") from None
    if unread is None:
        return
    raw, complaint = unread
    if on_cut is None or not _is_cut(raw):
        raise ProtocolError(complaint)
    on_cut(f"{complaint} (the last line is cut off and was left out)")


def _is_cut(raw: bytes) -> bool:
    """Whether this looks like the beginning of a line of ours."""
    text = raw.strip()
    return text.startswith(b"{") and not (text.endswith(b"}") and raw.endswith(b"\n"))


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
    return {_text(key): _value(kind, key, value) for key, value in said.items()}


def _value(kind: str, key: str, value: object) -> str | list[str]:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return [_text(text) for text in value]
    raise TypeError(f'"{kind}": the value of {key!r} is neither a text nor a list of texts')


def _text(text: str) -> str:
    """A text with U+FFFD for lone surrogates, which JSON can contain, as on a live connection."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
