"""Reads the rows of a list by its mapping: whom to call, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from integration.domain.call_lists.cells import (
    MOST_NUMBERS,
    CellProblem,
    ListNumber,
    Problem,
    read_phone_cell,
    read_zone_cell,
)
from integration.domain.call_lists.columns import Mapping, Role
from integration.domain.numbers.numbering import Numbering

_LONGEST_NAME = 200
_LONGEST_COMMENT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRow:
    """
    Attributes:
        numbers: in the order of the columns and cells, each once; empty: the row is not taken.
        zone: an IANA name.
        responsible: the name of an employee, as written.
        problems: of a row that is taken, the cells that are not.
    """

    name: str = ""
    numbers: tuple[ListNumber, ...] = ()
    zone: str | None = None
    responsible: str = ""
    comment: str = ""
    problems: tuple[CellProblem, ...] = ()


def is_empty(cells: Sequence[str]) -> bool:
    return not any(cell.strip() for cell in cells)


def read_row(cells: Sequence[str], mapping: Mapping, numbering: Numbering) -> ListRow:
    """Read one row. Never raises."""
    numbers: dict[str, ListNumber] = {}
    problems: list[CellProblem] = []
    for column in mapping.columns(Role.PHONE):
        if column >= len(cells):
            continue
        read = read_phone_cell(cells[column], numbering)
        for number in read.numbers:
            if len(numbers) < MOST_NUMBERS:
                numbers.setdefault(number.e164, number)
        if read.problem is not None:
            problems.append(read.problem)
    if not numbers and not problems:
        problems.append(CellProblem(problem=Problem.NO_NUMBER))
    zone_text = _joined(cells, mapping, Role.ZONE, 60)
    zone = read_zone_cell(zone_text)
    if zone_text and zone is None:
        problems.append(CellProblem(problem=Problem.UNKNOWN_ZONE, text=zone_text))
    return ListRow(
        name=_joined(cells, mapping, Role.NAME, _LONGEST_NAME),
        numbers=tuple(numbers.values()),
        zone=zone,
        responsible=_joined(cells, mapping, Role.RESPONSIBLE, _LONGEST_NAME),
        comment=_joined(cells, mapping, Role.COMMENT, _LONGEST_COMMENT),
        problems=tuple(problems),
    )


def _joined(cells: Sequence[str], mapping: Mapping, role: Role, longest: int) -> str:
    parts = (" ".join(cells[column].split()) for column in mapping.columns(role) if column < len(cells))
    return " ".join(part for part in parts if part)[:longest]
