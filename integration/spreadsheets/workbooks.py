"""Reads workbooks (xlsx, xls, ods, xlsb) and the HTML tables that CRMs call `.xls`. Runs in the reader's own process.

Formulas are never worked out: a workbook holds the last result of each beside it. Where a program left the result out,
the cell says so (`=`), because an empty cell would look like somebody without a number.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from html.parser import HTMLParser
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from integration.domain.call_lists.text_files import LONGEST_CELL, MOST_COLUMNS
from integration.ports.list_files import FileRow, FileTrouble, UnreadableFile

MOST_UNPACKED = 400 * 1024 * 1024  # bytes; 100,000 rows of 20 columns are 100 MB
_MOST_PARTS = 2000
_PIECE = 1 << 20
_OLE = b"\xd0\xcf\x11\xe0"


def is_workbook(data: bytes) -> bool:
    return data.startswith((b"PK\x03\x04", _OLE))


def is_html(data: bytes) -> bool:
    head = data[:1000].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    return head.startswith((b"<html", b"<!doctype html", b"<meta", b"<table"))


class Workbook:
    """Raises `UnreadableFile` from every method."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._without_result: dict[str, set[tuple[int, int]]] = {}
        if data.startswith(b"PK"):
            self._without_result = _checked(data)
        try:
            self._book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        except PasswordError as exc:
            raise UnreadableFile(FileTrouble.PROTECTED) from exc
        except (CalamineError, OSError, ValueError) as exc:
            encrypted = data.startswith(_OLE) and "EncryptedPackage".encode("utf-16-le") in data
            raise UnreadableFile(FileTrouble.PROTECTED if encrypted else FileTrouble.UNREADABLE) from exc

    @property
    def sheets(self) -> tuple[str, ...]:
        return tuple(self._book.sheet_names)

    def rows(self, sheet: str) -> Iterator[FileRow]:
        """The rows of a sheet that are not empty."""
        try:
            opened = self._book.get_sheet_by_name(sheet)
        except (CalamineError, OSError, ValueError) as exc:
            raise UnreadableFile(FileTrouble.UNREADABLE) from exc
        if opened.start is None:
            return
        left = opened.start[1]  # the rows come from the first one of the sheet, the cells from the first used column
        lost = self._without_result.get(sheet, set())
        for row, values in enumerate(opened.iter_rows()):
            cells = [cell_text(value) for value in values[:MOST_COLUMNS]]
            if lost:
                for column, cell in enumerate(cells):
                    if not cell and (row, left + column) in lost:
                        cells[column] = "="
            if any(cells):
                yield FileRow(row + 1, tuple(cells))


def cell_text(value: Any) -> str:
    """A cell as a person would type it: a number that is whole has no fraction, however it is stored."""
    if isinstance(value, str):
        return value[:LONGEST_CELL]
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return "" if value is None else str(value)[:LONGEST_CELL]


def _checked(data: bytes) -> dict[str, set[tuple[int, int]]]:
    """
    Unpack everything once and forget it: what a part says of its size is not what it unpacks to. Returns the cells of
    each sheet (row and column from 0) whose formula has no result.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = packed.infolist()
            if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
                raise UnreadableFile(FileTrouble.TOO_LARGE)
            if any(part.flag_bits & 1 for part in parts):
                raise UnreadableFile(FileTrouble.PROTECTED)
            found: dict[str, set[tuple[int, int]]] = {}
            for part in parts:
                is_sheet = part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml")
                found[part.filename] = _unpacked(packed, part, look=is_sheet)
            names = _sheet_files(packed)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError, ValueError) as exc:
        raise UnreadableFile(FileTrouble.UNREADABLE) from exc
    except RuntimeError as exc:  # zipfile's word for a password
        raise UnreadableFile(FileTrouble.PROTECTED) from exc
    return {sheet: found.get(file, set()) for sheet, file in names.items()}


_NO_RESULT = re.compile(
    rb'<c r="([A-Z]{1,3})([0-9]{1,7})"[^>]*>\s*<f(?:\s[^>]*)?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>'
)


def _unpacked(packed: zipfile.ZipFile, part: zipfile.ZipInfo, *, look: bool) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    rest = b""
    with packed.open(part) as stream:
        while piece := stream.read(_PIECE):
            if not look:
                continue
            text = rest + piece
            for match in _NO_RESULT.finditer(text):
                found.add((int(match[2]) - 1, _column(match[1].decode())))
            rest = text[-4000:]
    return found


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


_SHEET = re.compile(r"<(?:\w+:)?sheet\s[^>]*>")
_RELATION = re.compile(r"<Relationship\s[^>]*>")
_ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')


def _sheet_files(packed: zipfile.ZipFile) -> dict[str, str]:
    """The file of each sheet by its name; empty for workbooks that are not built like Excel's."""
    try:
        book = packed.read("xl/workbook.xml").decode("utf-8", "replace")
        relations = packed.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    except KeyError:
        return {}
    targets = {}
    for tag in _RELATION.findall(relations):
        attributes = dict(_ATTRIBUTE.findall(tag))
        target = attributes.get("Target", "")
        targets[attributes.get("Id", "")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    found = {}
    for tag in _SHEET.findall(book):
        attributes = dict(_ATTRIBUTE.findall(tag))
        name = _unescaped(attributes.get("name", ""))
        found[name] = targets.get(attributes.get("r:id", ""), "")
    return found


def _unescaped(text: str) -> str:
    for sign, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(sign, character)
    return text


def html_rows(text: str) -> Iterator[FileRow]:
    """The rows of the tables in a page: some CRMs write their export to Excel so."""
    table = _Table()
    for at in range(0, len(text), _PIECE):
        table.feed(text[at : at + _PIECE])
        yield from table.taken()
    table.close()
    yield from table.taken()


class _Table(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._rows: list[FileRow] = []
        self._line = 0
        self._cells: list[str] = []
        self._cell: list[str] | None = None

    def taken(self) -> list[FileRow]:
        rows, self._rows = self._rows, []
        return rows

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self._end_row()
            self._line += 1
        elif tag in ("td", "th"):
            self._end_cell()
            self._cell = []
        elif tag == "br" and self._cell is not None:
            self._cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._end_cell()
        elif tag in ("tr", "table"):
            self._end_row()

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def _end_cell(self) -> None:
        if self._cell is not None and len(self._cells) < MOST_COLUMNS:
            self._cells.append("".join(self._cell).strip()[:LONGEST_CELL])
        self._cell = None

    def _end_row(self) -> None:
        self._end_cell()
        if any(self._cells):
            self._rows.append(FileRow(self._line, tuple(self._cells)))
        self._cells = []
