"""Who is away, since somebody said so: an administrator about an employee, or managers about themselves. Source: C7.

An absence with an end is over at that moment, without anybody doing anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from integration.domain.ids import Timestamp

LONGEST_SECONDS = 366 * 86_400.0
"""A later end is a slip of the pen: then "until further notice" is meant."""


class SaidBy(StrEnum):
    """Who said that somebody is away."""

    ADMINISTRATOR = "administrator"
    MANAGER = "manager"  # about themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """`until` None: until further notice."""

    by: SaidBy
    until: Timestamp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """What a manager has said about themselves. `until` as in `Absence`."""

    until: Timestamp | None = None

    def lasts(self, now: Timestamp) -> bool:
        return self.until is None or now < self.until


def later(one: Absence | None, other: Absence | None) -> Absence | None:
    """Of two absences of one person the one that ends later."""
    if one is None or other is None:
        return one or other
    if one.until is None or other.until is None:
        return one if one.until is None else other
    return one if one.until >= other.until else other
