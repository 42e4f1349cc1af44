"""What removed accounts have left: it is found, and deleted only where it is said, on both databases."""

from __future__ import annotations

import pytest

from integration.domain.ids import Timestamp
from integration.errors import Rejected
from integration.ports.leftovers import Leftover, Leftovers
from integration.ports.stores import OutboxState, SavedStep
from integration.storage import Storage
from integration.testing import FakeClock
from tests.contract.calls import OFFICE, OTHER, a_call, an_intent


def _is_port(storage: Storage) -> Leftovers:
    return storage.leftovers  # read by the type checker


async def _fill(storage: Storage, clock: FakeClock) -> None:
    """OFFICE has two calls, one delivery that waits, one that was given up and one that is done; OTHER one of each."""
    first, second = a_call(1), a_call(2)
    for call, keys in ((first, "abc"), (second, ""), (a_call(1, account=OTHER), "a")):
        await storage.calls.save([SavedStep(call=call, intents=[an_intent(call, key) for key in keys])])
    (item,) = await storage.outbox.claim(OFFICE, now=clock.now(), lease_seconds=60, limit=10)
    await storage.outbox.dead(item, error="refused")
    (item,) = await storage.outbox.claim(OFFICE, now=clock.now(), lease_seconds=60, limit=10)
    await storage.outbox.done(item, {"id": "7"})


async def test_nothing_is_left_of_accounts_that_are_there(storage: Storage, clock: FakeClock) -> None:
    assert await storage.leftovers.found(besides=[]) == []
    await _fill(storage, clock)
    assert await storage.leftovers.found(besides=[OFFICE, OTHER]) == []


async def test_what_is_left_is_counted_by_account(storage: Storage, clock: FakeClock) -> None:
    await _fill(storage, clock)
    (left,) = await storage.leftovers.found(besides=[OTHER])
    last = max(a_call(1).started_at, a_call(2).started_at)
    assert left == Leftover(account=OFFICE, waiting=1, dead=1, calls=2, last_call_at=Timestamp(last))
    assert [each.account for each in await storage.leftovers.found(besides=[])] == [OFFICE, OTHER]


async def test_an_account_of_which_only_calls_are_left_is_found(storage: Storage) -> None:
    await storage.calls.save([SavedStep(call=a_call(1))])
    (left,) = await storage.leftovers.found(besides=[OTHER])
    assert (left.account, left.waiting, left.dead, left.calls) == (OFFICE, 0, 0, 1)


async def test_its_deliveries_are_deleted_and_nothing_else(storage: Storage, clock: FakeClock) -> None:
    await _fill(storage, clock)
    assert await storage.leftovers.delete_deliveries(OFFICE) == 2
    (left,) = await storage.leftovers.found(besides=[OTHER])
    assert (left.waiting, left.dead, left.calls) == (0, 0, 2)
    assert [item.state for item in await storage.outbox.of_call(OFFICE, a_call(1).id)] == [OutboxState.DONE]
    assert await storage.outbox.depth_of(OTHER) == {OutboxState.WAITING: 1, OutboxState.DEAD: 0}
    assert await storage.leftovers.delete_deliveries(OFFICE) == 0


async def test_nothing_is_deleted_while_somebody_delivers_it(storage: Storage, clock: FakeClock) -> None:
    """Another server may have the account in its own configuration file."""
    await _fill(storage, clock)
    (item,) = await storage.outbox.claim(OFFICE, now=clock.now(), lease_seconds=60, limit=10)
    with pytest.raises(Rejected, match="delivers for the account"):
        await storage.leftovers.delete_deliveries(OFFICE)
    assert await storage.outbox.depth_of(OFFICE) == {OutboxState.WAITING: 1, OutboxState.DEAD: 1}
    await storage.outbox.retry(item, at=clock.now(), error="away", is_uncertain=False)
    assert await storage.leftovers.delete_deliveries(OFFICE) == 2
