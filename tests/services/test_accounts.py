"""Changes of settings apply to the stored state: concurrent changes by any process are never lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from integration.domain.crm.entities import Manager
from integration.domain.ids import AccountId, Extension, ManagerId, PbxId
from integration.domain.settings import AccountSettings, Employee
from integration.domain.settings_changes import Author, AuthorKind
from integration.ports.settings import ChangedMeanwhile, UndoRefused
from integration.services.accounts import Account, Accounts, NamedInFile
from integration.services.ending import ended
from integration.testing import FakeCrm
from tests.lab.waiting import until
from tests.services.conftest import ACME, ANNA, BORIS, SOMEBODY, World

OTHER_ADMINISTRATOR = Author(kind=AuthorKind.ADMINISTRATOR, session="9b01d4", address="10.0.0.6")

ANNA_AT_101 = Employee(extension=Extension("101"), manager=ANNA)
BORIS_AT_102 = Employee(extension=Extension("102"), manager=BORIS)


async def elsewhere(world: World, *named: Employee) -> tuple[Accounts, Account]:
    """Another process of the same installation."""
    accounts = Accounts(world.storage.settings)
    account = await accounts.add(AccountSettings(account=ACME, employees=named), world.crm, [world.pbx])
    return accounts, account


async def test_changes_at_one_moment_are_all_kept(world: World) -> None:
    others, there = await elsewhere(world)
    world.crm.all_managers[1] = replace(world.crm.all_managers[1], is_active=False)
    people = [ANNA_AT_101, replace(BORIS_AT_102, name="Борис")]
    await asyncio.gather(
        world.accounts.set_enabled(world.account, enabled=False, who=SOMEBODY),
        others.set_employees(there, people, who=OTHER_ADMINISTRATOR),
        world.accounts.refresh_managers(world.account),
    )
    stored = await world.storage.settings.load(ACME)
    assert stored is not None
    assert (stored.enabled, stored.employees, stored.active_managers) == (False, tuple(people), frozenset({ANNA}))
    await world.accounts.reload(world.account)
    assert world.account.settings == stored


async def test_the_second_of_two_who_saw_the_same_list_is_told(world: World) -> None:
    others, there = await elsewhere(world)
    shown = world.account.revision
    await others.set_employees(there, [ANNA_AT_101], who=OTHER_ADMINISTRATOR, shown=shown)
    with pytest.raises(ChangedMeanwhile, match=r"administrator 9b01d4 from 10\.0\.0\.6 was first") as caught:
        await world.accounts.set_employees(world.account, [BORIS_AT_102], who=SOMEBODY, shown=shown)
    [first] = caught.value.changes
    assert (first.at, first.who, list(first.after.values())) == (world.clock.now(), OTHER_ADMINISTRATOR, [None])
    assert caught.value.seen.employees == (ANNA_AT_101, BORIS_AT_102)
    stored = await world.storage.settings.load(ACME)
    assert stored is not None
    assert stored.employees == (ANNA_AT_101,)


async def test_of_many_who_saw_the_same_list_one_wins(world: World) -> None:
    others, there = await elsewhere(world)
    shown = world.account.revision
    both = [(world.accounts, world.account), (others, there)]
    results = await asyncio.gather(
        *(
            accounts.set_employees(account, [replace(ANNA_AT_101, name=f"{n}")], who=SOMEBODY, shown=shown)
            for n, (accounts, account) in enumerate(both * 5)
        ),
        return_exceptions=True,
    )
    [won] = [result for result in results if not isinstance(result, ChangedMeanwhile)]
    assert [kept.change for kept in await world.accounts.changes(world.account)][:1] == [won]


async def test_what_the_crm_says_makes_no_page_stale_and_is_nobodys_change(world: World) -> None:
    shown = world.account.revision
    world.crm.all_managers[1] = replace(world.crm.all_managers[1], is_active=False)
    await world.accounts.refresh_managers(world.account)
    assert world.account.settings.active_managers == frozenset({ANNA})
    assert world.account.revision == shown
    made = await world.accounts.set_employees(world.account, [ANNA_AT_101], who=SOMEBODY, shown=shown)
    assert made is not None
    [newest, *_] = await world.accounts.changes(world.account)
    assert newest.change == made


async def test_the_switch_does_not_make_the_page_of_people_stale(world: World) -> None:
    shown = world.account.revision
    await world.accounts.set_enabled(world.account, enabled=False, who=OTHER_ADMINISTRATOR, shown=shown)
    await world.accounts.set_employees(world.account, [ANNA_AT_101], who=SOMEBODY, shown=shown)
    with pytest.raises(ChangedMeanwhile):
        await world.accounts.set_enabled(world.account, enabled=True, who=SOMEBODY, shown=shown)


async def test_who_wants_what_is_stored_already_conflicts_with_nobody(world: World) -> None:
    """As when a form is sent twice."""
    shown = world.account.revision
    assert await world.accounts.set_employees(world.account, [ANNA_AT_101], who=SOMEBODY, shown=shown)
    assert await world.accounts.set_employees(world.account, [ANNA_AT_101], who=SOMEBODY, shown=shown) is None


async def test_undo_brings_back_what_was_in_every_process(world: World) -> None:
    news: list[str] = []

    async def tell(account: str) -> None:
        news.append(account)

    others = Accounts(world.storage.settings, tell)
    there = await others.add(AccountSettings(account=ACME), world.crm, [world.pbx])
    before = world.account.settings.employees
    made = await world.accounts.set_employees(world.account, [ANNA_AT_101], who=SOMEBODY)
    assert made is not None
    back = await others.undo(there, made.revision, who=OTHER_ADMINISTRATOR)
    assert back is not None
    assert (back.who, back.undoes, news) == (OTHER_ADMINISTRATOR, made.revision, [ACME])
    await world.accounts.reload(world.account)
    assert world.account.settings.employees == there.settings.employees == before
    assert world.account.revision == there.revision == back.revision


async def test_undo_does_not_touch_a_person_of_the_configuration_file(world: World) -> None:
    made = await world.accounts.set_employees(world.account, [replace(ANNA_AT_101, mobile="1")], who=SOMEBODY)
    assert made is not None
    others, there = await elsewhere(world, replace(ANNA_AT_101, mobile="1"))
    with pytest.raises(NamedInFile):
        await others.undo(there, made.revision, who=SOMEBODY)
    assert there.revision == world.account.revision


async def test_the_configuration_file_has_its_change_in_the_history(world: World) -> None:
    shown = world.account.revision
    _, there = await elsewhere(world, replace(ANNA_AT_101, mobile="1"))
    [newest, *_] = await world.accounts.changes(world.account)
    assert (newest.change.who.kind, newest.change.revision) == (AuthorKind.FILE, there.revision)
    with pytest.raises(ChangedMeanwhile):
        await world.accounts.set_employees(world.account, [ANNA_AT_101], who=SOMEBODY, shown=shown)
    await elsewhere(world, replace(ANNA_AT_101, mobile="1"))  # the same again
    assert (await world.accounts.changes(world.account))[0] == newest


async def test_what_is_not_in_the_history_cannot_be_undone(world: World) -> None:
    with pytest.raises(UndoRefused, match="no longer in the history"):
        await world.accounts.undo(world.account, 999_999_999, who=SOMEBODY)


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
        await others.set_employees(there, people, who=OTHER_ADMINISTRATOR)
    stored = await world.storage.settings.load(ACME)
    assert stored is not None
    assert ANNA_AT_101 in stored.employees


async def test_the_people_beside_those_of_the_file_are_the_pages(world: World) -> None:
    others, there = await elsewhere(world, ANNA_AT_101)
    await others.set_employees(there, [ANNA_AT_101, replace(BORIS_AT_102, manager=None)], who=SOMEBODY)
    _, again = await elsewhere(world, ANNA_AT_101)
    assert {e.extension: e.manager for e in again.settings.employees} == {"101": ANNA, "102": None}


OFFICE, BRANCH, NEW = PbxId("office"), PbxId("branch"), PbxId("new")


@pytest.mark.parametrize(
    ("before", "now", "phones"),
    [
        ((OFFICE, BRANCH), (OFFICE, BRANCH), {"101": ANNA, "branch/101": BORIS}),
        ((OFFICE, BRANCH), (BRANCH, OFFICE), {"office/101": ANNA, "101": BORIS}),
        ((OFFICE, BRANCH), (BRANCH,), {"office/101": ANNA, "101": BORIS}),
        ((OFFICE, BRANCH), (NEW, OFFICE, BRANCH), {"office/101": ANNA, "branch/101": BORIS}),
        ((OFFICE, BRANCH), (NEW, BRANCH), {"101": ANNA, "branch/101": BORIS}),  # another name, or its successor
        ((), (BRANCH, OFFICE), {"101": ANNA, "branch/101": BORIS}),  # stored by an older release
    ],
)
async def test_a_mapped_phone_stays_on_its_pbx_when_another_becomes_the_main_one(
    world: World, before: tuple[PbxId, ...], now: tuple[PbxId, ...], phones: dict[str, ManagerId]
) -> None:
    """And from then on, whatever is taken again: nobody gets the calls of the same extension elsewhere."""
    people = (
        Employee(extension=Extension("101"), manager=ANNA),
        Employee(extension=Extension("101"), pbx=BRANCH, manager=BORIS),
    )
    await world.storage.settings.save(replace(world.account.settings, pbxs=before, employees=people))
    from_file = replace(world.account.settings, employees=(), pbxs=now)
    for _ in range(2):
        await world.accounts.take(world.account, from_file)
        assert {each.key: each.manager for each in world.account.settings.employees} == phones


class SlowCrm(FakeCrm):
    """Says who its users are when it is told to."""

    __slots__ = ("asked", "may_answer")

    def __init__(self, world: World) -> None:
        super().__init__(all_managers=world.crm.all_managers)
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def managers(self) -> list[Manager]:
        self.asked.set()
        await self.may_answer.wait()
        return await super().managers()


async def test_an_account_that_comes_while_users_are_read_is_read_next(world: World) -> None:
    """It waited five minutes: its page of people was empty, and nobody could click."""
    accounts, slow = Accounts(world.storage.settings), SlowCrm(world)
    await accounts.add(AccountSettings(account=ACME), slow, [world.pbx])
    reading = asyncio.create_task(accounts.run())
    try:
        await slow.asked.wait()
        late = await accounts.add(AccountSettings(account=AccountId("late")), world.crm, [world.pbx])
        accounts.refresh_soon()
        slow.may_answer.set()
        await until(lambda: ANNA in late.managers)
    finally:
        await ended([reading])
