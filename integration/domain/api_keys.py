"""Keys of programs: how their text looks, how long they work, and why one is refused.

What a key may do is in `access.py`.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from integration.domain.administrators import AdministratorId
from integration.domain.ids import AccountId, Timestamp

ApiKeyId = NewType("ApiKeyId", str)
"""32 hexadecimal digits."""

PREFIX = "dzv_"
"""Tells a key from any other text; scanners for leaked secrets look for `dzv_[0-9A-Za-z]{46}`."""

KEY_BYTES = 30
"""Random bytes that a key is made of."""

_SYMBOLS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_LENGTH = 40  # 62^40: 238 of the 240 bits
_CHECK_LENGTH = 6  # 62^6 is more than a CRC-32 needs
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM_LENGTH + _CHECK_LENGTH}}}", re.ASCII)
_HINT_LENGTH = len(PREFIX) + 4


class KeyAccess(StrEnum):
    """What a key may: read what there is, or also change it."""

    READ = "read"
    WRITE = "write"


class KeyRefusal(StrEnum):
    """Why a key opens nothing."""

    NO_KEY = "no_key"  # it does not have the form of a key of ours
    MISTYPED = "key_mistyped"  # it has, but its checksum is wrong
    UNKNOWN = "key_unknown"
    REVOKED = "key_revoked"
    ENDED = "key_ended"
    MAKER_OFF = "key_maker_off"  # who made it is switched off


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """
    Attributes:
        hint: the beginning of its text, by which people recognise it.
        office: None: all offices that its maker may see.
        maker: who made it; None: with the password of the configuration file.
        made_by: the maker's name at that time; empty as `maker` is None.
        until: when it ends by itself; None: never.
        used_at: to the minute; None: never.
        address: from which it was used last.
        revoked_by: the name of who revoked it; empty: with the configuration file's password, or nobody has.
    """

    id: ApiKeyId
    name: str
    hint: str
    office: AccountId | None
    access: KeyAccess
    maker: AdministratorId | None
    made_by: str
    created_at: Timestamp
    until: Timestamp | None = None
    used_at: Timestamp | None = None
    address: str = ""
    revoked_at: Timestamp | None = None
    revoked_by: str = ""


def key_text(random: bytes) -> str:
    """
    The text of a key.

    Args:
        random: `KEY_BYTES` bytes that nobody can guess.
    """
    secret = _digits(int.from_bytes(random), _RANDOM_LENGTH)
    return PREFIX + secret + _checksum(secret)


def hint_of(text: str) -> str:
    return text[:_HINT_LENGTH]


def refusal_of_text(text: str) -> KeyRefusal | None:
    """Why this text cannot be a key; None: it may be one. Never raises."""
    if _FORM.fullmatch(text) is None:
        return KeyRefusal.NO_KEY
    secret = text[len(PREFIX) : -_CHECK_LENGTH]
    return None if text.endswith(_checksum(secret)) else KeyRefusal.MISTYPED


def refusal_of_key(key: ApiKey, now: Timestamp, *, is_maker_active: bool) -> KeyRefusal | None:
    """Why a stored key opens nothing; None: it works."""
    if key.revoked_at is not None:
        return KeyRefusal.REVOKED
    if key.until is not None and key.until <= now:
        return KeyRefusal.ENDED
    return None if is_maker_active else KeyRefusal.MAKER_OFF


def access_of(text: str) -> KeyAccess:
    """The stored access. One that this release does not know may as little as our smallest."""
    return KeyAccess(text) if text in set(KeyAccess) else KeyAccess.READ


def _checksum(secret: str) -> str:
    return _digits(zlib.crc32((PREFIX + secret).encode()), _CHECK_LENGTH)


def _digits(number: int, length: int) -> str:
    """The last `length` digits of a number in base 62."""
    found = []
    for _ in range(length):
        number, digit = divmod(number, len(_SYMBOLS))
        found.append(_SYMBOLS[digit])
    return "".join(reversed(found))
