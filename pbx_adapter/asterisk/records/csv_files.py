"""Reads the CSV files of cdr-csv, cdr-custom and cel-custom from their end, line by line, with their rotated parts.

Asterisk writes a line at a time, so the last one may be incomplete. `cdr.py` and `cel.py` interpret the rows.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from integration.domain.ids import Timestamp
from integration.errors import ConfigError, Unavailable
from pbx_adapter.asterisk.ami.characters import decoded
from pbx_adapter.asterisk.records.rows import NoRowError

_CHUNK = 1 << 20  # bytes read at once, going back from the end
_LONGEST_LINE = 1 << 16
_MOST_ROTATED = 30

Row = TypeVar("Row")

Parse = Callable[[Mapping[str, str], int], tuple[Timestamp, Row]]


@dataclass(slots=True)
class Skipped:
    """Lines that could not be read as rows, with the first reason; in a file of another layout, every line."""

    lines: int = 0
    rows: int = 0
    reason: str = ""

    def because(self, reason: str) -> None:
        self.lines += 1
        self.reason = self.reason or reason


def read(
    path: Path,
    columns: Sequence[str],
    parse: Parse[Row],
    *,
    since: Timestamp,
    is_enough: Callable[[Row], bool] = lambda row: False,
) -> tuple[list[Row], Skipped]:
    """
    Read the rows of a file and its rotated parts that are not older than `since`.

    Args:
        parse: turns a line's columns and its number into its moment and its row; raises NoRowError.
        is_enough: gets each row, the newest first; reading stops when it returns true.

    Returns:
        The rows, the newest file first, each file in the order of its lines; and the lines left out.

    Raises:
        Unavailable: the file does not exist or cannot be read.
        ConfigError: no line fits the columns.
    """
    skipped = Skipped()
    found: list[Row] = []
    has_all = False
    for number, part in enumerate(_parts(path, since)):
        rows: list[Row] = []
        for place, line in enumerate(_lines_back(part)):
            row = _row(line, columns, parse, -place, skipped)
            if row is None:
                continue
            skipped.rows += 1
            if row[0] < since:
                break
            rows.append(row[1])
            has_all = is_enough(row[1])
            if has_all:
                break
        found += reversed(rows)
        if has_all or (number and not rows):
            break
    if skipped.lines and not skipped.rows:
        raise ConfigError(f"{path}: not one line fits the columns {', '.join(columns)}: {skipped.reason}")
    return found, skipped


def _row(
    line: bytes, columns: Sequence[str], parse: Parse[Row], number: int, skipped: Skipped
) -> tuple[Timestamp, Row] | None:
    if len(line) > _LONGEST_LINE:
        skipped.because("a line is longer than 64 KiB")
        return None
    try:
        values = next(csv.reader([decoded(line)], strict=True), None)
    except csv.Error as exc:
        skipped.because(str(exc))
        return None
    if not values:
        return None
    if len(values) < len(columns):
        skipped.because(f"{len(values)} columns instead of {len(columns)}")
        return None
    try:
        return parse(dict(zip(columns, values, strict=False)), number)
    except NoRowError as exc:
        skipped.because(str(exc))
        return None


def _parts(path: Path, since: Timestamp) -> Iterator[Path]:
    """The file, then its rotated parts (`.1`, `-20261122`, either with `.gz`), the newest first."""
    try:
        path.stat()
    except OSError as exc:
        raise Unavailable(f"the PBX's records in {path} cannot be read: {exc.strerror}") from exc
    yield path
    rotated = []
    for other in path.parent.glob(f"{_escaped(path.name)}[.-]*"):
        try:
            changed = other.stat().st_mtime
        except OSError:
            continue
        if other.is_file() and changed >= since:
            rotated.append((changed, other))
    for _, other in sorted(rotated, reverse=True)[:_MOST_ROTATED]:
        yield other


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _lines_back(path: Path) -> Iterator[bytes]:
    """Complete lines from the last to the first; text behind the last line end is left out."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as packed:
                yield from reversed(packed.read().split(b"\n")[:-1])
            return
        with path.open("rb") as file:
            yield from _pieces_back(file)
    except (OSError, EOFError, gzip.BadGzipFile) as exc:
        raise Unavailable(f"the PBX's records in {path} cannot be read: {exc}") from exc


def _pieces_back(file: BinaryIO) -> Iterator[bytes]:
    position = file.seek(0, os.SEEK_END)
    rest, has_end = b"", False
    while position > 0:
        step = min(_CHUNK, position)
        position -= step
        file.seek(position)
        lines = (file.read(step) + rest).split(b"\n")
        rest = lines.pop(0)
        if lines and not has_end:
            has_end = True
            lines.pop()
        yield from reversed(lines)
        if len(rest) > _LONGEST_LINE:
            rest = rest[-_LONGEST_LINE - 1 :]  # too long for a row; enough of it is kept to be refused as one
    if has_end and rest:
        yield rest
