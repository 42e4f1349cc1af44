"""Which numbers help, cost extra, or go by satellite."""

from __future__ import annotations

import pytest

from integration.domain.numbers.number_class import NumberClass, class_of, emergency_digits
from integration.domain.numbers.numbering import DialRules, Numbering
from integration.domain.numbers.phone_text import read_text

RU = Numbering("RU")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+7 916 123-45-67", NumberClass.ORDINARY),
        ("8 (800) 555-35-35", NumberClass.ORDINARY),
        ("8 (809) 555-12-34", NumberClass.PREMIUM),
        ("+1 900 555 1234", NumberClass.PREMIUM),
        ("+44 909 879 1234", NumberClass.PREMIUM),
        ("+979 1 1234 5678", NumberClass.PREMIUM),
        ("+870 773 123 456", NumberClass.SATELLITE),
        ("+8816 3145 5555", NumberClass.SATELLITE),
        ("810 881 631455555", NumberClass.SATELLITE),
        ("+882 16 5550 1234", NumberClass.SATELLITE),
        ("+883 5100 0123 4567", NumberClass.SATELLITE),
    ],
)
def test_numbers_of_the_plans(text: str, expected: NumberClass) -> None:
    found = read_text(text, RU).first
    assert found is not None
    assert class_of(found.number, RU) is expected


@pytest.mark.parametrize(
    ("digits", "country", "expected"),
    [
        ("101", "RU", NumberClass.ORDINARY),
        ("0611", "RU", NumberClass.ORDINARY),
        ("24280", "US", NumberClass.PREMIUM),
        ("3010", "FR", NumberClass.ORDINARY),
        ("12", "ZZ", NumberClass.ORDINARY),
    ],
)
def test_short_numbers_by_what_they_cost(digits: str, country: str, expected: NumberClass) -> None:
    assert class_of(digits, Numbering(country)) is expected


@pytest.mark.parametrize(
    ("text", "country", "dialled"),
    [
        ("112", "RU", "112"),
        (" 1-1-2 ", "RU", "112"),
        ("103", "RU", "103"),
        ("103", "UA", "103"),
        ("911", "US", "911"),
        ("911", "RU", None),
        ("110", "DE", "110"),
        ("1120", "RU", None),
        ("89161234567", "RU", None),
        ("112" * 30, "RU", None),
        ("+7112", "RU", None),
        ("١١٢", "RU", None),
        ("", "RU", None),
    ],
)
def test_emergency_numbers_are_the_countrys(text: str, country: str, dialled: str | None) -> None:
    assert emergency_digits(text, Numbering(country), ()) == dialled


def test_an_employee_at_an_emergency_number_is_an_employee() -> None:
    assert emergency_digits("103", RU, {"103"}) is None


def test_help_is_found_behind_the_prefix_that_leads_out() -> None:
    office = Numbering("RU", DialRules(outside_prefix="9"))
    assert emergency_digits("9112", office, ()) == "9112"
    assert emergency_digits("112", office, ()) == "112"
    assert emergency_digits("9112", RU, ()) is None
