"""What every Outbox does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from integration.domain.calls.call import Call
from integration.domain.calls.intents import IntentKind, Priority
from integration.domain.ids import Timestamp
from integration.errors import Unavailable
from integration.ports.stores import Outbox, OutboxItem, OutboxState, SavedStep
from integration.storage import Storage
from integration.testing import FakeClock
from tests.contract.calls import OFFICE, OTHER, a_call, an_intent


def _is_port(storage: Storage) -> Outbox:
    return storage.outbox  # read by the type checker


async def _queue(storage: Storage, call: Call, *keys: str, **changes: Any) -> None:
    await storage.calls.save([SavedStep(call=call, intents=[an_intent(call, key, **changes) for key in keys])])


async def _claim(storage: Storage, clock: FakeClock, *, lease: float = 60.0, limit: int = 10) -> list[OutboxItem]:
    return await storage.outbox.claim(OFFICE, now=clock.now(), lease_seconds=lease, limit=limit)


async def test_only_the_oldest_waiting_item_of_a_call_is_claimed(storage: Storage, clock: FakeClock) -> None:
    await _queue(storage, a_call(1), "first", "second")
    await _queue(storage, a_call(2), "other")
    claimed = await _claim(storage, clock)
    assert [(item.call, item.key) for item in claimed] == [("pbx:1", "first"), ("pbx:2", "other")]
    assert await _claim(storage, clock) == []  # leased: and what comes after it waits too
    await storage.outbox.done(claimed[0], {"id": "7"})
    assert [item.key for item in await _claim(storage, clock)] == ["second"]
    assert await storage.outbox.results(OFFICE, a_call(1).id) == {"first": {"id": "7"}}


async def test_an_item_carries_what_its_intent_said(storage: Storage, clock: FakeClock) -> None:
    moment = clock.now()
    await _queue(
        storage,
        a_call(),
        "k",
        kind=IntentKind.CREATE_TASK,
        priority=Priority.CARD,
        payload={"text": "Ж\x00"},
        expires_at=Timestamp(moment + 5),
    )
    (item,) = await _claim(storage, clock)
    assert (item.kind, item.priority, item.payload) == (IntentKind.CREATE_TASK, Priority.CARD, {"text": "Ж\x00"})
    assert (item.queued_at, item.not_before, item.expires_at) == (moment, moment, moment + 5)
    assert (item.attempts, item.is_uncertain, item.last_error, item.result) == (1, False, None, None)


async def test_cards_come_before_logs_before_imports(storage: Storage, clock: FakeClock) -> None:
    for number, priority in enumerate((Priority.IMPORT, Priority.LOG, Priority.CARD)):
        await _queue(storage, a_call(number), "k", priority=priority)
    assert [item.priority for item in await _claim(storage, clock, limit=2)] == [Priority.CARD, Priority.LOG]


async def test_not_before_is_kept(storage: Storage, clock: FakeClock) -> None:
    later = Timestamp(clock.now() + 10)
    await _queue(storage, a_call(), "k", not_before=later)
    assert await _claim(storage, clock) == []
    assert await storage.outbox.accounts_due(now=clock.now()) == []
    assert await storage.outbox.next_due(now=clock.now()) == later
    clock.advance(10)
    assert await storage.outbox.accounts_due(now=clock.now()) == [OFFICE]
    assert len(await _claim(storage, clock)) == 1


async def test_next_due_of_an_empty_outbox_is_none(storage: Storage, clock: FakeClock) -> None:
    assert await storage.outbox.next_due(now=clock.now()) is None
    assert await storage.outbox.accounts_due(now=clock.now()) == []


async def test_what_is_due_already_hides_no_later_moment(storage: Storage, clock: FakeClock) -> None:
    """A removed account's deliveries stay due forever."""
    later = Timestamp(clock.now() + 10)
    await _queue(storage, a_call(1), "k")
    assert await storage.outbox.next_due(now=clock.now()) is None
    await _queue(storage, a_call(2), "k", not_before=later)
    assert await storage.outbox.next_due(now=clock.now()) == later


async def test_who_claims_after_a_crash_knows_that_it_may_have_succeeded(storage: Storage, clock: FakeClock) -> None:
    await _queue(storage, a_call(), "k")
    (first,) = await _claim(storage, clock, lease=30)
    assert await storage.outbox.next_due(now=clock.now()) == clock.now() + 30
    clock.advance(30)
    (second,) = await _claim(storage, clock, lease=30)
    assert not first.is_uncertain
    assert second.is_uncertain
    assert second.attempts == 2


async def test_a_new_start_frees_what_a_killed_process_held(storage: Storage, clock: FakeClock) -> None:
    await _queue(storage, a_call(), "k")
    await _claim(storage, clock, lease=3600)
    assert await storage.outbox.release() == 1
    (again,) = await _claim(storage, clock)
    assert again.is_uncertain


async def test_a_holder_that_comes_too_late_can_say_done_and_nothing_else(storage: Storage, clock: FakeClock) -> None:
    await _queue(storage, a_call(), "k")
    (late,) = await _claim(storage, clock, lease=1)
    clock.advance(2)
    (holder,) = await _claim(storage, clock)
    await storage.outbox.retry(late, at=clock.now(), error="late", is_uncertain=False)
    await storage.outbox.dead(late, error="late")
    await storage.outbox.expire(late)
    with pytest.raises(Unavailable):
        await storage.outbox.amend(late, {})
    assert await _claim(storage, clock) == []  # still the holder's
    await storage.outbox.done(late, {"by": "late"})
    await storage.outbox.retry(holder, at=clock.now(), error="too late now", is_uncertain=True)
    assert await _claim(storage, clock) == []
    assert await storage.outbox.results(OFFICE, holder.call) == {"k": {"by": "late"}}


async def test_a_retry_waits_and_remembers_its_error(storage: Storage, clock: FakeClock) -> None:
    await _queue(storage, a_call(), "k", "after")
    (item,) = await _claim(storage, clock)
    at = Timestamp(clock.now() + 5)
    await storage.outbox.retry(item, at=at, error="the CRM is away", is_uncertain=False)
    assert await _claim(storage, clock) == []  # the later item of the call does not overtake
    assert await storage.outbox.next_due(now=clock.now()) == at
    clock.advance(5)
    (again,) = await _claim(storage, clock)
    assert (again.key, again.attempts, again.last_error, again.is_uncertain) == ("k", 2, "the CRM is away", False)
    await storage.outbox.retry(again, at=clock.now(), error="no answer", is_uncertain=True)
    (third,) = await _claim(storage, clock)
    assert third.is_uncertain


async def test_what_was_decided_is_kept_for_the_retry(storage: Storage, clock: FakeClock) -> None:
    await _queue(storage, a_call(), "k", payload={"a": 1})
    (item,) = await _claim(storage, clock)
    amended = await storage.outbox.amend(item, {"a": 2})
    assert amended.payload == {"a": 2}
    await storage.outbox.retry(amended, at=clock.now(), error="", is_uncertain=False)
    (again,) = await _claim(storage, clock)
    assert again.payload == {"a": 2}


async def test_what_failed_at_the_crm_is_due_at_once_the_oldest_first(storage: Storage, clock: FakeClock) -> None:
    began = clock.now()
    kinds = (IntentKind.LOG_CALL, IntentKind.FETCH_RECORDING, IntentKind.LOG_CALL, IntentKind.LOG_CALL)
    for number, kind in enumerate(kinds, start=1):
        await _queue(storage, a_call(number), f"{number}", kind=kind)
        clock.advance(1)
    await _queue(storage, a_call(9), "untried", kind=IntentKind.LOG_CALL, not_before=Timestamp(clock.now() + 600))
    for item in reversed(await _claim(storage, clock)):
        await storage.outbox.retry(item, at=Timestamp(clock.now() + 600), error="402", is_uncertain=True)
    assert await _claim(storage, clock) == []

    assert await storage.outbox.retry_now(OTHER, now=clock.now()) == 0
    assert await storage.outbox.retry_now(OFFICE, now=clock.now(), at_most=1) == 1
    (first,) = await _claim(storage, clock)
    assert (first.key, first.is_uncertain, first.not_before) == ("1", True, began)
    assert await storage.outbox.retry_now(OFFICE, now=clock.now()) == 2
    assert [item.key for item in await _claim(storage, clock)] == ["3", "4"]
    assert await storage.outbox.retry_now(OFFICE, now=clock.now()) == 0


async def test_a_dead_letter_is_seen_revived_and_holds_nobody_up(storage: Storage, clock: FakeClock) -> None:
    await _queue(storage, a_call(), "k", "after")
    (item,) = await _claim(storage, clock)
    await storage.outbox.dead(item, error="refused " + "x" * 5000)
    assert [i.key for i in await _claim(storage, clock)] == ["after"]
    (dead,) = await storage.outbox.listing(OFFICE, [OutboxState.DEAD])
    assert dead.id == item.id
    assert dead.last_error is not None
    assert dead.last_error.startswith("refused")
    assert not await storage.outbox.revive(OTHER, dead.id, now=clock.now())
    assert await storage.outbox.revive(OFFICE, dead.id, now=clock.now())
    assert not await storage.outbox.revive(OFFICE, dead.id, now=clock.now())
    (again,) = await _claim(storage, clock)
    assert (again.key, again.attempts, again.is_uncertain) == ("k", 1, True)


async def test_a_dead_letter_can_be_discarded_and_an_item_expires(storage: Storage, clock: FakeClock) -> None:
    await _queue(storage, a_call(), "k", "after")
    (item,) = await _claim(storage, clock)
    assert not await storage.outbox.discard(OFFICE, item.id)
    await storage.outbox.dead(item, error="refused")
    assert not await storage.outbox.discard(OTHER, item.id)
    assert await storage.outbox.discard(OFFICE, item.id)
    (after,) = await _claim(storage, clock)
    await storage.outbox.expire(after)
    assert await storage.outbox.depth() == {OutboxState.WAITING: 0, OutboxState.DEAD: 0}
    states = [each.state for each in await storage.outbox.of_call(OFFICE, item.call)]
    assert states == [OutboxState.EXPIRED, OutboxState.DISCARDED]
    assert await storage.outbox.of_call(OTHER, item.call) == []


async def test_what_waits_and_what_was_given_up_is_counted(storage: Storage, clock: FakeClock) -> None:
    await _queue(storage, a_call(), "k")
    (item,) = await _claim(storage, clock)
    await storage.outbox.dead(item, error="refused")
    await _queue(storage, a_call(account=OTHER), "k", "l")
    assert await storage.outbox.depth() == {OutboxState.WAITING: 2, OutboxState.DEAD: 1}
    assert await storage.outbox.depth_of(OFFICE) == {OutboxState.WAITING: 0, OutboxState.DEAD: 1}
    assert await storage.outbox.depth_of(OTHER) == {OutboxState.WAITING: 2, OutboxState.DEAD: 0}
    assert await storage.outbox.depth_by_account() == {
        OFFICE: {OutboxState.WAITING: 0, OutboxState.DEAD: 1},
        OTHER: {OutboxState.WAITING: 2, OutboxState.DEAD: 0},
    }


async def test_accounts_do_not_see_each_other(storage: Storage, clock: FakeClock) -> None:
    await _queue(storage, a_call(), "k")
    await _queue(storage, a_call(account=OTHER), "k")  # the same call id in another account
    (item,) = await _claim(storage, clock)
    assert item.account == OFFICE
    assert await storage.outbox.accounts_due(now=clock.now()) == [OTHER]
    await storage.outbox.done(item, {"id": "1"})
    assert await storage.outbox.results(OTHER, item.call) == {}
    assert [i.account for i in await storage.outbox.listing(OTHER, list(OutboxState))] == [OTHER]


async def test_many_claimers_never_get_the_same_item(storage: Storage, clock: FakeClock) -> None:
    for number in range(30):
        await _queue(storage, a_call(number), "k")
    claims = await asyncio.gather(*(_claim(storage, clock, limit=7) for _ in range(8)))
    ids = [item.id for claimed in claims for item in claimed]
    assert len(ids) == len(set(ids))
    rest = await _claim(storage, clock, limit=100)
    assert len(ids) + len(rest) == 30


async def test_a_lease_is_extended_for_who_still_has_it(storage: Storage, clock: FakeClock) -> None:
    await _queue(storage, a_call(1), "k")
    await _queue(storage, a_call(2), "k")
    first, second = await _claim(storage, clock, lease=10)
    await storage.outbox.done(second, {})
    assert await storage.outbox.extend([first, second], until=Timestamp(clock.now() + 60)) == {first.id}
    clock.advance(30)
    assert await _claim(storage, clock) == []
    clock.advance(31)
    (again,) = await _claim(storage, clock)
    assert await storage.outbox.extend([first], until=Timestamp(clock.now() + 60)) == set()
    assert await storage.outbox.extend([again], until=Timestamp(clock.now() + 60)) == {again.id}
