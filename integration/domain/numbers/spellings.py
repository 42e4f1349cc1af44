"""The usual spellings of one number, for a CRM that compares phones as texts. The opposite of `phone_text.py`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers

from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import PhoneNumber

MOST = 20


@lru_cache(maxsize=4096)
def spellings(number: PhoneNumber, numbering: Numbering) -> tuple[str, ...]:
    """
    The number as people and programs write it, the likeliest first, each once, at most `MOST`.

    `+79161234567`, `79161234567`, `89161234567`, `+7 916 123-45-67`, `8 (916) 123-45-67`, … Reading any of them in an
    office of the number's own country gives the number again. Never raises.
    """
    try:
        parsed = phonenumbers.parse(number.e164, None)
    except phonenumbers.NumberParseException:
        return tuple(dict.fromkeys((number.e164, number.digits)))
    return tuple(dict.fromkeys(_written(number, parsed, numbering)))[:MOST]


def _written(number: PhoneNumber, parsed: phonenumbers.PhoneNumber, numbering: Numbering) -> Iterator[str]:
    code, national = str(parsed.country_code), phonenumbers.national_significant_number(parsed)
    trunk = _trunk(parsed, numbering)
    yield from (number.e164, number.digits)
    if trunk is not None:
        at_home = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
        yield from (re.sub(r"\D", "", at_home), national)
        yield from _local(national, numbering)
        yield at_home
    yield phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    area, rest = _groups(parsed, code)
    if not rest:
        return
    for begin, first in _beginnings(parsed, code, trunk, area):
        dashes, blanks = "-".join(rest), " ".join(rest)
        yield f"{begin} ({first}) {dashes}".lstrip()
        yield f"{begin}({first}){dashes}"
        yield f"{begin} {first} {dashes}".lstrip()
        yield f"{begin} {first} {blanks}".lstrip()
        yield f"{begin}-{first}-{dashes}".lstrip("-")
    yield f"+{code} ({area}) {''.join(rest)}"
    yield f"+{code}({area}){''.join(rest)}"


def _beginnings(parsed: phonenumbers.PhoneNumber, code: str, trunk: str | None, area: str) -> Iterator[tuple[str, str]]:
    """What stands before the first brackets, and within them: `8` and `916`; `` and `067`; `+38` and `067`."""
    if trunk:
        shown = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL).lstrip("(")
        if not shown.startswith(trunk + area[:1]):
            yield trunk, area
        else:
            yield "", trunk + area
            if code.endswith(trunk):
                yield f"+{code.removesuffix(trunk)}", trunk + area
    elif trunk is not None:
        yield "", area
    yield f"+{code}", area


def _trunk(parsed: phonenumbers.PhoneNumber, numbering: Numbering) -> str | None:
    """What people at home write before the number; empty: nothing. None: the number is foreign to the office."""
    if phonenumbers.country_code_for_region(numbering.country) != parsed.country_code:
        return None
    return numbering.trunk_prefix


def _groups(parsed: phonenumbers.PhoneNumber, code: str) -> tuple[str, list[str]]:
    """`916` and `123`, `45`, `67`: the area code, and the rest as the country groups it; seven digits as 3-2-2."""
    shown = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    area, *rest = shown.removeprefix(f"+{code}").replace("-", " ").split() or [""]
    joined = "".join(rest)
    return area, [joined[:3], joined[3:5], joined[5:]] if len(joined) == 7 else rest


def _local(national: str, numbering: Numbering) -> Iterator[str]:
    area = numbering.rules.area_code
    if area and national.startswith(area) and numbering.local_length == len(national) - len(area):
        yield national.removeprefix(area)
