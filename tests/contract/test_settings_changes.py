"""Who changed the settings is stored with them; the second of two is told; undo brings back what was."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, update

from integration.domain.ids import Extension, ManagerId, Timestamp
from integration.domain.settings import AccountSettings, Employee, PhoneType
from integration.domain.settings_changes import Author, AuthorKind, Section
from integration.ports.settings import ChangedMeanwhile, Revised, UndoRefused
from integration.storage import Storage, open_storage
from integration.storage.sql.codec import encode
from integration.storage.sql.database import Across
from integration.storage.sql.schema.offices import accounts, settings_changes
from integration.testing import FakeClock
from tests.contract.calls import OFFICE, OTHER

OLGA = Author(kind=AuthorKind.ADMINISTRATOR, session="3fa2c1", address="10.0.0.5")
PETR = Author(kind=AuthorKind.ADMINISTRATOR, session="9b01d4", address="2001:db8::1")
ANNA = Employee(extension=Extension("101"), name="Anna\0Орлова\ud83d", manager=ManagerId("610077"))
BORIS = Employee(extension=Extension("102"), manager=ManagerId("610078"))


async def map_people(
    storage: Storage, *people: Employee, who: Author | None = OLGA, expected: int | None = None
) -> Revised:
    def mapped(stored: AccountSettings | None) -> AccountSettings:
        return replace(stored or AccountSettings(account=OFFICE), employees=people)

    return await storage.settings.change(OFFICE, mapped, who=who, section=Section.PEOPLE, expected_revision=expected)


async def switch(storage: Storage, enabled: bool, who: Author = OLGA) -> Revised:
    def switched(stored: AccountSettings | None) -> AccountSettings:
        return replace(stored or AccountSettings(account=OFFICE), enabled=enabled)

    return await storage.settings.change(OFFICE, switched, who=who)


async def now(storage: Storage) -> Revised:
    current = await storage.settings.current(OFFICE)
    assert current is not None
    return current


async def write_as_an_older_release(storage: Storage, settings: AccountSettings) -> None:
    """Its code knows nothing of the columns that step 0013 has added."""
    row = {"country": settings.country, "settings": encode(settings), "saved_at": 50.0, "dial": None}
    mine = accounts.c.account == settings.account
    statement = update(accounts).where(mine).values(**row)
    changed = await storage.database.write(lambda c: c.execute(statement).rowcount, settings.account)
    if not changed:
        first = insert(accounts).values(account=settings.account, **row)
        await storage.database.write(lambda c: c.execute(first), settings.account)


async def test_a_change_is_kept_with_who_when_before_and_after(storage: Storage, clock: FakeClock) -> None:
    assert (await map_people(storage, ANNA)).revision == 0  # the first settings are nobody's change
    clock.advance(7)
    made = await map_people(storage, replace(ANNA, phone_type=PhoneType.WEB), BORIS, who=PETR)
    [kept] = await storage.settings.changes(OFFICE)
    assert (kept.change, kept.clash) == (made.change, None)
    change = kept.change
    assert (change.revision, change.at, change.who, change.section) == (1, clock.now(), PETR, Section.PEOPLE)
    assert change.before["employees/102"] is None
    assert change.after["employees/102"]["manager"] == "610078"
    assert (change.before["employees/101"]["phone_type"], change.after["employees/101"]["phone_type"]) == ("sip", "web")
    assert change.before["employees/101"]["name"] == ANNA.name
    assert await now(storage) == replace(made, change=None)


async def test_what_changes_nothing_and_what_the_crm_says_leave_no_row(storage: Storage) -> None:
    await map_people(storage, ANNA)
    await map_people(storage, ANNA, who=PETR)

    def learned(stored: AccountSettings | None) -> AccountSettings:
        assert stored is not None
        return replace(stored, active_managers=frozenset({ManagerId("610077")}))

    after = await storage.settings.change(OFFICE, learned)
    assert (after.revision, after.change) == (0, None)
    assert await storage.settings.changes(OFFICE) == []


async def test_the_second_of_two_who_saw_the_same_is_told(storage: Storage) -> None:
    shown = (await map_people(storage, ANNA, BORIS)).revision
    first = await map_people(storage, replace(ANNA, manager=None), BORIS, who=OLGA, expected=shown)
    with pytest.raises(ChangedMeanwhile) as caught:
        await map_people(storage, ANNA, replace(BORIS, mobile="1"), who=PETR, expected=shown)
    assert caught.value.changes == (first.change,)
    assert caught.value.seen.employees == (ANNA, BORIS)
    assert caught.value.now == replace(first, change=None) == await now(storage)
    await map_people(storage, ANNA, replace(BORIS, mobile="1"), who=PETR, expected=first.revision)


async def test_another_section_is_no_conflict(storage: Storage) -> None:
    shown = (await map_people(storage, ANNA)).revision
    await switch(storage, False)
    assert (await map_people(storage, BORIS, expected=shown)).revision == 2


async def test_of_two_processes_at_one_moment_one_wins_and_nothing_is_lost(
    storage: Storage, database_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    other = await open_storage(database_url, tmp_path, clock=clock)
    shown = (await map_people(storage, ANNA)).revision
    people = [replace(ANNA, mobile=f"{n}") for n in range(10)]
    results = await asyncio.gather(
        *(map_people([storage, other][n % 2], people[n], expected=shown) for n in range(10)), return_exceptions=True
    )
    [won] = [each for each in results if isinstance(each, Revised)]
    assert all(isinstance(each, Revised | ChangedMeanwhile) for each in results)
    assert await now(other) == replace(won, change=None)
    await other.close()


async def test_switches_and_undos_at_one_moment_have_a_revision_each(
    storage: Storage, database_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    other = await open_storage(database_url, tmp_path, clock=clock)
    await map_people(storage, ANNA)
    both = [storage, other]
    await asyncio.gather(*(switch(both[n % 2], n % 3 == 0) for n in range(12)))
    kept = [each.change.revision for each in await storage.settings.changes(OFFICE)]
    assert kept == list(range(len(kept), 0, -1))
    assert (await now(storage)).revision == len(kept)
    results = await asyncio.gather(
        *(both[n % 2].settings.undo(OFFICE, len(kept), who=PETR) for n in range(4)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in results) == ["Revised", *["UndoRefused"] * 3]
    await other.close()


async def test_undo_brings_back_what_was_and_can_be_undone(storage: Storage) -> None:
    await map_people(storage, ANNA, BORIS)
    await map_people(storage, BORIS)
    undone = await storage.settings.undo(OFFICE, 1, who=PETR)
    assert undone.settings.employees == (ANNA, BORIS)
    assert undone.change is not None
    assert (undone.change.revision, undone.change.who, undone.change.undoes) == (2, PETR, 1)
    newest, oldest = await storage.settings.changes(OFFICE)
    assert newest.clash is None
    assert oldest.clash is not None
    assert (oldest.clash.by, oldest.clash.is_undone) == (newest.change, True)
    again = await storage.settings.undo(OFFICE, 2, who=OLGA)
    assert again.settings.employees == (BORIS,)
    assert (await storage.settings.undo(OFFICE, 1, who=OLGA)).settings.employees == (ANNA, BORIS)  # in effect again
    assert await storage.settings.load(OFFICE) == (await now(storage)).settings


async def test_undo_leaves_alone_what_it_does_not_concern(storage: Storage) -> None:
    await map_people(storage, ANNA, BORIS)
    await map_people(storage, replace(ANNA, mobile="1"), BORIS)
    await map_people(storage, replace(ANNA, mobile="1"), replace(BORIS, mobile="2"))
    await switch(storage, False)
    undone = await storage.settings.undo(OFFICE, 1, who=PETR)
    assert undone.settings.employees == (ANNA, replace(BORIS, mobile="2"))
    assert not undone.settings.enabled


@pytest.mark.parametrize(
    "later",
    [
        [replace(ANNA, manager=None, mobile="1"), BORIS],
        [BORIS],
        [replace(ANNA, manager=None), replace(BORIS, manager=ANNA.manager)],
    ],
    ids=["the same person", "removed", "the manager sits elsewhere"],
)
async def test_undo_of_what_was_changed_again_is_refused_and_says_by_whom(
    storage: Storage, later: Sequence[Employee]
) -> None:
    await map_people(storage, ANNA, BORIS)
    await map_people(storage, replace(ANNA, manager=None), BORIS, who=OLGA)
    second = await map_people(storage, *later, who=PETR)
    with pytest.raises(UndoRefused, match="Changed again since, by administrator 9b01d4 from 2001:db8::1") as caught:
        await storage.settings.undo(OFFICE, 1, who=OLGA)
    assert (caught.value.by, caught.value.is_undone) == (second.change, False)
    assert await now(storage) == replace(second, change=None)
    await storage.settings.undo(OFFICE, 2, who=OLGA)
    await storage.settings.undo(OFFICE, 1, who=OLGA)  # now it is as that change left it
    assert (await now(storage)).settings.employees == (ANNA, BORIS)


async def test_undo_twice_is_refused(storage: Storage) -> None:
    await switch(storage, True)
    await switch(storage, False)
    await storage.settings.undo(OFFICE, 1, who=PETR)
    with pytest.raises(UndoRefused, match="Administrator 9b01d4 from 2001:db8::1 has undone this change already"):
        await storage.settings.undo(OFFICE, 1, who=OLGA)


async def test_an_undo_that_its_check_stops_stores_nothing(storage: Storage) -> None:
    await map_people(storage, ANNA)
    before = await map_people(storage, BORIS)

    def refuse(stored: AccountSettings, back: AccountSettings) -> None:
        assert (stored.employees, back.employees) == ((BORIS,), (ANNA,))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await storage.settings.undo(OFFICE, 1, who=PETR, check=refuse)
    assert await now(storage) == replace(before, change=None)


async def test_the_newest_500_are_kept_and_the_newest_of_each_section(storage: Storage) -> None:
    await map_people(storage, ANNA)
    await map_people(storage, BORIS)
    shown = 0
    for n in range(502):
        await switch(storage, n % 2 == 1)
    await storage.settings.save(AccountSettings(account=OTHER))
    query = select(func.min(settings_changes.c.revision), func.count()).where(settings_changes.c.section == "switch")
    oldest, count = await storage.database.read(lambda c: c.execute(query).one(), Across.BACKUP)
    assert (oldest, count) == (4, 500)
    with pytest.raises(ChangedMeanwhile):  # however much has happened since
        await map_people(storage, ANNA, expected=shown)
    with pytest.raises(UndoRefused, match="no longer in the history"):
        await storage.settings.undo(OFFICE, 2, who=OLGA)


# ---- beside processes of the release before ------------------------------------------------------------------------


async def test_what_an_older_process_writes_makes_a_page_stale(storage: Storage) -> None:
    """It does not raise the revision, so the revision alone would not tell."""
    shown = (await map_people(storage, ANNA, BORIS)).revision
    await write_as_an_older_release(storage, AccountSettings(account=OFFICE, employees=(BORIS,)))
    with pytest.raises(ChangedMeanwhile, match="a process of an older release was first") as caught:
        await map_people(storage, ANNA, replace(BORIS, mobile="1"), who=PETR, expected=shown)
    assert caught.value.seen.employees == (ANNA, BORIS)
    assert caught.value.changes[0].at == Timestamp(50.0)
    current = await now(storage)
    assert current.settings.employees == (BORIS,)
    await map_people(storage, BORIS, replace(ANNA, mobile="1"), who=PETR, expected=current.revision)
    kinds = [each.change.who.kind for each in await storage.settings.changes(OFFICE)]
    assert kinds == [AuthorKind.ADMINISTRATOR, AuthorKind.OLDER_RELEASE]


async def test_a_page_shows_what_an_older_process_wrote_and_then_it_writes_again(storage: Storage) -> None:
    await map_people(storage, ANNA)
    for people in ((BORIS,), (ANNA, BORIS)):
        await write_as_an_older_release(storage, AccountSettings(account=OFFICE, employees=people))
        shown = await now(storage)
        assert shown.settings.employees == people
        assert shown == await now(storage)
    await write_as_an_older_release(storage, AccountSettings(account=OFFICE, employees=()))
    with pytest.raises(ChangedMeanwhile):
        await map_people(storage, ANNA, expected=shown.revision)


async def test_what_an_older_process_wrote_can_be_undone(storage: Storage) -> None:
    await map_people(storage, ANNA)
    await write_as_an_older_release(storage, AccountSettings(account=OFFICE, enabled=False))
    undone = await storage.settings.undo(OFFICE, (await now(storage)).revision, who=OLGA)
    assert undone.settings.enabled
    assert {each.change.section for each in await storage.settings.changes(OFFICE)} == set(Section)


async def test_what_an_older_process_learns_from_the_crm_is_no_change(storage: Storage) -> None:
    before = await map_people(storage, ANNA)
    learned = replace(before.settings, active_managers=frozenset({ManagerId("610077")}))
    await write_as_an_older_release(storage, learned)
    assert await now(storage) == Revised(settings=learned, revision=before.revision)
    assert await storage.settings.changes(OFFICE) == []


async def test_the_first_settings_of_an_older_process(storage: Storage) -> None:
    await write_as_an_older_release(storage, AccountSettings(account=OFFICE, employees=(ANNA,)))
    shown = await now(storage)
    assert (shown.revision, shown.settings.employees) == (0, (ANNA,))
    await write_as_an_older_release(storage, AccountSettings(account=OFFICE, employees=(BORIS,)))
    with pytest.raises(ChangedMeanwhile):
        await map_people(storage, ANNA, replace(BORIS, mobile="1"), expected=shown.revision)


async def test_the_rows_hold_the_changed_parts_only(storage: Storage) -> None:
    await map_people(storage, ANNA, BORIS)
    await map_people(storage, ANNA, replace(BORIS, mobile="1"))
    query = select(settings_changes.c.before, settings_changes.c.after)
    [row] = await storage.database.read(lambda c: [tuple(each) for each in c.execute(query)], OFFICE)
    documents: list[dict[str, Any]] = [json.loads(text) for text in row]
    assert [list(document) for document in documents] == [["employees/102"]] * 2


async def test_a_change_from_before_a_field_was_added_can_be_undone(storage: Storage) -> None:
    await map_people(storage, ANNA)
    await map_people(storage, BORIS)

    def forget_the_field(connection: Connection) -> None:
        [row] = connection.execute(select(settings_changes.c.before, settings_changes.c.after))
        texts = (re.sub(r', "is_absent": false', "", text) for text in row)
        connection.execute(update(settings_changes).values(dict(zip(("before", "after"), texts, strict=True))))

    await storage.database.write(forget_the_field, OFFICE)
    [kept] = await storage.settings.changes(OFFICE)
    assert kept.change.after["employees/102"]["is_absent"] is False
    assert (await storage.settings.undo(OFFICE, 1, who=PETR)).settings.employees == (ANNA,)
