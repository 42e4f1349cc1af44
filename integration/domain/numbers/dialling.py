"""What to dial: an extension of the office, or an outside number in the form for the office's PBX."""

from __future__ import annotations

import re

import phonenumbers

from integration.domain.numbers.numbering import DialForm, Numbering
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.numbers.phone_text import read_text

_EXTENSION = re.compile(r"[0-9A-Za-z+*#_.-]{1,40}")  # names of endpoints too: `anna.petrova`, `1001-2002`
_DIGITS = re.compile(r"\+?[0-9*#]{1,40}")
_BETWEEN = r"\s().\-‐-―−"  # what people put between the digits of one number


def extension_to_dial(text: str | None) -> str | None:
    """An extension exactly as the PBX names it; None if the text is not one. Never raises."""
    trimmed = (text or "").strip()
    return trimmed if _EXTENSION.fullmatch(trimmed) else None


def number_to_dial(text: str | None, numbering: Numbering) -> str | None:
    """
    A written outside number, for example an employee's mobile, in the form that the office dials.

    Returns:
        The first number in the text. A text of only digits stays unchanged, unless the office has rules for dialling.
        None if there is nothing to dial. Never raises.
    """
    written = (text or "").strip()
    bare = re.sub(rf"[{_BETWEEN}]", "", written)
    is_bare = _DIGITS.fullmatch(bare) is not None
    found = read_text(written, numbering).first
    if found is not None and not (is_bare and numbering.dials_as_written):
        return digits_to_dial(found.number, numbering)
    return bare if is_bare else None


def destination_to_dial(text: str | None, numbering: Numbering) -> str | None:
    """
    A destination that may be an extension or an outside number, for example a line's reserve. `1001-2002` is an
    extension, and so is every name. Never raises.
    """
    written = (text or "").strip()
    found = read_text(written, numbering).first
    is_name = re.search("[A-Za-z]", written) is not None
    if found is None and _EXTENSION.fullmatch(written) and (is_name or len(re.findall(rf"[{_BETWEEN}]", written)) <= 1):
        return written
    return number_to_dial(written, numbering)


def digits_to_dial(number: PhoneNumber, numbering: Numbering) -> str:
    """
    A number in the form that a phone of the office dials, by the office's rules. Never raises.

    Returns:
        `+79161234567` where a click dials E.164 (the PBX's adapter leaves the plus out where the PBX wants it so) and
        nothing stands before it; else digits, `*` and `#`: `89161234567`, `810380...`, `984951234567`.
    """
    rules = numbering.rules
    if rules.click is DialForm.E164:
        return rules.outside_prefix + number.digits if rules.outside_prefix else number.e164
    return rules.outside_prefix + _as_the_country_dials(number, numbering)


def _as_the_country_dials(number: PhoneNumber, numbering: Numbering) -> str:
    parsed = phonenumbers.parse(number.e164, None)
    if parsed.country_code != phonenumbers.country_code_for_region(numbering.country):
        return numbering.international_prefix + number.digits
    national = phonenumbers.national_significant_number(parsed)
    local = national.removeprefix(numbering.rules.area_code)
    is_local = local != national and len(local) == numbering.local_length
    if numbering.rules.click is DialForm.LOCAL and is_local:
        return local
    return numbering.trunk_prefix + national
