"""Whom a campaign's list has for a call that it dialled: all that a card can say of a client who is nowhere else."""

from __future__ import annotations

from integration.domain.calls.call import Call, Direction
from integration.domain.ids import AccountId
from integration.domain.people.names import LONGEST_CREATED_NAME, without_direction
from integration.ports.campaigns import AttemptJournal, CampaignStore, EntryStore


class ListedClients:
    def __init__(self, attempts: AttemptJournal, campaigns: CampaignStore, entries: EntryStore) -> None:
        self._attempts = attempts
        self._campaigns = campaigns
        self._entries = entries

    async def of(self, account: AccountId, call: Call) -> dict[str, str] | None:
        """
        `listed` of a `CardCall` in `widgets/README.md`: the client's name in the list, and the campaign's. None: no
        campaign dialled the call, or it is gone. Raises: Unavailable.
        """
        if call.direction is not Direction.OUTBOUND:
            return None
        attempt = await self._attempts.of_call(account, call.id)
        if attempt is None:
            return None
        campaign = await self._campaigns.get(account, attempt.campaign)
        listed = await self._entries.get(account, attempt.campaign, attempt.entry)
        if campaign is None or listed is None:
            return None
        return {"name": _in_one_line(listed.entry.name), "campaign": _in_one_line(campaign.plan.name)}


def _in_one_line(name: str) -> str:
    """As a contact may be named, which the card suggests: a CRM's names, and those of REST, can be anything."""
    return " ".join(without_direction(name).split())[:LONGEST_CREATED_NAME].rstrip()
