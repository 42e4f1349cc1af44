"""What a person may do with a campaign, and in which states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from integration.domain.campaigns.model import CampaignState

FROM: Mapping[CampaignState, Sequence[CampaignState]] = {
    CampaignState.RUNNING: (CampaignState.DRAFT, CampaignState.PAUSED, CampaignState.STOPPED, CampaignState.FINISHED),
    CampaignState.PAUSED: (CampaignState.RUNNING,),
    CampaignState.STOPPED: (CampaignState.RUNNING, CampaignState.PAUSED),
}
"""The new state, and those from which it may be reached."""
