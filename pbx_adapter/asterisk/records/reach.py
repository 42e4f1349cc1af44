"""How far back the records have to be read: until every call of the time asked for is there from its beginning.

Rows come from the newest back. A PBX with many calls writes tens of thousands of rows an hour, and most gaps are short.
"""

from __future__ import annotations

from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.records.rows import CdrRow, CelRow

_SLACK_SECONDS = 60.0  # rows are written in the order of what happened, but for so much


class CelReach:
    """A call is named by its channels, and each of them begins with CHAN_START; those that were joined name others."""

    def __init__(self, since: Timestamp) -> None:
        self._since = since
        self._wanted: set[str] = set()  # channels in such calls whose beginning was not met yet
        self._begun: set[str] = set()

    def is_enough(self, row: CelRow) -> bool:
        """Take the next row back; whether it is the last one needed."""
        ids = {row.uniqueid, row.linkedid}
        if row.at >= self._since or not self._wanted.isdisjoint(ids):
            self._wanted |= ids - self._begun
        if row.event == "CHAN_START":
            self._begun.add(row.uniqueid)
            self._wanted.discard(row.uniqueid)
        return row.at < self._since - _SLACK_SECONDS and not self._wanted


class CdrReach:
    """The rows of a call are written when it ends, and the one of its first channel has its Linkedid as Uniqueid."""

    def __init__(self, since: Timestamp) -> None:
        self._since = since
        self._wanted: set[str] = set()  # Linkedids whose first channel was not met yet
        self._earliest = since
        self._met: set[str] = set()

    def is_enough(self, row: CdrRow) -> bool:
        """Take the next row back; whether it is the last one needed."""
        if row.uniqueid == row.linkedid:
            self._met.add(row.linkedid)
        if row.end >= self._since and row.linkedid not in self._met:
            self._wanted.add(row.linkedid)
        if row.end >= self._since or row.linkedid in self._wanted:
            self._earliest = min(self._earliest, row.start)
        self._wanted -= self._met
        return row.end < self._earliest - _SLACK_SECONDS and not self._wanted
