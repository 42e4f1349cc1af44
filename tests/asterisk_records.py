"""The recorded CDR and CEL of `fixtures/asterisk_records`, as rows. `scripts/record_records.py` made them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.records import csv_files
from pbx_adapter.asterisk.records.rows import CDR_CUSTOM, CDR_MASTER, CEL_CUSTOM, CdrRow, CelRow, cdr_row, cel_row

RECORDS = Path(__file__).parent / "fixtures" / "asterisk_records"
UTC = ZoneInfo("UTC")
_ALL = Timestamp(0.0)


@cache
def _cdr(name: str, kind: str) -> list[CdrRow]:
    def parse(columns: Any, _: int) -> tuple[Timestamp, CdrRow]:
        row = cdr_row(columns, UTC)
        return row.end, row

    columns = CDR_MASTER if kind == "master" else CDR_CUSTOM
    return csv_files.read(RECORDS / f"{name}.{kind}.csv", columns, parse, since=_ALL)[0]


@cache
def _cel(name: str) -> list[CelRow]:
    def parse(columns: Any, number: int) -> tuple[Timestamp, CelRow]:
        row = cel_row(columns, UTC, number)
        return row.at, row

    return csv_files.read(RECORDS / f"{name}.cel.csv", CEL_CUSTOM, parse, since=_ALL)[0]


def read_cdr(name: str, kind: str = "cdr") -> list[CdrRow]:
    """`kind`: `cdr` (cdr_custom, with fractions of seconds) or `master` (cdr_csv)."""
    return list(_cdr(name, kind))


def read_cel(name: str) -> list[CelRow]:
    return list(_cel(name))
