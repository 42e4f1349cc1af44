"""Campaigns on every database: a list has each number once, nobody is dialled twice for one attempt, nobody is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Row, TextClause, text
from sqlalchemy.dialects import sqlite

from integration.domain.call_lists.cells import CellProblem, Problem
from integration.domain.call_lists.columns import Mapping, Role
from integration.domain.campaigns.cards import WhyRemoved
from integration.domain.campaigns.expected_end import Pace
from integration.domain.campaigns.model import (
    Attempt,
    AttemptState,
    CampaignState,
    Entry,
    EntryNumber,
    EntryState,
    Mode,
    Outcome,
)
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, AttemptId, CampaignId, EntryId, Timestamp
from integration.errors import LeaseLost, NotFound
from integration.ports.campaigns import (
    Added,
    AttemptJournal,
    CampaignStore,
    ChangeKind,
    DoNotCall,
    EntryQuery,
    EntryStore,
    JournalRefusal,
    NewEntry,
    lease_name,
)
from integration.ports.coordination import Lease
from integration.ports.list_files import FileForm, ReadingChoice
from integration.ports.list_imports import ImportRow, ImportState, ListImport, ListImports
from integration.storage import Storage
from integration.storage.sql.campaign_entries import head_query
from integration.storage.sql.schema.campaigns import campaign_counts
from integration.testing import FakeClock
from tests.contract.calls import OFFICE, OTHER

SPRING, AUTUMN = CampaignId("spring"), CampaignId("autumn")
PLAN = CampaignPlan(name="Весна")
ANNA, BORIS, VERA = "+79161234567", "+79262345678", "+79033456789"
HOSTILE = "\x00 \ud800 <b>'; DROP TABLE campaigns; --\n\u202e\U0001f600"
EVERY_STATE = tuple(CampaignState)


def implements(storage: Storage) -> tuple[CampaignStore, EntryStore, AttemptJournal, DoNotCall, ListImports]:
    """Read by the type checker."""
    return storage.campaigns, storage.entries, storage.attempts, storage.do_not_call, storage.list_imports


def somebody(*numbers: str, name: str = "", contact: str = "", priority: int = 0) -> NewEntry:
    return NewEntry(
        numbers=tuple(EntryNumber(e164=number) for number in numbers),
        name=name,
        refs=(EntityRef(EntityKind.CONTACT, contact),) if contact else (),
        priority=priority,
    )


async def a_campaign(storage: Storage, id: CampaignId = SPRING, *, runs: bool = True) -> CampaignId:  # noqa: A002
    assert await storage.campaigns.make(OFFICE, id, PLAN, by="Ольга")
    if runs:
        assert await storage.campaigns.set_state(OFFICE, id, CampaignState.RUNNING, by="Ольга", only_from=EVERY_STATE)
    return id


async def add(storage: Storage, *new: NewEntry, campaign: CampaignId = SPRING) -> list[Added]:
    return await storage.entries.add(OFFICE, campaign, new, office=OFFICE)


async def listed(storage: Storage, campaign: CampaignId = SPRING) -> list[Entry]:
    return [each.entry for each in await storage.entries.listing(OFFICE, campaign, EntryQuery())]


async def head(storage: Storage, clock: FakeClock, limit: int = 10, campaign: CampaignId = SPRING) -> list[Entry]:
    return await storage.entries.head(OFFICE, campaign, now=clock.now(), limit=limit)


async def a_lease(storage: Storage, campaign: CampaignId = SPRING, holder: str = "a") -> Lease:
    (lease,) = await storage.leases.acquire([lease_name(OFFICE, campaign)], holder=holder, ttl_seconds=0.01)
    return lease


def an_attempt(entry: Entry, clock: FakeClock, id: str = "attempt-0001", number: str = "") -> Attempt:  # noqa: A002
    return Attempt(
        id=AttemptId(id),
        campaign=entry.campaign,
        entry=entry.id,
        number=number or entry.numbers[0].e164,
        line="pbx/1",
        fence=1,
        mode=Mode.PROGRESSIVE,
        written_at=clock.now(),
    )


async def counted(storage: Storage, campaign: CampaignId = SPRING) -> dict[EntryState, int]:
    counts = (await storage.campaigns.counts(OFFICE)).get(campaign)
    return {} if counts is None else {state: count for state, count in counts.entries.items() if count}


def _all_rows(statement: TextClause, connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(statement).all()


def _insert(row: dict[str, Any], connection: Connection) -> None:
    connection.execute(campaign_counts.insert(), row)


# ---- plans


async def test_of_two_who_change_a_plan_at_once_the_second_is_told(storage: Storage) -> None:
    await a_campaign(storage)
    first = await storage.campaigns.change(OFFICE, SPRING, replace(PLAN, ring_seconds=30), seen=1, by="Ольга")
    second = await storage.campaigns.change(OFFICE, SPRING, replace(PLAN, ring_seconds=40), seen=1, by="Пётр")
    assert first is not None
    assert second is None
    stored = await storage.campaigns.get(OFFICE, SPRING)
    assert stored is not None
    assert (stored.plan.ring_seconds, stored.revision) == (30, 2)


async def test_a_change_of_a_plan_can_be_undone_until_the_next_one(storage: Storage) -> None:
    await a_campaign(storage)
    await storage.campaigns.change(OFFICE, SPRING, replace(PLAN, name="Лето"), seen=1, by="Ольга")
    changed = next(each for each in await storage.campaigns.history(OFFICE, SPRING) if each.kind is ChangeKind.PLAN)
    undone = await storage.campaigns.undo(OFFICE, SPRING, changed.seq, by="Пётр")
    assert undone is not None
    assert undone.plan == PLAN
    assert await storage.campaigns.undo(OFFICE, SPRING, changed.seq, by="Пётр") is None
    kinds = [each.kind for each in await storage.campaigns.history(OFFICE, SPRING)]
    assert kinds == [ChangeKind.UNDONE, ChangeKind.PLAN, ChangeKind.STATE, ChangeKind.MADE]


async def test_a_finished_campaign_goes_on_with_new_clients_and_a_stopped_one_does_not(storage: Storage) -> None:
    await a_campaign(storage)
    for state in (CampaignState.FINISHED, CampaignState.STOPPED):
        assert await storage.campaigns.set_state(OFFICE, SPRING, state, by="Dozvon", only_from=EVERY_STATE)
        await add(storage, somebody(ANNA if state is CampaignState.FINISHED else BORIS))
        found = await storage.campaigns.get(OFFICE, SPRING)
        assert found is not None
        wanted = CampaignState.RUNNING if state is CampaignState.FINISHED else state
        assert found.state is wanted
    anna, boris = await listed(storage)
    await storage.entries.close(OFFICE, SPRING, [boris.id], EntryState.REACHED)
    finished = CampaignState.FINISHED
    assert not await storage.campaigns.set_state(OFFICE, SPRING, finished, by="Dozvon", only_from=EVERY_STATE)
    assert await storage.entries.remove(OFFICE, SPRING, anna.id)
    assert await storage.campaigns.set_state(OFFICE, SPRING, finished, by="Dozvon", only_from=EVERY_STATE)
    await add(storage, somebody(BORIS))  # nobody new
    again = await storage.campaigns.get(OFFICE, SPRING)
    assert again is not None
    assert again.state is CampaignState.FINISHED
    assert await storage.entries.put_back(OFFICE, SPRING, anna.id)
    back = await storage.campaigns.get(OFFICE, SPRING)
    assert back is not None
    assert (back.state, back.state_by) == (CampaignState.RUNNING, "Dozvon")


async def test_a_state_changes_only_from_where_it_may(storage: Storage) -> None:
    await a_campaign(storage, runs=False)
    stop = await storage.campaigns.set_state(
        OFFICE, SPRING, CampaignState.PAUSED, by="Ольга", only_from=[CampaignState.RUNNING]
    )
    stored = await storage.campaigns.get(OFFICE, SPRING)
    assert not stop
    assert stored is not None
    assert stored.state is CampaignState.DRAFT


async def test_a_form_that_is_sent_twice_makes_one_campaign(storage: Storage) -> None:
    made = await asyncio.gather(*(storage.campaigns.make(OFFICE, SPRING, PLAN, by="Ольга") for _ in range(5)))
    assert sorted(made) == [False, False, False, False, True]
    assert len(await storage.campaigns.all(OFFICE)) == 1


async def test_figures_of_the_next_release_are_passed_over(storage: Storage) -> None:
    await a_campaign(storage)
    await add(storage, somebody(ANNA))
    row = {"account": OFFICE, "campaign": SPRING, "what": "outcome.beamed_up", "count": 3}
    await storage.database.write(partial(_insert, row), OFFICE)
    assert await counted(storage) == {EntryState.OPEN: 1}
    assert (await storage.campaigns.counts(OFFICE))[SPRING].outcomes == {}


# ---- lists


async def test_a_list_keeps_its_order_and_has_each_number_once(storage: Storage) -> None:
    await a_campaign(storage)
    done = await add(
        storage,
        somebody(ANNA, BORIS, name="Анна", contact="1"),
        somebody(BORIS, name="Борис", contact="2"),
        somebody(VERA, ANNA, name="Вера", contact="3"),
        somebody(VERA, name="Вера", contact="3"),
    )
    assert done == [Added.TAKEN, Added.JOINED, Added.TAKEN, Added.TWICE]
    anna, vera = await listed(storage)
    assert [number.e164 for number in anna.numbers] == [ANNA, BORIS]
    assert [ref.id for ref in anna.refs] == ["1", "2"]
    assert [number.e164 for number in vera.numbers] == [VERA]
    assert await counted(storage) == {EntryState.OPEN: 2}


async def test_a_number_that_the_list_has_joins_its_entry_later_too(storage: Storage) -> None:
    await a_campaign(storage)
    await add(storage, somebody(ANNA, contact="1"))
    assert await add(storage, somebody(ANNA, contact="2")) == [Added.JOINED]
    (entry,) = await listed(storage)
    assert [ref.id for ref in entry.refs] == ["1", "2"]


async def test_people_added_by_many_at_once_are_each_there_once(storage: Storage) -> None:
    await a_campaign(storage)
    numbers = [f"+7916000{index:04}" for index in range(40)]
    batches = [[somebody(number) for number in numbers[start : start + 20]] for start in (0, 10, 20, 0, 20)]
    await asyncio.gather(*(add(storage, *batch) for batch in batches))
    entries = await listed(storage)
    assert sorted(entry.numbers[0].e164 for entry in entries) == numbers
    assert len({entry.position for entry in entries}) == 40
    assert await counted(storage) == {EntryState.OPEN: 40}


async def test_nobody_is_added_to_a_campaign_that_does_not_exist(storage: Storage) -> None:
    with pytest.raises(NotFound):
        await add(storage, somebody(ANNA))


async def test_a_hostile_name_is_kept_and_found(storage: Storage) -> None:
    await a_campaign(storage)
    await add(storage, replace(somebody(ANNA, name=HOSTILE), comment=HOSTILE), somebody(BORIS, name="100%_"))
    found = await storage.entries.listing(OFFICE, SPRING, EntryQuery(name="%_"))
    assert [each.entry.name for each in found] == ["100%_"]
    assert (await listed(storage))[0].name == HOSTILE


async def test_a_removed_entry_comes_back_by_hand_or_when_it_is_added_again(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    await add(storage, somebody(ANNA))
    (entry,) = await listed(storage)
    assert await storage.entries.remove(OFFICE, SPRING, entry.id)
    assert not await storage.entries.remove(OFFICE, SPRING, entry.id)
    assert await head(storage, clock) == []
    assert await storage.entries.put_back(OFFICE, SPRING, entry.id)
    await storage.entries.remove(OFFICE, SPRING, entry.id)
    assert await add(storage, somebody(ANNA)) == [Added.TAKEN]
    assert [each.id for each in await head(storage, clock)] == [entry.id]
    assert await counted(storage) == {EntryState.OPEN: 1}


async def test_several_entries_are_read_at_once_and_those_of_other_lists_never(storage: Storage) -> None:
    await a_campaign(storage)
    await a_campaign(storage, AUTUMN)
    await storage.entries.add(OFFICE, SPRING, [somebody(ANNA), somebody(BORIS), somebody(VERA)], office=OFFICE)
    await storage.entries.add(OFFICE, AUTUMN, [somebody(ANNA)], office=OFFICE)
    first, second, _ = [each.entry for each in await storage.entries.listing(OFFICE, SPRING, EntryQuery())]
    (other,) = [each.entry for each in await storage.entries.listing(OFFICE, AUTUMN, EntryQuery())]
    wanted = [second.id, first.id, other.id, EntryId(99_999)]
    assert await storage.entries.several(OFFICE, SPRING, wanted) == {first.id: first, second.id: second}
    assert await storage.entries.several(OFFICE, SPRING, []) == {}


async def test_promised_calls_go_first_then_those_that_are_due_then_the_list(
    storage: Storage, clock: FakeClock
) -> None:
    await a_campaign(storage)
    await add(storage, *(somebody(f"+7916000000{index}") for index in range(4)), somebody(VERA, priority=5))
    entries = await listed(storage)
    lease = await a_lease(storage)
    for index, entry in enumerate(entries[:3]):
        attempt = an_attempt(entry, clock, f"attempt-000{index}")
        await storage.attempts.write(OFFICE, attempt, office=OFFICE, lease=lease)
        due = Timestamp(clock.now() + 60 * (index + 1))
        after = replace(entry, due_at=due, agreed_with="pbx/101" if index == 1 else None)
        await storage.attempts.end(OFFICE, replace(attempt, outcome=Outcome.BUSY), after)
    assert [entry.id for entry in await head(storage, clock)] == [entries[4].id, entries[3].id]
    assert await storage.entries.next_due(OFFICE, SPRING, now=clock.now()) == clock.now() + 60
    clock.advance(1000)
    order = [entries[1].id, entries[0].id, entries[2].id, entries[4].id, entries[3].id]
    assert [entry.id for entry in await head(storage, clock)] == order
    assert [entry.id for entry in await head(storage, clock, limit=2)] == order[:2]


async def test_the_choice_of_the_next_entries_reads_along_its_index(storage: Storage) -> None:
    if storage.database.dialect != "sqlite":  # the planner of PostgreSQL decides by a table's size: the bench measures
        return
    for rank in range(3):
        query = head_query(OFFICE, SPRING, rank, Timestamp(1.0), 10)
        words = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
        explain = text(f"EXPLAIN QUERY PLAN {words}")
        plan = await storage.database.read(partial(_all_rows, explain))
        said = " ".join(str(row[-1]) for row in plan)
        narrowed = "" if rank == 2 else " AND weight=? AND due_at<?"
        assert f"campaign_entries_next (account=? AND campaign=? AND rank=?{narrowed})" in said
        assert "TEMP B-TREE" not in said


async def test_an_entry_whose_window_is_closed_is_not_looked_at_before_it_opens(
    storage: Storage, clock: FakeClock
) -> None:
    await a_campaign(storage)
    await add(storage, somebody(ANNA), somebody(BORIS))
    anna, boris = await listed(storage)
    await storage.entries.defer(OFFICE, SPRING, [anna.id], until=Timestamp(clock.now() + 3600))
    assert [entry.id for entry in await head(storage, clock)] == [boris.id]
    clock.advance(3601)
    assert {entry.id for entry in await head(storage, clock)} == {anna.id, boris.id}


async def test_pages_of_a_list_go_on_where_the_last_one_ended(storage: Storage) -> None:
    await a_campaign(storage)
    await add(storage, *(somebody(f"+7916000000{index}", name=f"Имя {index}") for index in range(5)))
    first = await storage.entries.listing(OFFICE, SPRING, EntryQuery(limit=3))
    second = await storage.entries.listing(OFFICE, SPRING, EntryQuery(after=first[-1].entry.position, limit=3))
    assert [each.entry.name for each in (*first, *second)] == [f"Имя {index}" for index in range(5)]
    by_number = await storage.entries.listing(OFFICE, SPRING, EntryQuery(number="+79160000003"))
    assert [each.entry.name for each in by_number] == ["Имя 3"]
    assert await storage.entries.listing(OFFICE, SPRING, EntryQuery(states=(EntryState.REACHED,))) == []


# ---- the journal


async def test_an_attempt_is_written_once_and_takes_its_entry(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    await add(storage, somebody(ANNA))
    (entry,) = await head(storage, clock)
    lease = await a_lease(storage)
    attempt = an_attempt(entry, clock)
    answers = await asyncio.gather(
        *(
            storage.attempts.write(
                OFFICE, replace(attempt, id=AttemptId(f"attempt-{i:04}")), office=OFFICE, lease=lease
            )
            for i in range(5)
        )
    )
    assert answers.count(None) == 1
    assert set(answers) == {None, JournalRefusal.NOT_OPEN}
    assert await head(storage, clock) == []
    (written,) = await storage.attempts.under_way(OFFICE, SPRING)
    assert written.state is AttemptState.WRITTEN
    assert await storage.attempts.sent(OFFICE, written.id, at=clock.now(), lease=lease)
    assert not await storage.attempts.sent(OFFICE, written.id, at=clock.now(), lease=lease)
    ended = replace(written, outcome=Outcome.TALKED, ended_at=clock.now())
    assert await storage.attempts.end(OFFICE, ended, replace(entry, state=EntryState.REACHED), lease=lease)
    assert not await storage.attempts.end(OFFICE, ended, entry, lease=lease)
    assert await storage.attempts.under_way(OFFICE, SPRING) == []
    assert await counted(storage) == {EntryState.REACHED: 1}
    assert (await storage.campaigns.counts(OFFICE))[SPRING].outcomes == {Outcome.TALKED: 1}
    assert [each.outcome for each in await storage.attempts.log(OFFICE, SPRING)] == [Outcome.TALKED]


async def test_a_number_is_under_way_in_one_campaign_only(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    await a_campaign(storage, AUTUMN)
    await add(storage, somebody(ANNA))
    await add(storage, somebody(ANNA), campaign=AUTUMN)
    (spring,), (autumn,) = await head(storage, clock), await head(storage, clock, campaign=AUTUMN)
    first, second = await a_lease(storage), await a_lease(storage, AUTUMN)
    assert await storage.attempts.write(OFFICE, an_attempt(spring, clock), office=OFFICE, lease=first) is None
    other = an_attempt(autumn, clock, "attempt-0002")
    refused = await storage.attempts.write(OFFICE, other, office=OFFICE, lease=second)
    assert refused is JournalRefusal.UNDER_WAY
    assert await head(storage, clock, campaign=AUTUMN) == [autumn]
    await storage.attempts.end(OFFICE, replace(an_attempt(spring, clock), outcome=Outcome.BUSY), spring)
    assert await storage.attempts.write(OFFICE, other, office=OFFICE, lease=second) is None
    tries = await storage.attempts.tries(OFFICE, numbers=[ANNA], since=Timestamp(0.0))
    assert [(each.campaign, each.outcome) for each in tries] == [(SPRING, Outcome.BUSY), (AUTUMN, None)]


async def test_a_process_whose_lease_was_taken_over_writes_nothing(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    await add(storage, somebody(ANNA))
    (entry,) = await head(storage, clock)
    old = await a_lease(storage)
    await asyncio.sleep(0.05)  # by the database's clock
    new = await a_lease(storage, holder="b")
    with pytest.raises(LeaseLost):
        await storage.attempts.write(OFFICE, an_attempt(entry, clock), office=OFFICE, lease=old)
    assert await storage.attempts.under_way(OFFICE, SPRING) == []
    assert await storage.attempts.write(OFFICE, an_attempt(entry, clock), office=OFFICE, lease=new) is None
    with pytest.raises(LeaseLost):
        await storage.attempts.sent(OFFICE, AttemptId("attempt-0001"), at=clock.now(), lease=old)


async def test_a_stopped_campaign_lets_nothing_through(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    await add(storage, somebody(ANNA))
    (entry,) = await head(storage, clock)
    lease = await a_lease(storage)
    await storage.campaigns.set_state(OFFICE, SPRING, CampaignState.STOPPED, by="Ольга", only_from=EVERY_STATE)
    refused = await storage.attempts.write(OFFICE, an_attempt(entry, clock), office=OFFICE, lease=lease)
    assert refused is JournalRefusal.NOT_RUNNING


async def test_the_pace_counts_calls_that_rang_or_ring_and_no_more_than_asked(
    storage: Storage, clock: FakeClock
) -> None:
    await a_campaign(storage)
    numbers = [f"+7916{index:07}" for index in range(6)]
    await add(storage, *(somebody(number) for number in numbers))
    lease, begins = await a_lease(storage), clock.now()
    outcomes = (Outcome.BUSY, Outcome.TALKED, Outcome.TRUNK_FAILED, Outcome.NO_ANSWER, None, Outcome.NOT_DIALLED)
    for index, (entry, outcome) in enumerate(zip(await listed(storage), outcomes, strict=True)):
        attempt = an_attempt(entry, clock, f"attempt-{index:04}")
        assert await storage.attempts.write(OFFICE, attempt, office=OFFICE, lease=lease) is None
        if outcome is not None:
            await storage.attempts.end(OFFICE, replace(attempt, outcome=outcome), entry)
        clock.advance(60)
    pace = partial(storage.attempts.pace, OFFICE, SPRING)
    assert await pace(since=begins) == Pace(dialled=4, since=begins, last=Timestamp(begins + 240))
    later = Timestamp(begins + 1)
    assert await pace(since=later) == Pace(dialled=3, since=later, last=Timestamp(begins + 240))
    newest = await pace(since=begins, most=3)
    assert newest == Pace(dialled=2, since=Timestamp(begins + 180), last=Timestamp(begins + 240))
    assert await pace(since=clock.now()) == Pace(dialled=0, since=clock.now())
    assert await storage.attempts.pace(OFFICE, AUTUMN, since=begins) == Pace(dialled=0, since=begins)


async def test_what_people_decide_during_a_call_outlives_its_end(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    await add(storage, somebody(ANNA, BORIS))
    (entry,) = await head(storage, clock)
    attempt = an_attempt(entry, clock)
    await storage.attempts.write(OFFICE, attempt, office=OFFICE, lease=await a_lease(storage))
    await storage.do_not_call.add(OFFICE, [ANNA, BORIS], lists_of=[OFFICE], by="Ольга", why="просил")
    await storage.attempts.end(OFFICE, replace(attempt, outcome=Outcome.BUSY), replace(entry, due_at=clock.now()))
    (after,) = await listed(storage)
    assert all(number.struck for number in after.numbers)
    assert after.state is not EntryState.OPEN
    assert await head(storage, clock) == []


# ---- numbers that are not called


async def test_a_number_that_must_not_be_called_leaves_every_list_at_once(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    await a_campaign(storage, AUTUMN)
    await add(storage, somebody(ANNA, BORIS), somebody(VERA))
    await add(storage, somebody(ANNA), campaign=AUTUMN)
    lease = await a_lease(storage)
    seen = (await head(storage, clock))[0]
    assert await storage.do_not_call.add(OFFICE, [ANNA, VERA], lists_of=[OFFICE], by="Ольга", why="просил") == 2
    anna, vera = await listed(storage)
    assert [(number.e164, number.struck) for number in anna.numbers] == [(ANNA, True), (BORIS, False)]
    assert (anna.state, vera.state) == (EntryState.OPEN, EntryState.DO_NOT_CALL)
    assert (await listed(storage, AUTUMN))[0].state is EntryState.DO_NOT_CALL
    refused = await storage.attempts.write(OFFICE, an_attempt(seen, clock, number=ANNA), office=OFFICE, lease=lease)
    assert refused is JournalRefusal.STRUCK
    assert await add(storage, somebody(ANNA), somebody(ANNA, "+79160000001")) == [Added.DO_NOT_CALL, Added.TAKEN]
    assert [each.e164 for each in (await listed(storage))[-1].numbers] == ["+79160000001"]
    assert await counted(storage) == {EntryState.OPEN: 2, EntryState.DO_NOT_CALL: 1}


async def test_who_when_and_why_are_kept_also_of_a_number_that_may_be_called_again(
    storage: Storage, clock: FakeClock
) -> None:
    await storage.do_not_call.add(OFFICE, [ANNA], lists_of=[], by="Ольга", why=HOSTILE)
    assert await storage.do_not_call.add(OFFICE, [ANNA], lists_of=[], by="Пётр", why="ещё раз") == 0
    (kept,) = await storage.do_not_call.listing(OFFICE)
    assert (kept.added_by, kept.added_at, kept.removed_at) == ("Ольга", clock.now(), None)
    assert await storage.do_not_call.remove(OFFICE, ANNA, by="Вера", why="передумал")
    assert not await storage.do_not_call.remove(OFFICE, ANNA, by="Вера", why="передумал")
    assert await storage.do_not_call.listing(OFFICE) == []
    (gone,) = await storage.do_not_call.listing(OFFICE, number=ANNA)
    assert (gone.removed_by, gone.removed_why) == ("Вера", "передумал")
    assert await storage.do_not_call.among(OFFICE, [ANNA]) == set()
    assert await storage.do_not_call.add(OFFICE, [ANNA], lists_of=[], by="Пётр", why="снова") == 1
    assert await storage.do_not_call.count(OFFICE) == 1


async def test_pages_of_many_numbers_added_at_one_moment_miss_none(storage: Storage) -> None:
    numbers = [f"+7916000000{index}" for index in range(7)]
    await storage.do_not_call.add(OFFICE, numbers, lists_of=[], by="Ольга", why="список")
    seen, last = [], None
    while page := await storage.do_not_call.listing(OFFICE, after=last, limit=3):
        seen += [each.number for each in page]
        last = page[-1]
    assert sorted(seen) == numbers


async def test_an_office_of_two_accounts_has_one_list(storage: Storage) -> None:
    office = AccountId("holding")
    await a_campaign(storage)
    await storage.entries.add(OFFICE, SPRING, [somebody(ANNA)], office=office)
    await storage.do_not_call.add(office, [ANNA, BORIS], lists_of=[OFFICE, OTHER], by="Ольга", why="")
    assert (await listed(storage))[0].state is EntryState.DO_NOT_CALL
    assert await storage.entries.add(OFFICE, SPRING, [somebody(BORIS)], office=office) == [Added.DO_NOT_CALL]


# ---- files


def an_import(storage_clock: FakeClock, key: str = "import-1") -> ListImport:
    return ListImport(
        id=key,
        account=OFFICE,
        office=OFFICE,
        campaign=SPRING,
        state=ImportState.PREVIEW,
        file_name="список.csv",
        size=3,
        digest="d",
        form=FileForm(),
        choice=ReadingChoice(),
        mapping=Mapping((Role.PHONE,), 0),
        rows=3,
        made_at=storage_clock.now(),
        made_by="Ольга",
    )


async def test_rows_and_their_count_are_stored_together(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    content = bytes(range(256)) * 5000
    await storage.list_imports.begin(an_import(clock), content)
    assert await storage.list_imports.content(OFFICE, "import-1") == content
    assert await storage.list_imports.running() == []
    await storage.list_imports.change(OFFICE, "import-1", lambda one: replace(one, state=ImportState.RUNNING))
    assert await storage.list_imports.running() == [(OFFICE, "import-1")]
    (lease,) = await storage.leases.acquire(["list import-1"], holder="a", ttl_seconds=60)
    rows = [
        ImportRow(line=2, cells=(ANNA,), new=somebody(ANNA)),
        ImportRow(
            line=3, cells=("8916",), new=None, problems=(CellProblem(problem=Problem.NOT_A_NUMBER, text="8916"),)
        ),
        ImportRow(line=4, cells=(ANNA,), new=somebody(ANNA)),
    ]
    after = await storage.list_imports.step(OFFICE, "import-1", rows, lease=lease)
    assert after is not None
    assert (after.done, after.taken) == (3, 1)
    assert after.left_out == {Problem.NOT_A_NUMBER: 1, Problem.TWICE: 1}
    troubles = await storage.list_imports.problems(OFFICE, "import-1")
    assert [(each.line, each.problems[0].problem) for each in troubles] == [
        (3, Problem.NOT_A_NUMBER),
        (4, Problem.TWICE),
    ]
    await storage.list_imports.change(OFFICE, "import-1", lambda one: replace(one, state=ImportState.STOPPED))
    assert await storage.list_imports.step(OFFICE, "import-1", rows, lease=lease) is None
    assert await storage.list_imports.content(OFFICE, "import-1") == b""
    assert len(await listed(storage)) == 1


async def test_an_import_that_another_process_took_over_adds_nothing(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    await storage.list_imports.begin(replace(an_import(clock), state=ImportState.RUNNING), b"x")
    (old,) = await storage.leases.acquire(["list import-1"], holder="a", ttl_seconds=0.01)
    await asyncio.sleep(0.05)
    assert await storage.leases.acquire(["list import-1"], holder="b", ttl_seconds=60)
    with pytest.raises(LeaseLost):
        await storage.list_imports.step(
            OFFICE, "import-1", [ImportRow(line=1, cells=(), new=somebody(ANNA))], lease=old
        )
    assert await listed(storage) == []


async def test_files_that_nobody_went_on_with_are_forgotten(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    await storage.list_imports.begin(an_import(clock), b"old")
    clock.advance(100)
    await storage.list_imports.begin(an_import(clock, "import-2"), b"new")
    assert await storage.list_imports.forget(previews_before=Timestamp(clock.now() - 50)) == 1
    assert [each.id for each in await storage.list_imports.of_campaign(OFFICE, SPRING)] == ["import-2"]
    assert await storage.list_imports.content(OFFICE, "import-1") == b""


async def test_an_unknown_entry_changes_nothing(storage: Storage) -> None:
    await a_campaign(storage)
    assert not await storage.entries.remove(OFFICE, SPRING, EntryId(99))
    assert await storage.entries.get(OFFICE, SPRING, EntryId(99)) is None


# ---- cards of the CRM that change


async def follow(storage: Storage, lease: Lease, entry: Entry, *numbers: str, deleted: bool = False) -> Entry | None:
    today = None if deleted else [EntryNumber(e164=each) for each in numbers]
    return await storage.entries.follow_card(OFFICE, SPRING, entry.id, today, office=OFFICE, lease=lease)


async def test_an_entry_takes_the_numbers_of_its_card_and_gives_others_free(storage: Storage) -> None:
    await a_campaign(storage)
    lease = await a_lease(storage)
    await add(storage, somebody(ANNA, name="Анна", contact="1"), somebody(VERA, name="Вера", contact="2"))
    anna, vera = await listed(storage)
    after = await follow(storage, lease, anna, VERA, BORIS)
    assert after is not None
    assert [each.e164 for each in after.numbers] == [BORIS]  # Vera's number stays with her
    assert (await listed(storage))[0] == after
    assert await add(storage, somebody(BORIS, contact="3")) == [Added.JOINED]
    assert await add(storage, somebody(ANNA, name="Другая", contact="4")) == [Added.TAKEN]
    assert await counted(storage) == {EntryState.OPEN: 3}
    assert await follow(storage, lease, vera, VERA) == vera


async def test_a_number_that_must_not_be_called_does_not_come_in_with_a_card(storage: Storage) -> None:
    await a_campaign(storage)
    lease = await a_lease(storage)
    await add(storage, somebody(ANNA), somebody(VERA))
    await storage.do_not_call.add(OFFICE, [BORIS], lists_of=[OFFICE], by="Ольга", why="")
    anna, vera = await listed(storage)
    after = await follow(storage, lease, anna, BORIS, ANNA)
    assert after == anna
    refused = await follow(storage, lease, vera, BORIS)
    assert refused is not None
    assert refused.state is EntryState.DO_NOT_CALL
    assert await counted(storage) == {EntryState.OPEN: 1, EntryState.DO_NOT_CALL: 1}


async def test_a_deleted_client_leaves_the_list_says_so_and_comes_back_by_hand(storage: Storage) -> None:
    await a_campaign(storage)
    lease = await a_lease(storage)
    await add(storage, somebody(ANNA, contact="1"))
    (entry,) = await listed(storage)
    after = await follow(storage, lease, entry, deleted=True)
    assert after is not None
    assert (after.state, after.removed_why) == (EntryState.REMOVED, WhyRemoved.CLIENT_DELETED)
    assert await follow(storage, lease, entry, BORIS) is None  # it is not open any more
    assert (await listed(storage))[0] == after
    assert await storage.entries.put_back(OFFICE, SPRING, entry.id)
    assert (await listed(storage))[0] == entry
    assert await counted(storage) == {EntryState.OPEN: 1}


async def test_an_entry_that_is_dialled_does_not_change_with_its_card(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    lease = await a_lease(storage)
    await add(storage, somebody(ANNA))
    (entry,) = await listed(storage)
    await storage.attempts.write(OFFICE, an_attempt(entry, clock), office=OFFICE, lease=lease)
    assert await follow(storage, lease, entry, BORIS) is None
    assert [each.e164 for each in (await listed(storage))[0].numbers] == [ANNA]
