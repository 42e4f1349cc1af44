"""Adds an end to calls that were live when the PBX crashed: CEL has their rows up to the crash, but no hangup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.records.rows import CelRow

CRASH = "crash"
"""The `hangupsource` of a call that a crash ended. No channel has this name."""


def with_crashed_ends(rows: Sequence[CelRow], began: Timestamp) -> list[CelRow]:
    """
    Add a hangup for each channel that has rows from before the PBX's last start only, and no hangup.

    Args:
        rows: in any order.
        began: when the running PBX was started.

    Returns:
        The rows with the added hangups. These have the moment of the last row before the crash, and CRASH as their
        `hangupsource`: neither side hung up.
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
            over.add(row.uniqueid)  # has a row since the start: it did not die in the crash
    died = [row for uniqueid, row in last.items() if uniqueid not in over]
    ends = [
        replace(row, event="HANGUP", at=alive_at, app="", appdata="", extra={"hangupsource": CRASH}) for row in died
    ]
    return [*rows, *ends]
