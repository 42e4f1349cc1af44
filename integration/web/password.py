"""The administrator's password: which ones are allowed, and the comparison with argon2id. No sessions here."""

from __future__ import annotations

import hashlib

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from argon2.low_level import hash_secret_raw

from integration.domain.sentences import Sentence
from integration.texts import findings as texts

SHORTEST = 12
"""Characters. One password opens everything, without a second factor: NIST SP 800-63B requires at least 8, and more if
there is no other protection."""

LONGEST = 200
_FEWEST_DIFFERENT = 5
_OBVIOUS = ("password", "passw0rd", "parol", "пароль", "qwerty", "йцукен", "admin", "dozvon", "12345", "letmein")

# 32 MiB and three passes: above OWASP's minimum, and cheap enough for a small machine that also handles calls.
_TIME_COST, _MEMORY_KIB, _PARALLELISM = 3, 32 * 1024, 1
_hasher = PasswordHasher(time_cost=_TIME_COST, memory_cost=_MEMORY_KIB, parallelism=_PARALLELISM, type=Type.ID)


class Password:
    """The configured password, plain or as a hash. Slow on purpose, also the constructor: use a thread."""

    def __init__(self, configured: str) -> None:
        """Raises: ValueError if the text looks like an argon2 hash but is not one."""
        if is_hash(configured):
            check_hash(configured)
        self._hash = configured if is_hash(configured) else _hasher.hash(configured)
        # Identifies the password of a session: a new password ends all sessions. It is stored with the sessions, so
        # guessing the password from it must cost as much as from the hash.
        self.mark = hashlib.sha256(
            hash_secret_raw(
                configured.encode(),
                b"dozvon sessions",
                time_cost=_TIME_COST,
                memory_cost=_MEMORY_KIB,
                parallelism=_PARALLELISM,
                hash_len=32,
                type=Type.ID,
            )
        ).hexdigest()

    def is_same(self, given: str) -> bool:
        """Whether this is the password. Never raises; a text with lone surrogates is not."""
        try:
            return _hasher.verify(self._hash, given)
        except (VerificationError, UnicodeEncodeError):
            return False


def is_hash(configured: str) -> bool:
    return configured.startswith("$argon2")


def check_hash(configured: str) -> None:
    """Raises: ValueError if no password could match it."""
    try:
        _hasher.verify(configured, "")
    except VerifyMismatchError:
        return
    except (VerificationError, InvalidHashError) as exc:
        raise ValueError("this is not a complete argon2 hash") from exc
    raise ValueError("this is the hash of an empty password")


def hashed(plain: str) -> str:
    """The hash for the configuration file."""
    return _hasher.hash(plain)


def weakness(plain: str) -> Sentence | None:
    """Why the password is weak, as the end of a sentence that begins with "it"; None if it looks strong."""
    if len(plain) < SHORTEST:
        return texts.PASSWORD_SHORT(count=len(plain), least=SHORTEST)
    if len(set(plain)) < _FEWEST_DIFFERENT:
        return texts.PASSWORD_MONOTONOUS(count=len(set(plain)))
    if plain.isdecimal():
        return texts.PASSWORD_NUMBER()
    if any(word in plain.lower() and len(plain) - len(word) <= SHORTEST // 2 for word in _OBVIOUS):
        return texts.PASSWORD_OBVIOUS()
    return None
