"""One row of Asterisk's CDR or CEL, from a file or a table: its names, its moments, and when it is invalid.

`csv_files.py` and `tables.py` read files and tables; `cel.py` and `cdr.py` turn rows into calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.ami.characters import decoded

CDR_MASTER = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer",
    "end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield", "peeraccount", "linkedid",
    "sequence",
)  # fmt: skip
"""Columns of Master.csv with `loguniqueid`, `loguserfield` and `newcdrcolumns` switched on in cdr.conf."""

CDR_CUSTOM = (
    "linkedid", "uniqueid", "sequence", "start", "answer", "end", "src", "dst", "dcontext", "clid", "channel",
    "dstchannel", "lastapp", "lastdata", "disposition", "userfield", "did",
)  # fmt: skip
"""Columns of our mapping in cdr_custom.conf (docs/howto/recover-missed-calls.md)."""

CEL_CUSTOM = (
    "eventtype", "eventtime", "cid_name", "cid_num", "exten", "context", "channame", "appname", "appdata", "uniqueid",
    "linkedid", "peer", "extra",
)  # fmt: skip
"""Columns of our mapping in cel_custom.conf."""

CDR_NEEDED = ("start", "channel", "disposition", "uniqueid", "linkedid")
CEL_NEEDED = ("eventtype", "eventtime", "channame", "uniqueid", "linkedid")

_LONGEST_TEXT = 512  # characters; longer than any telephone number or name
_SOUND = re.compile(r"[^\x00-\x1f]+\.(wav|wav49|gsm|mp3|ogg|g722|ulaw|alaw|sln)", re.IGNORECASE)
_EPOCH = re.compile(r"\d{9,11}(\.\d{1,9})?")
_LATEST = 32_503_680_000.0  # the year 3000; anything later is not a moment


class NoRowError(ValueError):
    """A line or record is not a row: it is cut off, has other columns, or has no moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrRow:
    """The record of a pair of channels; a business call has several. Texts come from outside: treat them as hostile."""

    linkedid: str
    uniqueid: str
    sequence: int
    start: Timestamp
    answer: Timestamp | None
    end: Timestamp
    src: str
    dst: str
    dcontext: str
    name: str
    channel: str
    dstchannel: str
    lastapp: str
    lastdata: str
    disposition: str
    did: str
    recording: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CelRow:
    """One event of one channel. `sequence` orders rows with the same moment."""

    sequence: int
    event: str
    at: Timestamp
    name: str
    number: str
    exten: str
    context: str
    channel: str
    app: str
    appdata: str
    uniqueid: str
    linkedid: str
    extra: Mapping[str, str]


def cdr_row(columns: Mapping[str, Any], zone: tzinfo) -> CdrRow:
    """
    Read one CDR from its columns, which have the names of cdr.conf or of FreePBX's tables.

    Raises:
        NoRowError: the moment, the channel or the id is missing.
    """
    start = moment(_first(columns, "start", "calldate"), zone)
    if start is None:
        raise NoRowError("no start")
    duration = _number(columns.get("duration"))
    end = moment(columns.get("end"), zone) or Timestamp(start + duration)
    answer = moment(columns.get("answer"), zone)
    disposition = text(columns.get("disposition")).upper()
    if answer is None and disposition == "ANSWERED" and "answer" not in columns:
        answer = Timestamp(max(start, end - _number(columns.get("billsec"))))
    uniqueid = text(columns.get("uniqueid"))
    row = CdrRow(
        linkedid=text(columns.get("linkedid")) or uniqueid,
        uniqueid=uniqueid,
        sequence=int(_number(columns.get("sequence"))),
        start=start,
        answer=answer,
        end=Timestamp(max(start, end)),
        src=text(_first(columns, "cnum", "src")),
        dst=text(columns.get("dst")),
        dcontext=text(columns.get("dcontext")),
        name=text(columns.get("cnam")) or _name(text(columns.get("clid"))),
        channel=text(columns.get("channel")),
        dstchannel=text(columns.get("dstchannel")),
        lastapp=text(columns.get("lastapp")),
        lastdata=text(columns.get("lastdata")),
        disposition=disposition,
        did=text(columns.get("did")),
        recording=_recording(columns),
    )
    if not row.uniqueid or not row.channel:
        raise NoRowError("no uniqueid or no channel")
    return row


def cel_row(columns: Mapping[str, Any], zone: tzinfo, sequence: int) -> CelRow:
    """Read one event of CEL from its columns. Raises: NoRowError."""
    at = moment(columns.get("eventtime"), zone)
    uniqueid, channel = text(columns.get("uniqueid")), text(columns.get("channame"))
    event = text(columns.get("eventtype")).upper()
    if at is None or not uniqueid or not event:
        raise NoRowError("no moment, no event or no uniqueid")
    return CelRow(
        sequence=sequence,
        event=event,
        at=at,
        name=text(columns.get("cid_name")),
        number=text(columns.get("cid_num")),
        exten=text(columns.get("exten")),
        context=text(columns.get("context")),
        channel=channel,
        app=text(columns.get("appname")),
        appdata=text(columns.get("appdata")),
        uniqueid=uniqueid,
        linkedid=text(columns.get("linkedid")) or uniqueid,
        extra=_extra(columns.get("extra")),
    )


def moment(value: Any, zone: tzinfo) -> Timestamp | None:
    """
    A moment as Asterisk and databases write it: seconds since 1970, or a date and time.

    Args:
        zone: for dates without a time zone. In the hour that the end of summer time repeats, the first one is taken.

    Returns:
        None for an empty value (unanswered calls) and for anything that is not a moment.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Timestamp(float(value)) if 0 < value < _LATEST else None
    if isinstance(value, str):
        if _EPOCH.fullmatch(value.strip()):
            return Timestamp(float(value))
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    aware = value if value.tzinfo is not None else value.replace(tzinfo=zone)
    try:
        seconds = aware.astimezone(UTC).timestamp()
    except (OverflowError, ValueError):
        return None
    return Timestamp(seconds) if 0 < seconds < _LATEST else None


def text(value: Any) -> str:
    """One line, at most half a kilobyte, without control characters."""
    if value is None:
        return ""
    shown = decoded(value) if isinstance(value, bytes) else str(value)
    return "".join(c for c in shown[:_LONGEST_TEXT] if c.isprintable()).strip()


def _extra(value: Any) -> Mapping[str, str]:
    """The JSON of `eventextra`; empty for anything else (older versions write words)."""
    if value is None or value == "":
        return {}
    try:
        read = json.loads(value)
    except (TypeError, ValueError, RecursionError):
        return {}
    return {str(key): text(said) for key, said in read.items()} if isinstance(read, dict) else {}


def _first(columns: Mapping[str, Any], *names: str) -> Any:
    return next((columns[name] for name in names if columns.get(name) not in (None, "")), None)


def _number(value: Any) -> float:
    try:
        read = float(value)
    except (TypeError, ValueError):
        return 0.0
    return read if 0 <= read < 1e9 else 0.0


def _name(clid: str) -> str:
    """The name in `"Anna" <101>`."""
    shown = clid.rpartition("<")[0].strip()
    return shown.strip('"').strip()


def _recording(columns: Mapping[str, Any]) -> str:
    """The recording's file name. FreePBX has a column for it; elsewhere the dialplan writes it into `userfield`."""
    for name in ("recordingfile", "userfield"):
        said = text(columns.get(name))
        if _SOUND.fullmatch(said):
            return said
    return ""
