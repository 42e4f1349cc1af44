"""What every store of strangers and of tasks to call back does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import CallId, Timestamp
from integration.ports.stores import CallbackTask, CallbackTaskStore, Strangers
from integration.storage import Storage, open_storage
from integration.testing import FakeClock
from tests.contract.calls import OFFICE, OTHER

KEY = "9990001122"
FIRST, SECOND = CallId("pbx:1"), CallId("pbx:2")
ENTRY, DEAL = EntityRef(EntityKind.LEAD, "uid-1"), EntityRef(EntityKind.DEAL, "9")
TASK = CallbackTask(
    target=EntityRef(EntityKind.CONTACT, "5"),
    match_key=KEY,
    made_by=FIRST,
    task=None,
    text="Перезвонить",
    missed_at=Timestamp(10.0),
    written_at=Timestamp(11.0),
)


def _are_ports(storage: Storage) -> tuple[Strangers, CallbackTaskStore]:
    return storage.strangers, storage.callback_tasks  # read by the type checker


async def test_the_first_call_of_a_number_enters_it(storage: Storage, clock: FakeClock) -> None:
    assert await storage.strangers.get(OFFICE, KEY) is None
    first = await storage.strangers.enter(OFFICE, KEY, FIRST)
    assert (first.entered_by, first.entry, first.deal, first.checked_at) == (FIRST, None, None, clock.now())
    assert await storage.strangers.enter(OFFICE, KEY, SECOND) == first
    assert (await storage.strangers.enter(OTHER, KEY, SECOND)).entered_by == SECOND


async def test_of_many_calls_in_two_processes_one_enters(
    storage: Storage, database_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    other = await open_storage(database_url, tmp_path, clock=clock)
    calls = [CallId(f"pbx:{number}") for number in range(40)]
    stores = [storage.strangers, other.strangers]
    found = await asyncio.gather(*(stores[n % 2].enter(OFFICE, KEY, call) for n, call in enumerate(calls)))
    assert len({stranger.entered_by for stranger in found}) == 1
    await other.close()


async def test_who_was_given_up_is_replaced_by_one(storage: Storage) -> None:
    await storage.strangers.enter(OFFICE, KEY, FIRST)
    third = CallId("pbx:3")
    taken = await asyncio.gather(
        *(storage.strangers.take_over(OFFICE, KEY, of=FIRST, call=call) for call in (SECOND, third))
    )
    assert sorted(taken) == [False, True]
    winner = (await storage.strangers.enter(OFFICE, KEY, FIRST)).entered_by
    await storage.strangers.entered(OFFICE, KEY, winner, entry=ENTRY, deal=DEAL)
    assert not await storage.strangers.take_over(OFFICE, KEY, of=winner, call=FIRST)  # there is nothing to take over


async def test_an_entry_is_kept_with_its_deal_until_it_is_closed(storage: Storage, clock: FakeClock) -> None:
    await storage.strangers.enter(OFFICE, KEY, FIRST)
    await storage.strangers.entered(OFFICE, KEY, SECOND, entry=ENTRY, deal=DEAL)
    found = await storage.strangers.get(OFFICE, KEY)
    assert found is not None
    assert found.entry is None  # not for the call that enters it
    await storage.strangers.entered(OFFICE, KEY, FIRST, entry=ENTRY, deal=DEAL)
    clock.advance(5)
    await storage.strangers.waits_still(OFFICE, KEY, ENTRY)
    found = await storage.strangers.get(OFFICE, KEY)
    assert found is not None
    assert (found.entry, found.deal, found.checked_at) == (ENTRY, DEAL, clock.now())
    assert await storage.strangers.closed(OTHER, ENTRY) == []
    assert await storage.strangers.closed(OFFICE, ENTRY) == [KEY]
    assert await storage.strangers.closed(OFFICE, ENTRY) == []
    assert await storage.strangers.get(OFFICE, KEY) is None


async def test_only_what_was_meant_is_forgotten(storage: Storage) -> None:
    await storage.strangers.enter(OFFICE, KEY, FIRST)
    await storage.strangers.forget(OFFICE, KEY, call=SECOND)
    assert await storage.strangers.get(OFFICE, KEY) is not None
    await storage.strangers.entered(OFFICE, KEY, FIRST, entry=ENTRY, deal=None)
    await storage.strangers.forget(OFFICE, KEY, call=FIRST)  # its entry is made
    await storage.strangers.forget(OFFICE, KEY, entry=replace(ENTRY, id="uid-2"))
    assert await storage.strangers.get(OFFICE, KEY) is not None
    await storage.strangers.forget(OFFICE, KEY, entry=ENTRY)
    assert await storage.strangers.get(OFFICE, KEY) is None


async def test_a_task_is_found_by_its_entity_and_by_the_number(storage: Storage) -> None:
    tasks = storage.callback_tasks
    assert await tasks.begin(OFFICE, TASK) == TASK
    known = replace(TASK, task="77", text="Перезвонить: 2", missed_at=Timestamp(20.0))
    await tasks.put(OFFICE, known)
    elsewhere = EntityRef(EntityKind.DEAL, "9")
    assert await tasks.of_client(OFFICE, target=TASK.target, match_key="other") == [known]
    assert await tasks.of_client(OFFICE, target=elsewhere, match_key=KEY) == [known]
    assert await tasks.of_client(OFFICE, target=elsewhere, match_key="other") == []
    assert await tasks.of_client(OTHER, target=TASK.target, match_key=KEY) == []
    newer = replace(TASK, target=elsewhere, missed_at=Timestamp(30.0))
    await tasks.begin(OFFICE, newer)
    assert await tasks.of_client(OFFICE, target=elsewhere, match_key=KEY) == [newer, known]
    await tasks.remove(OFFICE, elsewhere)
    assert await tasks.of_client(OFFICE, target=elsewhere, match_key=KEY) == [known]


async def test_one_call_in_two_processes_makes_the_task(
    storage: Storage, database_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    other = await open_storage(database_url, tmp_path, clock=clock)
    stores = [storage.callback_tasks, other.callback_tasks]
    rows = [replace(TASK, made_by=CallId(f"pbx:1{number}")) for number in range(20)]
    found = await asyncio.gather(*(stores[n % 2].begin(OFFICE, row) for n, row in enumerate(rows)))
    [maker] = {task.made_by for task in found}
    taken = await asyncio.gather(
        *(store.take_over(OFFICE, TASK.target, of=maker, call=SECOND) for store in (*stores, *stores))
    )
    assert sorted(taken) == [False, False, False, True]
    await storage.callback_tasks.put(OFFICE, replace(TASK, made_by=SECOND, task="7"))
    assert not await storage.callback_tasks.take_over(OFFICE, TASK.target, of=SECOND, call=FIRST)
    await other.close()
