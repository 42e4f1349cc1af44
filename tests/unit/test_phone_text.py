"""The numbers in texts that people write into a phone field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from integration.domain.numbers.numbering import DialRules, Numbering
from integration.domain.numbers.phone_text import extension_for, match_keys, read_text

FOREIGN_INPUT = json.loads((Path(__file__).parent.parent / "fixtures/numbers/numbers.json").read_text("utf-8"))
MOSCOW = Numbering("RU", DialRules(area_code="495"))


def read(text: str, country: str = "RU") -> tuple[list[str], str | None]:
    found = read_text(text, Numbering(country))
    return [number.e164 for number in found.numbers], found.extension


@pytest.mark.parametrize("case", FOREIGN_INPUT, ids=lambda case: case["text"])
def test_foreign_input(case: dict[str, Any]) -> None:
    assert read(case["text"], case["country"]) == (case["numbers"], case["extension"])


A, B = "+79161234567", "+79161234568"
M, M2 = "+74951234567", "+74951234568"


@pytest.mark.parametrize(
    ("text", "numbers", "extension"),
    [
        # one number in every format
        ("+7 (916) 123-45-67", [A], None),
        ("8-916-123-45-67", [A], None),
        ("8.916.123.45.67", [A], None),
        ("8(916)1234567", [A], None),
        ("8 9 1 6 1 2 3 4 5 6 7", [A], None),
        ("916 123-45-67", [A], None),
        ("7-916-123-45-67", [A], None),
        ("+7-(916)-123-45-67", [A], None),
        ("+ 7 916 123 45 67", [A], None),
        ("+7(8-916)123-45-67", [A], None),
        ("8 (495)123–45–67", [M], None),
        ("8 495 123—45—67", [M], None),
        ("8/495/123-45-67", [M], None),
        ("8 800 555-35-35", ["+78005553535"], None),
        ("\u202a+7\u00a0916\u00a0123\u201145\u201167\u202c", [A], None),
        ("\u200b89161234567\ufeff", [A], None),
        ("\uff0b\uff17\uff19\uff11\uff16\uff11\uff12\uff13\uff14\uff15\uff16\uff17", [A], None),
        ("٨٩١٦١٢٣٤٥٦٧", [A], None),
        ("'89161234567", [A], None),
        ("79161234567.0", [A], None),
        ("tel:+79161234567", [A], None),
        ("sip:79161234567@sip.example.com", [A], None),
        ("79161234567@c.us", [A], None),
        ("https://wa.me/79161234567", [A], None),
        ("WhatsApp:+79161234567", [A], None),
        ("8,916,123,45,67", [A], None),
        ("[495] 123-45-67", [M], None),
        ("8_916_123_45_67", [A], None),
        ("8·916·123·45·67", [A], None),
        ("(8-916) 123-45-67", [A], None),
        ("998 90 123 45 67", ["+998901234567"], None),  # not +7 998 901-23-45 and a rest
        ("+7 9161 23456789", [], None),  # one digit too many; not an Indian number
        ("+7 916 123 45 6", [], None),
        ("8 123 456 78 90", [], None),  # not a Japanese number
        ("8 10 375 29 123 45 67", ["+375291234567"], None),
        ("89161234567 (муж 89161234568)", [A, B], None),
        ("89161234567-89161234568", [A, B], None),
        # words around it
        ("тел. 8 (495) 123-45-67", [M], None),
        ("т.84951234567", [M], None),
        ("моб89161234567", [A], None),
        ("89161234567моб", [A], None),
        ("8 916 123-45-67моб", [A], None),
        ("8 916 123 45 67WhatsApp", [A], None),
        ("89161234567 2й этаж", [A], None),
        ("Иван Петров, +7 916 123-45-67 (WhatsApp)", [A], None),
        ("кв. 12, 8 916 123 45 67", [A], None),
        ("кв 5 9161234567", [A], None),
        ("1) 9161234567", [A], None),
        ("1) 9165234567", ["+79165234567"], None),
        ("8 916 123 45 67 с 10-00 до 19-00", [A], None),
        ("+7 916 123-45-67 10:00-19:00", [A], None),
        ("89161234567 2 этаж, офис 215", [A], None),
        ("89161234567 до 31.12.2026", [A], None),
        ("31.12.2026 89161234567", [A], None),
        ("89161234567 не звонить после 21", [A], None),
        ("89161234567 Анна 2 ребёнка", [A], None),
        ("ivan79161234567@mail.ru", [], None),
        ("ivan@mail.ru 89161234567", [A], None),
        # extensions
        ("+7 495 123 45 67 доб.105", [M], "105"),
        ("+7 495 123 45 67 (доб. 105)", [M], "105"),
        ("+7 495 123 45 67, доб. 105", [M], "105"),
        ("+7 495 123 45 67; доб 105", [M], "105"),
        ("+7 495 123 45 67\nдоб. 105", [M], "105"),
        ("+7 495 123 45 67 доб: 105", [M], "105"),
        ("+7 495 123 45 67 доб. № 105", [M], "105"),
        ("+7 495 123 45 67 доб. (105)", [M], "105"),
        ("+7 495 123 45 67 ДОБ 105", [M], "105"),
        ("+7 495 123 45 67 добавочный 105", [M], "105"),
        ("+7 495 123 45 67 в тоновом 105", [M], "105"),
        ("+7 495 123 45 67 (в тоновом режиме 105)", [M], "105"),
        ("+7 495 123 45 67 доб. 12-34", [M], "1234"),
        ("+7 495 123 45 67 доб. 1-05, Иван", [M], "105"),
        ("+7 495 123 45 67 доб. 12-34-56", [M], "123456"),
        ("+7 495 123 45 67 доб. 105-110", [M], "105"),
        ("+7 495 123 45 67 доб. 12, 13-14", [M], "12"),
        ("+7 495 123 45 67 w105", [M], "105"),
        ("+7 495 123 45 67 доб. 8-916-123-45-67", [M, A], None),
        ("+7 495 123 45 67 доп. 105", [M], "105"),
        ("+7 495 123 45 67 вн. 105", [M], "105"),
        ("+7 495 123 45 67 вн 105", [M], "105"),
        ("+7 495 123 45 67 внутр. 105", [M], "105"),
        ("+7 495 123 45 67 внутренний номер 105", [M], "105"),
        ("+7 495 123 45 67 доб. 105, Иван", [M], "105"),
        ("+7 495 123 45 67 доб. 105 Иван, 2 этаж", [M], "105"),
        ("84951234567 тоновый 105", [M], "105"),
        ("84951234567 (тон. набор 105)", [M], "105"),
        ("84951234567 местный 105", [M], "105"),
        ("84951234567 доб. 105 или 106", [M], "105"),
        ("84951234567 ext. 105", [M], "105"),
        ("84951234567ext105", [M], "105"),
        ("8(495)123-45-67доб.105", [M], "105"),
        ("8 495 123 45 67доб 105", [M], "105"),
        ("8 495 123-45-67x105", [M], "105"),
        ("+7 495 123-45-67p105", [M], "105"),
        ("84951234567 extension 105", [M], "105"),
        ("84951234567x105", [M], "105"),
        ("84951234567 х105", [M], "105"),  # the Cyrillic letter
        ("tel:+74951234567;ext=105", [M], "105"),
        ("84951234567#105", [M], "105"),
        ("84951234567*105", [M], "105"),
        ("84951234567,,105", [M], "105"),
        ("84951234567, 105", [M], "105"),
        ("84951234567p105", [M], "105"),
        ("84951234567(105)", [M], "105"),
        ("84951234567 [105]", [M], "105"),
        ("8 (495) 123-45-67 доб. 1234567", [M], "1234567"),
        ("84951234567 #105 Иван", [M], "105"),
        ("84951234567, 2 этаж", [M], None),
        ("84951234567 (2 этаж)", [M], None),
        ("84951234567 (812)", [M], "812"),
        ("84951234567 (2)", [M], None),  # the second of something
        ("доб. 105", [], None),
        ("105", [], None),
        # several numbers
        ("89161234567/89161234568", [A, B], None),
        ("89161234567,89161234568", [A, B], None),
        ("89161234567, 89161234568", [A, B], None),
        ("89161234567;89161234568", [A, B], None),
        ("89161234567 89161234568", [A, B], None),
        ("8 916 123 45 67 8 916 123 45 68", [A, B], None),
        ("8(916)123 45 67 8(916)123 45 68", [A, B], None),
        ("89161234567\n89161234568", [A, B], None),
        ("89161234567 | 89161234568", [A, B], None),
        ("89161234567 или 89161234568", [A, B], None),
        ("+79161234567+79161234568", [A, B], None),
        ("1) 89161234567 2) 89161234568", [A, B], None),
        ("1. 89161234567\n2. 89161234568", [A, B], None),
        ("89161234567 (Иван), 89161234568 (Пётр)", [A, B], None),
        ("раб. 8 (495) 123-45-67 доб. 105, моб. 8 916 123-45-67", [M, A], "105"),
        ("моб. 8 916 123-45-67, раб. 8 (495) 123-45-67 доб. 105", [A, M], None),
        ("8 (495) 123-45-67 доб. 105 / 8 (495) 123-45-68 доб. 106", [M, M2], "105"),
        ("+7 916 123-45-67, 8 916 123-45-67", [A], None),
        ("8 495 123-45-67, +7 495 123-45-67 доб. 105", [M], "105"),  # the extension, whichever names it
        ("8 495 123-45-67 доб. 105, +7 495 123-45-67 доб. 106", [M], "105"),
        ("+375 29 123-45-67, +380 67 123 45 67", ["+375291234567", "+380671234567"], None),
        # no number
        ("70000000000", [], None),
        ("0000000000", [], None),
        ("+7 (000) 000-00-00", [], None),
        ("+7 999 999-99-99", [], None),
        ("1(000) 000-0668", [], None),
        ("нет", [], None),
        ("-", [], None),
        ("123-45-67", [], None),  # a local number
        ("2667777", [], None),
        ("72667777", [], None),
        ("ИНН 500100732259", [], None),
        ("12.05.2024", [], None),
    ],
)
def test_russian_fields(text: str, numbers: list[str], extension: str | None) -> None:
    assert read(text) == (numbers, extension)


@pytest.mark.parametrize(
    ("text", "country", "numbers"),
    [
        ("067 123 45 67", "UA", ["+380671234567"]),
        ("(067) 123-45-67", "UA", ["+380671234567"]),
        ("38 (067) 123-45-67", "UA", ["+380671234567"]),
        ("+38 (067) 123-45-67", "UA", ["+380671234567"]),
        ("+38(044)123-45-67, 067 123 45 67", "UA", ["+380441234567", "+380671234567"]),
        ("8-067-123-45-67", "UA", ["+380671234567"]),
        ("0 800 123 456", "UA", ["+380800123456"]),
        ("8 916 123 45 67", "UA", ["+79161234567"]),
        ("(8-017) 123-45-67", "BY", ["+375171234567"]),
        ("8 10 7 916 123 45 67", "BY", ["+79161234567"]),
        ("00380671234567", "UA", ["+380671234567"]),
        ("+38 (067) 123-45-67", "RU", ["+380671234567"]),
        ("8 10 380 67 123 45 67", "RU", ["+380671234567"]),
        ("380671234567", "RU", ["+380671234567"]),
        ("8 029 123-45-67", "BY", ["+375291234567"]),
        ("8 (029) 123-45-67", "BY", ["+375291234567"]),
        ("29 123-45-67", "BY", ["+375291234567"]),
        ("375 29 123 45 67", "BY", ["+375291234567"]),
        ("+375(29)1234567 (МТС), +375(44)7654321 (A1)", "BY", ["+375291234567", "+375447654321"]),
        ("+375 25 123-45-67", "RU", ["+375251234567"]),  # a range that the plans do not list
        ("8 701 123 45 67", "KZ", ["+77011234567"]),
        ("+7 (727) 250-12-34", "KZ", ["+77272501234"]),
        ("8 7172 12-34-56", "KZ", ["+77172123456"]),
        ("8 707 123 4567", "RU", ["+77071234567"]),
        ("+49 30 123456", "DE", ["+4930123456"]),
        ("030/123456", "DE", ["+4930123456"]),
        ("030 123456 2й этаж", "DE", ["+4930123456"]),  # a German number may have two digits more
        ("030/123456-78x105", "DE", ["+493012345678"]),
        ("+49 30 123456 (105)", "RU", ["+4930123456"]),
        ("(212) 555-0100", "US", ["+12125550100"]),
        ("1 (212) 555-0100 ext 5", "US", ["+12125550100"]),
        ("1(000) 000-0668", "US", []),
        ("555-0100", "US", []),
        ("+44 (0)20 7183 8750", "GB", ["+442071838750"]),
        ("020 7183 8750", "GB", ["+442071838750"]),
        ("+998 90 123-45-67", "UZ", ["+998901234567"]),
        ("90 123 45 67", "UZ", ["+998901234567"]),
    ],
)
def test_fields_of_other_countries(text: str, country: str, numbers: list[str]) -> None:
    assert read(text, country)[0] == numbers


@pytest.mark.parametrize(
    ("text", "numbers", "extension"),
    [
        ("123-45-67", [M], None),
        ("1234567", [M], None),
        ("т. 123-45-67 доб. 12", [M], "12"),
        ("123-45-67доб. 12", [M], "12"),
        ("1) 123-45-67", [M], None),
        ("10) 123-45-67", [M], None),
        ("123-45-67, 123-45-68", [M, M2], None),
        ("8 495 123-45-67", [M], None),
        ("8 916 123-45-67", [A], None),
        ("89161234567 123-45-67", [A], None),  # may be one number or two
        ("ИНН 5001007322", [], None),
        ("12345", [], None),
    ],
)
def test_an_area_code_makes_local_numbers_readable(text: str, numbers: list[str], extension: str | None) -> None:
    found = read_text(text, MOSCOW)
    assert ([n.e164 for n in found.numbers], found.extension) == (numbers, extension)


def test_a_text_is_read_up_to_four_thousand_characters() -> None:
    assert read("." * 3900 + " 89161234567")[0] == [A]
    assert read("." * 4000 + " 89161234567")[0] == []


def test_keys_and_extensions_of_a_persons_fields() -> None:
    fields = ("8 (495) 123-45-67 доб. 105 / 89161234567", "+7 495 123 45 67")
    assert match_keys(fields, Numbering()) == ("4951234567", "9161234567")
    assert extension_for(fields, "4951234567", Numbering()) == "105"
    assert extension_for(fields, "9161234567", Numbering()) is None


@given(
    st.from_regex(r"[78]9[0-9]{9}", fullmatch=True),
    st.integers(min_value=1, max_value=10),
    st.sampled_from([" до ", " эт. ", " кв. ", " Иван ", "a", ": ", " = ", "\n", " доб. "]),
)
def test_digits_with_something_else_between_are_never_put_together(number: str, at: int, between: str) -> None:
    """Every number found is within one of the two parts, and both are too short for a Russian number."""
    assume(at < 10 and len(number) - at < 10)
    assert read(f"{number[:at]}{between}{number[at:]}") == ([], None)


ODD = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="0123456789+ ()-/,;.#*xдоб\n", max_size=80),
    st.text(alphabet=st.characters(categories=["Nd", "Cs", "Cc", "Cf", "Zs", "Pd"]), max_size=60),
)


@given(ODD, st.sampled_from(["RU", "UA", "BY", "KZ", "US", "DE", "XX", ""]))
def test_any_text_is_read_without_an_error(text: str, country: str) -> None:
    found = read_text(text, Numbering(country))
    for number in found.numbers:
        assert [n.e164 for n in read_text(number.e164, Numbering(country)).numbers] == [number.e164]
    assert len(set(found.numbers)) == len(found.numbers)


@pytest.mark.parametrize(
    "text", ["", "\x00", "\ud800", "9" * 100_000, "1 " * 50_000, "+1 2 3 4 5 6 " * 9000, "8 916 " * 20_000, "+" * 9999]
)
def test_huge_and_broken_texts_are_read_in_time(text: str) -> None:
    assert len(read_text(text, Numbering()).numbers) < 1000


REGIONS = ["RU", "UA", "KZ", "BY", "US", "GB", "PL", "UZ", "FR"]


@st.composite
def valid_numbers(draw: st.DrawFn) -> phonenumbers.PhoneNumber:
    region = draw(st.sampled_from(REGIONS))
    kind = draw(st.sampled_from([phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE]))
    example = phonenumbers.example_number_for_type(region, kind)
    assert example is not None
    digits = phonenumbers.national_significant_number(example)
    tail = draw(st.text(alphabet="0123456789", min_size=4, max_size=4))
    number = phonenumbers.parse(f"+{example.country_code}{digits[:-4]}{tail}")
    assume(phonenumbers.is_valid_number(number))
    return number


FORMATS = [
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.RFC3966,
]


@given(valid_numbers(), st.sampled_from(FORMATS), st.sampled_from([*REGIONS, "DE", "AT"]))
def test_a_valid_number_in_any_formatting_is_read_back(
    number: phonenumbers.PhoneNumber, form: int, country: str
) -> None:
    text = phonenumbers.format_number(number, form)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert read(text, country) == ([e164], None)


@given(valid_numbers())
def test_a_number_in_its_own_countrys_form_is_read_back(number: phonenumbers.PhoneNumber) -> None:
    region = phonenumbers.region_code_for_number(number)
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert read(text, region or "RU") == ([e164], None)


@given(
    st.lists(valid_numbers(), min_size=1, max_size=6, unique_by=lambda n: (n.country_code, n.national_number)),
    st.sampled_from(FORMATS[:2]),
    st.sampled_from(["/", " / ", ",", ", ", ";", "; ", "\n", "\r\n"]),
)
def test_so_many_numbers_with_signs_between_are_so_many(
    numbers: list[phonenumbers.PhoneNumber], form: int, between: str
) -> None:
    text = between.join(phonenumbers.format_number(number, form) for number in numbers)
    wanted = [phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) for number in numbers]
    assert read(text)[0] == wanted


@given(
    st.lists(st.from_regex(r"9(?:1[0-9]|2[0-9])[0-9]{7}", fullmatch=True), min_size=1, max_size=5, unique=True),
    st.sampled_from(["/", " / ", ",", ", ", ";", "; ", "\n", " "]),
    st.sampled_from(["8{}", "7{}", "{}", "+7 ({0[0]}{0[1]}{0[2]}) {0[3]}{0[4]}{0[5]}-{0[6]}{0[7]}-{0[8]}{0[9]}"]),
)
def test_the_same_for_russian_forms(nationals: list[str], between: str, form: str) -> None:
    text = between.join(form.format(national) for national in nationals)
    assert read(text)[0] == [f"+7{national}" for national in nationals]


@given(
    st.sampled_from(["+7", "7", "8"]),
    st.from_regex(r"[34789][0-9]{9}", fullmatch=True),
    st.sampled_from(["{} ({}) {}-{}-{}", "{} {} {} {} {}", "{}-{}-{}-{}-{}", "{}{}{}{}{}", "{}({}){}-{}{}"]),
    st.sampled_from(["RU", "KZ", "UA", "BY"]),
)
def test_the_short_way_says_what_the_groups_say(prefix: str, national: str, form: str, country: str) -> None:
    parts = (prefix, national[:3], national[3:6], national[6:8], national[8:])
    text = form.format(*parts)
    numbering = Numbering(country)
    by_groups = [n.e164 for n in read_text(f" {text}", numbering).numbers]  # a leading space avoids the shortcut
    assert [n.e164 for n in read_text(text, numbering).numbers] == by_groups


@given(
    st.from_regex(r"9(?:1[0-9]|2[0-9])[0-9]{7}", fullmatch=True),
    st.sampled_from([" доб. ", " доб.", " вн. ", " ext. ", "#", "*", ",", "x", " (доб. "]),
    st.from_regex(r"[0-9]{1,5}", fullmatch=True),
)
def test_an_extension_is_kept_whatever_stands_before_it(national: str, mark: str, extension: str) -> None:
    assert read(f"8{national}{mark}{extension}") == ([f"+7{national}"], extension)


@pytest.mark.parametrize(
    ("text", "country", "numbers", "extension"),
    [
        # what belongs to a number, and what stands beside it
        ("4951234567; 12\n2й этаж", "RU", [M], "12"),
        ("089 123456 2й", "DE", ["+4989123456"], None),
        ("089 123456 12й", "DE", ["+4989123456"], None),
        ("089 1234 567й", "DE", ["+49891234567"], None),  # three digits count no floors
        ("089 1234 56доб. 105", "DE", ["+4989123456"], "105"),
        ("1-380671234567", "RU", ["+380671234567"], None),
        ("3725123456 7", "RU", ["+3725123456"], None),  # Estonian, though it would be one with the 7 as well
        ("936 862-74-95", "RU", ["+79368627495"], None),  # of a range that no plan lists
        ("936 862-74-95 доб. 105", "RU", ["+79368627495"], "105"),
        ("49 89 123456", "DE", ["+4989123456"], None),
        *(("+593 68 627495 12", country, ["+59368627495"], None) for country in ("DE", "AT", "GB")),
        ("МСК+2 (495) 123-45-67", "RU", ["+74951234567"], None),  # a client's hours, before a number
        ("GMT+3 375 29 123-45-67", "BY", ["+375291234567"], None),
        ("UTC+5:30 +91 98765 43210", "DE", ["+919876543210"], None),
        ("8 916 123-45-67 мск+2 8 495 123-45-67", "RU", ["+79161234567", "+74951234567"], None),
        *((f"мск{sign}7 495 123-45-67", "RU", ["+74951234567"], None) for sign in ("+", " +", ": +")),  # a number
        ("+999 68 627495 12", "DE", [], None),  # what cannot be read is no German number in its middle
        ("+7 916 123-45-67 8 916 765-43-21", "AT", ["+79161234567"], None),  # not "67 8 916 765-43-21"
        ("+7 (495) 123-45-67 123-45-68", "UA", ["+74951234567"], None),
        # A plus that belongs to no number, before one that needs nothing before it.
        ("МСК+2 89161234567", "RU", ["+79161234567"], None),
        ("GMT+3 8 916 123-45-67 доб. 12", "RU", ["+79161234567"], "12"),
        ("UTC+10 89161234567, +7 916 765-43-21", "RU", ["+79161234567", "+79167654321"], None),
        ("+7 79161234567", "RU", ["+79161234567"], None),  # a form with the code in it, and a number with its own
        ("+7 7 916 123-45-67", "RU", ["+79161234567"], None),
        ("+7 79161234567", "DE", ["+79161234567"], None),
        ("МСК+2 380671234567", "RU", ["+380671234567"], None),
        ("GMT+2 067 123-45-67", "UA", ["+380671234567"], None),
        ("+3 80291234567", "BY", ["+375291234567"], None),
        ("GMT+3 8 067 123-45-67", "UA", ["+380671234567"], None),
        ("UTC+1 030 123456", "DE", ["+4930123456"], None),
        ("+8 916 123-45-67", "AT", [], None),
        ("+49 30 123456 030 654321", "DE", ["+4930123456", "+4930654321"], None),
        ("+593 68 627495 12", "RU", ["+59368627495"], None),  # no plan lists the range; the plus says where it begins
        ("375 25 123 45 67 12", "RU", [], None),  # without the plus nothing does
        ("380671234567 - 375251234567-266-7777", "RU", ["+380671234567", "+375251234567"], None),
        # signs between groups
        ("8 916      123-45-67", "RU", [A], None),
        ("8 916       123-45-67", "RU", [], None),  # seven spaces are a column's edge
        ("495) 123-45-67", "RU", [M], None),
        ("8 4922 (32) 16-68", "RU", ["+74922321668"], None),
        ("+74922 (32) 16-68", "RU", ["+74922321668"], None),
        # extensions in pairs
        ("89161234567 доб. 12-345", "RU", [A], "12345"),
        ("89161234567 доб. 12-34-567", "RU", [A], "1234567"),
        ("89161234567 доб. 12-3456", "RU", [A], None),
        ("89161234567 (12)", "RU", [A], "12"),
        ("89161234567#1234567", "RU", [A], None),  # seven digits without a word are a local number
    ],
)
def test_what_belongs_to_a_number(text: str, country: str, numbers: list[str], extension: str | None) -> None:
    assert read(text, country) == (numbers, extension)


@pytest.mark.parametrize(
    ("text", "office", "numbers", "extension"),
    [
        ("+49 89 123456 2й 105", "DE", ["+4989123456"], None),  # a floor in the middle
        ("3 25123456", "DE", ["+4925123456"], None),  # a digit beside a local number is not Greek
        ("5 9161234567", "RU", ["+79161234567"], None),  # nor Bolivian
        ("49 89 1234561", "UA", ["+49891234561"], None),  # all of it, not a Ukrainian end of it
        # a comma inside a number is believed only where nothing is left over
        ("77 12 34,2й", MOSCOW, [], None),
        ("12 49,51234567", "RU", [], None),
        # ten digits that the plan only thinks likely: whole, or in one piece
        ("7)161234567", "RU", ["+77161234567"], None),
        ("7 161234567 (105)", "RU", ["+77161234567"], "105"),
        ("7161234567,8-800-555-35-35", "RU", ["+77161234567", "+78005553535"], None),
        ("7-161234567 12", "RU", [], None),
        ("123 7-161234567", "KZ", [], None),
        # an extension of seven digits is no second number
        ("12 8-800-555-35-35 доб. 1212345", MOSCOW, ["+78005553535"], "1212345"),
        ("266-77-77 доб. 2667778", MOSCOW, ["+74952667777"], "2667778"),
    ],
)
def test_of_two_readings_the_likelier_one_counts(
    text: str, office: str | Numbering, numbers: list[str], extension: str | None
) -> None:
    found = read_text(text, Numbering(office) if isinstance(office, str) else office)
    assert ([number.e164 for number in found.numbers], found.extension) == (numbers, extension)


def test_a_remark_written_to_a_local_number_without_a_space_does_not_hide_it() -> None:
    assert [number.e164 for number in read_text("266-77-77моб", MOSCOW).numbers] == ["+74952667777"]


def test_a_local_number_of_five_digits_is_read() -> None:
    obninsk = Numbering("RU", DialRules(area_code="48432"))
    assert [number.e164 for number in read_text("2-34-56", obninsk).numbers] == ["+74843223456"]


def test_the_first_number_is_the_first_one() -> None:
    first = read_text("89161234567, 89161234568", MOSCOW).first
    assert first is not None
    assert first.number.e164 == A


def test_a_text_is_read_to_a_limit() -> None:
    """4000 characters, and 3000 runs of groups from its end; what is before or behind them is not read."""
    assert read(" " * 3989 + "89161234567") == ([A], None)
    assert read(" " * 3990 + "89161234567") == ([], None)
    assert read("89161234567; " + "1 " * 150) == ([A], None)
    assert read("89161234567; " + "1 " * 300) == ([], None)


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("(017) 212-34-56 дад. 12", "BY", "+375172123456"),
        ("(017) 212-34-56 дадатковы 12", "BY", "+375172123456"),
        ("(017) 212-34-56, унутр. 12", "BY", "+375172123456"),
        ("8 (727) 250-12-34 қосымша 12", "KZ", "+77272501234"),
        ("8 (727) 250-12-34 ішкі нөмірі 12", "KZ", "+77272501234"),
        ("+998 71 123 45 67 ichki 12", "UZ", "+998711234567"),
        ("(11) 3123-4567 ramal 12", "BR", "+551131234567"),
        ("011 4123-4567 interno 12", "AR", "+541141234567"),
        ("011 4123-4567 int. 12", "AR", "+541141234567"),
        ("(55) 5123-4567 extensión 12", "MX", "+525551234567"),
        ("01 4123456 anexo 12", "PE", "+5114123456"),
        ("+48 22 123 45 67 wew. 12", "PL", "+48221234567"),
        ("+48 22 123 45 67 wewn. 12", "PL", "+48221234567"),
        ("0212 123 45 67 dahili 12", "TR", "+902121234567"),
        ("030 123456 Durchwahl 12", "DE", "+4930123456"),
        ("030 123456 DW 12", "DE", "+4930123456"),
        ("01 23 45 67 89 poste 12", "FR", "+33123456789"),
    ],
)
def test_extensions_in_other_languages(text: str, country: str, number: str) -> None:
    assert read(text, country) == ([number], "12")
