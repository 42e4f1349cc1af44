"""What the reader and its worker process tell each other, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from integration.domain.call_lists.cells import CellProblem, ListNumber, Problem
from integration.domain.call_lists.columns import Mapping, Role
from integration.domain.call_lists.rows import ListRow
from integration.domain.call_lists.text_files import Encoding, Separator
from integration.domain.numbers.numbering import DialForm, DialRules, Numbering
from integration.ports.list_files import FileForm, FileRow, ReadingChoice, RowReading


def order(choice: ReadingChoice, reading: RowReading | None) -> dict[str, Any]:
    return {"choice": asdict(choice), "reading": None if reading is None else asdict(reading)}


def read_order(said: dict[str, Any]) -> tuple[ReadingChoice, RowReading | None]:
    choice, reading = said["choice"], said["reading"]
    chosen = ReadingChoice(
        encoding=Encoding(choice["encoding"]) if choice["encoding"] else None,
        separator=Separator(choice["separator"]) if choice["separator"] else None,
        sheet=choice["sheet"],
    )
    if reading is None:
        return chosen, None
    mapping, numbering = reading["mapping"], reading["numbering"]
    rules = DialRules(**{**numbering["rules"], "click": DialForm(numbering["rules"]["click"])})
    return chosen, RowReading(
        Mapping(tuple(Role(each) for each in mapping["roles"]), mapping["first"], mapping["heading"]),
        Numbering(numbering["country"], rules),
    )


def form(said: dict[str, Any]) -> FileForm:
    return FileForm(
        encoding=Encoding(said["encoding"]) if said["encoding"] else None,
        separator=Separator(said["separator"]) if said["separator"] else None,
        sheets=tuple(said["sheets"]),
        sheet=said["sheet"],
    )


def row(value: FileRow) -> list[Any]:
    return [value.line, value.cells, None if value.read is None else asdict(value.read)]


def read_row(said: list[Any]) -> FileRow:
    line, cells, read = said
    return FileRow(line, tuple(cells), None if read is None else _list_row(read))


def _list_row(said: dict[str, Any]) -> ListRow:
    return ListRow(
        name=said["name"],
        numbers=tuple(ListNumber(**each) for each in said["numbers"]),
        zone=said["zone"],
        responsible=said["responsible"],
        comment=said["comment"],
        problems=tuple(CellProblem(problem=Problem(each["problem"]), text=each["text"]) for each in said["problems"]),
    )
