"""The class of a number before a click dials it: emergency, premium or satellite. `emergency_digits()`, `class_of()`.

`phonenumbers` has the numbering plans (ADR 2). The account decides what to refuse (`ClickRules`).
"""

from __future__ import annotations

import re
from collections.abc import Container
from enum import StrEnum

import phonenumbers

from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import PhoneNumber

# Codes without a country: Inmarsat, the mobile satellite system, international networks (also satellite and ships).
# Source: ITU-T E.164 assigned codes.
_SATELLITE = frozenset({870, 881, 882, 883})
_SEPARATORS = re.compile(r"[\s().\-]")


class NumberClass(StrEnum):
    ORDINARY = "ordinary"
    PREMIUM = "premium"  # the caller pays extra: 809 and 900 numbers, services' short numbers with a price
    SATELLITE = "satellite"


def emergency_digits(text: str, numbering: Numbering, extensions: Container[str]) -> str | None:
    """
    The digits to dial if a text is an emergency number of the office's country.

    Args:
        extensions: the office's: an employee at 103 is called as usual.

    Returns:
        The digits unchanged, also behind the outside prefix (`9112`). None: not an emergency number. Never raises.
    """
    digits = _SEPARATORS.sub("", text)
    if not digits.isascii() or not digits.isdigit() or digits in extensions:
        return None
    inside = digits.removeprefix(numbering.rules.outside_prefix)
    if any(phonenumbers.is_emergency_number(each, numbering.country) for each in (digits, inside)):
        return digits
    return None


def class_of(number: PhoneNumber | str, numbering: Numbering) -> NumberClass:
    """
    The class of a number to dial. Never raises.

    Args:
        number: a number of a plan, or the digits of a short one (an extension, a service), which is judged by what the
            country's short numbers cost.
    """
    if isinstance(number, PhoneNumber):
        parsed = phonenumbers.parse(number.e164, None)
        if parsed.country_code in _SATELLITE:
            return NumberClass.SATELLITE
        is_premium = phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.PREMIUM_RATE
        return NumberClass.PREMIUM if is_premium else NumberClass.ORDINARY
    try:
        short = phonenumbers.parse(number, numbering.country)
    except phonenumbers.NumberParseException:
        return NumberClass.ORDINARY
    cost = phonenumbers.expected_cost_for_region(short, numbering.country)
    return NumberClass.PREMIUM if cost == phonenumbers.ShortNumberCost.PREMIUM_RATE else NumberClass.ORDINARY
