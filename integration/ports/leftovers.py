"""What accounts have left in the database that no configuration has any more: kept until somebody deletes it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from integration.domain.ids import AccountId, Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """
    Attributes:
        waiting: deliveries that go on when the account is back.
        dead: deliveries that were given up.
        last_call_at: None: no calls.
    """

    account: AccountId
    waiting: int
    dead: int
    calls: int
    last_call_at: Timestamp | None


class Leftovers(Protocol):
    """Errors of all methods: Unavailable."""

    async def found(self, *, besides: Collection[AccountId]) -> list[Leftover]:
        """Of all accounts but these, in alphabetical order. Counts their calls: not for a hot path."""

    async def delete_deliveries(self, account: AccountId) -> int:
        """
        Delete what waits and what was given up. The calls stay.

        Returns:
            How many.

        Raises:
            Rejected: some process delivers for the account now; nothing was deleted.
        """
