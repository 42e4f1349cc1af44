"""What a client who is dialled first meets, and why a campaign may not dial clients first."""

from __future__ import annotations

import structlog

from integration.domain.campaigns.holds import Hold, held
from integration.domain.campaigns.model import Campaign, Mode, Owners
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.campaigns.reception import Reception
from integration.domain.ids import CampaignId, PbxId, Timestamp
from integration.domain.reasons import Reason
from integration.errors import DozvonError
from integration.services.campaign_sounds import CampaignReceptions
from integration.services.dialling.floor import Floor
from integration.texts.dialling import announcement_text

log = structlog.get_logger()

_TRIED_AGAIN_SECONDS = 60.0


class Receiving:
    """Keeps what each PBX does with this campaign's clients; its sounds are placed when they are needed first."""

    def __init__(self, floor: Floor, receptions: CampaignReceptions) -> None:
        self._floor = floor
        self._receptions = receptions
        self._made: dict[PbxId, tuple[CampaignPlan, Reception]] = {}
        self._failed: dict[PbxId, tuple[CampaignPlan, Timestamp]] = {}

    async def why_not(self, campaign: Campaign, plan: CampaignPlan) -> Reason | None:
        """Why this campaign may not dial clients first; None: it may, or would not anyway. Never raises."""
        is_ahead = campaign.mode is Mode.PREDICTIVE and campaign.owners is not Owners.RESPONSIBLE_ONLY
        if not is_ahead and campaign.mode is not Mode.VOICE:
            return None
        if is_ahead and not plan.phones_answer:
            return held(Hold.PHONES_DO_NOT_ANSWER)
        for key in {line.pbx for line in campaign.lines}:
            if not self._floor.account.pbxs[key].abilities.receives:
                return held(Hold.NO_RECEPTION if is_ahead else Hold.NO_VOICE)
            if self._floor.link_up_since(key) is not None and not await self._prepared(key, campaign.id, plan):
                return held(Hold.NO_ANNOUNCEMENT if is_ahead else Hold.NO_MESSAGE)
        return None

    def reception(self, pbx: PbxId) -> Reception | None:
        """None: not before `why_not` has nothing against it."""
        made = self._made.get(pbx)
        return made[1] if made is not None else None

    async def _prepared(self, key: PbxId, campaign: CampaignId, plan: CampaignPlan) -> bool:
        made, failed, now = self._made.get(key), self._failed.get(key), self._floor.now
        if made is not None and made[0] == plan:
            return True
        if failed is not None and failed[0] == plan and now - failed[1] < _TRIED_AGAIN_SECONDS:
            return False
        language = self._floor.account.settings.language
        account = self._floor.account
        try:
            reception = await self._receptions.of(
                account.pbxs[key],
                plan,
                language,
                account=account.id,
                campaign=campaign,
                usual_announcement=announcement_text(language),
            )
        except DozvonError as exc:
            log.warning("what a campaign's clients hear cannot be placed", pbx=key, error=str(exc))
            self._failed[key] = plan, now
            return False
        self._made[key] = plan, reception
        return True
