"""What is deleted for good: a whole campaign, and one person from all lists and journals."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from integration.domain.ids import AccountId, CampaignId


class Deletion(StrEnum):
    """What became of a campaign."""

    DONE = "done"
    GONE = "gone"  # it was not there
    RUNS = "runs"  # it was started, or a call of it is under way: nothing more was deleted


class Forgetting(StrEnum):
    """What became of a person's data."""

    DONE = "done"
    NOTHING = "nothing"  # no list and no journal has the number
    BUSY = "busy"  # a call is under way, or a list is being imported, which may have the person: try again


class CampaignErasure(Protocol):
    """Errors: Unavailable."""

    async def delete(self, account: AccountId, campaign: CampaignId, *, by: str) -> Deletion:
        """
        Delete a campaign with its list, journal, figures, history and files, in many short transactions: calls go on.
        The campaign itself goes last, so who is killed leaves one that can be deleted again. If somebody was dialled,
        the days of its ledger stay, with its name and who deleted it: who asks for the abandoned calls gets them.
        """

    async def forget(self, accounts: Sequence[AccountId], number: str) -> Forgetting:
        """
        Delete the entries that have this E.164 number, with their names, comments and other numbers; the journal keeps
        that there was an attempt, and not to whom. The do-not-call list keeps the number: otherwise the person could
        not be left alone.
        """
