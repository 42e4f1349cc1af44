"""Reads one telephone number as a PBX shows it, into E.164 for comparing and writing.

`phone_text.py` reads what people write: several numbers, an extension, remarks. `phonenumbers` (Google's libphonenumber
data) is the only library in the domain: it does no I/O (ADR 2). ADR 15 says how we use it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum, auto
from functools import lru_cache

import phonenumbers

from integration.domain.numbers.numbering import Numbering, Standing, standing

READING_RULE = "5"
"""Raise it when a text may now be read differently: phone books are then keyed again."""

_HIDDEN = frozenset(
    {"", "anonymous", "<unknown>", "unknown", "(null)", "restricted", "private", "unavailable", "withheld"}
)
# The form of nearly all Russian and Kazakh numbers in a CRM and at a PBX. The plans list every number of this form.
_PLAIN = re.compile(r"(\+?7|8)((?!([0-9])\3{9})(?:9[0-9]{2}|49[59]|812|7(?:0[0-25-8]|47|7[15-8]))[0-9]{7})")
_TRUNK_PREFIX_8 = frozenset({"RU", "KZ"})
# Countries where people still dial and write the Soviet prefixes: 8 at home, 810 for abroad.
_ONCE_SOVIET = frozenset({"RU", "KZ", "UA", "BY", "UZ", "KG", "TJ", "TM", "AM", "AZ", "GE", "MD"})
_SHORT = 6  # digits; a bare number of up to this length is an extension, a service or a local number
_BARE_INTERNATIONAL = 10  # digits at least: 3712345 is a local number, not a Latvian one
_DOUBTFUL_INTERNATIONAL = 11  # digits at least, where the plans do not list the range
_SHOWN = re.compile(r"[0-9+*#().\-/\s‐-―−]+")
_MOST_SHOWN = 80  # characters


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """`e164` like `+79161234567`; `dialled` is the text it was read from."""

    e164: str
    dialled: str

    @property
    def digits(self) -> str:
        return self.e164[1:]

    @property
    def match_key(self) -> str:
        """The last ten digits: the same for every spelling of one number."""
        return self.digits[-10:]

    @property
    def written(self) -> str:
        """The form for the CRM."""
        return self.e164


@dataclass(frozen=True, slots=True)
class BareDigits:
    """
    Digits of an outside party that no numbering plan has: a local number without its area code, a service, a gateway's
    noughts. The call is logged under these digits. They identify no client: nobody is looked up by them, and two calls
    with the same digits may come from different people.
    """

    digits: str

    @property
    def written(self) -> str:
        return self.digits


class Certainty(IntEnum):
    """How certain it is that digits mean the number that was read from them."""

    DOUBTFUL = auto()  # a foreign number without the plus, of a range that no plan lists
    FOREIGN = auto()  # a foreign number without the plus
    LOCAL = auto()  # without the area code
    LIKELY = auto()  # a number of the country or with the plus, of a range that no plan lists
    SURE = auto()


@dataclass(frozen=True, slots=True)
class Reading:
    e164: str
    certainty: Certainty


def is_hidden(text: str | None) -> bool:
    """Whether a caller id holds no number. In AMI `<unknown>` and `(null)` mean absent."""
    return text is None or text.strip().lower() in _HIDDEN


def read_number(text: str, numbering: Numbering) -> PhoneNumber | None:
    """
    Read a number as the PBX shows it.

    Args:
        text: `89161234567`, `79161234567`, `+7...`, `00...`, `810...`, `sip:+7916...@carrier`, `0001#7916...`; where
            `numbering` has the rules, also a local number (`2667777`) and a number after the outside prefix.
        numbering: the office's country and how it dials.

    Returns:
        The number, or None for hidden, internal, short and impossible numbers, and for a text with words in it. Never
        raises. Reading the result's `e164` again gives the same number.
    """
    return read_plain(text, numbering) or read_by_plans(text, numbering)


def read_plain(text: str, numbering: Numbering) -> PhoneNumber | None:
    """Read the commonest form, fifteen times as fast as by the plans. None: the number may be one all the same."""
    plain = _PLAIN.fullmatch(text)
    if plain is not None and (plain[1] != "8" or numbering.country in _TRUNK_PREFIX_8):
        return PhoneNumber(f"+7{plain[2]}", text)
    return None


@lru_cache(maxsize=16384)
def read_by_plans(text: str, numbering: Numbering) -> PhoneNumber | None:
    """Read by the numbering plans: `read_number` without its shortcut."""
    shown = _as_shown(text)
    if shown is None:
        return None
    reading = _only_number(_without_prefixes(shown, numbering), numbering)
    if reading is None:
        outside = numbering.rules.outside_prefix
        rest = shown.removeprefix(outside)
        reading = _only_number(rest, numbering) if rest != shown else None
    return PhoneNumber(reading.e164, text) if reading else None


def _only_number(shown: str, numbering: Numbering) -> Reading | None:
    """The number in `0001#7916...`; None for two of them, as in `7916...*7495...`."""
    runs = [run for run in re.split(r"[*#]+", shown) if run]
    found = [reading for run in runs if (reading := read_digits(run, numbering)) is not None]
    return found[0] if len(found) == 1 else None


def bare_digits(text: str | None, numbering: Numbering) -> BareDigits | None:
    """All digits that the PBX shows, whether or not they form a number; None without digits. Never raises."""
    shown = _as_shown(text or "")
    digits = re.sub(r"[^0-9]", "", shown.removeprefix(numbering.rules.carrier_prefix)) if shown else ""
    return BareDigits(digits) if digits else None


def match_key(text: str, numbering: Numbering) -> str | None:
    """
    The last ten digits of the number's E.164 form: the same for every spelling of one number.

    Returns:
        Up to ten digits; None where `read_number` gives None. Never raises.

    Source: amoCRM compares the last 10 digits for `POST /api/v4/calls` (reference, 5.1); `+7`, `8` and bare forms meet.
    """
    number = read_number(text, numbering)
    return number.match_key if number else None


@lru_cache(maxsize=16384)
def read_digits(cleaned: str, numbering: Numbering) -> Reading | None:
    """
    Read digits with an optional plus before them, and nothing else. Never raises.

    The candidates are tried by falling likelihood. A range that the plans list wins over one that they do not.
    """
    best: Reading | None = None
    for candidate, region, if_valid, if_possible in _candidates(cleaned, numbering):
        found = _parsed(candidate, region)
        if found is None:
            continue
        number, worth = found
        certainty = if_valid if worth is Standing.VALID else if_possible
        if certainty is None or (best is not None and best.certainty >= certainty):
            continue
        best = Reading(number, certainty)
        if worth is Standing.VALID:
            break
    return best


_Candidate = tuple[str, str | None, Certainty, Certainty | None]
"""The text to parse; the country whose plan applies (None: the text has a plus); how certain the result is if the plans
list the range; and if they do not (None: the candidate is dropped)."""


def _candidates(cleaned: str, numbering: Numbering) -> list[_Candidate]:
    digits = cleaned.lstrip("+")
    if not digits.isascii() or not digits.isdigit():
        return []
    country, rules = numbering.country, numbering.rules
    if len(digits) == numbering.local_length and not cleaned.startswith("+"):
        return [(rules.area_code + digits, country, Certainty.LOCAL, Certainty.LOCAL)]
    if len(digits) <= _SHORT or (not cleaned.startswith("+") and len(digits) < numbering.shortest):
        return []
    abroad: list[_Candidate] = []
    prefixes = {"00", numbering.international_prefix, *(["810"] if country in _ONCE_SOVIET else [])}
    if cleaned.startswith("+"):
        abroad.append((cleaned, None, Certainty.SURE, Certainty.LIKELY))
        if not cleaned.startswith(("+0", "+8")):
            return abroad  # of `+7 8 916 ...` the library takes the trunk prefix off behind the country code
    elif prefix := next((p for p in sorted(prefixes, key=len, reverse=True) if p and digits.startswith(p)), ""):
        abroad.append(("+" + digits[len(prefix) :], None, Certainty.SURE, Certainty.LIKELY))
    home: list[_Candidate] = [(digits, country, Certainty.SURE, Certainty.LIKELY)]
    if rules.trunk_prefix and digits.startswith(rules.trunk_prefix):
        home.append((digits[len(rules.trunk_prefix) :], country, Certainty.SURE, Certainty.LIKELY))
    if country in _ONCE_SOVIET and digits.startswith("80"):
        home.append((digits[1:], country, Certainty.SURE, None))
    bare: list[_Candidate] = []
    if country in _ONCE_SOVIET - _TRUNK_PREFIX_8 and len(digits) == 11 and digits.startswith("8"):
        bare.append(("+7" + digits[1:], None, Certainty.FOREIGN, None))  # in neighbour countries `8 916 ...` is Russian
    # `8 123 456-78-90` is a wrong Russian number, not a Japanese one (81).
    if len(digits) >= _BARE_INTERNATIONAL and not digits.startswith("0") and not numbering.is_shaped(digits):
        is_home = digits.startswith(_country_code(country))
        doubtful = Certainty.DOUBTFUL if len(digits) >= _DOUBTFUL_INTERNATIONAL else None
        valid, possible = (Certainty.SURE, Certainty.LIKELY) if is_home else (Certainty.FOREIGN, doubtful)
        bare.append(("+" + digits, None, valid, possible))
    # Carriers send `380671234567` without the plus; shorter numbers and those with an 8 or 0 before them are national.
    if len(digits) >= 11 and not digits.startswith(("0", "8")):
        return [*abroad, *bare, *home]
    return [*abroad, *home, *bare]


@lru_cache(maxsize=16384)
def _parsed(candidate: str, region: str | None) -> tuple[str, Standing] | None:
    try:
        number = phonenumbers.parse(candidate, region)
    except phonenumbers.NumberParseException:
        return None
    worth = standing(number)
    if worth is Standing.IMPOSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), worth


@lru_cache(maxsize=512)
def _country_code(country: str) -> str:
    return str(phonenumbers.country_code_for_region(country) or "?")


def ascii_digits(text: str) -> str:
    """Turn digits of any script, and the full-width plus, into ASCII."""
    if text.isascii():
        return text
    return "".join(_ascii_digit(c) for c in text)


def _ascii_digit(character: str) -> str:
    if character == "+":
        return "+"
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def _as_shown(text: str) -> str | None:
    """Only the `+`, digits, `*` and `#` of what the PBX shows; None for a text with words."""
    if is_hidden(text) or len(text) > _MOST_SHOWN:
        return None
    bare = re.sub(r"^(?:sips?|tel):", "", ascii_digits(text).strip(), flags=re.IGNORECASE)
    bare = bare.split(";")[0].split("@")[0]
    if not _SHOWN.fullmatch(bare):
        return None
    cleaned = re.sub(r"[^0-9+*#]", "", bare)
    return cleaned if re.fullmatch(r"(?:[0-9*#]*[*#])?\+?[0-9*#]+", cleaned) else None


def _without_prefixes(shown: str, numbering: Numbering) -> str:
    """
    Take off the carrier's prefix and the office's outside prefix. `984951234567` could be Iranian, but in an office
    that dials 9 for the outside it is 84951234567. A prefix stays if the rest is not something the office could dial.
    """
    rules = numbering.rules
    for prefix in (rules.carrier_prefix, rules.outside_prefix, rules.carrier_prefix):
        rest = shown.removeprefix(prefix)
        if prefix and rest != shown and _is_dialled(rest, numbering):
            shown = rest
    return shown


def _is_dialled(digits: str, numbering: Numbering) -> bool:
    """Whether the office could dial these digits: they begin with a known prefix or code, and form a whole number."""
    beginnings = ("+", numbering.trunk_prefix, numbering.international_prefix, _country_code(numbering.country))
    if len(digits) != numbering.local_length and not digits.startswith(tuple(b for b in beginnings if b)):
        return False
    reading = read_digits(digits, numbering)
    return reading is not None and reading.certainty >= Certainty.LOCAL


def national_digits(number: PhoneNumber) -> str:
    """
    The number without country code and trunk prefix, as every spelling of it contains it: `9161234567` for
    `+79161234567` and `8 916 ...`, `671234567` for `+380671234567` and `067 ...`. All digits where no numbering plan
    has the number. Never raises.
    """
    try:
        return str(phonenumbers.parse(number.e164, None).national_number)
    except phonenumbers.NumberParseException:
        return number.digits
