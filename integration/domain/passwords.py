"""Which passwords are too easy to guess. `integration/services/passwords.py` makes and compares their hashes."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

SHORTEST = 12
"""Characters of the configuration file's password, which several people share and nobody is asked to change."""

SHORTEST_OF_A_PERSON = 10
"""NIST SP 800-63B requires at least 8, and more where there is no second factor."""

LONGEST = 200
_FEWEST_DIFFERENT = 5
_MOST_ADDED = 6  # characters beside a well-known word
_OBVIOUS = ("password", "passw0rd", "parol", "пароль", "qwerty", "йцукен", "admin", "dozvon", "12345", "letmein")
_SHORTEST_OWN_WORD = 4  # shorter names stand in many good passwords by chance


class Weakness(StrEnum):
    SHORT = "short"
    LONG = "long"
    FEW_DIFFERENT = "few_different"
    NUMBER = "number"
    OBVIOUS = "obvious"
    OWN_NAME = "own_name"


def weakness_of(plain: str, *, shortest: int, own_words: Iterable[str] = ()) -> Weakness | None:
    """
    Why the password is weak; None if it looks strong.

    Args:
        own_words: the person's name and login.
    """
    if len(plain) < shortest:
        return Weakness.SHORT
    if len(plain) > LONGEST:
        return Weakness.LONG
    if len(set(plain)) < _FEWEST_DIFFERENT:
        return Weakness.FEW_DIFFERENT
    if plain.isdecimal():
        return Weakness.NUMBER
    if _is_mostly(plain, _OBVIOUS):
        return Weakness.OBVIOUS
    own = [part for word in own_words for part in (word, *word.replace("@", " ").split())]
    if _is_mostly(plain, (word for word in own if len(word) >= _SHORTEST_OWN_WORD)):
        return Weakness.OWN_NAME
    return None


def _is_mostly(plain: str, words: Iterable[str]) -> bool:
    """Whether the password is one of these words with little added."""
    return any(word.lower() in plain.lower() and len(plain) - len(word) <= _MOST_ADDED for word in words)
