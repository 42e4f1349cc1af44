"""Guesses what the columns of a list hold: by their headings in three languages, and by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from integration.domain.call_lists.cells import looks_like_numbers
from integration.domain.numbers.numbering import Numbering

_LOOKED_AT = 200  # rows
_HEADING_WITHIN = 30  # rows: a report of 1C has a title above
_ENOUGH = 0.5  # share of a column's cells that are numbers


class Role(StrEnum):
    """What a column is for."""

    IGNORED = ""
    PHONE = "phone"  # several columns may be
    NAME = "name"  # several are joined: family name, given name
    ZONE = "zone"
    RESPONSIBLE = "responsible"
    COMMENT = "comment"


MANY = frozenset({Role.IGNORED, Role.PHONE, Role.NAME, Role.COMMENT})
"""Roles that several columns may have."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """
    Attributes:
        roles: by column.
        first: the index of the first row of people; rows before it are a title and headings.
        heading: the index of the row of headings; None: there is none.
    """

    roles: tuple[Role, ...]
    first: int
    heading: int | None = None

    @property
    def has_numbers(self) -> bool:
        return Role.PHONE in self.roles

    def columns(self, role: Role) -> list[int]:
        return [index for index, each in enumerate(self.roles) if each is role]


# Looked up in this order. First what holds digits that are no numbers, and labels ("Phone 1 - Type").
_HEADINGS: tuple[tuple[Role, tuple[str, ...]], ...] = (
    (
        Role.IGNORED,
        (
            *("инн", "кпп", "огрн", "окпо", "едрпоу", "єдрпоу", "рнокпп", "снилс", "паспорт", "сч[её]т", "рахунок"),
            *("индекс", "індекс", r"\bid\b", "идентификатор", "№ ?п", "номер (?:договор|заказ|документ|карт|сделк)"),
            *("дата", r"\bdate\b", "birthday", "сумма", "сума", "цена", "ціна", "бюджет", "price", "amount"),
            *("факс", "fax", "e-?mail", "почта", "пошта", r"\btype\b", r"\blabel\b", r"\bтип\b"),
            *("сайт", "website", r"\burl\b", "адрес", "address"),
        ),
    ),
    (Role.ZONE, (r"часов\w* (?:пояс|зона)", "time ?zone", "таймзона", r"\bпояс\b", r"\butc\b")),
    (
        Role.PHONE,
        (
            *(r"тел\b", "телефон", r"моб\b", "мобил", "мобіл", "сотов", "phone", "mobile", r"\bcell\b", r"\btel\b"),
            *(r"контактн\w* номер", "номер контакт", "^номер(?: абонента| клиента| клієнта)?$", "whatsapp", "viber"),
        ),
    ),
    (
        Role.RESPONSIBLE,
        (
            *("ответствен", "відповідальн", "менеджер", "manager", "responsible", r"\bowner\b", "assigned"),
            *("оператор", "куратор"),
        ),
    ),
    (
        Role.NAME,
        (
            *("фио", r"ф\. ?и\. ?о", "піб", r"п\. ?і\. ?б", "фамилия", "прізвище", "^имя", "^ім['’ʼ]?я", "отчество"),
            *("по[ -]батькові", r"\bname\b", "surname", "контакт", "клиент", "клієнт", "контрагент", "абонент"),
            *("наименование", "найменування", "назва", "название", "компания", "компанія", "организация"),
            *("організація", "company", "client", "customer", "contact"),
        ),
    ),
    (
        Role.COMMENT,
        ("коммент", "комент", "примечан", "приміт", "заметк", "нотат", "comment", r"\bnotes?\b", "описание"),
    ),
)


def _any_of(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE)


_WORDS = tuple((role, _any_of(words)) for role, words in _HEADINGS)
_WHOLE_NAME = _any_of(
    (
        *("полное имя", "фио", r"ф\. ?и\. ?о", "піб", r"п\. ?і\. ?б", "повне ім", "full ?name", "^name$"),
        *("^имя контакта", "^контакт$", "^contact$"),
    )
)
_PART_OF_NAME = _any_of(
    (
        *("фамилия", "прізвище", "^имя", "^ім['’ʼ]?я", "отчество", "по[ -]батькові"),
        *("first", "last", "middle", "given", "family", "surname"),
    )
)


def role_of(heading: str) -> Role | None:
    """None: no word that we know."""
    text = " ".join(heading.split())
    return next((role for role, words in _WORDS if text and words.search(text)), None)


def guess(rows: Sequence[Sequence[str]], numbering: Numbering) -> Mapping:
    """
    Guess the mapping.

    Args:
        rows: the first rows, as text; of any lengths.
    """
    width = max((len(row) for row in rows), default=0)
    heading = _heading(rows, numbering)
    first = 0 if heading is None else heading + 1
    body = rows[first : first + _LOOKED_AT]
    titles = [] if heading is None else rows[heading]
    roles: list[Role] = []
    for column in range(width):
        title = titles[column] if column < len(titles) else ""
        cells = [row[column] for row in body if column < len(row) and row[column].strip()]
        roles.append(_role(role_of(title), cells, numbering))
    return Mapping(tuple(_once(_best_names(roles, titles, body))), first, heading)


def _role(by_title: Role | None, cells: Sequence[str], numbering: Numbering) -> Role:
    share = sum(looks_like_numbers(cell, numbering) for cell in cells) / len(cells) if cells else 0.0
    if by_title is Role.PHONE:
        has_digits = any(character.isdigit() for cell in cells for character in cell)
        return Role.PHONE if has_digits or not cells else Role.IGNORED
    if by_title is not None:
        return by_title
    return Role.PHONE if share >= _ENOUGH else Role.IGNORED


def _best_names(roles: Sequence[Role], titles: Sequence[str], body: Sequence[Sequence[str]]) -> list[Role]:
    """
    Of the columns that name somebody: a whole name, else its parts, else the first (a company). Without headings the
    first column of words.
    """
    named = [index for index, role in enumerate(roles) if role is Role.NAME]
    if not named and Role.PHONE in roles and not titles:
        named = [index for index, role in enumerate(roles) if role is Role.IGNORED and _is_words(body, index)][:1]
    whole = [index for index in named if index < len(titles) and _WHOLE_NAME.search(titles[index].strip())]
    parts = [index for index in named if index < len(titles) and _PART_OF_NAME.search(titles[index].strip())]
    kept = whole[:1] or parts or named[:1]
    return [
        Role.NAME if index in kept else Role.IGNORED if role is Role.NAME else role for index, role in enumerate(roles)
    ]


def _is_words(body: Sequence[Sequence[str]], column: int) -> bool:
    cells = [row[column] for row in body if column < len(row) and row[column].strip()]
    letters = sum(any(character.isalpha() for character in cell) for cell in cells)
    return letters * 2 > len(cells)


def _once(roles: Sequence[Role]) -> list[Role]:
    """The first column of a role that only one column may have."""
    seen: set[Role] = set()
    kept = []
    for role in roles:
        kept.append(Role.IGNORED if role in seen and role not in MANY else role)
        seen.add(role)
    return kept


def _heading(rows: Sequence[Sequence[str]], numbering: Numbering) -> int | None:
    """The row with the most known headings, above the first number; else a first row of words above numbers."""
    within = rows[:_HEADING_WITHIN]
    first_number = next(
        (index for index, row in enumerate(within) if any(looks_like_numbers(cell, numbering) for cell in row)),
        len(within),
    )
    known = [
        (sum(role_of(cell) is not None for cell in row if len(cell) <= 80), index)
        for index, row in enumerate(within[:first_number])
    ]
    most = max((count for count, _ in known), default=0)
    if most:
        return next(index for count, index in known if count == most)
    filled = [index for index in range(first_number) if any(cell.strip() for cell in within[index])]
    is_only_one = len(filled) == 1 and first_number < len(within)
    return filled[0] if is_only_one and sum(bool(cell.strip()) for cell in within[filled[0]]) > 1 else None
