"""Which campaign dialled a call, for the CRM's record of it."""

from __future__ import annotations

from integration.domain.calls.call import Call, Direction
from integration.domain.ids import AccountId
from integration.ports.campaigns import AttemptJournal, CampaignStore


class CampaignNames:
    def __init__(self, attempts: AttemptJournal, campaigns: CampaignStore) -> None:
        self._attempts = attempts
        self._campaigns = campaigns

    async def of(self, account: AccountId, call: Call) -> str | None:
        """The campaign's name; None: no campaign dialled the call, or it is gone. Raises: Unavailable."""
        if call.direction is not Direction.OUTBOUND:
            return None
        attempt = await self._attempts.of_call(account, call.id)
        campaign = await self._campaigns.get(account, attempt.campaign) if attempt is not None else None
        return campaign.plan.name if campaign is not None else None
