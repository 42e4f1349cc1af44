"""What would happen: the worker process plays it, and the page shows it."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from integration.domain.campaigns.estimates import Estimates
from integration.domain.campaigns.model import EntryState, Mode
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.ids import AccountId, CampaignId
from integration.errors import Unavailable
from integration.ports.campaigns import CampaignCounts
from integration.services.forecasts import Forecasts, Question
from integration.texts.pages import texts
from integration.worker_process import WorkerFailed
from tests.services.admin_office import Office
from tests.services.conftest import ACME

EN = texts("en")
BASE = "/admin/acme/campaigns"
SPRING, AUTUMN = CampaignId("spring"), CampaignId("autumn")
ASKED = Question(employees=3, hours=1, hour=12, ceiling=0.03, lines=10, ring_seconds=25, is_ahead=True)


def learned(rate: float, dials: int = 400) -> dict[str, Any]:
    chance, found = random.Random(5), Estimates()
    for _ in range(dials):
        is_live = chance.random() < rate
        found.see_dial(12, is_live=is_live, ring_seconds=10.0 if is_live else 25.0)
        if is_live:
            found.talk.see(60.0)
            found.wrap.see(10.0)
    return found.document()


async def make(office: Office, campaign: CampaignId = SPRING, mode: Mode = Mode.PREDICTIVE) -> None:
    plan = CampaignPlan(name="Весна", mode=mode, employees=(), per_contact=5)
    await office.world.storage.campaigns.make(ACME, campaign, plan, by="Ольга")


def learn(office: Office, monkeypatch: pytest.MonkeyPatch, known: dict[CampaignId, dict[str, Any]]) -> None:
    async def of(account: AccountId, campaign: CampaignId) -> dict[str, Any]:
        return known.get(campaign, {})

    monkeypatch.setattr(office.world.storage.dialling, "learned", of)


def forecasts(office: Office, **changes: float) -> Forecasts:
    return Forecasts(office.world.storage.campaigns, office.world.storage.dialling, **changes)


async def test_a_campaign_that_never_dialled_borrows_what_the_office_has_learned(
    signed_in: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make(signed_in)
    await make(signed_in, AUTUMN)
    usual = await forecasts(signed_in).of(ACME, SPRING, ASKED)
    assert not usual.is_learned
    learn(signed_in, monkeypatch, {AUTUMN: learned(0.6)})
    borrowed = await forecasts(signed_in).of(ACME, SPRING, ASKED)
    assert borrowed.is_learned
    assert borrowed.answer_rate > 0.5
    assert await forecasts(signed_in).of(ACME, SPRING, ASKED) == borrowed, "the same question, the same answer"
    learn(signed_in, monkeypatch, {AUTUMN: learned(0.6), SPRING: learned(0.1)})
    assert (await forecasts(signed_in).of(ACME, SPRING, ASKED)).answer_rate < 0.2, "its own figures count"


async def test_a_forecast_that_takes_too_long_or_fails_is_not_there(signed_in: Office) -> None:
    await make(signed_in)
    with pytest.raises(Unavailable):
        await forecasts(signed_in, seconds=0.01).of(ACME, SPRING, ASKED)
    wrong = Question(employees=0, hours=1, hour=12, ceiling=0.03, lines=10, ring_seconds=25, is_ahead=True)
    with pytest.raises(Unavailable):
        await forecasts(signed_in).of(ACME, SPRING, wrong)


async def test_the_page_works_it_out_when_it_is_asked(signed_in: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    await make(signed_in)

    async def counts(account: AccountId) -> dict[CampaignId, CampaignCounts]:
        return {SPRING: CampaignCounts(entries={EntryState.OPEN: 120, EntryState.REACHED: 30})}

    monkeypatch.setattr(signed_in.world.storage.campaigns, "counts", counts)
    assert f'href="{BASE}/spring/forecast"' in await signed_in.page(f"{BASE}/spring?lang=en")
    page = await signed_in.page(f"{BASE}/spring/forecast?lang=en")
    assert EN["camp_forecast_talks"] not in page
    page = await signed_in.page(f"{BASE}/spring/forecast?lang=en&employees=3&hours=1&hour=12")
    for said in ("camp_forecast_talks", "camp_forecast_abandoned", "camp_forecast_usual"):
        assert EN[said] in page, said
    assert EN["camp_forecast_list"].format(people=120) in page


@pytest.mark.parametrize(
    "typed",
    ["employees=0&hours=1&hour=12", "employees=3&hours=9&hour=12", "employees=3&hours=1&hour=24",
     "employees=9999999999999999&hours=1&hour=1", "employees=x&hours=1&hour=1", "employees=٣&hours=1&hour=1"],
)  # fmt: skip
async def test_what_is_no_number_of_its_range_is_said_and_nothing_is_played(signed_in: Office, typed: str) -> None:
    await make(signed_in)
    page = await signed_in.page(f"{BASE}/spring/forecast?lang=en&{typed}")
    assert EN["camp_forecast_wrong"].format(employees=100, hours=8) in page
    assert EN["camp_forecast_talks"] not in page


async def test_a_voice_message_has_no_forecast(signed_in: Office) -> None:
    await make(signed_in, mode=Mode.VOICE)
    page = await signed_in.page(f"{BASE}/spring/forecast?lang=en&employees=3&hours=1&hour=12")
    assert EN["camp_forecast_message"] in page
    assert EN["camp_forecast_talks"] not in page


async def test_a_busy_server_says_so(signed_in: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    await make(signed_in)

    async def refuse(*_: object, **__: object) -> bytes:
        raise WorkerFailed("the worker took more than 60 s")

    monkeypatch.setattr("integration.services.forecasts.answered", refuse)
    page = await signed_in.page(f"{BASE}/spring/forecast?lang=en&employees=3&hours=1&hour=12")
    assert EN["camp_forecast_not_now"] in page


def test_the_largest_question_is_answered_within_the_worker_s_time() -> None:
    """The budget of a forecast: employees by hours, over all shifts that are played."""
    import io

    from integration.services import forecast_worker

    largest = {
        "employees": 100, "hours": 8, "hour": 12, "ceiling": 0.03, "lines": 1000, "ring_seconds": 25, "is_ahead": False,
        "estimates": learned(0.3),
    }  # fmt: skip
    told = io.StringIO()
    forecast_worker.run(io.StringIO(json.dumps(largest)), told)
    assert json.loads(told.getvalue())["talks"] > 0
