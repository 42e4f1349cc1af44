"""What an office's country and its own rules make of numbers: prefixes, lengths, and what the plans say."""

from __future__ import annotations

from dataclasses import replace

import phonenumbers
import pytest

from integration.domain.numbers.numbering import (
    DEFAULT_NUMBERING,
    DialForm,
    DialRules,
    Numbering,
    Standing,
    country_like,
    is_country,
    no_such_country,
    standing,
)


def office(country: str = "RU", **rules: object) -> Numbering:
    return Numbering(country, DialRules(**rules))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("country", "trunk", "international", "shortest"),
    [
        ("RU", "8", "810", 10),
        ("KZ", "8", "810", 10),
        ("UA", "0", "00", 9),
        ("US", "1", "011", 10),
        ("IT", "", "00", 6),
        ("DE", "0", "00", 5),
        ("ZZ", "", "00", 7),  # no plan
    ],
)
def test_a_country_has_its_prefixes_and_its_lengths(
    country: str, trunk: str, international: str, shortest: int
) -> None:
    plain = Numbering(country)
    assert (plain.trunk_prefix, plain.international_prefix, plain.shortest) == (trunk, international, shortest)
    own = office(country, trunk_prefix="5", international_prefix="99")
    assert (own.trunk_prefix, own.international_prefix) == ("5", "99")
    none = office(country, trunk_prefix="", international_prefix="")
    assert (none.trunk_prefix, none.international_prefix) == ("", "")


@pytest.mark.parametrize(
    ("numbering", "expected"),
    [
        (office("RU"), None),
        (office("RU", local_length=6), None),  # nobody says what to put before them
        (office("RU", area_code="495"), 7),
        (office("RU", area_code="48234"), 5),
        (office("RU", area_code="495", local_length=6), 6),
        (office("GB", area_code="20"), 8),  # of the two lengths there, the longer
        (office("ZZ", area_code="495"), None),
        (office("ZZ", area_code="495", local_length=7), 7),
    ],
)
def test_numbers_without_the_area_code_have_what_is_left_of_the_countrys_length(
    numbering: Numbering, expected: int | None
) -> None:
    assert numbering.local_length == expected


@pytest.mark.parametrize(
    ("numbering", "digits", "expected"),
    [
        (office("RU"), "89161234567", True),
        (office("RU"), "8916123456", False),
        (office("RU"), "891612345678", False),
        (office("RU"), "79161234567", False),
        (office("GB"), "02079460000", True),
        (office("GB"), "0169772222", True),
        (office("IT"), "0612345678", False),  # no trunk prefix there
        (office("IT", trunk_prefix="8"), "80612345678", True),
    ],
)
def test_a_number_of_the_country_has_its_trunk_prefix_and_its_length(
    numbering: Numbering, digits: str, expected: bool
) -> None:
    assert numbering.is_shaped(digits) is expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (DialRules(), True),
        (DialRules(outside_prefix="9"), False),
        (DialRules(click=DialForm.NATIONAL), False),
        (DialRules(click=DialForm.LOCAL, outside_prefix="9"), False),
        (DialRules(area_code="495", trunk_prefix="8", carrier_prefix="0001#"), True),
    ],
)
def test_digits_are_dialled_as_written_where_no_rule_says_how(rules: DialRules, expected: bool) -> None:
    assert Numbering("RU", rules).dials_as_written is expected


def test_a_phone_book_is_keyed_again_when_its_texts_may_be_read_in_another_way() -> None:
    base = office(area_code="495")
    others = [
        replace(base, country="KZ"),
        *(
            replace(base, rules=replace(base.rules, **other))
            for other in (
                {"area_code": "499"}, {"area_code": ""}, {"local_length": 6}, {"trunk_prefix": "0"},
                {"international_prefix": "00"}, {"outside_prefix": "9"}, {"carrier_prefix": "1#"},
            )
        ),
    ]  # fmt: skip
    assert len({base.fingerprint, *(each.fingerprint for each in others)}) == len(others) + 1
    for same in (
        {"local_length": 7},
        {"trunk_prefix": "8"},
        {"international_prefix": "810"},
        {"click": DialForm.LOCAL},
    ):
        assert replace(base, rules=replace(base.rules, **same)).fingerprint == base.fingerprint
    assert DEFAULT_NUMBERING.fingerprint == "RU///8/810//"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+79161234567", Standing.VALID),
        ("+375251234567", Standing.POSSIBLE),  # a range that the plans lack
        ("+70000000000", Standing.IMPOSSIBLE),
        ("+77777777777", Standing.IMPOSSIBLE),  # one digit through the whole number
        ("+7916123456", Standing.IMPOSSIBLE),
        ("+791612345678", Standing.IMPOSSIBLE),
        ("+99912345678", Standing.IMPOSSIBLE),  # no country has this code
        ("+72001234567", Standing.IMPOSSIBLE),  # no area has this code
        ("+611645082", Standing.IMPOSSIBLE),  # the length of a service's number there, not of a person's
        ("+17219764961", Standing.IMPOSSIBLE),  # the code exists, and all its numbers are known
    ],
)
def test_what_the_plans_say_of_a_number(number: str, expected: Standing) -> None:
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        parsed = phonenumbers.PhoneNumber(country_code=int(number[1:4]), national_number=int(number[4:]))
    assert standing(parsed) is expected


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("RU", "RU"),
        (" ru ", "RU"),
        ("UK", "GB"),
        ("RUS", "RU"),
        ("UKR", "UA"),
        ("KAZ", "KZ"),
        ("FRA", "FR"),
        ("POL", None),  # its first two letters are no country
        ("UR", "RU"),
        ("ZK", "KZ"),
        ("RR", None),  # a guess at one letter would be no help
        ("ROUX", None),
        ("R", None),
        ("Russia", None),
        ("", None),
    ],
)
def test_what_somebody_meant_by_a_country(written: str, meant: str | None) -> None:
    assert country_like(written) == meant
    assert meant is None or is_country(meant)
    advice = f'write "{meant}"' if meant else 'write two letters, for example "RU", "UA" or "KZ"'
    assert no_such_country(written) == f'there is no numbering plan "{written}": {advice}'


def test_the_numbers_of_every_country_have_a_length() -> None:
    """The library has given -1 where a country has no numbers of a kind."""
    assert {
        country: Numbering(country).shortest
        for country in phonenumbers.SUPPORTED_REGIONS
        if Numbering(country).shortest < 4
    } == {}
