"""A number is written in the usual ways, and each of them reads as the same number again."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.numbers.numbering import DialRules, Numbering
from integration.domain.numbers.phone import PhoneNumber, read_number
from integration.domain.numbers.phone_text import read_text
from integration.domain.numbers.spellings import MOST, spellings

COUNTRIES = ("RU", "UA", "KZ", "BY", "DE", "GB", "US", "IT", "UZ")


def example(country: str, digits: str) -> PhoneNumber | None:
    """A number of this country's plan whose last digits are these."""
    sample = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    assert sample is not None
    e164 = phonenumbers.format_number(sample, phonenumbers.PhoneNumberFormat.E164)
    return read_number(e164[: -len(digits)] + digits, Numbering(country))


@given(country=st.sampled_from(COUNTRIES), digits=st.text("0123456789", min_size=4, max_size=4))
def test_every_spelling_reads_as_the_number(country: str, digits: str) -> None:
    number = example(country, digits)
    if number is None:
        return
    written = spellings(number, Numbering(country))
    assert 2 <= len(written) == len(set(written)) <= MOST
    assert written[:2] == (number.e164, number.digits)
    for text in written:
        assert number.match_key in read_text(text, Numbering(country)).match_keys, text


@pytest.mark.parametrize(
    ("e164", "country", "expected"),
    [
        (
            "+79161234567",
            "RU",
            ("89161234567", "9161234567", "8 (916) 123-45-67", "+7 (916) 123-45-67", "8-916-123-45-67"),
        ),
        ("+380671234567", "UA", ("0671234567", "067 123 45 67", "(067) 123-45-67", "+38 (067) 123-45-67")),
        ("+375291234567", "BY", ("80291234567", "8 029 123-45-67", "+375 (29) 123-45-67")),
        ("+4915123456789", "DE", ("015123456789",)),
        ("+380671234567", "RU", ("+380 67 123 4567", "+380 (67) 123-45-67")),
    ],
)
def test_the_usual_ways_of_a_country_are_among_them(e164: str, country: str, expected: tuple[str, ...]) -> None:
    written = spellings(PhoneNumber(e164, e164), Numbering(country))
    assert set(expected) <= set(written), written


def test_a_number_of_the_town_is_written_without_its_code() -> None:
    numbering = Numbering("RU", DialRules(area_code="495"))
    assert "2667777" in spellings(PhoneNumber("+74952667777", ""), numbering)
    assert "2667777" not in spellings(PhoneNumber("+78122667777", ""), numbering)


def test_digits_that_no_plan_has_are_written_as_they_are() -> None:
    assert spellings(PhoneNumber("+0", "+0"), Numbering("RU")) == ("+0", "0")


def test_only_the_likeliest_twenty_are_asked_for() -> None:
    """A portal compares telephones as texts, and each spelling is a value of its filter."""
    number = PhoneNumber("+905012345678", "+905012345678")
    assert len(spellings(number, Numbering("TR"))) == MOST == 20


def test_a_foreign_number_is_written_with_its_country_only() -> None:
    written = spellings(PhoneNumber("+380671234567", ""), Numbering("RU"))
    assert all(text.startswith(("+380", "380")) for text in written), written


def test_at_home_nothing_stands_before_a_number_of_a_country_without_a_trunk_prefix() -> None:
    written = spellings(PhoneNumber("+393123456789", ""), Numbering("IT"))
    assert {"(312) 345-67-89", "312-345-67-89", "+39 (312) 345-67-89"} <= set(written)


def test_a_local_number_has_the_offices_local_length() -> None:
    numbering = Numbering("RU", DialRules(area_code="49", local_length=7))
    assert "52667777" not in spellings(PhoneNumber("+74952667777", ""), numbering)
