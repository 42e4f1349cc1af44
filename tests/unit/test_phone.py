"""Numbers in every spelling meet; what is no client's number is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.phone import _by_numbering_plans, is_hidden, match_key, normalise


@pytest.mark.parametrize(
    ("text", "country", "e164"),
    [
        ("+79161234567", "RU", "+79161234567"),
        ("79161234567", "RU", "+79161234567"),  # as carriers send it
        ("89161234567", "RU", "+79161234567"),  # as people dial it
        ("9161234567", "RU", "+79161234567"),
        ("8 (916) 123-45-67", "RU", "+79161234567"),
        ("sip:+79161234567@sip.example.com;user=phone", "RU", "+79161234567"),
        ("0079161234567", "DE", "+79161234567"),
        ("0671234567", "UA", "+380671234567"),
        ("380671234567", "UA", "+380671234567"),
        ("87071234567", "KZ", "+77071234567"),
        ("80291234567", "BY", "+375291234567"),
        ("+1 212 555 0100", "RU", "+12125550100"),
    ],
)
def test_spellings_of_a_number(text: str, country: str, e164: str) -> None:
    number = normalise(text, country)
    assert number is not None
    assert (number.e164, number.dialled) == (e164, text)


@pytest.mark.parametrize("text", ["", "anonymous", "<unknown>", "101", "*8", "112", "abc", "+", "5" * 40])
def test_what_is_no_clients_number(text: str) -> None:
    assert normalise(text) is None
    assert match_key(text) is None


def test_hidden_callers() -> None:
    assert is_hidden(None)
    assert is_hidden(" Anonymous ")
    assert not is_hidden("79161234567")


def test_spellings_have_one_key() -> None:
    assert {match_key(t) for t in ("+79161234567", "89161234567", "8 916 123 45 67", "9161234567")} == {"9161234567"}


@given(st.text(max_size=40))
def test_any_text_is_read_without_an_error_and_reading_again_changes_nothing(text: str) -> None:
    number = normalise(text)
    if number is not None:
        again = normalise(number.e164)
        assert again is not None
        assert again.e164 == number.e164


@given(
    prefix=st.sampled_from(["+7", "7", "8", "+8", "", "+", "810", "07"]),
    rest=st.from_regex(r"[0-9]{8,12}", fullmatch=True),
    country=st.sampled_from(["RU", "KZ", "UA", "BY", "US", "DE"]),
)
def test_the_short_way_says_what_the_numbering_plans_say(prefix: str, rest: str, country: str) -> None:
    text = prefix + rest
    assert normalise(text, country) == _by_numbering_plans(text, country)


@given(
    prefix=st.sampled_from(["+7", "7", "8"]),
    rest=st.from_regex(r"[0-9]{10}", fullmatch=True),
    country=st.sampled_from(["RU", "KZ"]),
)
def test_so_it_does_for_every_number_of_the_usual_length(prefix: str, rest: str, country: str) -> None:
    assert normalise(prefix + rest, country) == _by_numbering_plans(prefix + rest, country)
