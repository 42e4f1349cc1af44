"""Whether a client is made in the CRM of a number that nobody there has: `new_client()`, with the reason. Pure.

The services and the CRM decide how it is made. Source: spec B6, seed S1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from integration.domain.calls.call import Call, Direction
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.numbers.phone_text import match_keys
from integration.domain.reasons import Reason, ReasonCode, because
from integration.domain.settings import AccountSettings, NewClient, NewClientOf

_OF = {Direction.INBOUND: NewClientOf.INBOUND, Direction.OUTBOUND: NewClientOf.OUTBOUND}


@dataclass(frozen=True, slots=True)
class Making:
    """`way`: what becomes of the number. `why`: why nothing is made by itself; None: something is."""

    way: NewClient
    why: Reason | None = None

    @property
    def is_by_itself(self) -> bool:
        return self.way not in (NewClient.BY_HAND, NewClient.NEVER)


def new_client(call: Call, number: PhoneNumber, settings: AccountSettings) -> Making:
    """
    What this call makes of a number that nobody in the CRM has. Never raises.

    1. Of a number on the office's list nothing is ever made.
    2. The line's rule holds for the calls that it names; of the others clients are made by hand, or never.
    """
    if number.match_key in _keys(settings.never_clients, settings.numbering):
        return Making(NewClient.NEVER, because(ReasonCode.NUMBER_NEVER_CLIENT, number=number.e164))
    line = settings.line(call.line)
    if line.new_client is NewClient.NEVER:
        return Making(NewClient.NEVER, because(ReasonCode.NEW_CLIENT_NEVER))
    if line.new_client is NewClient.BY_HAND or line.new_client_of not in (NewClientOf.ALL, _OF.get(call.direction)):
        return Making(NewClient.BY_HAND, because(ReasonCode.NEW_CLIENT_BY_HAND))
    return Making(line.new_client)


@lru_cache(maxsize=1024)
def _keys(texts: tuple[str, ...], numbering: Numbering) -> frozenset[str]:
    return frozenset(match_keys(texts, numbering))
