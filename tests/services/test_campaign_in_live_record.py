"""The record that a portal keeps of a campaign's call says which campaign dialled it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from integration.domain.campaigns.model import Attempt, CampaignState, EntryNumber, Mode
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.ids import AttemptId, CampaignId
from integration.ports.campaigns import EntryQuery, NewEntry, lease_name
from tests.services.conftest import ACME, CLIENT, call, ended
from tests.services.portal import PortalOffice, dialled, open_office, outgoing, talks

SPRING = CampaignId("spring")


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[PortalOffice]:
    async with open_office(tmp_path) as made:
        yield made


async def by_campaign(office: PortalOffice) -> None:
    """The call that follows is an attempt of a campaign."""
    storage, now = office.world.storage, office.world.clock.now()
    await storage.campaigns.make(ACME, SPRING, CampaignPlan(name="Весна  2027"), by="Ольга")
    await storage.entries.add(ACME, SPRING, [NewEntry(numbers=(EntryNumber(e164=f"+7{CLIENT[-10:]}"),))], office=ACME)
    assert await storage.campaigns.set_state(
        ACME, SPRING, CampaignState.RUNNING, by="Ольга", only_from=[CampaignState.DRAFT]
    )
    (lease,) = await storage.leases.acquire([lease_name(ACME, SPRING)], holder="a", ttl_seconds=60.0)
    (listed,) = await storage.entries.listing(ACME, SPRING, EntryQuery())
    attempt = Attempt(
        id=AttemptId("attempt-1"),
        campaign=SPRING,
        entry=listed.entry.id,
        number=listed.entry.numbers[0].e164,
        line="pbx/1",
        fence=lease.token,
        mode=Mode.PROGRESSIVE,
        written_at=now,
    )
    assert await storage.attempts.write(ACME, attempt, office=ACME, lease=lease) is None
    assert await storage.attempts.sent(ACME, attempt.id, at=now, call=call(), lease=lease)


async def talk(office: PortalOffice) -> None:
    now = office.world.clock.now()
    await office.emit(outgoing(now), dialled(now + 1), talks(now + 5, "101", with_=CLIENT), ended(now + 25))
    await office.settled()


def descriptions(office: PortalOffice) -> list[str]:
    """Of the records of calls in the portal."""
    kept = office.bitrix.portal.activities
    return [kept[int(row["CRM_ACTIVITY_ID"])]["DESCRIPTION"] for row in office.finished]


async def test_the_record_has_the_campaign_s_name(office: PortalOffice) -> None:
    await by_campaign(office)
    await talk(office)
    assert descriptions(office) == ["Обзвон: Весна 2027"]


async def test_the_record_of_another_call_is_left_as_the_portal_wrote_it(office: PortalOffice) -> None:
    await talk(office)
    assert descriptions(office) == [""]
    assert office.requests("crm.activity.update") == 0


@pytest.mark.parametrize(
    ("kind", "more"), [("html", {"status": 503}), ("timeout_after_store", {"seconds": 0.01}), ("drop", {})]
)
async def test_what_fails_on_the_way_is_written_later_and_the_call_stays_one(
    office: PortalOffice, kind: str, more: dict[str, Any]
) -> None:
    await by_campaign(office)
    await office.fault(kind, "crm.activity.update", **more)
    await talk(office)
    assert descriptions(office) == ["Обзвон: Весна 2027"]  # of the only record


async def test_a_portal_that_refuses_the_words_has_the_call_all_the_same(office: PortalOffice) -> None:
    await by_campaign(office)
    await office.fault("status", "crm.activity.update", status=400, code="", description="Access denied")
    await talk(office)
    assert descriptions(office) == [""]
    assert not await office.world.waiting(), "it is not tried for ever"
