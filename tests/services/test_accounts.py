"""Changes of settings apply to the stored state: concurrent changes by any process are never lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from integration.domain.ids import Extension
from integration.domain.settings import AccountSettings, Employee
from integration.services.accounts import Account, Accounts, ChangedMeanwhile, NamedInFile, mark_of
from tests.services.conftest import ACME, ANNA, BORIS, World

ANNA_AT_101 = Employee(extension=Extension("101"), manager=ANNA)
BORIS_AT_102 = Employee(extension=Extension("102"), manager=BORIS)


async def elsewhere(world: World, *named: Employee) -> tuple[Accounts, Account]:
    """Another process of the same installation."""
    accounts = Accounts(world.storage.settings)
    account = await accounts.add(AccountSettings(account=ACME, employees=named), world.crm, world.pbx)
    return accounts, account


async def test_changes_at_one_moment_are_all_kept(world: World) -> None:
    others, there = await elsewhere(world)
    world.crm.all_managers[1] = replace(world.crm.all_managers[1], is_active=False)
    people = [ANNA_AT_101, replace(BORIS_AT_102, name="Борис")]
    await asyncio.gather(
        world.accounts.set_enabled(world.account, enabled=False),
        others.set_employees(there, people),
        world.accounts.refresh_managers(world.account),
    )
    stored = await world.storage.settings.load(ACME)
    assert stored is not None
    assert (stored.enabled, stored.employees, stored.active_managers) == (False, tuple(people), frozenset({ANNA}))
    await world.accounts.reload(world.account)
    assert world.account.settings == stored


async def test_the_second_of_two_who_saw_the_same_list_is_told(world: World) -> None:
    others, there = await elsewhere(world)
    shown = mark_of(world.account.settings.employees)
    await others.set_employees(there, [ANNA_AT_101], shown=shown)
    with pytest.raises(ChangedMeanwhile):
        await world.accounts.set_employees(world.account, [BORIS_AT_102], shown=shown)
    stored = await world.storage.settings.load(ACME)
    assert stored is not None
    assert stored.employees == (ANNA_AT_101,)


async def test_of_many_who_saw_the_same_list_one_wins(world: World) -> None:
    others, there = await elsewhere(world)
    shown = mark_of(world.account.settings.employees)
    both = [(world.accounts, world.account), (others, there)]
    results = await asyncio.gather(
        *(
            accounts.set_employees(account, [replace(ANNA_AT_101, name=f"{n}")], shown=shown)
            for n in range(5)
            for accounts, account in both
        ),
        return_exceptions=True,
    )
    assert [result for result in results if not isinstance(result, ChangedMeanwhile)] == [None]


async def test_the_mark_does_not_depend_on_the_order() -> None:
    assert mark_of([ANNA_AT_101, BORIS_AT_102]) == mark_of([BORIS_AT_102, ANNA_AT_101])
    assert mark_of([ANNA_AT_101]) != mark_of([replace(ANNA_AT_101, is_absent=True)])


@pytest.mark.parametrize(
    "people",
    [[BORIS_AT_102], [replace(ANNA_AT_101, manager=None), BORIS_AT_102], [replace(ANNA_AT_101, mobile="1")]],
    ids=["left out", "without a manager", "another mobile"],
)
async def test_a_person_of_the_configuration_file_is_not_changed_on_a_page(
    world: World, people: list[Employee]
) -> None:
    others, there = await elsewhere(world, ANNA_AT_101)
    with pytest.raises(NamedInFile, match="101 is named in the configuration file, which wins"):
        await others.set_employees(there, people)
    stored = await world.storage.settings.load(ACME)
    assert stored is not None
    assert ANNA_AT_101 in stored.employees


async def test_the_people_beside_those_of_the_file_are_the_pages(world: World) -> None:
    others, there = await elsewhere(world, ANNA_AT_101)
    await others.set_employees(there, [ANNA_AT_101, replace(BORIS_AT_102, manager=None)])
    _, again = await elsewhere(world, ANNA_AT_101)
    assert {e.extension: e.manager for e in again.settings.employees} == {"101": ANNA, "102": None}
