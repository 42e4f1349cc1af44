"""What campaigns need of a PBX beyond dialling, for whoever checks the PBX before they begin. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from integration.domain.campaigns.greeting import OnMachine
from integration.domain.campaigns.model import CampaignState, Mode, Owners
from integration.domain.campaigns.plan import CampaignPlan

AHEAD_OF_THEM = (CampaignState.DRAFT, CampaignState.RUNNING, CampaignState.PAUSED)
"""States of campaigns that may dial without being changed again; the others are over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignNeeds:
    """
    Attributes:
        sounds: a place for what clients hear: a message, an announcement.
        machines: it tells machines from people.
    """

    sounds: bool = False
    machines: bool = False


NO_CAMPAIGNS = CampaignNeeds()


def needs(plans: Iterable[CampaignPlan]) -> CampaignNeeds:
    """Of these campaigns together."""
    meeting = [plan for plan in plans if rings_clients_first(plan)]
    return CampaignNeeds(
        sounds=bool(meeting),
        machines=any(plan.greeting.on_machine is not OnMachine.NOT_ASKED for plan in meeting),
    )


def rings_clients_first(plan: CampaignPlan) -> bool:
    """Whether a client who answers meets the PBX before a person, as far as the plan decides it."""
    if plan.mode is Mode.VOICE:
        return True
    return plan.mode is Mode.PREDICTIVE and plan.owners is not Owners.RESPONSIBLE_ONLY and plan.phones_answer
