"""A manager whose day in the CRM has not begun, or who has a break, is passed over where the line says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.ids import Extension, ManagerId
from integration.domain.people.working_day import WorkingDay
from integration.domain.routing.route import Outcome, RouteDecision, RouteQuestion
from integration.domain.settings import Employee, LineSettings
from integration.errors import Unavailable
from integration.services import working_days
from integration.services.routing import Routing
from integration.services.working_days import WorkingDays
from integration.testing import CRM_ABILITIES
from integration.texts.reasons import sentence
from tests.services.conftest import ACME, ANNA, CLIENT, DID, PBX, World

RESPECTED = LineSettings(respect_working_day=True)


@pytest.fixture
def days(world: World) -> WorkingDays:
    world.crm.abilities = replace(CRM_ABILITIES, working_day=True)
    world.line(RESPECTED)
    return WorkingDays(world.accounts)


async def route(world: World, days: WorkingDays) -> RouteDecision:
    routing = Routing(
        account=ACME,
        pbx=PBX,
        settings=lambda: world.account.settings,
        book=world.storage.phone_book,
        routes=world.storage.routes,
        clock=world.clock,
        days=lambda: days.of(ACME),
    )
    return await routing.consider(RouteQuestion(did=DID, caller=CLIENT))


@pytest.mark.parametrize(
    ("day", "says"),
    [
        (WorkingDay.NOT_BEGUN, "The working day in the CRM has not begun or is over: Anna."),
        (WorkingDay.PAUSED, "On a break, says the CRM: Anna."),
    ],
)
async def test_who_is_off_duty_is_passed_over_with_the_reason(
    world: World, days: WorkingDays, day: WorkingDay, says: str
) -> None:
    world.crm.days[ANNA] = day
    await days.round()
    asked = len(world.crm.days_asked)
    decision = await route(world, days)
    assert decision.outcome is Outcome.ROUTE
    assert says in [sentence(each, "en", names={ANNA: "Anna"}) for each in decision.reasons]
    assert len(world.crm.days_asked) == asked, "no caller waits for the CRM"


async def test_who_is_at_work_is_rung_and_so_is_who_keeps_no_day(world: World, days: WorkingDays) -> None:
    await days.round()
    assert (await route(world, days)).outcome is Outcome.RESPONSIBLE
    world.crm.days[ANNA] = WorkingDay.RUNS
    await days.round()
    assert (await route(world, days)).outcome is Outcome.RESPONSIBLE


async def test_a_day_that_begins_is_noticed_in_the_next_round(world: World, days: WorkingDays) -> None:
    world.crm.days[ANNA] = WorkingDay.NOT_BEGUN
    await days.round()
    assert (await route(world, days)).outcome is Outcome.ROUTE
    world.crm.days[ANNA] = WorkingDay.RUNS
    await days.round()
    assert (await route(world, days)).outcome is Outcome.RESPONSIBLE


async def test_a_line_that_says_nothing_rings_everybody_and_asks_nobody(world: World, days: WorkingDays) -> None:
    world.crm.days[ANNA] = WorkingDay.NOT_BEGUN
    world.line(LineSettings())
    await days.round()
    assert world.crm.days_asked == []
    assert (await route(world, days)).outcome is Outcome.RESPONSIBLE


async def test_one_line_of_several_may_respect_it(world: World, days: WorkingDays) -> None:
    world.crm.days[ANNA] = WorkingDay.NOT_BEGUN
    world.account.settings = replace(world.account.settings, default_line=LineSettings(), lines={DID: RESPECTED})
    await days.round()
    assert (await route(world, days)).outcome is Outcome.ROUTE


async def test_a_crm_without_working_days_is_never_asked(world: World, days: WorkingDays) -> None:
    world.crm.abilities = CRM_ABILITIES
    await days.round()
    assert world.crm.days_asked == []
    assert days.of(ACME) == {}


async def test_while_the_crm_is_away_the_last_answer_counts_for_a_while_and_then_nobody_is_passed_over(
    world: World, days: WorkingDays, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.crm.days[ANNA] = WorkingDay.NOT_BEGUN
    await days.round()
    world.crm.fail_before += [Unavailable("down")] * 2
    await days.round()
    assert (await route(world, days)).outcome is Outcome.ROUTE
    monkeypatch.setattr(working_days, "_BELIEVED_SECONDS", 0.0)
    await days.round()
    assert days.of(ACME) == {}
    assert (await route(world, days)).outcome is Outcome.RESPONSIBLE


async def test_a_large_office_is_asked_for_in_turn(world: World, days: WorkingDays) -> None:
    people = [ManagerId(f"{id_:04}") for id_ in range(120)]
    phones = [Employee(extension=Extension(str(1000 + index)), manager=each) for index, each in enumerate(people)]
    world.account.settings = replace(world.account.settings, employees=tuple(phones), active_managers=frozenset(people))
    world.crm.days = dict.fromkeys(people, WorkingDay.RUNS)
    for _ in range(4):
        await days.round()
    assert [len(each) for each in world.crm.days_asked] == [50, 50, 20, 50]
    assert days.of(ACME).keys() == set(people)


async def test_an_account_that_is_gone_is_forgotten(world: World, days: WorkingDays) -> None:
    world.crm.days[ANNA] = WorkingDay.PAUSED
    await days.round()
    assert days.of(ACME) == {ANNA: WorkingDay.PAUSED}
    world.accounts.remove(ACME)
    await days.round()
    assert days.of(ACME) == {}
