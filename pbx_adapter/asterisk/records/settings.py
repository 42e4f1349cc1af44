"""Where a PBX keeps its records: `[account.asterisk.records]`. `source.py` opens them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from zoneinfo import ZoneInfo

from integration.documents.problems import shortened
from integration.documents.reader import TableReader
from integration.texts.settings import Problem
from pbx_adapter.asterisk.records.rows import CDR_CUSTOM, CDR_MASTER, CDR_NEEDED, CEL_CUSTOM, CEL_NEEDED
from pbx_adapter.asterisk.setting_texts import RECORDS_COLUMN, RECORDS_TABLE, RECORDS_URL, RECORDS_WHERE

Kind = Literal["csv", "postgresql", "mysql"]
_KINDS: tuple[Kind, ...] = ("csv", "postgresql", "mysql")
_TABLE = re.compile(r"[A-Za-z0-9_$]{1,64}(\.[A-Za-z0-9_$]{1,64})?")
LATE_SECONDS = 400.0  # `batch` in cdr.conf writes after 300 s by default
_MOST_LATE_SECONDS = 7200.0
_UTC = ZoneInfo("UTC")
_URLS = {"postgresql": ("postgresql", "postgres"), "mysql": ("mysql", "mariadb")}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsSettings:
    """`cdr` and `cel` are paths of CSV files or names of database tables; empty: the PBX does not keep them."""

    kind: Kind
    cdr: str = ""
    cel: str = ""
    cdr_columns: tuple[str, ...] = CDR_MASTER
    cel_columns: tuple[str, ...] = CEL_CUSTOM
    url: str = field(default="", repr=False)  # holds a password
    time_zone: ZoneInfo = _UTC
    late_seconds: float = LATE_SECONDS  # how long after a call its records are complete
    key: str = "records"  # the table's name in the configuration file, for error messages

    @classmethod
    def from_config(cls, table: Any, *, key: str) -> RecordsSettings | None:
        """
        Read the table; None for an empty one.

        Raises:
            InvalidDocument: names every key that is missing, unknown or has a wrong value.
        """
        reader = TableReader(table, tuple(key.split(".")))
        settings = cls.read(reader, key=key)
        reader.finish()
        return settings

    @classmethod
    def read(cls, table: TableReader, *, key: str) -> RecordsSettings | None:
        """As `from_config`; what is wrong stays with the reader. `key`: the table's name, for later errors."""
        if table.is_empty:
            return None
        kind = next(known for known in _KINDS if known == table.one_of("kind", _KINDS))
        cdr, cel, url = (table.text(name) for name in ("cdr", "cel", "url"))
        if not cdr and not cel and table.is_right("cdr") and table.is_right("cel"):
            table.wrong(None, RECORDS_WHERE)
        if kind == "csv":
            for name, path in (("cdr", cdr), ("cel", cel)):
                if path and not path.startswith("/") and table.is_right("kind"):
                    table.wrong(name, Problem.WHOLE_PATH)
        else:
            _check_tables(table, kind, url, {"cdr": cdr, "cel": cel})
        is_master = cdr.rpartition("/")[2].startswith("Master.csv")
        settings = cls(
            kind=kind,
            cdr=cdr,
            cel=cel,
            cdr_columns=_columns(table, "cdr_columns", CDR_MASTER if is_master else CDR_CUSTOM, CDR_NEEDED),
            cel_columns=_columns(table, "cel_columns", CEL_CUSTOM, CEL_NEEDED),
            url=url,
            time_zone=_zone(table),
            late_seconds=table.number("late_seconds", LATE_SECONDS, least=1, most=_MOST_LATE_SECONDS),
            key=key,
        )
        table.no_more()
        return settings


def _check_tables(read: TableReader, kind: Kind, url: str, tables: Mapping[str, str]) -> None:
    if url.partition("://")[0] not in _URLS[kind]:
        read.wrong("url", RECORDS_URL, kind=kind)
    for name, table in tables.items():
        if table and not _TABLE.fullmatch(table):
            read.wrong(name, RECORDS_TABLE)


def _columns(read: TableReader, name: str, default: tuple[str, ...], needed: tuple[str, ...]) -> tuple[str, ...]:
    """In the order of the file."""
    value = read.texts(name, default)
    missing = [column for column in needed if column not in value]
    if missing and read.is_right(name):
        read.wrong(name, RECORDS_COLUMN, columns=", ".join(missing))
    return value


def _zone(read: TableReader) -> ZoneInfo:
    name = read.text("time_zone") or "UTC"
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        read.wrong("time_zone", Problem.TIME_ZONE, value=shortened(name))
        return _UTC
