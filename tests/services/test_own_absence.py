"""A manager says in the CRM that they are away: the next call knows it, and nobody can say it for somebody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integration.domain.ids import Timestamp
from integration.domain.routing.route import Outcome, RouteDecision, RouteQuestion
from integration.services.routing import Routing
from integration.texts.reasons import sentence
from tests.services.conftest import ACME, ANNA, BORIS, CLIENT, DID, PBX, SOMEBODY, World
from tests.services.test_widget_socket import Site, site

__all__ = ["site"]


async def say(site: Site, manager: str = ANNA, **body: Any) -> tuple[int, dict[str, Any]]:
    headers = {"X-Auth-Token": manager, "Origin": "https://crm.example"}
    async with site.client.post("/api/widget/absence", json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def status(site: Site, manager: str) -> Any:
    headers = {"X-Auth-Token": manager, "Origin": "https://crm.example"}
    async with site.client.get("/api/widget/status", headers=headers) as answer:
        return (await answer.json())["absence"]


async def route(world: World) -> RouteDecision:
    routing = Routing(
        account=ACME,
        pbx=PBX,
        settings=lambda: world.account.settings,
        book=world.storage.phone_book,
        routes=world.storage.routes,
        clock=world.clock,
    )
    return await routing.consider(RouteQuestion(did=DID, caller=CLIENT))


async def test_the_next_call_passes_by_who_is_away_and_rings_again_by_itself(site: Site) -> None:
    world = site.world
    assert (await route(world)).outcome is Outcome.RESPONSIBLE
    code, answer = await say(site, away=True, seconds=3600)
    until = world.clock.now() + 3600
    assert (code, answer) == (200, {"absence": {"by": "manager", "until": pytest.approx(until, abs=1)}})
    decision = await route(world)
    assert decision.outcome is Outcome.ROUTE
    said = [sentence(each, "ru", names={ANNA: "Анна Ким"}) for each in decision.reasons]
    assert any(each.startswith("Отмечен отсутствующим: Анна Ким (101), до ") for each in said), said
    assert await status(site, BORIS) is None
    world.clock.advance(3601)
    assert await status(site, ANNA) is None
    assert (await route(world)).outcome is Outcome.RESPONSIBLE


async def test_until_further_notice_and_back(site: Site) -> None:
    await say(site, away=True, seconds=None)
    site.world.clock.advance(10 * 86_400)
    assert await status(site, ANNA) == {"by": "manager", "until": None}
    assert await say(site, away=False) == (200, {"absence": None})
    assert (await route(site.world)).outcome is Outcome.RESPONSIBLE


async def test_it_is_stored_for_every_process_and_is_no_change_of_the_settings(site: Site) -> None:
    world = site.world
    revision, changes = world.account.revision, await world.accounts.changes(world.account)
    await say(site, away=True, seconds=600)
    stored = await world.storage.settings.load(ACME)
    assert stored is not None
    assert stored.away.keys() == {ANNA}
    assert world.account.revision == revision
    assert await world.accounts.changes(world.account) == changes
    world.clock.advance(601)
    await say(site, BORIS, away=True, seconds=600)
    stored = await world.storage.settings.load(ACME)
    assert stored is not None
    assert stored.away.keys() == {BORIS}, "what is over is not kept"


async def test_an_absence_that_an_administrator_has_set_stays(site: Site) -> None:
    world = site.world
    people = [
        replace(each, absent_until=Timestamp(world.clock.now() + 60)) if each.manager == ANNA else each
        for each in world.account.settings.employees
    ]
    await world.accounts.set_employees(world.account, people, who=SOMEBODY)
    _, answer = await say(site, away=False)
    assert answer["absence"]["by"] == "administrator"
    await say(site, away=True, seconds=None)
    assert await status(site, ANNA) == {"by": "manager", "until": None}, "the later end counts"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"away": 1},
        {"away": "yes"},
        {"away": True, "seconds": 59},
        {"away": True, "seconds": 1e9},
        {"away": True, "seconds": True},
        {"away": True, "seconds": "600"},
        {"away": True, "seconds": [600]},
    ],
)
async def test_what_is_no_absence_is_refused_and_stores_nothing(site: Site, body: dict[str, Any]) -> None:
    code, answer = await say(site, **body)
    assert (code, answer["error"]["code"]) == (400, "bad_request")
    assert site.world.account.settings.away == {}


async def test_nan_is_no_duration(site: Site) -> None:
    headers = {"X-Auth-Token": ANNA, "Origin": "https://crm.example", "Content-Type": "application/json"}
    for text in ("NaN", "Infinity", "1e999"):
        body = f'{{"away": true, "seconds": {text}}}'
        async with site.client.post("/api/widget/absence", data=body, headers=headers) as answer:
            assert answer.status == 400


async def test_who_has_no_phone_cannot_be_away_and_nobody_floods_the_database(site: Site) -> None:
    people = [replace(each, manager=None) for each in site.world.account.settings.employees if each.manager == ANNA]
    codes = [(await say(site, BORIS, away=True, seconds=600))[0] for _ in range(11)]
    assert codes == [*[200] * 10, 429]
    await site.world.accounts.set_employees(site.world.account, people, who=SOMEBODY)
    code, answer = await say(site, away=True, seconds=600)
    assert (code, answer["error"]["code"]) == (409, "no_extension")
