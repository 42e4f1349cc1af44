"""Where a call goes when accounts share the PBX: the one that knows the caller says it, each remembers why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, Extension, ManagerId, call_id
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.reasons import ReasonCode
from integration.domain.routing.route import Outcome, RouteDecision, RouteQuestion
from integration.domain.settings import AccountSettings, Employee, LineSettings
from integration.ports.stores import SavedStep
from integration.services.routing import Routing
from integration.services.shared_routes import SharedRoutes
from tests.contract.calls import a_call
from tests.services.conftest import PBX, World

SALES, SERVICE = AccountId("sales"), AccountId("service")
VERA = ManagerId("610079")
LINE, OTHER_LINE, OLGA = "74950000001", "74950000002", "79035556677"
OPEN = LineSettings(responsible_seconds=5)
CLOSED = LineSettings(process=False)
NATIVE = "1795944481.0"
CALL = call_id(PBX, NATIVE)


def _settings(account: AccountId, extension: str, default: LineSettings = OPEN, *lines: str) -> AccountSettings:
    people = (Employee(extension=Extension(extension), manager=VERA),)
    own = dict.fromkeys(lines, OPEN)
    return AccountSettings(account=account, employees=people, default_line=default, lines=own)


def _same(settings: AccountSettings) -> AccountSettings:
    return settings


@asynccontextmanager
async def _shared(world: World, *accounts: AccountSettings) -> AsyncIterator[SharedRoutes]:
    """Each account has the call in its journal; Olga is Vera's client in the service only."""
    olga = Person(ref=EntityRef(EntityKind.CONTACT, "7"), name="Olga", responsible=VERA, phones=(OLGA,), updated_at=1)
    await world.storage.phone_book.put_persons(SERVICE, [olga], numbering=DEFAULT_NUMBERING)
    routings = []
    for settings in accounts:
        await world.storage.settings.save(settings)
        call = replace(a_call(1), id=CALL, account=settings.account, pbx=PBX)
        await world.storage.calls.save([SavedStep(call=call)])
        routings.append(
            Routing(
                account=settings.account,
                pbx=PBX,
                settings=partial(_same, settings),
                book=world.storage.phone_book,
                routes=world.storage.routes,
                clock=world.clock,
            )
        )
    keeping = [asyncio.create_task(each.run()) for each in routings]
    try:
        yield SharedRoutes(routings, world.clock)
    finally:
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)


async def _kept(world: World, account: AccountId) -> RouteDecision | None:
    return await world.storage.routes.of(account, CALL)


async def test_the_account_that_knows_the_caller_answers_and_the_other_knows_that(world: World) -> None:
    async with _shared(world, _settings(SALES, "101"), _settings(SERVICE, "104")) as routes:
        decided = await routes.route(RouteQuestion(did=LINE, caller=OLGA), NATIVE)
    assert (decided.outcome, decided.steps[0].target) == (Outcome.RESPONSIBLE, "104")
    own, other = await _kept(world, SERVICE), await _kept(world, SALES)
    assert own == decided
    assert other is not None
    assert (other.outcome, other.steps) == (decided.outcome, decided.steps)
    assert other.reasons[-1].code == ReasonCode.ROUTED_BY
    assert "Olga" not in str(other)  # the client is the other CRM's


async def test_of_a_caller_whom_nobody_knows_each_says_so(world: World) -> None:
    async with _shared(world, _settings(SALES, "101"), _settings(SERVICE, "104")) as routes:
        decided = await routes.route(RouteQuestion(did=LINE, caller="79990001122"), NATIVE)
    assert decided.outcome is Outcome.ROUTE
    for account in (SALES, SERVICE):
        kept = await _kept(world, account)
        assert kept is not None
        assert [reason.code for reason in kept.reasons][-1] in (ReasonCode.CALLER_UNKNOWN, ReasonCode.PHONE_BOOK_EMPTY)


async def test_only_the_account_that_names_the_line_is_asked(world: World) -> None:
    sales = _settings(SALES, "101", CLOSED, LINE)
    async with _shared(world, sales, _settings(SERVICE, "104")) as routes:
        decided = await routes.route(RouteQuestion(did=LINE, caller=OLGA), NATIVE)
        assert decided.outcome is Outcome.ROUTE
        assert await _kept(world, SERVICE) is None
        decided = await routes.route(RouteQuestion(did=OTHER_LINE, caller=OLGA), "1795944481.9")
        assert decided.outcome is Outcome.RESPONSIBLE


async def test_a_line_that_nobody_takes_goes_the_pbxs_own_way(world: World) -> None:
    async with _shared(world, _settings(SALES, "101", CLOSED), _settings(SERVICE, "104", CLOSED)) as routes:
        decided = await routes.route(RouteQuestion(did=LINE, caller=OLGA), NATIVE)
    assert decided.outcome is Outcome.ROUTE
