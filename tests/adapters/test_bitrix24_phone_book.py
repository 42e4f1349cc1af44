"""The phone book of a portal: filled by the import, kept by events that carry only ids, mended by the comparison."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connectors.bitrix24 import lists
from connectors.bitrix24.webhooks import Touched
from integration.domain.crm.entities import (
    DealChanged,
    EntityDeleted,
    EntityKind,
    EntityRef,
    PersonChanged,
)
from integration.domain.settings import AccountSettings
from integration.errors import Unavailable
from integration.ports.stores import PhoneBook
from integration.services.accounts import Account
from integration.services.phone_book import PhoneBookMirror
from integration.storage import open_storage
from integration.testing import FakePbx
from tests.adapters.bitrix24_kit import OFFICE, TRIES, Connected, office
from tests.adapters.bitrix24_sandbox_kit import ANNA, IVAN
from tests.adapters.test_bitrix24_client import number
from tests.databases import sqlite_url

CONTACT, LEAD, DEAL = EntityKind.CONTACT, EntityKind.LEAD, EntityKind.DEAL


@pytest.fixture
async def crm() -> AsyncIterator[Connected]:
    async with office() as made:
        yield made


async def _no_webhooks(_: Account) -> bool:
    return False


@asynccontextmanager
async def mirrored(crm: Connected, folder: Path) -> AsyncIterator[tuple[PhoneBookMirror, Account, PhoneBook]]:
    storage = await open_storage(sqlite_url(folder), folder, clock=crm.clock)
    account = Account(AccountSettings(account=OFFICE), crm.crm, [FakePbx()])
    try:
        yield PhoneBookMirror(storage.phone_book, crm.clock, _no_webhooks), account, storage.phone_book
    finally:
        await storage.close()


# ---- events


async def test_events_are_read_together_and_each_object_once(crm: Connected) -> None:
    contact, lead, deal = crm.oldest(CONTACT), crm.oldest(LEAD), crm.oldest(DEAL)
    gone = crm.add(CONTACT, "+79214445566")
    crm.delete(gone)
    events = [Touched(each, is_deleted=False) for each in (contact, lead, deal, contact, gone)]
    before = crm.requests
    changes = await crm.crm.read_changes(events)
    assert crm.requests - before == 2, "the objects, and the stages of deals"
    assert {type(each) for each in changes} == {PersonChanged, DealChanged, EntityDeleted}
    assert [each.ref for each in changes if isinstance(each, EntityDeleted)] == [gone]
    assert {each.person.ref for each in changes if isinstance(each, PersonChanged)} == {contact, lead}
    assert await crm.crm.read_changes([Touched(contact, is_deleted=True)]) == [EntityDeleted(ref=contact)]
    assert await crm.crm.read_changes([]) == []


async def test_of_several_events_of_one_object_the_last_one_counts(crm: Connected) -> None:
    contact = crm.oldest(CONTACT)
    (change,) = await crm.crm.read_changes([Touched(contact, is_deleted=True), Touched(contact, is_deleted=False)])
    assert isinstance(change, PersonChanged)


# ---- the phone book


async def test_the_import_knows_contacts_companies_and_leads_by_their_numbers(crm: Connected, tmp_path: Path) -> None:
    async with mirrored(crm, tmp_path) as (mirror, account, book):
        await mirror.bring_up_to_date(account)
        persons, deals = await book.known(OFFICE, number(IVAN).match_key)
        assert [each.name for each in persons] == ["Иван Петров"]
        assert deals
        shared, _ = await book.known(OFFICE, number("+79037654321").match_key)
        assert {each.ref.kind for each in shared} == {CONTACT, LEAD}
        company, _ = await book.known(OFFICE, number("+74955550100").match_key)
        assert [each.name for each in company] == ["ООО «Вектор»"]


async def test_events_keep_it_and_a_deletion_needs_no_request(crm: Connected, tmp_path: Path) -> None:
    async with mirrored(crm, tmp_path) as (mirror, account, book):
        await mirror.bring_up_to_date(account)
        new = crm.add(CONTACT, "+79214445566", NAME="Новый", ASSIGNED_BY_ID=ANNA)
        await mirror.apply(account, await crm.crm.read_changes([Touched(new, is_deleted=False)]))
        assert [each.ref for each in (await book.known(OFFICE, "9214445566"))[0]] == [new]
        before = crm.requests
        crm.delete(new)
        await mirror.apply(account, await crm.crm.read_changes([Touched(new, is_deleted=True)]))
        assert crm.requests == before
        assert (await book.known(OFFICE, "9214445566"))[0] == []


async def test_a_lead_that_was_closed_is_forgotten(crm: Connected, tmp_path: Path) -> None:
    async with mirrored(crm, tmp_path) as (mirror, account, book):
        lead = crm.add(LEAD, "+79214445566", TITLE="Заявка")
        await mirror.bring_up_to_date(account)
        assert (await book.known(OFFICE, "9214445566"))[0]
        crm.change(lead, STATUS_ID="JUNK")
        await mirror.apply(account, await crm.crm.read_changes([Touched(lead, is_deleted=False)]))
        assert (await book.known(OFFICE, "9214445566"))[0] == []


async def test_without_events_a_poll_finds_changes_and_the_comparison_deletions(crm: Connected, tmp_path: Path) -> None:
    async with mirrored(crm, tmp_path) as (mirror, account, book):
        gone = crm.add(CONTACT, "+79214445566", NAME="Уйдёт")
        await mirror.bring_up_to_date(account)
        crm.bitrix.clock.time += 60
        new = crm.add(CONTACT, "+79214445567", NAME="Новый")
        crm.delete(gone)
        await mirror.bring_up_to_date(account)
        assert [each.ref for each in (await book.known(OFFICE, "9214445567"))[0]] == [new]
        crm.bitrix.clock.time += 2 * 86_400
        await mirror.bring_up_to_date(account)
        assert (await book.known(OFFICE, "9214445566"))[0] == []
        assert [each.ref for each in (await book.known(OFFICE, "9214445567"))[0]] == [new]


@pytest.fixture
def slept(crm: Connected, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses of imports, during which the sandbox's clock goes on."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        crm.bitrix.clock.time += seconds

    monkeypatch.setattr(lists, "_sleep", sleep)
    return pauses


def _many(crm: Connected, count: int = 900) -> None:
    for index in range(count):
        crm.add(CONTACT, f"+7921{index:07}", NAME=f"Клиент {index}")


async def test_an_import_goes_on_behind_the_last_object_after_failures(crm: Connected, slept: list[float]) -> None:
    _many(crm)
    seen: list[EntityRef] = []
    async for page in crm.crm.all_persons():
        if len(seen) in (50, 150):  # the portal fails in the middle
            await crm.fault(kind="html", status=502, method="batch", count=2 * TRIES)
        seen += [person.ref for person in page]
    assert len(seen) == len(set(seen)) == sum(len(crm.portal.tables[type_id]) for type_id in (1, 3, 4))
    assert slept == [1.0, 2.0] * 2


async def test_an_import_waits_for_a_method_that_rests_and_does_not_begin_again(
    crm: Connected, slept: list[float]
) -> None:
    """Begun again it would use up its time again, and a large portal would never be read."""
    _many(crm)
    await crm.bitrix.control("cost", {"crm.item.list": 60.0})  # eight pages in ten minutes
    before = crm.bitrix.sandbox.traffic.by_method.get("crm.item.list", 0)
    seen = [person.ref async for page in crm.crm.all_persons() for person in page]
    assert len(seen) == len(set(seen)) == sum(len(crm.portal.tables[type_id]) for type_id in (1, 3, 4))
    assert set(slept) == {60.0}
    assert crm.bitrix.sandbox.traffic.by_method["crm.item.list"] - before < 150, "refused ones included"


async def test_an_import_that_fails_for_good_begins_again_and_loses_nobody(
    crm: Connected, slept: list[float], tmp_path: Path
) -> None:
    _many(crm)
    async with mirrored(crm, tmp_path) as (mirror, account, book):
        await crm.fault(kind="html", status=502, method="batch", count=-1)
        with pytest.raises(Unavailable):
            await mirror.bring_up_to_date(account)
        async with crm.bitrix.http.delete(f"{crm.bitrix.base}/_sandbox/faults") as answer:
            assert answer.status == 200
        await mirror.bring_up_to_date(account)
        stored = sum(len(crm.portal.tables[type_id]) for type_id in (1, 3, 4))
        assert await book.size(OFFICE) == stored
