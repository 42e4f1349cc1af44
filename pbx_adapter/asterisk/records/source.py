"""`AsteriskRecords`: implements the port `CallRecords` on Asterisk's own records, CDR and CEL."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import structlog

from integration.domain.ids import Timestamp
from integration.errors import ConfigError
from integration.ports.records import RecordedCall
from pbx_adapter.asterisk.ami.own_tests import is_test_id
from pbx_adapter.asterisk.records import csv_files
from pbx_adapter.asterisk.records.cdr import recorded
from pbx_adapter.asterisk.records.cel import calls_of
from pbx_adapter.asterisk.records.crashes import with_crashed_ends
from pbx_adapter.asterisk.records.reach import CdrReach, CelReach
from pbx_adapter.asterisk.records.rows import (
    CDR_NEEDED,
    CEL_NEEDED,
    CdrRow,
    CelRow,
    NoRowError,
    cdr_row,
    cel_row,
)
from pbx_adapter.asterisk.records.settings import RecordsSettings
from pbx_adapter.asterisk.records.tables import open_tables
from pbx_adapter.asterisk.tracker.office import OfficeShape

log = structlog.get_logger()

LONGEST_CALL_SECONDS = 6 * 3600.0
"""How far before the wanted time rows are read. A call that began earlier is not found."""

_CLOCKS_DIFFER_SECONDS = 900.0  # more than a clock is ever wrong, less than two time zones differ
_BORN = re.compile(r"(?:.*-)?(\d{9,11})\.\d+")  # a Uniqueid begins with the second of its channel


class AsteriskRecords:
    """Implements `ports.CallRecords`."""

    def __init__(
        self, settings: RecordsSettings, office: OfficeShape, pbx_began: Callable[[], Timestamp | None] = lambda: None
    ) -> None:
        """
        Args:
            pbx_began: when the running PBX was started; None while that is unknown.

        Raises:
            ConfigError: the driver of the database is not installed.
        """
        self._settings = settings
        self._pbx_began = pbx_began
        self._office = office
        self._tables = None if settings.kind == "csv" else open_tables(settings)

    async def between(self, since: Timestamp, until: Timestamp) -> AsyncIterator[RecordedCall]:
        """The calls that ended in this time; see the port. Raises: Unavailable, AuthFailed, ConfigError."""
        earliest = Timestamp(since - LONGEST_CALL_SECONDS)
        if self._tables is None:
            found = await asyncio.to_thread(self._from_files, earliest, since)
        else:
            found = await self._from_tables(earliest, until)
        for call in found:
            if since <= call.ended_at < until:
                yield call

    @property
    def late_seconds(self) -> float:
        return self._settings.late_seconds

    def _from_files(self, earliest: Timestamp, since: Timestamp) -> list[RecordedCall]:
        settings = self._settings
        cdr: list[CdrRow] = []
        cel: list[CelRow] = []

        def parse_cdr(columns: Mapping[str, Any], _: int) -> tuple[Timestamp, CdrRow]:
            row = cdr_row(columns, settings.time_zone)
            return row.end, row

        def parse_cel(columns: Mapping[str, Any], number: int) -> tuple[Timestamp, CelRow]:
            row = cel_row(columns, settings.time_zone, number)
            return row.at, row

        left_out = csv_files.Skipped()
        if settings.cdr:
            path = Path(settings.cdr)
            enough = CdrReach(since).is_enough
            cdr, left_out = csv_files.read(path, settings.cdr_columns, parse_cdr, since=earliest, is_enough=enough)
        if settings.cel:
            path, reach = Path(settings.cel), CelReach(since).is_enough
            cel, others = csv_files.read(path, settings.cel_columns, parse_cel, since=earliest, is_enough=reach)
            left_out.lines, left_out.reason = left_out.lines + others.lines, left_out.reason or others.reason
        if left_out.lines:
            log.warning("lines of the PBX's records left out", lines=left_out.lines, reason=left_out.reason)
        return self._fold(cdr, cel)

    async def _from_tables(self, earliest: Timestamp, until: Timestamp) -> list[RecordedCall]:
        settings, tables = self._settings, self._tables
        if tables is None:
            return []
        cdr: list[CdrRow] = []
        cel: list[CelRow] = []
        left_out = 0
        if settings.cdr:
            for columns in await tables.rows(settings.cdr, ("start", "calldate"), CDR_NEEDED, earliest, until):
                try:
                    cdr.append(cdr_row(columns, settings.time_zone))
                except NoRowError:
                    left_out += 1
        if settings.cel:
            rows = await tables.rows(settings.cel, ("eventtime",), CEL_NEEDED, earliest, until)
            for number, columns in enumerate(rows):
                try:
                    cel.append(cel_row(columns, settings.time_zone, number))
                except NoRowError:
                    left_out += 1
        if left_out:
            log.warning("rows of the PBX's records left out", rows=left_out)
        return await asyncio.to_thread(self._fold, cdr, cel)

    def _fold(self, cdr: list[CdrRow], cel: list[CelRow]) -> list[RecordedCall]:
        cdr = [row for row in cdr if not is_test_id(row.linkedid or row.uniqueid)]
        cel = [row for row in cel if not is_test_id(row.linkedid or row.uniqueid)]
        births = [(row.uniqueid, row.start) for row in cdr if row.uniqueid == row.linkedid]
        births += [(row.uniqueid, row.at) for row in cel if row.event == "CHAN_START"]
        self._check_zone(births)
        began = self._pbx_began()
        if began is not None:
            cel = with_crashed_ends(cel, began)
        return recorded(calls_of(cel, self._office), cdr, self._office)

    def _check_zone(self, births: Iterable[tuple[str, Timestamp]]) -> None:
        """Find a wrong time zone: a channel's Uniqueid begins with the second of its creation. Raises: ConfigError."""
        earliest: dict[str, float] = {}
        for uniqueid, at in births:
            earliest[uniqueid] = min(at, earliest.get(uniqueid, at))
        differences = [
            at - float(match[1]) for uniqueid, at in earliest.items() if (match := _BORN.fullmatch(uniqueid))
        ]
        if differences and abs(median(differences)) > _CLOCKS_DIFFER_SECONDS:
            hours = median(differences) / 3600
            raise ConfigError(
                f"{self._settings.key}.time_zone: read in {self._settings.time_zone.key}, the records are {hours:+.1f} "
                "hours off the PBX's clock; write the zone in which the PBX writes them"
            )
