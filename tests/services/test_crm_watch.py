"""When a problem of the CRM is solved, waiting work continues at once and in order, on every process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from integration.domain.crm.entities import CrmCondition, CrmTrouble
from integration.domain.ids import AccountId
from integration.errors import Unpaid
from integration.ports.coordination import Coordination
from integration.services.crm_watch import CrmWatch
from integration.services.delivery_steps import record_key
from tests.services.conftest import ACME, IVAN, World, call, missed_call

HOUR = 3600.0
UNPAID = CrmCondition(trouble=CrmTrouble.UNPAID, detail="402")


@dataclass
class Process:
    """What a process gets and does."""

    watch: CrmWatch
    adopted: list[tuple[AccountId, CrmCondition]] = field(default_factory=list)
    went_on: list[AccountId] = field(default_factory=list)


def process(world: World, name: str, coordination: Coordination | None = None) -> Process:
    made: Process
    watch = CrmWatch(
        world.storage.outbox,
        coordination or world.coordination,
        world.clock,
        name,
        conditions=lambda: {ACME: world.crm.condition},
        adopt=lambda account, condition: made.adopted.append((account, condition)),
        go_on=lambda account: made.went_on.append(account),
    )
    made = Process(watch)
    return made


async def kept_waiting(world: World, *uniqueids: str) -> None:
    """Calls whose delivery has failed so often that the next attempt is far in the future."""
    for uniqueid in uniqueids:
        await world.emit(*missed_call(world.clock.now(), uniqueid=uniqueid))
        world.clock.advance(1)
    world.crm.fail_before = [Unpaid("402", retry_after_seconds=30.0)] * 1000
    for _ in range(12):
        await world.deliver(after=HOUR)
    world.crm.fail_before = []


async def test_what_waited_goes_on_at_once_and_the_oldest_first(world: World) -> None:
    await kept_waiting(world, "1.0", "2.0", "3.0")
    await world.deliver(after=1)
    assert not world.crm.notes[IVAN.ref]  # the next attempt would be half an hour away
    here = process(world, "a")
    here.watch.told(ACME, CrmCondition())
    await here.watch.settled()
    assert here.went_on == [ACME]
    claimed = await world.storage.outbox.claim(ACME, now=world.clock.now(), lease_seconds=1, limit=2)
    assert [item.call for item in claimed] == [call("1.0"), call("2.0")]
    await world.deliver(after=2)
    written = [record.key for record in world.crm.notes[IVAN.ref]]
    assert sorted(written) == [record_key(call(uniqueid)) for uniqueid in ("1.0", "2.0", "3.0")]


async def test_trouble_hastens_nothing(world: World) -> None:
    await kept_waiting(world, "1.0")
    here = process(world, "a")
    here.watch.told(ACME, UNPAID)
    await here.watch.settled()
    await world.deliver(after=1)
    assert not world.crm.notes[IVAN.ref]
    assert here.went_on == []


async def test_one_that_waits_tries_whether_it_was_paid(world: World) -> None:
    await kept_waiting(world, "1.0", "2.0")
    assert await world.storage.outbox.retry_now(ACME, now=world.clock.now(), at_most=1) == 1
    await world.deliver(after=1)
    assert [record.key for record in world.crm.notes[IVAN.ref]] == [record_key(call("1.0"))]


async def test_other_processes_take_it_over_and_go_on(world: World) -> None:
    here, there = process(world, "a"), process(world, "b")
    listening = [asyncio.create_task(each.watch.listen()) for each in (here, there)]
    await asyncio.sleep(0)
    for condition in (UNPAID, CrmCondition()):
        here.watch.told(ACME, condition)
        await here.watch.settled()
    async with asyncio.timeout(10):
        while len(there.adopted) < 2:  # noqa: ASYNC110 -- what another task hears has no event
            await asyncio.sleep(0.01)
    assert there.adopted == [(ACME, UNPAID), (ACME, CrmCondition())]
    assert there.went_on == [ACME]
    assert here.adopted == []
    for task in listening:
        task.cancel()
    await asyncio.wait(listening)
