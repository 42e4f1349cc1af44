"""Offices in the database: the second of two writers is told, changes can be taken back, secrets are sealed."""

from __future__ import annotations

import asyncio
import base64
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from integration.domain.ids import AccountId, Extension
from integration.domain.settings import AccountSettings, Employee
from integration.domain.settings_changes import Author, AuthorKind
from integration.errors import Rejected
from integration.ports.offices import (
    OfficeChangedMeanwhile,
    OfficeUndoRefused,
    OfOtherOffice,
    PeopleChange,
    StoredOffice,
    UndoObstacle,
    Written,
    undo_obstacles,
)
from integration.ports.settings import ChangedMeanwhile
from integration.storage import Storage
from integration.storage.secrets.keys import KeySource
from integration.storage.secrets.sealing import check, forget, rotate
from integration.storage.sql.database import Across
from integration.storage.sql.offices import KEPT
from integration.storage.sql.schema.offices import offices as table

ACME, OTHER = AccountId("acme"), AccountId("other")
WHO = Author(kind=AuthorKind.ADMINISTRATOR, session="ab12", address="192.0.2.1")
SALES, BRANCH = "account/sales", "pbx/branch"
NOTHING = Written(revision=1, change=None, people={})
SECRET = "account/sales amocrm.client_secret"


async def put(
    storage: Storage, parts: dict[str, Any], *, expected: int, office: AccountId = ACME, **secrets: Any
) -> None:
    await storage.offices.change(office, parts, {}, who=WHO, expected=expected)


async def test_what_was_decided_is_read_again(storage: Storage) -> None:
    assert (await storage.offices.get(ACME)).revision == 0
    before = await storage.offices.version()
    await storage.offices.change(ACME, {SALES: {"id": "sales"}}, {SECRET: "s3"}, who=WHO, expected=0)
    assert await storage.offices.version() != before
    office = await storage.offices.get(ACME)
    assert (office.revision, office.parts, office.secrets) == (1, {SALES: {"id": "sales"}}, {SECRET: "s3"})
    assert await storage.offices.all() == [office]
    assert await storage.offices.all(with_secrets=False) == [replace(office, secrets={})]


async def test_a_change_to_what_is_there_already_is_none(storage: Storage) -> None:
    await put(storage, {SALES: {"id": "sales"}}, expected=0)
    before = await storage.offices.version()
    assert await storage.offices.change(ACME, {SALES: {"id": "sales"}}, {}, who=WHO, expected=1) == NOTHING
    assert (await storage.offices.change(OTHER, {}, {}, who=WHO, expected=0)).change is None
    assert await storage.offices.version() == before
    assert len(await storage.offices.changes(ACME)) == 1


async def test_the_second_of_two_writers_is_told_who_was_first(storage: Storage) -> None:
    await put(storage, {SALES: {"id": "sales"}}, expected=0)
    with pytest.raises(OfficeChangedMeanwhile, match="administrator ab12") as caught:
        await put(storage, {SALES: {"id": "sales", "language": "uk"}}, expected=0)
    assert [each.revision for each in caught.value.changes] == [1]
    assert (await storage.offices.get(ACME)).parts == {SALES: {"id": "sales"}}


async def test_of_many_writers_at_once_one_is_first(storage: Storage) -> None:
    writers = [put(storage, {BRANCH: {"id": "branch", "host": str(number)}}, expected=0) for number in range(6)]
    results = await asyncio.gather(*writers, return_exceptions=True)
    assert sorted(type(each).__name__ for each in results) == ["NoneType"] + ["OfficeChangedMeanwhile"] * 5
    assert (await storage.offices.get(ACME)).revision == 1


async def test_people_change_with_the_office_or_not_at_all(storage: Storage) -> None:
    """In one transaction: a process that is killed in the middle of it leaves neither half."""
    anna = AccountSettings(account=AccountId("sales"), employees=(Employee(extension=Extension("101")),))
    boris = replace(anna, employees=(Employee(extension=Extension("102")),))

    async def change(office: AccountId, language: str, people: AccountSettings, expected: int) -> None:
        parts = {SALES: {"id": "sales", "language": language}}
        changed = {people.account: PeopleChange(change=lambda _: people, expected=0)}
        await storage.offices.change(office, parts, {}, who=WHO, expected=expected, people=changed)

    await change(ACME, "ru", anna, 0)
    assert await storage.settings.load(anna.account) == anna
    for office, expected in ((OTHER, 0), (ACME, 0)):  # the account is another's; somebody was first
        with pytest.raises(Rejected):
            await change(office, "uk", boris, expected)
        assert await storage.settings.load(anna.account) == anna

    def breaks(_: AccountSettings | None) -> AccountSettings:
        raise Rejected("in the middle")

    broken = {anna.account: PeopleChange(change=breaks, expected=0)}
    with pytest.raises(Rejected, match="in the middle"):
        await storage.offices.change(
            ACME, {BRANCH: {"id": "branch"}}, {SECRET: "s"}, who=WHO, expected=1, people=broken
        )
    stored = await storage.offices.get(ACME)
    assert (stored.revision, dict(stored.parts[SALES])["language"], stored.secrets) == (1, "ru", {})
    await change(ACME, "uk", boris, 1)
    assert await storage.settings.load(anna.account) == boris


async def test_an_id_is_one_offices(storage: Storage) -> None:
    await put(storage, {SALES: {"id": "sales"}}, expected=0)
    with pytest.raises(Rejected, match="belongs to another office"):
        await put(storage, {BRANCH: {"id": "branch"}, SALES: {"id": "sales"}}, expected=0, office=OTHER)
    assert (await storage.offices.get(OTHER)).parts == {}
    await put(storage, {SALES: None}, expected=1)
    await put(storage, {SALES: {"id": "sales"}}, expected=0, office=OTHER)
    assert (await storage.offices.get(OTHER)).parts == {SALES: {"id": "sales"}}


async def test_the_pbx_of_an_account_is_one_offices_too(storage: Storage) -> None:
    await put(storage, {SALES: {"id": "sales", "pbx_id": "main"}}, expected=0)
    for part in ("pbx/main", "account/theirs"):
        with pytest.raises(OfOtherOffice, match='the pbx "main" belongs to another office'):
            await put(storage, {part: {"id": "main", "pbx_id": "main"}}, expected=0, office=OTHER)
    await put(storage, {SALES: {"id": "sales", "pbx_id": "another"}}, expected=1)
    await put(storage, {"pbx/main": {"id": "main"}}, expected=0, office=OTHER)
    with pytest.raises(OfOtherOffice):
        await storage.offices.undo(ACME, 2, who=WHO)


# ---- people ----------------------------------------------------------------------------------------------------------


def people(extension: str, expected: int) -> dict[AccountId, PeopleChange]:
    """A person at this extension and nobody else, for the account "sales"."""
    start = AccountSettings(account=AccountId("sales"))

    def change(stored: AccountSettings | None) -> AccountSettings:
        return replace(stored or start, employees=(Employee(extension=Extension(extension)),))

    return {AccountId("sales"): PeopleChange(change=change, expected=expected)}


async def extensions(storage: Storage) -> list[str]:
    stored = await storage.settings.load(AccountId("sales"))
    return [each.extension for each in stored.employees] if stored is not None else []


async def test_an_office_and_its_people_are_written_together(storage: Storage) -> None:
    part = {SALES: {"id": "sales"}}
    first = await storage.offices.change(ACME, part, {}, who=WHO, expected=0, people=people("101", 0))
    assert (first.revision, first.people[AccountId("sales")].revision) == (1, 0)
    second = await storage.offices.change(ACME, {}, {}, who=WHO, expected=1, people=people("102", 0))
    assert (second.revision, second.change, second.people[AccountId("sales")].revision) == (1, None, 1)
    assert await extensions(storage) == ["102"]


async def test_people_that_were_changed_since_hold_the_whole_write_up(storage: Storage) -> None:
    part = {SALES: {"id": "sales"}}
    await storage.offices.change(ACME, part, {}, who=WHO, expected=0, people=people("101", 0))
    await storage.offices.change(ACME, {}, {}, who=WHO, expected=1, people=people("102", 0))
    later = {SALES: {"id": "sales", "language": "uk"}}
    with pytest.raises(ChangedMeanwhile) as caught:
        await storage.offices.change(ACME, later, {SECRET: "s"}, who=WHO, expected=1, people=people("103", 0))
    assert [each.who for each in caught.value.changes] == [WHO]
    office = await storage.offices.get(ACME)
    assert (office.revision, office.parts, office.secrets) == (1, part, {})
    assert await extensions(storage) == ["102"]
    await storage.offices.change(ACME, later, {}, who=WHO, expected=1, people=people("103", 1))
    assert await extensions(storage) == ["103"]


async def test_nobody_changes_the_people_of_an_account_of_another_office(storage: Storage) -> None:
    await storage.offices.change(ACME, {SALES: {"id": "sales"}}, {}, who=WHO, expected=0, people=people("101", 0))
    for parts in ({}, {"account/other": {"id": "other"}}):
        with pytest.raises(OfOtherOffice):
            await storage.offices.change(OTHER, parts, {}, who=WHO, expected=0, people=people("666", 0))
    assert await extensions(storage) == ["101"]
    assert (await storage.offices.get(OTHER)).parts == {}


# ---- undo ------------------------------------------------------------------------------------------------------------


async def test_a_change_is_taken_back_and_so_is_that(storage: Storage) -> None:
    await storage.offices.change(ACME, {SALES: {"id": "sales"}}, {SECRET: "s"}, who=WHO, expected=0)
    await put(storage, {SALES: None, BRANCH: {"id": "branch"}}, expected=1)
    done = await storage.offices.undo(ACME, 2, who=WHO)
    assert (done.revision, done.undoes) == (3, 2)
    office = await storage.offices.get(ACME)
    assert (office.parts, office.secrets) == ({SALES: {"id": "sales"}}, {SECRET: "s"}), "the secret was kept for this"
    await storage.offices.undo(ACME, 3, who=WHO)
    assert (await storage.offices.get(ACME)).parts == {BRANCH: {"id": "branch"}}
    newest, *_ = await storage.offices.changes(ACME)
    assert (newest.revision, newest.undoes, newest.who) == (4, 3, WHO)


async def test_an_undo_that_would_leave_a_wrong_office_is_refused(storage: Storage) -> None:
    def check(office: StoredOffice) -> None:
        assert dict(office.parts) == {SALES: {"id": "sales"}}
        raise Rejected("no")

    await put(storage, {SALES: {"id": "sales"}}, expected=0)
    await put(storage, {SALES: None}, expected=1)
    with pytest.raises(Rejected, match="no"):
        await storage.offices.undo(ACME, 2, who=WHO, check=check)
    office = await storage.offices.get(ACME)
    assert (office.revision, office.parts) == (2, {})


async def test_the_history_says_what_can_be_taken_back(storage: Storage) -> None:
    """As `undo` itself decides it."""
    await put(storage, {SALES: {"id": "sales"}}, expected=0)
    await put(storage, {BRANCH: {"id": "branch"}}, expected=1)
    await put(storage, {BRANCH: {"id": "branch", "host": "b"}}, expected=2)
    await storage.offices.change(ACME, {}, {SECRET: "s"}, who=WHO, expected=3)
    await storage.offices.undo(ACME, 3, who=WHO)
    office, changes = await storage.offices.get(ACME), await storage.offices.changes(ACME)
    obstacles = undo_obstacles(office.parts, changes)
    assert obstacles == {4: UndoObstacle.ONLY_SECRETS, 3: UndoObstacle.UNDONE}, "2 is as it was left"
    for revision, obstacle in obstacles.items():
        with pytest.raises(OfficeUndoRefused) as caught:
            await storage.offices.undo(ACME, revision, who=WHO)
        assert caught.value.obstacle is obstacle
    await storage.offices.undo(ACME, 5, who=WHO)
    assert (await storage.offices.get(ACME)).parts[BRANCH] == {"id": "branch", "host": "b"}
    obstacles = undo_obstacles((await storage.offices.get(ACME)).parts, await storage.offices.changes(ACME))
    assert obstacles[2] is UndoObstacle.CHANGED_SINCE
    assert 3 not in obstacles, "its undo was taken back, so it stands again"


async def test_what_was_changed_again_is_not_taken_back(storage: Storage) -> None:
    await put(storage, {SALES: {"id": "sales"}}, expected=0)
    await put(storage, {SALES: {"id": "sales", "language": "uk"}}, expected=1)
    for revision in (1, 7):
        with pytest.raises(OfficeUndoRefused):
            await storage.offices.undo(ACME, revision, who=WHO)
    await storage.offices.undo(ACME, 2, who=WHO)
    with pytest.raises(OfficeUndoRefused):
        await storage.offices.undo(ACME, 2, who=WHO)


async def test_a_change_of_a_secret_alone_is_one_and_cannot_be_taken_back(storage: Storage) -> None:
    await storage.offices.change(ACME, {SALES: {"id": "sales"}}, {SECRET: "old"}, who=WHO, expected=0)
    await storage.offices.change(ACME, {}, {SECRET: "new"}, who=WHO, expected=1)
    assert (await storage.offices.get(ACME)).secrets == {SECRET: "new"}
    with pytest.raises(OfficeUndoRefused, match="enter them again"):
        await storage.offices.undo(ACME, 2, who=WHO)


async def test_the_history_is_bounded(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.storage.sql.offices.KEPT", 3)
    for number in range(6):
        await put(storage, {BRANCH: {"id": "branch", "host": str(number)}}, expected=number)
    assert [change.revision for change in await storage.offices.changes(ACME)] == [6, 5, 4]
    assert KEPT == 500


async def test_secrets_are_sealed_and_follow_the_key(storage: Storage, tmp_path: Path) -> None:
    await storage.offices.change(ACME, {SALES: {"id": "sales"}}, {SECRET: "very secret"}, who=WHO, expected=0)
    stored = await storage.database.read(lambda connection: connection.execute(select(table)).one(), Across.SECRETS)
    assert "very secret" not in str(stored)
    source = KeySource.in_folder(tmp_path)
    assert not (await check(storage.database, source)).problems
    done = await rotate(storage.database, source)
    assert (done.before != done.after, done.secrets) == (True, 1)
    assert not (await check(storage.database, source)).problems


async def test_with_a_lost_key_only_the_secrets_are_forgotten(storage: Storage, tmp_path: Path) -> None:
    await storage.offices.change(ACME, {SALES: {"id": "sales"}}, {SECRET: "very secret"}, who=WHO, expected=0)
    another = KeySource(file=tmp_path / "another.key", text=base64.b64encode(os.urandom(32)).decode())
    assert await forget(storage.database, another) == 1
    office = await storage.offices.get(ACME)
    assert (office.parts, office.secrets) == ({SALES: {"id": "sales"}}, {})
