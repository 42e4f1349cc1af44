"""Decides how far back to read the records: until every call of the wanted time is complete from its beginning.

Rows come newest first. A busy PBX writes tens of thousands of rows an hour, and most gaps are short.
"""

from __future__ import annotations

from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.records.rows import CdrRow, CelRow

_SLACK_SECONDS = 60.0  # how far rows may be out of order


class CelReach:
    """CEL: each channel begins with CHAN_START. A row names its own channel and, as linkedid, one of the same call."""

    def __init__(self, since: Timestamp) -> None:
        self._since = since
        self._wanted: set[str] = set()  # channels of wanted calls without their CHAN_START so far
        self._begun: set[str] = set()

    def is_enough(self, row: CelRow) -> bool:
        """Take the next older row. Returns whether it is the last one needed."""
        ids = {row.uniqueid, row.linkedid}
        if row.at >= self._since or not self._wanted.isdisjoint(ids):
            self._wanted |= ids - self._begun
        if row.event == "CHAN_START":
            self._begun.add(row.uniqueid)
            self._wanted.discard(row.uniqueid)
        return row.at < self._since - _SLACK_SECONDS and not self._wanted


class CdrReach:
    """CDR: a call's rows are written when it ends. In the row of its first channel Uniqueid and Linkedid are equal."""

    def __init__(self, since: Timestamp) -> None:
        self._since = since
        self._wanted: set[str] = set()  # Linkedids without the row of their first channel so far
        self._earliest = since
        self._met: set[str] = set()

    def is_enough(self, row: CdrRow) -> bool:
        """Take the next older row. Returns whether it is the last one needed."""
        if row.uniqueid == row.linkedid:
            self._met.add(row.linkedid)
        if row.end >= self._since and row.linkedid not in self._met:
            self._wanted.add(row.linkedid)
        if row.end >= self._since or row.linkedid in self._wanted:
            self._earliest = min(self._earliest, row.start)
        self._wanted -= self._met
        return row.end < self._earliest - _SLACK_SECONDS and not self._wanted
