"""What processes share: leases, request rates, and state that lasts only moments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from integration.domain.rates import LeakyBucket


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do the job `name`. `token` grows with each new holder: the larger token is newer."""

    name: str
    token: int


HUNG_SECONDS = 1.0
"""A database that needs this long for a lease may have hung until other processes' leases expired. Much less than a
lease's lifetime minus the time between two renewals."""


class Leases(Protocol):
    """
    Divides jobs between the processes on one database, by the database's clock. Takes several leases at once, because
    one process may hold a thousand. Errors: Unavailable.
    """

    async def acquire(self, names: Sequence[str], *, holder: str, ttl_seconds: float) -> list[Lease]:
        """Take free and expired leases; returns only those taken. Raises Unavailable also after the database hung: the
        holders could not renew in that time, and go first."""

    async def renew(self, leases: Sequence[Lease], *, ttl_seconds: float) -> list[Lease]:
        """Extend and return the leases that are still ours. An expired one is ours until another process takes it."""

    async def release(self, leases: Sequence[Lease]) -> None:
        """Free them at once. Leaves alone those that are no longer ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A request rate: evenly `per_second`, and at most `most` within `window_seconds`."""

    per_second: float
    most: int
    window_seconds: float


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to send one request now; or, if `id` is None, how long to wait before asking again."""

    id: str | None
    wait_seconds: float = 0.0


class RateBudget(Protocol):
    """The request budget of one account, shared by all processes. Never raises."""

    async def take(self, pace: Pace) -> Turn: ...

    async def end(self, turn: str) -> None:
        """The request has ended, with or without an answer: only then is its latest arrival time known."""

    async def put_off(self, seconds: float) -> None:
        """The other side asked for a pause: grant no turn for this time."""

    async def pour(self, bucket: LeakyBucket, *, share: float) -> float:
        """
        Fill the bucket by one request, if that fills no more than this share of it. Urgent requests have larger shares,
        so that those which can wait leave them room.

        Returns:
            0: it may be sent now. Else the seconds after which to ask again.
        """

    async def overflow(self, bucket: LeakyBucket, *, pause_seconds: float) -> None:
        """The other side refused: its bucket is full. Nobody sends for this time."""


class Coordination(Protocol):
    """Short-lived state that processes share; nothing important is stored only here."""

    @property
    def problem(self) -> str | None:
        """Why the other processes could not be reached at the last request; None if they could."""

    async def issue_ticket(self, payload: dict[str, Any], *, ttl_seconds: float) -> str: ...

    async def take_ticket(self, ticket: str) -> dict[str, Any] | None:
        """Single use: the second taker gets None."""

    async def once(self, key: str, *, ttl_seconds: float) -> bool:
        """True for the first caller with this key within the time."""

    async def mark(self, key: str, *, ttl_seconds: float) -> None:
        """Set `key` for this time; extends an earlier mark, never shortens it."""

    async def is_marked(self, key: str) -> bool: ...

    async def count(self, key: str, *, ttl_seconds: float) -> int:
        """Add one and return the count since the first, which expires after `ttl_seconds`."""

    async def forget_count(self, key: str) -> None: ...

    async def take_turn(self, queue: str, pace: Pace) -> Turn:
        """A turn in one queue of all processes. A queue whose state was lost starts with a pause of its window."""

    async def end_turn(self, queue: str, turn: str) -> None: ...

    async def put_off_turns(self, queue: str, seconds: float) -> None: ...

    async def pour(self, name: str, bucket: LeakyBucket, *, share: float) -> float:
        """As `RateBudget.pour`, into one bucket of all processes. One whose level was lost is half full."""

    async def overflow(self, name: str, bucket: LeakyBucket, *, pause_seconds: float) -> None: ...

    async def publish(self, channel: str, *messages: dict[str, Any]) -> None:
        """In this order, with one wait for all. Raises: Unavailable; then some may have been published."""

    def subscribe(self, channel: str) -> AsyncIterator[dict[str, Any]]:
        """Messages published after iteration started."""

    async def close(self) -> None: ...
