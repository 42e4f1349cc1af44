"""Reads single cells of a list: telephone numbers as spreadsheets spoil them, and time zones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from integration.domain.numbers.number_class import NumberClass, class_of, emergency_digits
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone_text import read_text


class Problem(StrEnum):
    """What is wrong with a row or one of its cells."""

    NO_NUMBER = "no_number"  # the cells of numbers are empty
    NOT_A_NUMBER = "not_a_number"
    SHORTENED = "shortened"  # 7,91612E+10: the digits are lost
    FORMULA = "formula"  # a formula whose result the file does not hold
    BROKEN_CELL = "broken_cell"  # #VALUE!, ####
    NOT_CALLED = "not_called"  # emergency, premium or satellite
    NOBODY = "nobody"  # a deal of the CRM without contacts
    NOT_FOUND = "not_found"  # its contacts are deleted in the CRM
    TWICE = "twice"  # all of its numbers are in an earlier row or in the list already
    DO_NOT_CALL = "do_not_call"
    UNKNOWN_ZONE = "unknown_zone"  # the row is taken without it
    UNKNOWN_RESPONSIBLE = "unknown_responsible"  # the same


LOST = frozenset(set(Problem) - {Problem.UNKNOWN_ZONE, Problem.UNKNOWN_RESPONSIBLE})
"""Problems for which a row, or one of its numbers, is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellProblem:
    """`text`: of the cell, cut."""

    problem: Problem
    text: str = ""


@dataclass(frozen=True, slots=True)
class ListNumber:
    """`e164`: `+79161234567`. `extension`: to dial behind it."""

    e164: str
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class PhoneCell:
    numbers: tuple[ListNumber, ...] = ()
    problem: CellProblem | None = None


MOST_NUMBERS = 10  # of one row
_SHOWN = 60  # characters of a cell in a message

_SHORTENED = re.compile(r"\+?\d(?:[.,](\d+))?E\+?(\d{1,2})", re.IGNORECASE)
_WHOLE = re.compile(r"(\+?\d{5,20})[.,]0+")
_FORMULA_TEXT = re.compile(r'="?([+\d\s()\-]+)"?')
_ERROR = re.compile(r"#+|#[A-ZА-ЯІЇЄ/0]+[!?]?")
_LETTER_O = re.compile(r"(?<=\d)[OoОо](?=[\d\-\s)(]|$)|(?<=[\d+(])[OoОо](?=\d)")


def read_phone_cell(cell: str, numbering: Numbering) -> PhoneCell:
    """
    The numbers in a cell, in order, each once. Never raises.

    Source: reference "dialling" 7 (what Excel, Google Sheets and 1C make of numbers).
    """
    text = cell.strip().strip("'’`").strip()
    if not text or text in {"-", "–", "—", "нет", "немає", "none", "null", "NULL"}:
        return PhoneCell()
    shown = text[:_SHOWN]
    unwrapped = _FORMULA_TEXT.fullmatch(text)
    if unwrapped is not None:
        text = unwrapped[1]
    elif text.startswith("="):
        return PhoneCell(problem=CellProblem(problem=Problem.FORMULA, text=shown))
    if _ERROR.fullmatch(text):
        return PhoneCell(problem=CellProblem(problem=Problem.BROKEN_CELL, text=shown))
    power = _SHORTENED.fullmatch(text)
    if power is not None:
        whole = _unshortened(text, power)
        if whole is None:
            return PhoneCell(problem=CellProblem(problem=Problem.SHORTENED, text=shown))
        text = whole
    elif fraction := _WHOLE.fullmatch(text):
        text = fraction[1]
    return _numbers_in(_LETTER_O.sub("0", text), shown, numbering)


def _unshortened(text: str, power: re.Match[str]) -> str | None:
    """The digits of `7.9161234567E+10`; None where some are lost."""
    fraction, exponent = power[1] or "", int(power[2])
    if len(fraction) != exponent:  # one that ends with a nought may lack it, or be rounded: nobody knows
        return None
    return re.sub(r"[^0-9]", "", text[: text.upper().index("E")])


def _numbers_in(text: str, shown: str, numbering: Numbering) -> PhoneCell:
    found: list[ListNumber] = []
    refused = False
    for written in read_text(text, numbering).written:
        number = written.number
        if class_of(number, numbering) is not NumberClass.ORDINARY:
            refused = True
        else:
            found.append(ListNumber(number.e164, written.extension))
    if found:
        return PhoneCell(tuple(found))
    if refused or emergency_digits(text, numbering, ()) is not None:
        return PhoneCell(problem=CellProblem(problem=Problem.NOT_CALLED, text=shown))
    return PhoneCell(problem=CellProblem(problem=Problem.NOT_A_NUMBER, text=shown))


@lru_cache(maxsize=4096)
def looks_like_numbers(cell: str, numbering: Numbering) -> bool:
    """Whether a cell holds telephone numbers and hardly anything else, also spoiled ones."""
    if not any(character.isdigit() for character in cell):
        return False
    read = read_phone_cell(cell, numbering)
    if read.problem is not None and read.problem.problem in (Problem.SHORTENED, Problem.NOT_CALLED):
        return True
    digits = sum(character.isdigit() for character in cell)
    return bool(read.numbers) and digits * 2 >= len(cell.strip())


_OFFSET = re.compile(
    r"(?:UTC|GMT|МСК|MSK|Москва)?\s*([+\-−–])?\s*(\d{1,2})?(?::?(00|30|45))?(?:\s*ч\.?)?", re.IGNORECASE
)
_MOSCOW = re.compile(r"МСК|MSK|Москва", re.IGNORECASE)
_IANA = re.compile(r"[A-Za-z_]+/[A-Za-z_\-]+(?:/[A-Za-z_\-]+)?")


_PARTS_OF_HOURS = {
    (3, 30): "Asia/Tehran",
    (4, 30): "Asia/Kabul",
    (5, 30): "Asia/Kolkata",
    (5, 45): "Asia/Kathmandu",
    (9, 30): "Australia/Darwin",
}


def read_zone_cell(cell: str) -> str | None:
    """
    A time zone: `Europe/Samara`, `МСК+2`, `UTC+5`, `+5`. Returns an IANA name; None: not one that we can read. Whether
    a name exists decides who has the data.
    """
    text = cell.strip()
    if _IANA.fullmatch(text):
        return text
    found = _OFFSET.fullmatch(text)
    if found is None or not text:
        return None
    sign = -1 if found[1] in ("-", "−", "–") else 1
    hours, minutes = sign * int(found[2] or 0), int(found[3] or 0)
    if _MOSCOW.match(text):
        if not hours and not minutes:
            return "Europe/Moscow"
        hours += 3
    elif found[2] is None and not re.match("UTC|GMT", text, re.IGNORECASE):
        return None
    if minutes:
        return _PARTS_OF_HOURS.get((hours, minutes))
    # In these names the sign is turned: Etc/GMT-5 is five hours before Greenwich's.
    return f"Etc/GMT{-hours:+d}" if -12 <= hours <= 14 else None
