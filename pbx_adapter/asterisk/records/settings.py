"""Where a PBX keeps its records: `[account.asterisk.records]`. `source.py` opens them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from zoneinfo import ZoneInfo

from integration.errors import ConfigError
from pbx_adapter.asterisk.records.rows import CDR_CUSTOM, CDR_MASTER, CDR_NEEDED, CEL_CUSTOM, CEL_NEEDED

Kind = Literal["csv", "postgresql", "mysql"]
_KINDS: tuple[Kind, ...] = ("csv", "postgresql", "mysql")
_TABLE = re.compile(r"[A-Za-z0-9_$]{1,64}(\.[A-Za-z0-9_$]{1,64})?")
LATE_SECONDS = 400.0  # `batch` in cdr.conf writes after 300 s by default
_MOST_LATE_SECONDS = 7200.0
_UTC = ZoneInfo("UTC")
_URLS = {"postgresql": ("postgresql", "postgres"), "mysql": ("mysql", "mariadb")}
_KEYS = ("kind", "cdr", "cel", "cdr_columns", "cel_columns", "url", "time_zone", "late_seconds")


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
            ConfigError: a key is missing, unknown or has a wrong value. The message says what to write.
        """
        if not isinstance(table, Mapping):
            raise ConfigError(f"{key}: write a table, [{key}]")
        if not table:
            return None
        for name in table:
            if name not in _KEYS:
                raise ConfigError(f"{key}.{name} is not a setting: write one of {', '.join(_KEYS)}")
        kind = next((known for known in _KINDS if known == table.get("kind")), None)
        if kind is None:
            raise ConfigError(f"{key}.kind: write one of {', '.join(_KINDS)}")
        cdr, cel, url = (_text(table, name, key) for name in ("cdr", "cel", "url"))
        if not cdr and not cel:
            raise ConfigError(f"{key}: write cdr, cel or both: where the records are")
        if kind != "csv":
            _check_tables(kind, url, (cdr, cel), key)
        elif not all(path.startswith("/") for path in (cdr, cel) if path):
            raise ConfigError(f"{key}: write cdr and cel as absolute paths, beginning with /")
        is_master = cdr.rpartition("/")[2].startswith("Master.csv")
        return cls(
            kind=kind,
            cdr=cdr,
            cel=cel,
            cdr_columns=_columns(table, "cdr_columns", CDR_MASTER if is_master else CDR_CUSTOM, CDR_NEEDED, key),
            cel_columns=_columns(table, "cel_columns", CEL_CUSTOM, CEL_NEEDED, key),
            url=url,
            time_zone=_zone(_text(table, "time_zone", key) or "UTC", key),
            late_seconds=_late(table.get("late_seconds", LATE_SECONDS), key),
            key=key,
        )


def _check_tables(kind: Kind, url: str, tables: tuple[str, ...], key: str) -> None:
    if url.partition("://")[0] not in _URLS[kind]:
        raise ConfigError(f'{key}.url: write where the tables are, "{kind}://user:password@host/asteriskcdrdb"')
    for table in tables:
        if table and not _TABLE.fullmatch(table):
            raise ConfigError(f"{key}: {table!r} is not a table name; write letters, digits, _ and at most one dot")


def _columns(
    table: Mapping[str, Any], name: str, default: tuple[str, ...], needed: tuple[str, ...], key: str
) -> tuple[str, ...]:
    value = table.get(name, default)
    if not isinstance(value, list | tuple) or not all(isinstance(column, str) and column for column in value):
        raise ConfigError(f"{key}.{name}: write a list of column names, in the order of the file")
    missing = [column for column in needed if column not in value]
    if missing:
        raise ConfigError(f"{key}.{name}: the column {missing[0]} is missing; without it calls cannot be told apart")
    return tuple(value)


def _text(table: Mapping[str, Any], name: str, key: str) -> str:
    value = table.get(name, "")
    if not isinstance(value, str) or "\0" in value:
        raise ConfigError(f"{key}.{name}: write a text in quotes")
    return value


def _late(value: Any, key: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 1 <= value <= _MOST_LATE_SECONDS:
        raise ConfigError(
            f"{key}.late_seconds: write how many seconds after a call the records are complete, 1 to 7200"
        )
    return float(value)


def _zone(name: str, key: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as exc:
        raise ConfigError(f'{key}.time_zone: {name!r} is not a time zone; write for example "Europe/Moscow"') from exc
