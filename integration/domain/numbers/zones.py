"""The time zones in which a number's owner may be, by the numbering plans. A mobile number tells the country only."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
from phonenumbers import timezone

_UNKNOWN = "Etc/Unknown"
# The library names a neighbour's zone where the offset was the same once. Source: reference "dialling" 5, measured.
_KALININGRAD, _TAKEN_FOR_KALININGRAD = "Europe/Kaliningrad", "Europe/Bucharest"
_OF_ONE_ZONE = {"KZ": "Asia/Almaty", "BY": "Europe/Minsk"}  # Kazakhstan since 1 March 2024


@lru_cache(maxsize=16384)
def possible_zones_of(e164: str) -> tuple[str, ...]:
    """IANA names; empty where the plans do not tell. Never raises."""
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return ()
    region = phonenumbers.region_code_for_number(number)
    if region in _OF_ONE_ZONE:
        return (_OF_ONE_ZONE[region],)
    zones = list(timezone.time_zones_for_number(number))
    if number.country_code == 7:
        zones = [_KALININGRAD if zone == _TAKEN_FOR_KALININGRAD else zone for zone in zones]
        zones = [zone for zone in zones if zone not in ("Asia/Almaty", "Asia/Aqtobe")]
    return tuple(dict.fromkeys(zone for zone in zones if zone != _UNKNOWN))
