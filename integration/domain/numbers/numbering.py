"""An office's numbering: its country's numbering plan and its own rules for dialling.

The plans of all countries come from Google (`phonenumbers`, ADR 2). `phone.py` reads numbers, `dialling.py` dials them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata, ValidationResult

_COMMON_MISTAKES = {"UK": "GB", "EN": "GB", "SU": "RU", "KAZ": "KZ", "EL": "GR", "UKR": "UA", "RUS": "RU", "BLR": "BY"}
# Ends of numbers, for testing whether a beginning exists: ranges are seldom allocated one number at a time.
_FILLINGS = ("2345678901234567", "5555555555555555", "0000000000000000", "9876543210987654")


class DialForm(StrEnum):
    """What a click dials."""

    E164 = "e164"  # country code and number: 79161234567
    NATIONAL = "national"  # as the country dials: 89161234567, 810380...
    LOCAL = "local"  # national, and within the area code without it: 1234567


@dataclass(frozen=True, slots=True, kw_only=True)
class DialRules:
    """
    How the office dials out. Each prefix is made of digits, `*` and `#`; an empty one does not exist.

    Attributes:
        area_code: the code that a number of `local_length` digits lacks, `495`.
        local_length: digits of a number without its area code; None: the country's length minus the area code.
        trunk_prefix: before a number of the country, `8`, `0`; None: the country's own.
        international_prefix: before a country code, `810`, `00`; None: the country's own.
        outside_prefix: what a phone of the office dials before an outside number, `9`.
        carrier_prefix: what the PBX puts before a number for its carrier, `0001#`. Only for reading: a click does not
            dial it.

    Source: seed S3 (module settings of telephony), spec A9 and A12.
    """

    area_code: str = ""
    local_length: int | None = None
    trunk_prefix: str | None = None
    international_prefix: str | None = None
    outside_prefix: str = ""
    carrier_prefix: str = ""
    click: DialForm = DialForm.E164


@dataclass(frozen=True, slots=True)
class Numbering:
    """What an office needs set for its numbers to be read and dialled. `country`: ISO 3166, `RU`."""

    country: str = "RU"
    rules: DialRules = field(default_factory=DialRules)

    @property
    def trunk_prefix(self) -> str:
        own = self.rules.trunk_prefix
        return (_plan(self.country).national_prefix or "") if own is None else own

    @property
    def international_prefix(self) -> str:
        own = self.rules.international_prefix
        if own is not None:
            return own
        plan = _plan(self.country)
        prefix = plan.preferred_international_prefix or plan.international_prefix or ""
        prefix = prefix.replace("~", "")
        return prefix if prefix.isdigit() else "00"

    @property
    def local_length(self) -> int | None:
        """None: numbers without an area code are not read."""
        if not self.rules.area_code:
            return None
        if self.rules.local_length is not None:
            return self.rules.local_length
        lengths = _lengths(self.country)
        return max(lengths) - len(self.rules.area_code) if lengths else None

    @property
    def shortest(self) -> int:
        """Digits of the country's shortest number, area code included."""
        return min(_lengths(self.country), default=7)

    def is_shaped(self, digits: str) -> bool:
        """Whether these digits are the trunk prefix and as many digits as a number of the country has."""
        trunk = self.trunk_prefix
        return bool(trunk) and digits.startswith(trunk) and len(digits) - len(trunk) in _lengths(self.country)

    @property
    def dials_as_written(self) -> bool:
        """Whether digits to dial go to the PBX unchanged: no rule of the office says how to dial an outside number."""
        return self.rules.click is DialForm.E164 and not self.rules.outside_prefix

    @property
    def fingerprint(self) -> str:
        """Changes whenever the settings that decide how a text is read change."""
        rules = self.rules
        own = (rules.area_code, self.local_length or "", self.trunk_prefix, self.international_prefix)
        return "/".join(map(str, (self.country, *own, rules.outside_prefix, rules.carrier_prefix)))


DEFAULT_NUMBERING = Numbering()
"""For an account without settings for its numbers."""


class Standing(StrEnum):
    """Whether a number exists, by the numbering plans."""

    IMPOSSIBLE = "impossible"
    POSSIBLE = "possible"  # length and code exist, but the plans do not list the range
    VALID = "valid"


def is_country(text: str) -> bool:
    """Whether a numbering plan has this name."""
    return text in phonenumbers.SUPPORTED_REGIONS


def country_like(text: str) -> str | None:
    """The country that was probably meant: `GB` for `UK`. None: no guess. Never raises."""
    wanted = text.strip().upper()
    if is_country(wanted):
        return wanted
    if wanted in _COMMON_MISTAKES:
        return _COMMON_MISTAKES[wanted]
    shorter = wanted[:2] if len(wanted) == 3 else ""
    if is_country(shorter):
        return shorter
    swapped = wanted[::-1] if len(wanted) == 2 else ""
    return swapped if is_country(swapped) else None


def no_such_country(text: str) -> str:
    """The error message for a country that does not exist, with the one that was probably meant."""
    near = country_like(text)
    advice = f'write "{near}"' if near else 'write two letters, for example "RU", "UA" or "KZ"'
    return f'there is no numbering plan "{text}": {advice}'


def standing(number: phonenumbers.PhoneNumber) -> Standing:
    """
    Look a parsed number up in the numbering plans.

    Google's "valid" is too strict here: it lacks ranges that are in use (`+375 25 1…`), and a client with one of these
    numbers would never be recognised. Its "possible" is too lax: it looks at the length only (`+7 000 000-00-00`).
    `POSSIBLE` lies between them: the country's fixed or mobile numbers have this length, and the code (area, operator)
    exists. One digit repeated through the whole number is impossible: people write that where a form demands a number.
    """
    national = phonenumbers.national_significant_number(number)
    if len(set(national)) == 1:
        return Standing.IMPOSSIBLE
    if phonenumbers.is_valid_number(number):
        return Standing.VALID
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return Standing.IMPOSSIBLE
    code = number.country_code or 0
    for region in phonenumbers.region_codes_for_country_code(code):
        if len(national) not in _lengths(region):
            continue
        general = _plan(region).general_desc
        if general is None or not re.fullmatch(general.national_number_pattern or "", national):
            continue
        length = phonenumbers.length_of_national_destination_code(number)
        if length and _has_code(region, national[:length], len(national)):
            return Standing.POSSIBLE
    return Standing.IMPOSSIBLE


@lru_cache(maxsize=4096)
def _has_code(region: str, code: str, length: int) -> bool:
    """Whether a valid number of this length begins with this area or operator code."""
    for next_digit in "0123456789":
        for filling in _FILLINGS:
            national = (code + next_digit + filling)[:length]
            probe = phonenumbers.PhoneNumber(
                country_code=phonenumbers.country_code_for_region(region), national_number=int(national)
            )
            if phonenumbers.is_valid_number_for_region(probe, region):
                return True
    return False


@lru_cache(maxsize=512)
def _plan(country: str) -> PhoneMetadata:
    """The plan of a country; an empty plan where Google has none."""
    found = PhoneMetadata.metadata_for_region(country, None)
    return PhoneMetadata("ZZ", register=False) if found is None else found


@lru_cache(maxsize=512)
def _lengths(country: str) -> frozenset[int]:
    """Lengths of the country's fixed and mobile numbers in digits, without country code and trunk prefix."""
    plan = _plan(country)
    kinds = [kind for kind in (plan.fixed_line, plan.mobile) if kind is not None]
    return frozenset(length for kind in kinds for length in kind.possible_length)
