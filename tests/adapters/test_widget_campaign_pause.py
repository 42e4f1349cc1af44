"""A manager pauses the calls of campaigns from the CRM's page; what a supervisor has paused stays."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from integration.domain.campaigns.pauses import CampaignPause
from integration.domain.ids import Extension, ManagerId, Timestamp
from integration.domain.settings import Employee
from integration.domain.settings_changes import Author, AuthorKind
from tests.adapters.test_consents import ADMIN, running
from tests.adapters.test_crm_entry import Stage, stage

__all__ = ["running", "stage"]

PAUSE = "/api/widget/campaign-pause"
WHO = Author(kind=AuthorKind.COMMAND, command="dozvon apply", user="olga")


@pytest_asyncio.fixture
async def mapped(stage: Stage) -> Stage:
    person = Employee(extension=Extension("101"), manager=ManagerId(ADMIN))
    await stage.dozvon.core.accounts.set_employees(stage.account, [person], who=WHO)
    return stage


async def test_a_pause_is_stored_with_who_and_since_and_ended(mapped: Stage) -> None:
    status, said = await mapped.send(PAUSE, mapped.token(), {"paused": True})
    name = mapped.account.managers[ManagerId(ADMIN)].name
    assert (status, said["pause"]["by"], said["pause"]["own"], said["at_work"]) == (200, name, True, True)
    (stored,) = mapped.account.settings.campaign_pauses.values()
    assert stored == CampaignPause(by=name, since=Timestamp(said["pause"]["since"]), own=True)
    page = mapped.dozvon.core.hub.join(mapped.account.id, ManagerId(ADMIN))
    status, said = await mapped.send(PAUSE, mapped.token(), {"paused": False})
    assert page.messages.get_nowait() == {"type": "offer", "offer": None, "missed": None, "paused": False}
    assert (status, said) == (200, {"pause": None, "at_work": False})
    assert mapped.account.settings.campaign_pauses == {}


async def test_what_a_supervisor_has_paused_the_manager_does_not_end(mapped: Stage) -> None:
    word = CampaignPause(by="Ольга", since=Timestamp(1.0))
    await mapped.dozvon.core.accounts.pause_campaigns(mapped.account, ["101"], word)
    for paused in (True, False):
        _, said = await mapped.send(PAUSE, mapped.token(), {"paused": paused})
        assert said["pause"] == {"by": "Ольга", "since": 1.0, "own": False}
    assert mapped.account.settings.campaign_pauses == {"101": word}


@pytest.mark.parametrize("body", [{}, {"paused": None}, {"paused": "yes"}, {"paused": 1}])
async def test_what_is_no_pause_is_refused(mapped: Stage, body: dict[str, Any]) -> None:
    status, said = await mapped.send(PAUSE, mapped.token(), body)
    assert (status, said["error"]["code"]) == (400, "bad_request")


async def test_without_a_phone_there_is_nothing_to_pause(stage: Stage) -> None:
    status, said = await stage.send(PAUSE, stage.token(), {"paused": True})
    assert said["error"]["code"] == "no_extension"
    assert status == 409
