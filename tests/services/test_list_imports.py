"""A file becomes a list in the background: it shows how far it is, can be stopped, and survives a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from integration.domain.call_lists.cells import Problem
from integration.domain.call_lists.columns import Role
from integration.domain.call_lists.text_files import Encoding
from integration.domain.campaigns.model import EntryState
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Manager, Person
from integration.domain.crm.filters import CrmFilter, StageRef
from integration.domain.ids import AccountId, CampaignId, ManagerId
from integration.domain.settings import AccountSettings
from integration.errors import Rejected, StorageUnavailable, Unavailable
from integration.ports.campaigns import EntryQuery
from integration.ports.crm import ListedPage
from integration.ports.list_files import FileTrouble, ReadingChoice, UnreadableFile
from integration.ports.list_imports import ImportState, ListImport
from integration.services.accounts import Account, Accounts
from integration.services.crm_list_rows import CrmListRows
from integration.services.ending import ended
from integration.services.list_imports import LARGEST_FILE, ListImportService
from integration.spreadsheets.reader import SpreadsheetFiles
from integration.storage import Storage, open_storage
from integration.testing import FakeClock, FakeCrm
from tests.databases import sqlite_url

OFFICE, SPRING = AccountId("office"), CampaignId("spring")
FILE = (
    "ФИО;Телефон;Ответственный;Часовой пояс\r\n"
    "Анна;8 (916) 123-45-67, 89262345678;Ольга Ли;МСК+2\r\n"
    "Борис;7,91612E+10;Ольга Ли;\r\n"
    "Вера;+79161234567;никто;где-то\r\n"
    "Глеб;+79033456789;никто;\r\n"
    ";;;\r\n"
    "Без номера;;;\r\n"
)


class Imports:
    """An office with one campaign. `storage` outlives the service, as the database outlives a process."""

    def __init__(self, storage: Storage, account: Account, accounts: Accounts, clock: FakeClock) -> None:
        self.storage = storage
        self.account = account
        self.accounts = accounts
        self.clock = clock
        self.told = asyncio.Event()

    def service(self, process: str = "a") -> ListImportService:
        return ListImportService(
            self.storage.list_imports,
            SpreadsheetFiles(),
            CrmListRows(self.storage.phone_book),
            self.storage.leases,
            self.accounts,
            self.clock,
            process,
            lambda _: self.told.set(),
        )

    async def upload(self, service: ListImportService, content: bytes) -> ListImport:
        return await service.upload(self.account, OFFICE, SPRING, file_name="список.csv", content=content, by="Ольга")

    async def until(self, service: ListImportService, key: str, is_so: Callable[[ListImport], bool]) -> ListImport:
        """Run the service until the import is in a state, then end it as a killed process ends."""
        task = asyncio.create_task(service.run())
        try:
            async with asyncio.timeout(60):
                while True:
                    self.told.clear()
                    known = await self.storage.list_imports.get(OFFICE, key)
                    assert known is not None
                    if is_so(known):
                        return known
                    await self.told.wait()
        finally:
            await ended([task])


@pytest_asyncio.fixture
async def imports(tmp_path: Path) -> AsyncIterator[Imports]:
    clock = FakeClock()
    storage = await open_storage(sqlite_url(tmp_path), tmp_path, clock=clock)
    accounts = Accounts(storage.settings)
    account = await accounts.add(AccountSettings(account=OFFICE, country="RU"), FakeCrm(), [])
    account.managers[ManagerId("7")] = Manager(id=ManagerId("7"), name="Ольга Ли")
    await storage.campaigns.make(OFFICE, SPRING, CampaignPlan(name="Весна"), by="Ольга")
    yield Imports(storage, account, accounts, clock)
    await storage.close()


def has_ended(known: ListImport) -> bool:
    return known.ended_at is not None


async def test_a_file_becomes_a_list_and_says_what_was_left_out(imports: Imports) -> None:
    service = imports.service()
    made = await imports.upload(service, FILE.encode("cp1251"))
    assert [role.value for role in made.mapping.roles] == ["name", "phone", "responsible", "zone"]
    assert made.rows == 5
    shown = await service.preview(imports.account, made)
    assert [each.read.name for each in shown] == ["Анна", "Борис", "Вера", "Глеб", "Без номера"]
    assert list(await service.heading(imports.account, made)) == ["ФИО", "Телефон", "Ответственный", "Часовой пояс"]
    assert await service.begin(OFFICE, made.id, made.mapping)
    assert not await service.begin(OFFICE, made.id, made.mapping)
    done = await imports.until(service, made.id, has_ended)
    assert (done.state, done.done, done.taken) == (ImportState.DONE, 5, 2)
    assert done.left_out == {Problem.SHORTENED: 1, Problem.TWICE: 1, Problem.NO_NUMBER: 1}
    assert done.remarks == {Problem.UNKNOWN_RESPONSIBLE: 1}
    anna, gleb = await imports.storage.entries.listing(OFFICE, SPRING, EntryQuery())
    assert [(number.e164, number.zones) for number in anna.entry.numbers] == [
        ("+79161234567", ("Etc/GMT-5",)),
        ("+79262345678", ("Etc/GMT-5",)),
    ]
    assert (anna.entry.responsible, anna.line) == (ManagerId("7"), 2)
    assert len(gleb.entry.numbers[0].zones) > 5
    assert [each.line for each in await imports.storage.list_imports.problems(OFFICE, made.id)] == [3, 4, 5, 7]


async def test_another_encoding_is_chosen_and_the_columns_are_guessed_again(imports: Imports) -> None:
    service = imports.service()
    made = await imports.upload(service, FILE.encode("cp1251"))
    wrong = await service.read_again(imports.account, made.id, ReadingChoice(encoding=Encoding.KOI8))
    assert wrong is not None
    assert wrong.form.encoding is Encoding.KOI8
    assert wrong.mapping.columns(Role.PHONE) == [1]
    again = await service.read_again(imports.account, made.id, ReadingChoice())
    assert again is not None
    assert (again.mapping, again.form) == (made.mapping, made.form)


async def test_a_killed_process_is_followed_by_another_that_adds_nobody_twice(imports: Imports) -> None:
    rows = [f"Имя {index};+7916{index:07}" for index in range(1000)]
    service = imports.service()
    made = await imports.upload(service, "\n".join(rows).encode())
    await service.begin(OFFICE, made.id, made.mapping)
    begun = await imports.until(service, made.id, lambda known: known.done > 0)
    assert begun.done < 1000
    done = await imports.until(imports.service("b"), made.id, has_ended)
    assert (done.state, done.done, done.taken, done.left_out) == (ImportState.DONE, 1000, 1000, {})
    counts = (await imports.storage.campaigns.counts(OFFICE))[SPRING]
    assert counts.entries == {EntryState.OPEN: 1000}


async def test_a_stopped_import_keeps_what_it_has_and_takes_no_more(imports: Imports) -> None:
    rows = [f"Имя {index};+7916{index:07}" for index in range(1000)]
    service = imports.service()
    made = await imports.upload(service, "\n".join(rows).encode())
    await service.begin(OFFICE, made.id, made.mapping)
    await imports.until(service, made.id, lambda known: known.done > 0)
    assert await service.stop(OFFICE, made.id)
    assert not await service.stop(OFFICE, made.id)
    stopped = await imports.storage.list_imports.get(OFFICE, made.id)
    assert stopped is not None
    assert stopped.state is ImportState.STOPPED
    counts = (await imports.storage.campaigns.counts(OFFICE))[SPRING]
    assert counts.entries == {EntryState.OPEN: stopped.taken}
    assert await imports.storage.list_imports.content(OFFICE, made.id) == b""


async def test_an_import_goes_on_when_the_database_is_back(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    service = imports.service()
    made = await imports.upload(service, FILE.encode())
    await service.begin(OFFICE, made.id, made.mapping)
    really, failures = imports.storage.list_imports.step, iter([StorageUnavailable("away")])

    async def step(*arguments: Any, **named: Any) -> ListImport | None:
        for failure in failures:
            raise failure
        return await really(*arguments, **named)

    monkeypatch.setattr(imports.storage.list_imports, "step", step)
    monkeypatch.setattr("integration.services.list_imports._LOOK_EVERY_SECONDS", 0.01)
    done = await imports.until(service, made.id, has_ended)
    assert (done.state, done.done, done.taken) == (ImportState.DONE, 5, 2)


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (b"", FileTrouble.EMPTY),
        (b"%PDF-1.7", FileTrouble.UNREADABLE),
        (b"x" * (LARGEST_FILE + 1), FileTrouble.TOO_LARGE),
    ],
)
async def test_a_file_that_is_no_list_is_refused(imports: Imports, content: bytes, trouble: FileTrouble) -> None:
    with pytest.raises(UnreadableFile) as refused:
        await imports.upload(imports.service(), content)
    assert refused.value.trouble is trouble
    assert await imports.storage.list_imports.of_campaign(OFFICE, SPRING) == []


async def test_the_reader_that_hangs_or_dies_harms_nobody(imports: Imports) -> None:
    with pytest.raises(UnreadableFile):
        async with SpreadsheetFiles(silent_seconds=0.0).open(FILE.encode(), ReadingChoice()):
            pass


# ---- lists of the CRM


def contact(number: int, *phones: str, responsible: str = "7") -> Person:
    ref = EntityRef(EntityKind.CONTACT, str(number))
    return Person(ref=ref, name=f"Контакт {number}", responsible=ManagerId(responsible), phones=phones)


def deal(number: int, *persons: Person) -> Deal:
    refs = tuple(each.ref for each in persons)
    ref = EntityRef(EntityKind.DEAL, str(number))
    return Deal(ref=ref, name=f"Сделка {number}", responsible=ManagerId("8"), pipeline="1", stage="11", persons=refs)


def crm_of(imports: Imports) -> FakeCrm:
    crm = imports.account.crm
    assert isinstance(crm, FakeCrm)
    return crm


async def from_crm(imports: Imports, service: ListImportService, wanted: CrmFilter) -> ListImport:
    return await service.begin_from_crm(imports.account, OFFICE, SPRING, wanted, name="Сделки", by="Ольга")


async def test_deals_of_a_filter_become_their_contacts_and_who_cannot_be_called_is_counted(imports: Imports) -> None:
    anna, silent, gone = contact(1, "+79161234567"), contact(2), contact(3, "+79033456789")
    crm = crm_of(imports)
    crm.add(anna, silent, deal(10, anna), deal(11, silent), deal(12), deal(13, gone), deal(14, anna))
    crm.add(replace(deal(15, anna), stage="12"))
    service = imports.service()
    made = await from_crm(imports, service, CrmFilter(kind=EntityKind.DEAL, stages=(StageRef("1", "11"),)))
    done = await imports.until(service, made.id, has_ended)
    assert (done.state, done.done, done.taken, done.joined) == (ImportState.DONE, 5, 1, 1)
    assert done.left_out == {Problem.NO_NUMBER: 1, Problem.NOBODY: 1, Problem.NOT_FOUND: 1}
    (entry,) = await imports.storage.entries.listing(OFFICE, SPRING, EntryQuery())
    assert [ref.id for ref in entry.entry.refs] == ["10", "1", "14"]
    assert (entry.entry.responsible, entry.comment, entry.source) == (ManagerId("8"), "Сделка 10", made.id)
    problems = await imports.storage.list_imports.problems(OFFICE, made.id)
    assert [each.cells[0] for each in problems] == ["Сделка 11", "Сделка 12", "Сделка 13"]


async def test_entries_of_whom_the_phone_book_has_follow_their_cards(imports: Imports) -> None:
    known, new = contact(1, "+79161234567"), contact(2, "+79262345678")
    crm_of(imports).add(known, new)
    numbering = imports.account.settings.numbering
    await imports.storage.phone_book.put_persons(imports.account.id, [known], numbering=numbering)
    service = imports.service()
    made = await from_crm(imports, service, CrmFilter(kind=EntityKind.CONTACT))
    await imports.until(service, made.id, has_ended)
    found = await imports.storage.entries.listing(OFFICE, SPRING, EntryQuery())
    assert [each.entry.card for each in found] == [known.ref, None]


async def test_a_list_of_the_crm_goes_on_behind_the_last_page_in_another_process(imports: Imports) -> None:
    crm = crm_of(imports)
    crm.page_size = 10
    crm.add(*(contact(number, f"+7916{number:07}") for number in range(1, 101)))
    service = imports.service()
    made = await from_crm(imports, service, CrmFilter(kind=EntityKind.CONTACT))
    begun = await imports.until(service, made.id, lambda known: known.done > 0)
    assert 0 < begun.done < 100
    done = await imports.until(imports.service("b"), made.id, has_ended)
    assert (done.state, done.done, done.taken, done.left_out) == (ImportState.DONE, 100, 100, {})


async def test_a_stopped_list_of_the_crm_takes_no_more(imports: Imports) -> None:
    crm = crm_of(imports)
    crm.page_size = 10
    crm.add(*(contact(number, f"+7916{number:07}") for number in range(1, 101)))
    service = imports.service()
    made = await from_crm(imports, service, CrmFilter(kind=EntityKind.CONTACT))
    await imports.until(service, made.id, lambda known: known.done > 0)
    assert await service.stop(OFFICE, made.id)
    stopped = await imports.until(service, made.id, has_ended)
    assert stopped.state is ImportState.STOPPED
    counts = (await imports.storage.campaigns.counts(OFFICE))[SPRING]
    assert counts.entries == {EntryState.OPEN: stopped.taken}


async def test_a_crm_that_is_away_is_waited_for_and_one_that_refuses_ends_it(
    imports: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integration.services.list_imports._LOOK_EVERY_SECONDS", 0.01)
    crm = crm_of(imports)
    crm.add(contact(1, "+79161234567"))
    crm.fail_before.append(Unavailable("away"))
    service = imports.service()
    made = await from_crm(imports, service, CrmFilter(kind=EntityKind.CONTACT))
    done = await imports.until(service, made.id, has_ended)
    assert (done.state, done.taken) == (ImportState.DONE, 1)
    crm.fail_before.append(Rejected("the list is closed to you", code="id"))
    refused = await from_crm(imports, service, CrmFilter(kind=EntityKind.CONTACT))
    failed = await imports.until(service, refused.id, has_ended)
    assert (failed.state, failed.trouble) == (ImportState.FAILED, "crm_refused")


async def test_a_crm_that_rests_keeps_no_file_waiting(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    resting = asyncio.Event()

    async def listed(self: FakeCrm, wanted: CrmFilter, *, after: str = "") -> AsyncIterator[ListedPage]:
        await resting.wait()
        yield ListedPage([], after)

    monkeypatch.setattr(FakeCrm, "listed", listed)
    service = imports.service()
    for _ in range(3):
        await from_crm(imports, service, CrmFilter(kind=EntityKind.CONTACT))
    made = await imports.upload(service, FILE.encode())
    await service.begin(OFFICE, made.id, made.mapping)
    assert (await imports.until(service, made.id, has_ended)).state is ImportState.DONE
