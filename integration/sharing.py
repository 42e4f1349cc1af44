"""The part of `ports.py` by which several processes share the work: leases, and the pace of requests to one account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do `name`. `token` grows each time the right changes hands: the larger one is the newer."""

    name: str
    token: int


HUNG_SECONDS = 1.0
"""A database that took so long for a lease may have hung until the leases of others ran out. Much less than a lease
lives, less what passes between two looks at it."""


class Leases(Protocol):
    """
    Who does what among the processes on one database, by the database's own clock. Several leases in one go, because
    one process may hold a thousand. Errors: Unavailable.
    """

    async def acquire(self, names: Sequence[str], *, holder: str, ttl_seconds: float) -> list[Lease]:
        """Take those that nobody holds, or that ran out; the others are not in the answer. Unavailable also when the
        database hung: the holders could not renew theirs meanwhile, and come first."""

    async def renew(self, leases: Sequence[Lease], *, ttl_seconds: float) -> list[Lease]:
        """Those that are still ours, for another while. One that ran out is still ours until somebody takes it."""

    async def release(self, leases: Sequence[Lease]) -> None:
        """Free them for others at once. Those that are no longer ours are left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast something may be asked: evenly `per_second`, and never more than `most` within `window_seconds`."""

    per_second: float
    most: int
    window_seconds: float


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to send one request now; or, where `id` is None, how long to wait before asking again."""

    id: str | None
    wait_seconds: float = 0.0


class RateBudget(Protocol):
    """What all processes together may ask of one account. Never raises."""

    async def take(self, pace: Pace) -> Turn: ...

    async def end(self, turn: str) -> None:
        """The request is over, with or without an answer: only then is it sure when it arrived."""

    async def put_off(self, seconds: float) -> None:
        """The other side asked for a pause: nobody gets a turn for so long."""
