"""What kind of number a click would dial, as far as money and lives depend on it: `emergency_digits()`, `class_of()`.

Numbering plans are `phonenumbers`' (docs/adr/0002). What is refused is the account's decision (`ClickRules`).
"""

from __future__ import annotations

import re
from collections.abc import Container
from enum import StrEnum

import phonenumbers

from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import PhoneNumber

# Countries of nobody: Inmarsat, the mobile satellite system, international networks (satellite and ships among them).
# Source: ITU-T E.164 assigned codes.
_SATELLITE = frozenset({870, 881, 882, 883})
_SEPARATORS = re.compile(r"[\s().\-]")


class NumberClass(StrEnum):
    ORDINARY = "ordinary"
    PREMIUM = "premium"  # the caller pays extra: 809 and 900 numbers, services' short numbers with a price
    SATELLITE = "satellite"


def emergency_digits(text: str, numbering: Numbering, extensions: Container[str]) -> str | None:
    """
    What to dial for help, where a text is the number of an emergency service of the office's country.

    Args:
        extensions: of the office: an employee at 103 is called as always.

    Returns:
        The digits as they are, also behind the prefix that leads out of the office (`9112`). None: it is no such
        number. Never raises.
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
    The class of what is to be dialled. Never raises.

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
