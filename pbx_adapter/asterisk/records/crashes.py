"""The end of calls that a PBX was in when it died: CEL has their rows up to then, and nobody ever writes their end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.records.rows import CelRow

CRASH = "crash"
"""The `hangupsource` of an end that the PBX's own death made: no channel has this name."""


def with_crashed_ends(rows: Sequence[CelRow], began: Timestamp) -> list[CelRow]:
    """
    Add the hangup of each channel that was there before the PBX began to run, and has none.

    Args:
        rows: in any order.
        began: when the PBX that runs now was started.

    Returns:
        The rows and the ends, which are dated by the last row that the PBX wrote before it died: it lived then. Their
        `hangupsource` is CRASH: neither side hung up.
    """
    last: dict[str, CelRow] = {}
    over: set[str] = set()
    alive_at = Timestamp(0.0)
    for row in rows:
        if row.event in ("HANGUP", "CHAN_END"):
            over.add(row.uniqueid)
        if row.at < began:
            alive_at = max(alive_at, row.at)
            if row.uniqueid not in last or row.at >= last[row.uniqueid].at:
                last[row.uniqueid] = row
        else:
            over.add(row.uniqueid)  # it was heard of since
    died = [row for uniqueid, row in last.items() if uniqueid not in over]
    ends = [
        replace(row, event="HANGUP", at=alive_at, app="", appdata="", extra={"hangupsource": CRASH}) for row in died
    ]
    return [*rows, *ends]
