"""What a campaign says of a call that it dialled: its client in the list, and what to say to them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from integration.domain.calls.call import Call, Direction
from integration.domain.ids import AccountId
from integration.domain.people.names import LONGEST_CREATED_NAME, without_direction
from integration.ports.campaigns import AttemptJournal, CampaignStore, EntryStore


@dataclass(frozen=True, slots=True)
class Listed:
    """
    `name` and `comment` are the client's in the list, empty also when they were taken out of it meanwhile; `campaign`
    is its name, `script` what to say.
    """

    name: str
    comment: str
    campaign: str
    script: str


class ListedClients:
    def __init__(self, attempts: AttemptJournal, campaigns: CampaignStore, entries: EntryStore) -> None:
        self._attempts = attempts
        self._campaigns = campaigns
        self._entries = entries

    async def of(self, account: AccountId, call: Call) -> Listed | None:
        """None: no campaign dialled the call, or it is gone. Raises: Unavailable."""
        if call.direction is not Direction.OUTBOUND:
            return None
        attempt = await self._attempts.of_call(account, call.id)
        if attempt is None:
            return None
        campaign, listed = await asyncio.gather(
            self._campaigns.get(account, attempt.campaign),
            self._entries.get(account, attempt.campaign, attempt.entry),
        )
        if campaign is None:
            return None
        return Listed(
            name=_in_one_line(listed.entry.name) if listed is not None else "",
            comment=listed.comment if listed is not None else "",
            campaign=_in_one_line(campaign.plan.name),
            script=campaign.plan.script,
        )


def _in_one_line(name: str) -> str:
    """As a contact may be named, which the card suggests: a CRM's names, and those of REST, can be anything."""
    return " ".join(without_direction(name).split())[:LONGEST_CREATED_NAME].rstrip()
