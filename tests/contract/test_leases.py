"""What every `Leases` does, and what a call store refuses after a lease was taken over."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from integration.errors import LeaseLost
from integration.ports.coordination import Lease, Leases
from integration.ports.stores import OutboxState, SavedStep
from integration.storage import Storage, open_storage
from tests.contract.calls import OFFICE, a_call, an_intent

LONG, SHORT = 60.0, 0.001


def _is_port(storage: Storage) -> Leases:
    return storage.leases  # read by the type checker


async def taken(storage: Storage, name: str = "pbx:a", *, by: str = "one", ttl_seconds: float = LONG) -> Lease | None:
    got = await storage.leases.acquire([name], holder=by, ttl_seconds=ttl_seconds)
    return got[0] if got else None


async def overtaken(storage: Storage) -> tuple[Lease, Lease]:
    """A lease that ran out, and the next holder's lease."""
    old = await taken(storage, ttl_seconds=SHORT)
    async with asyncio.timeout(30):
        while (new := await taken(storage, by="two")) is None:  # noqa: ASYNC110 - the database's clock wakes nobody
            await asyncio.sleep(0.002)
    assert old is not None
    return old, new


async def test_one_of_many_takers_gets_each_lease(storage: Storage) -> None:
    names = ["pbx:c", "pbx:a", "pbx:b"]
    takers = (storage.leases.acquire(names[:: 1 - 2 * (n % 2)], holder=str(n), ttl_seconds=LONG) for n in range(6))
    got = [lease for leases in await asyncio.gather(*takers) for lease in leases]
    assert sorted(lease.name for lease in got) == sorted(names)
    assert {lease.token for lease in got} == {1}


async def test_a_lease_that_runs_out_goes_to_somebody_else_with_a_larger_token(storage: Storage) -> None:
    old, new = await overtaken(storage)
    assert new.token > old.token
    assert await storage.leases.renew([old], ttl_seconds=LONG) == []
    await storage.leases.release([old])  # the old holder has no say any more
    assert await taken(storage, by="three") is None
    assert await storage.leases.renew([new], ttl_seconds=LONG) == [new]


async def test_a_lease_that_ran_out_and_that_nobody_took_can_be_renewed(storage: Storage) -> None:
    lease = await taken(storage, ttl_seconds=SHORT)
    assert lease is not None
    await asyncio.sleep(0.01)
    assert await storage.leases.renew([lease], ttl_seconds=LONG) == [lease]
    assert await taken(storage, by="two") is None


async def test_a_released_lease_is_free_at_once_and_its_tokens_go_on(storage: Storage) -> None:
    first = await taken(storage)
    assert first is not None
    await storage.leases.release([first])
    second = await taken(storage, by="two")
    assert second is not None
    assert second.token > first.token


async def test_several_are_renewed_and_released_together(storage: Storage) -> None:
    leases = await storage.leases.acquire(["a", "b"], holder="one", ttl_seconds=LONG)
    strange = Lease("nobody's", 1)
    assert await storage.leases.renew([*leases, strange], ttl_seconds=LONG) == leases
    await storage.leases.release([*leases, strange])
    assert len(await storage.leases.acquire(["a", "b"], holder="two", ttl_seconds=LONG)) == 2
    assert await storage.leases.renew([], ttl_seconds=LONG) == []


async def test_who_was_overtaken_cannot_write(storage: Storage) -> None:
    old, new = await overtaken(storage)
    call = a_call()
    step = SavedStep(call=call, intents=[an_intent(call)], event={"event": "x"})
    for stale in (old, Lease("pbx:never", 1)):
        with pytest.raises(LeaseLost):
            await storage.calls.save([step], fence=stale)
    assert await storage.calls.get(OFFICE, call.id) is None
    assert (await storage.outbox.depth())[OutboxState.WAITING] == 0
    await storage.calls.save([step], fence=new)
    assert await storage.calls.get(OFFICE, call.id) == call


async def test_a_lease_is_not_taken_in_the_middle_of_its_holders_write(storage: Storage) -> None:
    """In any order of execution: the new holder finds what the old one wrote."""
    old = await taken(storage, ttl_seconds=SHORT)
    assert old is not None
    for number in range(20):
        saving = asyncio.create_task(storage.calls.save([SavedStep(call=a_call(number))], fence=old))
        new = await taken(storage, by=f"taker {number}", ttl_seconds=SHORT)
        found_at_once = await storage.calls.get(OFFICE, a_call(number).id)
        try:
            await saving
        except LeaseLost:
            assert await storage.calls.get(OFFICE, a_call(number).id) is None
        else:
            if new is not None:
                assert found_at_once is not None
        old = new or old


@pytest.mark.servers
async def test_nobody_waits_for_a_lease_that_is_locked_by_a_transaction(postgres_url: str, tmp_path: Path) -> None:
    """For example of a process that was paused in the middle of one."""
    storage = await open_storage(postgres_url, tmp_path)
    await overtaken(storage)
    await storage.leases.release([Lease("pbx:a", 2), Lease("pbx:a", 3)])
    is_locked = asyncio.Event()

    def lock(connection: Connection) -> None:
        connection.execute(text("SELECT * FROM leases WHERE name = 'pbx:a' FOR UPDATE"))
        is_locked.set()
        connection.execute(text("SELECT pg_sleep(2)"))

    paused = asyncio.create_task(storage.database.write(lock))
    await is_locked.wait()
    assert await storage.leases.acquire(["pbx:a", "pbx:b"], holder="two", ttl_seconds=LONG) == [Lease("pbx:b", 1)]
    assert not paused.done()
    await paused
    assert len(await storage.leases.acquire(["pbx:a"], holder="two", ttl_seconds=LONG)) == 1
    await storage.close()
