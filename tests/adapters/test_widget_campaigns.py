"""A CRM's administrator puts selected contacts into a campaign from the CRM's page; nobody else can."""

from __future__ import annotations

import pytest

from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import CampaignId, ManagerId
from integration.ports.campaigns import EntryQuery
from tests.adapters.test_consents import ADMIN, OFFICE, running
from tests.adapters.test_crm_entry import Stage, stage

__all__ = ["running", "stage"]

SPRING = CampaignId("spring")
ADD = "/api/widget/campaigns/entries"


async def prepare(stage: Stage) -> None:
    storage = stage.dozvon.core.storage
    await storage.campaigns.make(OFFICE, SPRING, CampaignPlan(name="Весна"), by="Ольга")
    ref = EntityRef(EntityKind.CONTACT, "990001")
    person = Person(ref=ref, name="Анна", responsible=None, phones=("89161234567",), updated_at=1)
    await storage.phone_book.put_persons(OFFICE, [person], numbering=stage.account.settings.numbering)


async def test_what_is_selected_becomes_entries_and_is_counted(stage: Stage) -> None:
    await prepare(stage)
    body = {"campaign": SPRING, "entities": [{"kind": "contact", "id": "990001"}, {"kind": "deal", "id": "990002"}]}
    status, said = await stage.send(ADD, stage.token(), body)
    assert (status, said) == (201, {"added": 1, "joined": 0, "left_out": {"not_found": 1}})
    status, said = await stage.send(ADD, stage.token(), body)
    assert said["left_out"] == {"not_found": 1, "twice": 1}
    (entry,) = await stage.dozvon.core.storage.entries.listing(OFFICE, SPRING, EntryQuery())
    assert entry.entry.name == "Анна"


async def test_a_manager_who_does_not_administer_the_crm_adds_nobody(stage: Stage) -> None:
    await prepare(stage)
    manager = next(key for key, each in stage.account.managers.items() if not each.is_admin)
    token = stage.token(user=manager, is_admin=False)
    body = {"campaign": SPRING, "entities": [{"kind": "contact", "id": "990001"}]}
    status, said = await stage.send(ADD, token, body)
    assert (status, said["error"]["code"]) == (403, "not_allowed")
    assert await stage.dozvon.core.storage.entries.listing(OFFICE, SPRING, EntryQuery()) == []


@pytest.mark.parametrize(
    "entities",
    [None, [], "x", [1], [{"kind": "task", "id": "1"}], [{"kind": "contact"}], [{"kind": "contact", "id": "\0"}],
     [{"kind": "contact", "id": "1"}] * 501],
)  # fmt: skip
async def test_what_is_no_selection_is_refused(stage: Stage, entities: object) -> None:
    await prepare(stage)
    status, said = await stage.send(ADD, stage.token(), {"campaign": SPRING, "entities": entities})
    assert (status, said["error"]["code"]) == (400, "bad_request")


async def test_an_unknown_campaign_is_said(stage: Stage) -> None:
    body = {"campaign": "nothing", "entities": [{"kind": "contact", "id": "1"}]}
    status, said = await stage.send(ADD, stage.token(), body)
    assert (status, said["error"]["code"]) == (404, "campaign_unknown")


MAKE = "/api/widget/campaigns"
PRESS = "11111111-2222-3333-4444-555555555555"


async def test_an_administrator_makes_a_campaign_once_however_often_the_press_arrives(stage: Stage) -> None:
    for _ in range(2):
        status, said = await stage.send(MAKE, stage.token(), {"name": "  Лето  2027 ", "request": PRESS})
        assert (status, said) == (201, {"campaign": {"id": PRESS, "name": "Лето 2027", "state": "draft"}})
    (made,) = await stage.dozvon.core.storage.campaigns.all(OFFICE)
    assert (made.plan, made.made_by) == (CampaignPlan(name="Лето 2027"), stage.account.managers[ManagerId(ADMIN)].name)


async def test_a_press_cannot_take_another_campaign(stage: Stage) -> None:
    await stage.send(MAKE, stage.token(), {"name": "Лето", "request": PRESS})
    status, said = await stage.send(MAKE, stage.token(), {"name": "Осень", "request": PRESS})
    assert (status, said["error"]["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    "body",
    [{}, {"name": "", "request": PRESS}, {"name": " ", "request": PRESS}, {"name": "Л" * 81, "request": PRESS},
     {"name": "Лето"}, {"name": "Лето", "request": "../../x"}, {"name": "Лето", "request": "do-not-call"},
     {"name": "Ле\0то", "request": PRESS}, {"name": ["Лето"], "request": PRESS}],
)  # fmt: skip
async def test_what_is_no_campaign_is_refused(stage: Stage, body: dict[str, object]) -> None:
    status, said = await stage.send(MAKE, stage.token(), body)
    assert (status, said["error"]["code"]) == (400, "bad_request")
    assert await stage.dozvon.core.storage.campaigns.all(OFFICE) == []


async def test_a_manager_who_does_not_administer_the_crm_makes_no_campaign(stage: Stage) -> None:
    manager = next(key for key, each in stage.account.managers.items() if not each.is_admin)
    status, said = await stage.send(MAKE, stage.token(user=manager, is_admin=False), {"name": "x", "request": PRESS})
    assert (status, said["error"]["code"]) == (403, "not_allowed")
