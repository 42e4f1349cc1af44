"""What is dialled: an extension as the PBX names it, or an outside number as the office dials it. Two questions."""

from __future__ import annotations

import pytest

from integration.domain.numbers.dialling import (
    destination_to_dial,
    digits_to_dial,
    extension_to_dial,
    number_to_dial,
)
from integration.domain.numbers.numbering import DialForm, DialRules, Numbering
from integration.domain.numbers.phone_text import read_text

RUSSIA = Numbering(country="RU")


def office(**rules: object) -> Numbering:
    return Numbering(country="RU", rules=DialRules(**{"click": DialForm.NATIONAL, **rules}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "extension",
    ["101", "anna.petrova", "anna_petrova", "anna-petrova-2", "1001-2002", "1001-2002-3003", "*78", "*72#", "+101"],
)
def test_an_extension_is_dialled_exactly_as_the_pbx_names_it(extension: str) -> None:
    """Taking the dots and dashes out would ring another phone: `annapetrova`, `10012002`."""
    assert extension_to_dial(f" {extension} ") == extension


@pytest.mark.parametrize(
    "text", [None, "", " ", "101&102", "101, 102", "101 102", "PJSIP/101", "sip:101@pbx", "Анна", "101\n102", "1" * 41]
)
def test_what_could_be_more_than_one_extension_is_none(text: str | None) -> None:
    assert extension_to_dial(text) is None


def test_an_extension_has_at_most_forty_characters() -> None:
    assert extension_to_dial("a" * 40) == "a" * 40


@pytest.mark.parametrize(
    ("text", "dialled"),
    [
        ("8 916 123-45-67", "89161234567"),  # digits only: as they are written
        ("+7 (916) 123-45-67", "+79161234567"),
        ("8.916.123.45.67", "89161234567"),
        ("8 916 123-45-67 доб. 12", "+79161234567"),
        ("8 (495) 123-45-67 или 8 916 123-45-67", "+74951234567"),
        ("2-66-77-77", "2667777"),
        ("*72#", "*72#"),
        ("не звонить", None),
        ("anna.petrova", None),
        ("", None),
        (None, None),
        ("1" * 41, None),
    ],
)
def test_an_outside_number_where_the_office_has_no_rules(text: str | None, dialled: str | None) -> None:
    assert number_to_dial(text, RUSSIA) == dialled


@pytest.mark.parametrize(
    ("rules", "text", "dialled"),
    [
        (office(), "+7 916 123-45-67", "89161234567"),
        (office(), "8 916 123-45-67", "89161234567"),
        (office(), "+380 67 123-45-67", "810380671234567"),
        (office(outside_prefix="9"), "8 916 123-45-67", "989161234567"),
        (office(outside_prefix="9"), "+380 67 123-45-67", "9810380671234567"),
        (office(trunk_prefix="0"), "+7 916 123-45-67", "09161234567"),
        (office(international_prefix="00"), "+380 67 123-45-67", "00380671234567"),
        (office(click=DialForm.E164, outside_prefix="9"), "8 916 123-45-67", "979161234567"),
        (office(area_code="495"), "123-45-67", "84951234567"),
        (office(area_code="495", click=DialForm.LOCAL), "8 (495) 123-45-67", "1234567"),
        (office(area_code="495", click=DialForm.LOCAL), "8 (499) 123-45-67", "84991234567"),
        (office(area_code="495", click=DialForm.LOCAL), "8 916 123-45-67", "89161234567"),
        (office(area_code="84", local_length=6, click=DialForm.LOCAL), "8 (8442) 12-34-56", "88442123456"),
        (office(carrier_prefix="0001#"), "8 916 123-45-67", "89161234567"),  # for reading only
        (office(outside_prefix="9"), "112", "112"),  # no number of the plans: as it is
    ],
)
def test_an_outside_number_by_the_rules_of_the_office(rules: Numbering, text: str, dialled: str) -> None:
    assert number_to_dial(text, rules) == dialled


@pytest.mark.parametrize(
    ("text", "dialled"),
    [
        ("101", "101"),
        ("anna.petrova", "anna.petrova"),
        ("anna-petrova-2", "anna-petrova-2"),
        ("1001-2002", "1001-2002"),
        ("10.20", "10.20"),
        ("8 916 123-45-67", "89161234567"),
        ("8-916-123-45-67", "89161234567"),
        ("2-66-77-77", "2667777"),  # more than one dash and no letter: a number
        ("12-34-56", "123456"),
        ("PJSIP/101", None),
        ("anna petrova", None),
        ("", None),
        (None, None),
    ],
)
def test_a_destination_may_be_either(text: str | None, dialled: str | None) -> None:
    assert destination_to_dial(text, RUSSIA) == dialled


def test_e164_without_a_prefix_keeps_its_plus() -> None:
    (number,) = read_text("8 916 123-45-67", RUSSIA).numbers
    assert digits_to_dial(number, RUSSIA) == "+79161234567"
    assert digits_to_dial(number, office()) == "89161234567"
