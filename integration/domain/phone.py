"""Phone numbers: what was dialled, and its E.164 form for comparing and writing.

`phonenumbers` (Google's libphonenumber data) is the one library the domain uses: numbering plans of every
country are no business of ours, and it does no I/O (docs/adr/0002).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

_HIDDEN = frozenset(
    {"", "anonymous", "<unknown>", "unknown", "(null)", "restricted", "private", "unavailable", "withheld"}
)
# What nearly all numbers of Russia and Kazakhstan look like, in a CRM and at a PBX. `810` leads out of the country.
_PLAIN = re.compile(r"(\+?7|8)([347-9][0-9]{9})")
_TRUNK_PREFIX_8 = frozenset({"RU", "KZ"})
_SHORT = 6  # digits; a number this short or shorter is internal or a service number, never a client


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
        """The key under which two spellings of one number meet: the last ten digits."""
        return self.digits[-10:]


def is_hidden(text: str | None) -> bool:
    """True when a caller id holds no number at all. AMI: `<unknown>` and `(null)` mean absent."""
    return text is None or text.strip().lower() in _HIDDEN


@lru_cache(maxsize=16384)
def normalise(text: str, country: str = "RU") -> PhoneNumber | None:
    """
    Read a number as the PBX shows it or as a person typed it.

    Args:
        text: `8 (916) 123-45-67`, `79161234567`, `+7...`, `00...`; extra text around digits is dropped.
        country: ISO 3166 region whose local forms are understood (`RU`, `UA`, `KZ`, `BY` ...).

    Returns:
        The number, or None for hidden, short (internal, service) and impossible numbers. Never raises.
        Normalising the result's `e164` again gives the same number.
    """
    plain = _PLAIN.fullmatch(text)
    if plain is not None and (plain[1] != "8" or country in _TRUNK_PREFIX_8):
        return PhoneNumber(f"+7{plain[2]}", text)
    return _by_numbering_plans(text, country)


def _by_numbering_plans(text: str, country: str) -> PhoneNumber | None:
    """What `normalise` says, in fifteen times the time."""
    if is_hidden(text):
        return None
    cleaned = re.sub(r"[^0-9+]", "", text.split(";")[0].split("@")[0].removeprefix("sip:").removeprefix("tel:"))
    cleaned = cleaned[:1] + cleaned[1:].replace("+", "")
    if len(cleaned.lstrip("+")) <= _SHORT:
        return None
    for candidate in _readings(cleaned):
        try:
            parsed = phonenumbers.parse(candidate, None if candidate.startswith("+") else country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(parsed):
            e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
            return PhoneNumber(e164, text)
    return None


def _readings(cleaned: str) -> tuple[str, ...]:
    """The ways a cleaned text may be read, the likeliest first. Carriers send `7916...` without the plus."""
    if cleaned.startswith("+"):
        return (cleaned,)
    if cleaned.startswith("00"):
        return ("+" + cleaned[2:], cleaned)
    if len(cleaned) >= 11 and not cleaned.startswith(("0", "8")):
        return ("+" + cleaned, cleaned)
    return (cleaned, "+" + cleaned)


def match_key(text: str, country: str = "RU") -> str | None:
    """
    The key under which two spellings of one number meet: the last ten digits of its E.164 form.

    Returns:
        Up to ten digits; None where `normalise` gives None. Never raises.

    Source: amoCRM compares the last 10 digits for `POST /api/v4/calls` (reference, 5.1); `+7`, `8` and bare forms meet.
    """
    number = normalise(text, country)
    return number.match_key if number else None


def national_digits(number: PhoneNumber) -> str:
    """
    The digits that every spelling of the number contains, without country code and trunk prefix: `9161234567` for
    `+79161234567` and `8 916 ...`, `671234567` for `+380671234567` and `067 ...`. Never raises; all digits for a
    number that no numbering plan knows.
    """
    try:
        return str(phonenumbers.parse(number.e164, None).national_number)
    except phonenumbers.NumberParseException:
        return number.digits
