"""The phone book follows the CRM: imports, polls, comparisons, and persons that a list left out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import AccountId
from integration.domain.settings import AccountSettings
from integration.errors import DozvonError, Rejected, Unavailable
from integration.ports.stores import PhoneBook
from integration.services.accounts import Account
from integration.services.phone_book import MirrorState, PhoneBookMirror, next_round_in
from integration.testing import FakeClock, FakeCrm, FakePbx
from tests.lab.waiting import until
from tests.services.conftest import ACME, DEAL, IVAN, World

HOUR, DAY = 3600.0, 24 * 3600.0


@dataclass(slots=True)
class ShiftingCrm(FakeCrm):
    """
    A CRM whose lists leave a person out, like a list that loses a row while it is read.

    Attributes:
        reads: since when each list of persons was asked for.
        refusals: raised one by one when a person is asked for.
    """

    left_out: set[EntityRef] = field(default_factory=set)
    reads: list[int | None] = field(default_factory=list)
    refusals: list[DozvonError] = field(default_factory=list)

    async def person(self, ref: EntityRef, *, priority: Priority = Priority.CARD) -> Person | None:
        if self.refusals:
            raise self.refusals.pop(0)
        return await FakeCrm.person(self, ref, priority=priority)

    async def all_persons(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Person]]:
        self.reads.append(updated_since)
        async for page in FakeCrm.all_persons(self, updated_since=updated_since):
            yield [person for person in page if person.ref not in self.left_out]

    async def all_deals(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Deal]]:
        async for page in FakeCrm.all_deals(self, updated_since=updated_since):
            yield [deal for deal in page if deal.ref not in self.left_out]


@dataclass
class Office:
    """An account that has just connected its CRM, with an empty phone book."""

    account: Account
    crm: ShiftingCrm
    book: PhoneBook
    clock: FakeClock
    mirror: PhoneBookMirror

    def taken_over(self) -> PhoneBookMirror:
        """The mirror of another process."""
        return _mirror(self.account, self.book, self.clock)

    async def rounds(self, *seconds_before: float) -> list[int | None]:
        """Let this time pass before each round. Returns how each round read the CRM."""
        self.crm.reads.clear()
        for seconds in seconds_before:
            self.clock.advance(seconds)
            await self.mirror.bring_up_to_date(self.account)
        return list(self.crm.reads)

    async def known(self) -> set[EntityRef]:
        people = [ref for ref in self.crm.persons if await self.book.get(ACME, ref)]
        deals = await self.book.open_deals(ACME, list(self.crm.persons))
        return {*people, *(deal.ref for deal in deals)}


def _mirror(account: Account, book: PhoneBook, clock: FakeClock) -> PhoneBookMirror:
    async def has_webhooks(_: Account) -> bool:
        return True

    return PhoneBookMirror(book, clock, has_webhooks)


@pytest.fixture
async def office(world: World) -> Office:
    crm = ShiftingCrm()
    crm.add(IVAN, DEAL)
    await world.storage.phone_book.remove(ACME, [IVAN.ref, DEAL.ref])
    account = Account(world.account.settings, crm, [world.pbx])
    book = world.storage.phone_book
    return Office(account, crm, book, world.clock, _mirror(account, book, world.clock))


def a_person(number: int) -> Person:
    return replace(IVAN, ref=EntityRef(EntityKind.CONTACT, f"1{number:03}"), phones=(f"+7916{number:07}",))


async def test_everything_is_read_at_first_an_hour_later_and_then_every_day(office: Office) -> None:
    assert await office.rounds(0) == [None]
    assert await office.known() == {IVAN.ref, DEAL.ref}
    last = int(office.clock.now())
    assert await office.rounds(60, 60) == [last - 120, last - 60]
    assert await office.rounds(HOUR, 60) == [None, int(office.clock.now()) - 180]
    reads = await office.rounds(*[HOUR / 2] * 48)
    assert reads[-1] is None
    assert None not in reads[:-1]


async def test_who_was_not_shown_is_asked_for_and_stays(office: Office) -> None:
    await office.rounds(0)
    office.crm.left_out = {IVAN.ref, DEAL.ref}
    assert await office.rounds(HOUR) == [None]
    assert await office.known() == {IVAN.ref, DEAL.ref}


async def test_who_was_skipped_in_the_first_import_comes_an_hour_later(office: Office) -> None:
    office.crm.left_out = {IVAN.ref}
    await office.rounds(0)
    office.crm.left_out = set()
    await office.rounds(HOUR)
    assert await office.known() == {IVAN.ref, DEAL.ref}


async def test_who_is_gone_is_dropped(office: Office) -> None:
    await office.rounds(0)
    office.crm.persons.clear()
    office.crm.deals.clear()
    await office.rounds(HOUR)
    assert not await office.book.has_persons(ACME)
    assert await office.book.open_deals(ACME, [IVAN.ref]) == []


async def test_a_great_many_are_asked_for_in_parts_between_which_changes_are_read(office: Office) -> None:
    office.crm.add(*(a_person(number) for number in range(250)))
    await office.rounds(0)
    office.crm.persons.clear()
    office.crm.deals.clear()
    sizes = []
    for wait in (HOUR, 0, 0):
        await office.rounds(wait)
        sizes.append(await office.book.size(ACME))
    assert sizes == [151, 51, 0]
    assert office.crm.reads == [int(office.clock.now()) - 120]


async def test_a_failure_while_asking_does_not_begin_everything_anew(office: Office) -> None:
    await office.rounds(0)
    office.crm.persons.clear()
    office.crm.refusals = [Unavailable("away")]
    with pytest.raises(Unavailable):
        await office.rounds(HOUR)
    assert await office.rounds(60) == [int(office.clock.now()) - 180]
    assert not await office.book.has_persons(ACME)


async def test_who_is_refused_by_name_or_has_become_another_card_is_not_asked_for_for_ever(office: Office) -> None:
    """Both were merged into Ivan's card, and we have no right to see the first one."""
    first, second = a_person(1), a_person(2)
    office.crm.add(first, second)
    await office.rounds(0)
    office.crm.left_out = {first.ref, second.ref}
    office.crm.persons |= {first.ref: IVAN, second.ref: IVAN}
    office.crm.refusals = [Rejected("not allowed", code="403")]
    await office.rounds(HOUR)
    assert [await office.book.get(ACME, each.ref) for each in (first, second, IVAN)] == [None, None, IVAN]


async def test_a_process_that_takes_over_reads_what_has_changed_only(office: Office) -> None:
    await office.rounds(0, HOUR)
    compared = int(office.clock.now())
    office.mirror = office.taken_over()
    assert await office.rounds(300) == [compared - 120]
    assert office.mirror.state(ACME).is_complete


async def test_after_an_hour_without_anybody_everything_is_read(office: Office) -> None:
    """The CRM reports a deletion once, and no poll shows it."""
    await office.rounds(0, HOUR)
    office.mirror = office.taken_over()
    assert await office.rounds(HOUR + 1) == [None]


async def test_a_crm_that_was_connected_anew_is_read_whole_even_if_the_process_dies_over_it(office: Office) -> None:
    await office.rounds(0, HOUR)
    office.mirror.compare_soon(ACME)
    office.crm.fail_before = [Unavailable("away")]
    with pytest.raises(Unavailable):
        await office.rounds(60)
    office.mirror = office.taken_over()
    assert await office.rounds(60, 60) == [None, int(office.clock.now()) - 180]


async def test_a_few_accounts_are_read_at_once_and_the_others_afterwards(office: Office) -> None:
    """A thousand accounts at once would leave the process no time for cards and routes."""
    reading, most = 0, 0

    class Slow(FakeCrm):
        async def all_persons(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Person]]:
            nonlocal reading, most
            reading += 1
            most = max(most, reading)
            for _ in range(20):
                await asyncio.sleep(0)
            reading -= 1
            yield []

    names = [AccountId(f"account-{number}") for number in range(10)]
    accounts = [Account(AccountSettings(account=name), Slow(), [FakePbx()]) for name in names]
    await asyncio.gather(*(office.mirror.bring_up_to_date(account) for account in accounts))
    assert most == 3
    assert all(office.mirror.state(name).is_complete for name in names)


async def test_a_failed_round_is_told_and_tried_again_when_the_crm_is_back(office: Office) -> None:
    office.crm.fail_before = [Unavailable("amoCRM is away")]
    state = office.mirror.state(ACME)
    running = asyncio.create_task(office.mirror.run(office.account))
    await until(lambda: state.problem == "amoCRM is away")
    office.mirror.wake(ACME)
    await until(lambda: state.problem is None and state.is_complete)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await office.known() == {IVAN.ref, DEAL.ref}


async def test_a_poll_asks_by_the_crms_clock(office: Office) -> None:
    """Our clock is five hours ahead, so a new change in the CRM looks five hours old to us."""
    office.crm.clock_ahead = -5 * HOUR
    await office.rounds(0)
    [since] = await office.rounds(10)
    assert since == pytest.approx(office.clock.now() - 10 - 5 * HOUR - 120, abs=2)
    office.clock.advance(30)
    office.crm.add(replace(IVAN, name="Позже", updated_at=int(office.clock.now() - 5 * HOUR)))
    assert await office.rounds(10) != [None]  # a poll, not a comparison
    found = await office.book.get(ACME, IVAN.ref)
    assert found is not None
    assert found.name == "Позже"


@pytest.mark.parametrize(
    ("has_webhooks", "accounts", "seconds"), [(True, 1, 60.0), (True, 300, 60.0), (True, 1000, 200.0), (False, 1, 10.0)]
)
def test_many_accounts_with_webhooks_are_polled_less_often(has_webhooks: bool, accounts: int, seconds: float) -> None:
    assert next_round_in(MirrorState(has_webhooks=has_webhooks), accounts) == seconds
