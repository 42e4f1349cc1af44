"""A mapping from each running account to one of its parts; follows the accounts as they start and stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from integration.domain.ids import AccountId

Member = TypeVar("Member")
Thing = TypeVar("Thing")


class Each(Mapping[AccountId, Thing]):
    def __init__(self, members: Mapping[AccountId, Member], thing: Callable[[Member], Thing]) -> None:
        self._members = members
        self._thing: Callable[[Member], Thing] = thing

    def __getitem__(self, account: AccountId) -> Thing:
        return self._thing(self._members[account])

    def __iter__(self) -> Iterator[AccountId]:
        return iter(list(self._members))

    def __len__(self) -> int:
        return len(self._members)
