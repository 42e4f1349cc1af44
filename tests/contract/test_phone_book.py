"""What every PhoneBook does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import ManagerId, Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING, Numbering
from integration.ports.stores import MirrorProgress, PhoneBook
from integration.storage import Storage, open_storage
from integration.testing import FakeClock
from tests.contract.calls import OFFICE, OTHER

KEY = "9161234567"


def _is_port(storage: Storage) -> PhoneBook:
    return storage.phone_book  # read by the type checker


def a_contact(number: int = 1, *phones: str, **changes: Any) -> Person:
    person = Person(
        ref=EntityRef(EntityKind.CONTACT, str(number)),
        name=f"Client {number}",
        responsible=ManagerId("7"),
        phones=phones or ("8 (916) 123-45-67",),
        created_at=100 + number,
        updated_at=200,
    )
    return replace(person, **changes)


def a_deal(number: int, *persons: Person, **changes: Any) -> Deal:
    deal = Deal(
        ref=EntityRef(EntityKind.DEAL, str(number)),
        name=f"Deal {number}",
        responsible=None,
        persons=tuple(person.ref for person in persons),
        updated_at=number,
    )
    return replace(deal, **changes)


async def _put(storage: Storage, *persons: Person) -> None:
    await storage.phone_book.put_persons(OFFICE, persons, numbering=DEFAULT_NUMBERING)


async def test_a_person_is_found_whole_by_each_number(storage: Storage) -> None:
    company = a_contact(5, "84950000000", ref=EntityRef(EntityKind.COMPANY, "5"), name="Ж\x00\ud800")
    person = a_contact(1, "+7 916 123-45-67", "89161234567", "050", "84951112233", company=company.ref, emails=("a@b",))
    await _put(storage, person, company)
    assert await storage.phone_book.lookup(OFFICE, KEY) == [person]
    assert await storage.phone_book.lookup(OFFICE, "4951112233") == [person]
    assert await storage.phone_book.lookup(OFFICE, "4950000000") == [company]
    assert await storage.phone_book.get(OFFICE, company.ref) == company
    assert await storage.phone_book.lookup(OTHER, KEY) == []
    assert [await storage.phone_book.has_persons(account) for account in (OFFICE, OTHER)] == [True, False]
    assert await storage.phone_book.size(OFFICE) == 2
    assert await storage.phone_book.size(OTHER) == 0


async def test_several_with_one_number_come_oldest_first(storage: Storage) -> None:
    old, young = a_contact(9, created_at=1), a_contact(2, created_at=2)
    await _put(storage, young, old)
    assert await storage.phone_book.lookup(OFFICE, KEY) == [old, young]


async def test_a_change_replaces_name_and_numbers_and_an_older_notice_does_not(storage: Storage) -> None:
    await _put(storage, a_contact(1))
    newer = a_contact(1, "84951112233", updated_at=201, name="Renamed")
    await _put(storage, newer)
    await _put(storage, a_contact(1))
    assert await storage.phone_book.lookup(OFFICE, KEY) == []
    assert await storage.phone_book.lookup(OFFICE, "4951112233") == [newer]


async def test_another_country_reads_the_numbers_anew(storage: Storage) -> None:
    person = a_contact(1, "050 123 45 67")
    await _put(storage, person)
    await storage.phone_book.put_persons(OFFICE, [person], numbering=Numbering("UA"))
    assert await storage.phone_book.lookup(OFFICE, "0501234567") == [person]


async def test_deleted_and_removed_ones_are_gone(storage: Storage) -> None:
    first, second, third = a_contact(1), a_contact(2), a_contact(3)
    await _put(storage, first, second, third)
    await _put(storage, replace(first, is_deleted=True, updated_at=0))
    await storage.phone_book.remove(OFFICE, [second.ref, EntityRef(EntityKind.CONTACT, "none")])
    assert await storage.phone_book.lookup(OFFICE, KEY) == [third]


async def test_open_deals_of_any_of_these_persons(storage: Storage) -> None:
    anna, boris = a_contact(1), a_contact(2)
    shared, main_only = a_deal(1, anna, boris), a_deal(2, main_person=boris.ref)
    closed, others = a_deal(3, anna, is_open=False), a_deal(4, a_contact(9))
    await storage.phone_book.put_deals(OFFICE, [shared, main_only, closed, others])
    assert await storage.phone_book.open_deals(OFFICE, [anna.ref, boris.ref]) == [main_only, shared]
    assert await storage.phone_book.open_deals(OFFICE, [anna.ref]) == [shared]
    assert await storage.phone_book.open_deals(OFFICE, []) == []
    assert await storage.phone_book.open_deals(OTHER, [anna.ref]) == []
    await storage.phone_book.put_deals(OFFICE, [replace(shared, is_open=False, updated_at=9)])
    await storage.phone_book.put_deals(OFFICE, [replace(main_only, is_deleted=True)])
    assert await storage.phone_book.open_deals(OFFICE, [anna.ref, boris.ref]) == []


async def test_what_a_comparison_did_not_come_across(storage: Storage, clock: FakeClock) -> None:
    kept, newer, gone = a_contact(1), a_contact(2, updated_at=300), a_contact(3)
    await _put(storage, kept, newer, gone)
    await storage.phone_book.put_deals(OFFICE, [a_deal(1, kept), a_deal(2, kept)])
    await storage.phone_book.put_persons(OTHER, [gone], numbering=DEFAULT_NUMBERING)
    clock.advance(60)
    began = clock.now()
    await _put(storage, kept, replace(newer, updated_at=200))  # an older page: not written, but counts as seen
    await storage.phone_book.put_deals(OFFICE, [a_deal(1, kept)])
    unseen = await storage.phone_book.unseen(OFFICE, seen_since=began, at_most=10)
    assert unseen == [gone.ref, a_deal(2).ref]
    assert await storage.phone_book.unseen(OFFICE, seen_since=began, at_most=1) == unseen[:1]
    await storage.phone_book.remove(OFFICE, unseen)
    assert await storage.phone_book.lookup(OFFICE, KEY) == [kept, newer]
    assert await storage.phone_book.open_deals(OFFICE, [kept.ref]) == [a_deal(1, kept)]
    assert await storage.phone_book.size(OTHER) == 1
    assert await storage.phone_book.unseen(OFFICE, seen_since=began, at_most=10) == []


@pytest.mark.parametrize("count", [0, 1, 1201])
async def test_pages_of_any_size(storage: Storage, count: int) -> None:
    await _put(storage, *(a_contact(n, f"+7916{n:07}") for n in range(count)), *([a_contact(0)] * 2 if count else []))
    assert await storage.phone_book.size(OFFICE) == count


@pytest.mark.servers
async def test_a_page_costs_no_more_in_a_large_account_that_statistics_do_not_know(
    postgres_url: str, tmp_path: Path
) -> None:
    """In an import into a new database PostgreSQL took the account for small, and read all of it with each page."""
    people = [a_contact(number, f"8916{number:07}") for number in range(3_000)]
    again = [replace(person, updated_at=300) for person in people[:500]]
    storage = await open_storage(postgres_url, tmp_path)
    await _put(storage, *people)
    await _put(storage, *again, *people[500:])
    await storage.close()  # a session reports its statistics at its end
    watching = await asyncpg.connect(postgres_url)
    sizes = "SELECT sum(idx_tup_fetch + seq_tup_read) FROM pg_stat_user_tables WHERE relname LIKE 'person%'"
    seen = "SELECT sum(n_tup_ins) FROM pg_stat_user_tables WHERE relname = 'persons'"
    while await watching.fetchval(seen) < len(people):  # until it has reported
        await watching.execute("SELECT pg_stat_clear_snapshot()")
    read = await watching.fetchval(sizes)
    await watching.close()
    assert read < 6 * len(people)


async def test_how_far_the_mirror_came_is_kept_for_each_account(storage: Storage) -> None:
    assert await storage.phone_book.progress(OFFICE) is None
    first = MirrorProgress(polled_at=Timestamp(1.5), next_comparison=Timestamp(9.5), unseen_since=Timestamp(1.25))
    last = replace(first, polled_at=Timestamp(2.5), unseen_since=None)
    for progress in (first, last):
        await storage.phone_book.save_progress(OFFICE, progress)
        assert await storage.phone_book.progress(OFFICE) == progress
    assert await storage.phone_book.progress(OTHER) is None


async def test_numbers_are_read_again_and_nothing_else_changes(storage: Storage, clock: FakeClock) -> None:
    """In several parts; nobody counts as seen, and other accounts' books do not change."""
    people = [a_contact(n, f"050 123 {n:04}") for n in range(1201)]
    await _put(storage, *people)
    await storage.phone_book.put_persons(OTHER, [people[0]], numbering=DEFAULT_NUMBERING)
    began = clock.now()
    clock.advance(60)
    assert await storage.phone_book.lookup(OFFICE, "0501230007") == []
    assert await storage.phone_book.key_again(OFFICE, numbering=Numbering("UA")) == 1201
    for n in (0, 499, 500, 1200):
        assert await storage.phone_book.lookup(OFFICE, f"050123{n:04}") == [people[n]]
    assert await storage.phone_book.key_again(OFFICE, numbering=Numbering("UA")) == 0
    assert len(await storage.phone_book.unseen(OFFICE, seen_since=Timestamp(began + 30), at_most=2000)) == 1201
    assert await storage.phone_book.lookup(OTHER, "0501230000") == []
    assert await storage.phone_book.key_again(OFFICE, numbering=DEFAULT_NUMBERING) == 1201
    assert await storage.phone_book.lookup(OFFICE, "0501230007") == []
