"""Who the outside party of a call is, as far as a number can say. The channel decides the direction, not the number."""

from __future__ import annotations

from integration.domain.call import Call
from integration.domain.numbering import Numbering
from integration.domain.phone import BareDigits, PhoneNumber, bare_digits, read_number
from integration.domain.phone_text import match_keys

Client = PhoneNumber | BareDigits

_BARE = "="  # before the digits in a call's key, so that no number's key is like it


def client_of(call: Call, numbering: Numbering) -> Client | None:
    """
    The outside party, to be written down; only a `PhoneNumber` may be looked up, made a contact or joined by.

    Returns:
        None for internal calls and hidden callers. Never raises.
    """
    shown = call.client_number
    if shown is None:
        return None
    return read_number(shown, numbering) or bare_digits(shown, numbering)


def call_key(call: Call, numbering: Numbering) -> str | None:
    """Under what a call is found again: its client's match key, or the digits as they are. Never raises."""
    client = client_of(call, numbering)
    if client is None:
        return None
    return client.match_key if isinstance(client, PhoneNumber) else _BARE + client.digits


def search_keys(text: str, numbering: Numbering) -> tuple[str, ...]:
    """The `call_key`s of the calls that somebody looks for who writes this: of every number in it, else its digits."""
    keys = match_keys([text], numbering)
    if keys:
        return keys
    digits = bare_digits(text, numbering)
    return (_BARE + digits.digits,) if digits else ()
