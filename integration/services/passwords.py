"""Hashes of passwords: argon2id, its cost, and the comparison. `domain/passwords.py` says which are allowed."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from argon2.low_level import hash_secret_raw

from integration.domain.passwords import LONGEST, SHORTEST, Weakness, weakness_of
from integration.domain.sentences import Sentence
from integration.errors import Unavailable
from integration.texts import findings as texts

# 32 MiB and three passes: above OWASP's minimum, and cheap enough for a small machine that also handles calls.
_TIME_COST, _MEMORY_KIB, _PARALLELISM = 3, 32 * 1024, 1
_hasher = PasswordHasher(time_cost=_TIME_COST, memory_cost=_MEMORY_KIB, parallelism=_PARALLELISM, type=Type.ID)

_AT_ONCE = 2  # each takes 32 MiB and a core for a while
_MOST_WAITING = 20
_PAUSE_SECONDS = 5.0


class TooBusy(Unavailable):
    """Too many passwords are being compared."""


class Password:
    """The configured password, plain or as a hash. Slow on purpose, also the constructor: use a thread."""

    def __init__(self, configured: str) -> None:
        """Raises: ValueError if the text looks like an argon2 hash but is not one."""
        if is_hash(configured):
            check_hash(configured)
        self.hash = configured if is_hash(configured) else _hasher.hash(configured)
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
        return is_same(self.hash, given)


class PasswordDesk:
    """Compares and hashes in threads, a few at a time: that bounds memory whatever comes."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._nobodys: str | None = None

    async def is_same(self, stored: str | None, given: str) -> bool:
        """
        Args:
            stored: the hash; None: there is none, which takes as long to find out.

        Raises:
            TooBusy.
        """
        async with self._turn():
            if self._nobodys is None:  # made in any case, or the first unknown login would take longer
                self._nobodys = await asyncio.to_thread(hashed, "of nobody")
            fits = len(given) <= LONGEST
            same = await asyncio.to_thread(is_same, stored or self._nobodys or "", given if fits else "")
            return same and fits and stored is not None

    async def hashed(self, plain: str) -> str:
        """Raises: TooBusy."""
        async with self._turn():
            return await asyncio.to_thread(hashed, plain)

    async def configured(self, configured: str) -> Password:
        """The password of the configuration."""
        async with self._turns:
            return await asyncio.to_thread(Password, configured)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= _MOST_WAITING:
            raise TooBusy("Too many passwords are being compared", retry_after_seconds=_PAUSE_SECONDS)
        self._waiting += 1
        try:
            async with self._turns:
                yield
        finally:
            self._waiting -= 1


def is_same(stored: str, given: str) -> bool:
    """Whether `stored` is the hash of this password. Slow on purpose. Never raises."""
    try:
        return _hasher.verify(stored, given)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether the hash was made at another cost than is usual now."""
    try:
        return _hasher.check_needs_rehash(stored)
    except InvalidHashError:
        return True


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
    """The hash, as the configuration file and the database hold it. Slow on purpose."""
    return _hasher.hash(plain)


def weakness(plain: str) -> Sentence | None:
    """Why the configuration file's password is weak, as the end of a sentence that begins with "it"; None if it looks
    strong."""
    match weakness_of(plain, shortest=SHORTEST):
        case Weakness.SHORT:
            return texts.PASSWORD_SHORT(count=len(plain), least=SHORTEST)
        case Weakness.FEW_DIFFERENT:
            return texts.PASSWORD_MONOTONOUS(count=len(set(plain)))
        case Weakness.NUMBER:
            return texts.PASSWORD_NUMBER()
        case Weakness.OBVIOUS:
            return texts.PASSWORD_OBVIOUS()
    return None
