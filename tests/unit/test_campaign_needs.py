"""What campaigns need of a PBX follows from their rules alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.campaigns.greeting import Greeting, OnMachine
from integration.domain.campaigns.model import Mode, Owners
from integration.domain.campaigns.needs import NO_CAMPAIGNS, CampaignNeeds, needs
from integration.domain.campaigns.plan import CampaignPlan

SOUNDS = CampaignNeeds(sounds=True)
BOTH = CampaignNeeds(sounds=True, machines=True)
AHEAD = CampaignPlan(name="Ahead", mode=Mode.PREDICTIVE, owners=Owners.ANYBODY, phones_answer=True)
LISTENS = Greeting(on_machine=OnMachine.HANG_UP)


@pytest.mark.parametrize(
    ("plan", "wanted"),
    [
        (CampaignPlan(name="One by one"), NO_CAMPAIGNS),
        (CampaignPlan(name="Looks first", mode=Mode.PREVIEW, greeting=LISTENS), NO_CAMPAIGNS),
        (AHEAD, SOUNDS),
        (replace(AHEAD, greeting=LISTENS), BOTH),
        (replace(AHEAD, phones_answer=False, greeting=LISTENS), NO_CAMPAIGNS),  # an employee's phone rings first
        (replace(AHEAD, owners=Owners.RESPONSIBLE_ONLY, greeting=LISTENS), NO_CAMPAIGNS),
        (CampaignPlan(name="A message", mode=Mode.VOICE, greeting=Greeting(message="Good day")), SOUNDS),
    ],
)
def test_only_what_a_client_meets_before_a_person_needs_more_of_the_pbx(
    plan: CampaignPlan, wanted: CampaignNeeds
) -> None:
    assert needs([plan]) == wanted


def test_campaigns_of_one_pbx_need_it_together() -> None:
    assert needs([]) == NO_CAMPAIGNS
    quiet = CampaignPlan(name="One by one")
    assert needs([quiet, replace(AHEAD, greeting=LISTENS), quiet]) == BOTH
