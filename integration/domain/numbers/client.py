"""The outside party of a call, by its number. The channel decides the direction, not the number."""

from __future__ import annotations

from integration.domain.calls.call import Call
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import BareDigits, PhoneNumber, bare_digits, read_number
from integration.domain.numbers.phone_text import match_keys

Client = PhoneNumber | BareDigits

_BARE = "="  # before the digits in a call's key, so that it never equals a number's key


def client_of(call: Call, numbering: Numbering) -> Client | None:
    """
    The outside party, for logging. Only a `PhoneNumber` may be looked up, become a contact or identify a person.

    Returns:
        None for internal calls and hidden callers. Never raises.
    """
    shown = call.client_number
    if shown is None:
        return None
    return read_number(shown, numbering) or bare_digits(shown, numbering)


def call_key(call: Call, numbering: Numbering) -> str | None:
    """The key to find a call by: its client's match key, or the bare digits; None without a number. Never raises."""
    client = client_of(call, numbering)
    if client is None:
        return None
    return client.match_key if isinstance(client, PhoneNumber) else _BARE + client.digits


def search_keys(text: str, numbering: Numbering) -> tuple[str, ...]:
    """The `call_key`s to search for: of every number in the text, else of its digits; empty without digits."""
    keys = match_keys([text], numbering)
    if keys:
        return keys
    digits = bare_digits(text, numbering)
    return (_BARE + digits.digits,) if digits else ()
