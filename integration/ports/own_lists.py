"""Stored lists of managers (`domain/campaigns/own_list.py`), with the attempts that their calls are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from integration.domain.campaigns.outcomes import Came
from integration.domain.campaigns.own_list import OwnList
from integration.domain.ids import AccountId, CampaignId, ManagerId, Timestamp
from integration.ports.campaigns import JournalRefusal

OWN_LISTS = CampaignId("own-lists")
"""Stands for the campaign in the journal's attempts of all managers' own lists."""

ListChange = Callable[[OwnList], OwnList]
"""Gets the stored list, or an empty one of revision 0. Must be pure. What it raises, `change` raises."""


@dataclass(frozen=True, slots=True)
class ListChanged:
    """`refusal`: why the call that the change begins must not be made; nothing was stored then."""

    before: OwnList
    after: OwnList
    refusal: JournalRefusal | None = None


class OwnLists(Protocol):
    """Errors of all methods: Unavailable."""

    async def get(self, account: AccountId, manager: ManagerId) -> OwnList:
        """An empty one of revision 0 if there is none."""

    async def change(
        self,
        account: AccountId,
        manager: ManagerId,
        change: ListChange,
        *,
        office: AccountId,
        came: Came | None = None,
    ) -> ListChanged:
        """
        Change a list in one transaction, with the journal of attempts: an attempt that the change begins is written,
        if its number is not on the office's do-not-call list and is not being dialled for anybody; one that it ends is
        ended.

        Args:
            came: what came of the attempt that the change ends; None: unknown.
        """

    async def at_work(self, account: AccountId) -> frozenset[ManagerId]:
        """The account's managers whose timer runs: their next call begins by itself."""

    async def due(self, until: Timestamp) -> list[tuple[AccountId, ManagerId, Timestamp]]:
        """Whose timer ends until then, of all accounts; the earliest first, at most 500."""
