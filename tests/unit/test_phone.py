"""All spellings of a number give the same number; other digits give none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.numbers.numbering import DEFAULT_NUMBERING, DialRules, Numbering, country_like, is_country
from integration.domain.numbers.phone import (
    BareDigits,
    PhoneNumber,
    bare_digits,
    is_hidden,
    match_key,
    read_by_plans,
    read_digits,
    read_number,
    read_plain,
)


@pytest.mark.parametrize(
    ("text", "country", "e164"),
    [
        ("+79161234567", "RU", "+79161234567"),
        ("79161234567", "RU", "+79161234567"),  # from carriers
        ("89161234567", "RU", "+79161234567"),  # dialled by people
        ("9161234567", "RU", "+79161234567"),
        ("8 (916) 123-45-67", "RU", "+79161234567"),
        ("sip:+79161234567@sip.example.com;user=phone", "RU", "+79161234567"),
        ("0079161234567", "DE", "+79161234567"),
        ("0671234567", "UA", "+380671234567"),
        ("380671234567", "UA", "+380671234567"),
        ("87071234567", "KZ", "+77071234567"),
        ("80291234567", "BY", "+375291234567"),
        ("+1 212 555 0100", "RU", "+12125550100"),
        ("8 067 123 45 67", "UA", "+380671234567"),  # with the Soviet prefix 8
        ("810380671234567", "RU", "+380671234567"),
        ("+375251234567", "BY", "+375251234567"),  # in use, but not in Google's plans
        ("375251234567", "RU", "+375251234567"),
        ("59368627495", "RU", "+59368627495"),  # neither; eleven digits are enough to take them for a foreign number
        ("+7 8 495 123-45-67", "RU", "+74951234567"),
        ("+89161234567", "RU", "+79161234567"),  # the plus before the trunk prefix
        ("3725123456", "RU", "+3725123456"),  # Estonian: the shortest that is taken for a foreign number
        ("81079161234567", "UA", "+79161234567"),  # with the Soviet prefix for abroad, where it is 00 now
        ("+376 712 345", "RU", "+376712345"),  # with its country code shorter than any Russian number without one
        ("0001#79161234567", "RU", "+79161234567"),  # text before the last # is not part of it
        ("*67*89161234567", "RU", "+79161234567"),
    ],
)
def test_spellings_of_a_number(text: str, country: str, e164: str) -> None:
    number = read_number(text, Numbering(country))
    assert number is not None
    assert (number.e164, number.dialled) == (e164, text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "anonymous", "<unknown>", "101", "*8", "112", "abc", "+", "5" * 40),
        *("0000000000", "70000000000", "1(000) 000-0668", "+79999999999", "81111111111"),  # fillers instead of a number
        *("2667777", "72667777", "+72667777", "266777"),  # local numbers
        *("2484969150", "6482846024"),  # ten digits that only a range which no plan lists would make foreign
        "+9161234567",  # a plus is not left out: Indian numbers are longer
        "809161234567",  # only before an area code's 0, not before any number, is an 8 the Soviet prefix
        "+999161234567",  # no country's code; +7 for any two digits would make a Russian number
        *("84951234567105", "89161234567 доб. 567", "Anna 79161234567"),  # not a number alone
    ],
)
def test_what_is_no_clients_number(text: str) -> None:
    assert read_number(text, DEFAULT_NUMBERING) is None
    assert match_key(text, DEFAULT_NUMBERING) is None


def test_hidden_callers() -> None:
    assert is_hidden(None)
    assert is_hidden(" Anonymous ")
    assert not is_hidden("79161234567")


def test_spellings_have_one_key() -> None:
    assert {
        match_key(t, DEFAULT_NUMBERING) for t in ("+79161234567", "89161234567", "8 916 123 45 67", "9161234567")
    } == {"9161234567"}


@given(st.text(max_size=40))
def test_any_text_is_read_without_an_error_and_reading_again_changes_nothing(text: str) -> None:
    number = read_number(text, DEFAULT_NUMBERING)
    if number is not None:
        again = read_number(number.e164, DEFAULT_NUMBERING)
        assert again is not None
        assert again.e164 == number.e164


@given(
    prefix=st.sampled_from(["+7", "7", "8", "+8", "", "+", "810", "07"]),
    rest=st.from_regex(r"[0-9]{8,12}", fullmatch=True),
    country=st.sampled_from(["RU", "KZ", "UA", "BY", "US", "DE"]),
)
def test_the_short_way_says_what_the_numbering_plans_say(prefix: str, rest: str, country: str) -> None:
    text = prefix + rest
    assert read_number(text, Numbering(country)) == read_by_plans(text, Numbering(country))


@given(
    prefix=st.sampled_from(["+7", "7", "8"]),
    rest=st.from_regex(r"[0-9]{10}", fullmatch=True),
    country=st.sampled_from(["RU", "KZ"]),
)
def test_so_it_does_for_every_number_of_the_usual_length(prefix: str, rest: str, country: str) -> None:
    assert read_number(prefix + rest, Numbering(country)) == read_by_plans(prefix + rest, Numbering(country))


OFFICE = Numbering("RU", DialRules(area_code="495", outside_prefix="9", carrier_prefix="0001#"))


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("2667777", "+74952667777"),
        ("266-77-77", "+74952667777"),
        ("92667777", "+74952667777"),
        ("984951234567", "+74951234567"),  # otherwise an Iranian number
        ("9810380671234567", "+380671234567"),
        ("979161234567", "+79161234567"),
        ("99161234567", "+79161234567"),
        ("9161234567", "+79161234567"),  # ten digits that begin with 9: no outside prefix
        ("0001#79161234567", "+79161234567"),
        ("0001#2667777", "+74952667777"),
        ("0001#9101", None),
        ("98101", None),
        ("93701234567", "+93701234567"),  # an Afghan number: nobody here dials 3701234567
        ("72667777", None),
        ("266777", None),
        ("101", None),
    ],
)
def test_an_office_that_says_how_it_dials(text: str, e164: str | None) -> None:
    number = read_number(text, OFFICE)
    assert (number.e164 if number else None) == e164


@pytest.mark.parametrize(
    ("country", "rules", "text", "e164"),
    [
        ("RU", DialRules(area_code="4012", local_length=6), "123456", "+74012123456"),
        ("RU", DialRules(area_code="48432"), "23456", "+74843223456"),
        ("UA", DialRules(area_code="44"), "1234567", "+380441234567"),
        ("BY", DialRules(area_code="17"), "1234567", "+375171234567"),
        ("RU", DialRules(trunk_prefix="0"), "09161234567", "+79161234567"),
        ("RU", DialRules(international_prefix="999"), "999380671234567", "+380671234567"),
        ("RU", DialRules(international_prefix="0099"), "0099380671234567", "+380671234567"),  # begins like the usual 00
        ("DE", DialRules(), "00380671234567", "+380671234567"),
        # A local number behind the 0 for the outside, not one of Hamburg (40).
        ("DE", DialRules(area_code="30", local_length=8, outside_prefix="0"), "040123456", "+493040123456"),
        ("DE", DialRules(area_code="30", local_length=8, outside_prefix="0"), "0040123456", "+4940123456"),
    ],
)
def test_rules_of_other_offices(country: str, rules: DialRules, text: str, e164: str) -> None:
    number = read_number(text, Numbering(country, rules))
    assert number is not None
    assert number.e164 == e164


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("2667777", "2667777"),
        ("0000000000", "0000000000"),
        ("112", "112"),
        ("266-77-77", "2667777"),
        ("0001#112", "112"),
    ],
)
def test_digits_that_are_no_number_are_kept_as_they_are(text: str, digits: str) -> None:
    assert bare_digits(text, OFFICE) == BareDigits(digits)


@pytest.mark.parametrize("text", [None, "", "anonymous", "Anna", "+", "\ud800"])
def test_without_digits_there_is_nothing_to_keep(text: str | None) -> None:
    assert bare_digits(text, OFFICE) is None


def test_countries_are_those_that_have_a_plan() -> None:
    assert all(is_country(country) for country in ("RU", "UA", "KZ", "BY", "GB", "US"))
    assert not any(is_country(country) for country in ("UK", "XX", "Russia", "", "ru"))
    assert [country_like(text) for text in ("UK", "uk", "rus", "KAZ", "ru")] == ["GB", "GB", "RU", "KZ", "RU"]
    assert country_like("Narnia") is None


@pytest.mark.parametrize("country", ["RU", "KZ", "UA", "DE", "US", "ZZ"])
@pytest.mark.parametrize("text", ["79161234567", "+79161234567", "89161234567", "+89161234567", "9161234567"])
def test_the_short_way_is_taken_where_nothing_else_can_be_meant(text: str, country: str) -> None:
    """8 begins a number of Russia in Russia and Kazakhstan only."""
    is_plain = text.startswith(("7", "+7")) or (text.startswith("8") and country in ("RU", "KZ"))
    assert read_plain(text, Numbering(country)) == (PhoneNumber("+79161234567", text) if is_plain else None)
    assert read_number(text, Numbering(country)) == read_by_plans(text, Numbering(country))


def test_a_number_is_its_digits_with_a_plus_and_its_key_the_last_ten() -> None:
    number = PhoneNumber("+380671234567", "067 123 45 67")
    assert (number.digits, number.match_key, number.written) == ("380671234567", "0671234567", "+380671234567")
    assert PhoneNumber("+37212345", "").match_key == "37212345"


@pytest.mark.parametrize(("length", "is_kept"), [(1, True), (80, True), (81, False), (10_000, False)])
def test_a_text_longer_than_anything_a_pbx_shows_is_no_number(length: int, is_kept: bool) -> None:
    assert (bare_digits("5" * length, DEFAULT_NUMBERING) is not None) is is_kept


@pytest.mark.parametrize(
    ("text", "country", "e164"),
    [
        ("87270431546", "UA", None),  # a range of Kazakhstan that no plan knows, without a plus
        ("6071787833", "BY", None),
        ("787158650148", "UZ", "+77158650148"),
        ("80241436553", "BY", "+375241436553"),
    ],
)
def test_a_reading_that_no_plan_knows_needs_a_plus_or_enough_digits(text: str, country: str, e164: str | None) -> None:
    found = read_by_plans(text, Numbering(country))
    assert (found.e164 if found else None) == e164


@pytest.mark.parametrize("country", ["AD", "RU"])
def test_six_digits_without_a_plus_are_an_extension_also_where_numbers_are_so_short(country: str) -> None:
    assert read_number("712345", Numbering(country)) is None


@pytest.mark.parametrize("text", ["", "+", "٨٩١٦١٢٣٤٥٦٧", "8916-1234567", "8916a1234567"])
def test_digits_are_read_only_if_they_are_nothing_else(text: str) -> None:
    assert read_digits(text, DEFAULT_NUMBERING) is None
