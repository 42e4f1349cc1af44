"""How often the outbox's worker looks, how much it does at once, and how long an attempt may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from integration.domain.calls.intents import IntentKind, Priority
from integration.domain.ids import AccountId, CallId, Timestamp
from integration.domain.settings import AccountSettings
from integration.errors import Rejected, Unavailable
from integration.ports.stores import OutboxItem, OutboxState
from integration.services.accounts import Account
from integration.services.delivery import Delivery, Expired
from integration.testing import FakeCrm, FakePbx
from tests import virtual_time

ACME = AccountId("acme")
NEVER = Timestamp(1e9)


class LoopClock:
    def now(self) -> Timestamp:
        return Timestamp(asyncio.get_running_loop().time())


def item(number: int = 1, account: AccountId = ACME, expires_at: float | None = None) -> OutboxItem:
    return OutboxItem(
        id=number,
        account=account,
        call=CallId(f"p:{number}"),
        kind=IntentKind.LOG_CALL,
        key="log_call",
        priority=Priority.LOG,
        state=OutboxState.WAITING,
        queued_at=Timestamp(0.0),
        not_before=Timestamp(0.0),
        expires_at=Timestamp(expires_at) if expires_at is not None else None,
        attempts=1,
        is_uncertain=False,
        last_error=None,
        payload={},
        result=None,
    )


@dataclass
class Waiting:
    """An outbox in memory: waiting items can be claimed once, and every request is recorded with its time."""

    items: list[OutboxItem] = field(default_factory=list)
    due_next: float | None = None
    look_seconds: float = 0.0
    claim_seconds: float = 0.0
    away_until: float = 0.0
    outcomes_lost: set[int] = field(default_factory=set)
    kept: Callable[[], bool] = lambda: True
    looks: list[float] = field(default_factory=list)
    claims: list[tuple[AccountId, int]] = field(default_factory=list)
    extended: list[tuple[float, float, int]] = field(default_factory=list)  # when, until when, how many
    outcomes: list[tuple[int, str, float]] = field(default_factory=list)
    claiming: int = 0
    claiming_at_most: int = 0

    async def accounts_due(self, *, now: Timestamp) -> list[AccountId]:
        loop = asyncio.get_running_loop()
        self.looks.append(round(loop.time(), 6))
        await asyncio.sleep(self.look_seconds)
        if loop.time() < self.away_until:
            raise Unavailable("the database is away")
        return list(dict.fromkeys(each.account for each in self.items))

    async def next_due(self, *, now: Timestamp) -> Timestamp | None:
        return None if self.due_next is None else Timestamp(self.due_next)

    async def claim(self, account: AccountId, *, now: Timestamp, lease_seconds: float, limit: int) -> list[OutboxItem]:
        self.claims.append((account, limit))
        self.claiming += 1
        self.claiming_at_most = max(self.claiming_at_most, self.claiming)
        await asyncio.sleep(self.claim_seconds)
        self.claiming -= 1
        mine = [each for each in self.items if each.account == account][:limit]
        self.items = [each for each in self.items if each not in mine]
        return mine

    async def extend(self, items: Sequence[OutboxItem], *, until: Timestamp) -> set[int]:
        self.extended.append((asyncio.get_running_loop().time(), until, len(items)))
        if "lost" in {each.account for each in items}:
            raise Unavailable("the database is away")
        return {each.id for each in items} if self.kept() else set()

    async def done(self, item: OutboxItem, result: dict[str, Any]) -> None:
        self._note(item, "done")

    async def retry(self, item: OutboxItem, *, error: str, **_: Any) -> None:
        self._note(item, error)

    async def dead(self, item: OutboxItem, *, error: str) -> None:
        self._note(item, f"dead: {error}")

    async def expire(self, item: OutboxItem) -> None:
        self._note(item, "expired")

    def _note(self, item: OutboxItem, outcome: str) -> None:
        if item.id in self.outcomes_lost:
            raise Unavailable("the database is away")
        self.outcomes.append((item.id, outcome, round(asyncio.get_running_loop().time(), 3)))


class TheseAccounts:
    def __init__(self, ids: Collection[AccountId]) -> None:
        self._all = {each: Account(AccountSettings(account=each), FakeCrm(), [FakePbx()]) for each in ids}

    def get(self, account: AccountId) -> Account | None:
        return self._all.get(account)


Step = Callable[[Account, OutboxItem], Awaitable[dict[str, Any]]]


def taking(seconds: float) -> Step:
    async def step(_: Account, __: OutboxItem) -> dict[str, Any]:
        await asyncio.sleep(seconds)
        return {}

    return step


def worker(outbox: Waiting, step: Step | None = None, accounts: Collection[AccountId] = (ACME,)) -> Delivery:
    """Made inside the loop."""
    steps = {IntentKind.LOG_CALL: step or taking(0.0)}
    return Delivery(TheseAccounts(accounts), outbox, steps, LoopClock(), asyncio.Event())  # type: ignore[arg-type]


def running(
    outbox: Waiting,
    seconds: float,
    step: Step | None = None,
    *,
    meanwhile: Callable[[Delivery], Coroutine[Any, Any, None]] | None = None,
) -> Delivery:
    """Let a worker run for this long."""

    async def main() -> Delivery:
        delivery = worker(outbox, step)
        tasks = [asyncio.create_task(delivery.run())]
        if meanwhile is not None:
            tasks.append(asyncio.create_task(meanwhile(delivery)))
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert asyncio.all_tasks() == {asyncio.current_task()}, "the worker left something running"
        return delivery

    return virtual_time.run(main())


def every(pause: float, until: float) -> list[float]:
    return [round(n * pause, 6) for n in range(int(until / pause) + 1)]


# ---- how often it looks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("due_next", "seconds", "expected"),
    [
        (None, 12, [0, 5, 10]),  # another process may have queued something
        (NEVER, 12, [0, 5, 10]),
        (2.0, 2.5, [0, 2, 2.1, 2.2, 2.3, 2.4]),
        (-7.0, 0.35, [0, 0.1, 0.2, 0.3]),  # overdue, but nothing can be claimed: no busy loop
    ],
    ids=["nothing waits", "something waits for long", "something waits for two seconds", "something is overdue"],
)
def test_it_looks_when_something_is_due_and_every_five_seconds(
    due_next: float | None, seconds: float, expected: list[float]
) -> None:
    outbox = Waiting(due_next=due_next)
    running(outbox, seconds)
    assert outbox.looks == expected


def test_what_is_due_and_cannot_be_begun_is_looked_at_every_tenth_of_a_second() -> None:
    outbox = Waiting([item(n) for n in range(9)])  # one more than an account's attempts at once
    running(outbox, 1.05, taking(10.0))
    assert outbox.looks == every(0.1, 1.0)
    assert len(outbox.items) == 1


def test_what_removed_accounts_have_left_makes_nobody_look_more_often() -> None:
    """It is due forever."""
    outbox = Waiting([item(account=AccountId("of nobody here"))])
    running(outbox, 12)
    assert outbox.looks == [0, 5, 10]
    assert outbox.claims == []


async def _wake_all_the_time(delivery: Delivery) -> None:
    while True:
        delivery.wake.set()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("look_seconds", "apart"), [(0.0, 0.1), (0.02, 0.1), (0.05, 0.25), (0.08, 0.4), (0.1, 0.5), (0.2, 0.5)]
)
def test_a_look_that_takes_long_is_not_taken_often(look_seconds: float, apart: float) -> None:
    """At most a fifth of the time, at least twice a second, and at most ten times a second however often woken."""
    outbox = Waiting(look_seconds=look_seconds)
    running(outbox, 3 * apart + 0.005, meanwhile=_wake_all_the_time)
    assert outbox.looks == pytest.approx([0, apart, 2 * apart, 3 * apart], abs=0.001)


def test_it_looks_as_soon_as_it_is_woken() -> None:
    async def wake(delivery: Delivery) -> None:
        await asyncio.sleep(1.5)
        delivery.wake.set()

    outbox = Waiting()
    running(outbox, 7, meanwhile=wake)
    assert outbox.looks == [0, 1.5, 6.5]


def test_a_storage_that_is_away_is_asked_again_every_second() -> None:
    outbox = Waiting([item()], away_until=2.5)
    running(outbox, 3.5)
    assert outbox.looks[:4] == [0, 1, 2, 3]
    assert outbox.outcomes == [(1, "done", 3.0)]


def test_the_next_item_of_a_call_begins_as_soon_as_the_one_before_it_has_ended() -> None:
    """Nothing else wakes the worker then."""
    outbox = Waiting([item(1)])

    async def step(_: Account, each: OutboxItem) -> dict[str, Any]:
        await asyncio.sleep(0.7)
        if each.id == 1:
            outbox.items.append(item(2))
        return {}

    running(outbox, 3.0, step)
    assert outbox.outcomes == [(1, "done", 0.7), (2, "done", 1.4)]


# ---- how much it does at once ----------------------------------------------------------------------------------------


def test_an_account_has_eight_attempts_at_once() -> None:
    outbox = Waiting([item(n) for n in range(20)])
    running(outbox, 29.0, taking(10.0))
    ends = [when for _, _, when in outbox.outcomes]
    assert [len([end for end in ends if end < limit]) for limit in (9.9, 10.3, 19.9, 20.4)] == [0, 8, 8, 16]
    assert all(limit > 0 for _, limit in outbox.claims), "an account that is busy enough is not asked for"


def test_room_for_one_attempt_is_used() -> None:
    outbox = Waiting([item(n) for n in range(7)])

    async def one_more(delivery: Delivery) -> None:
        await asyncio.sleep(2.0)
        outbox.items.append(item(7))
        delivery.wake.set()

    running(outbox, 13.0, taking(10.0), meanwhile=one_more)
    assert outbox.outcomes[-1] == (7, "done", 12.0)


def test_all_accounts_are_begun_eight_claims_at_once() -> None:
    ids = [AccountId(f"a{n}") for n in range(20)]
    outbox = Waiting([item(n, each) for n, each in enumerate(ids)], claim_seconds=0.01)

    async def main() -> Delivery:
        delivery = worker(outbox, accounts=ids)
        await delivery.drain()
        return delivery

    delivery = virtual_time.run(main())
    assert sorted(n for n, outcome, _ in outbox.outcomes if outcome == "done") == list(range(20))
    assert outbox.claiming_at_most == 8
    assert [account for account, _ in outbox.claims] == ids
    assert delivery.counts == {(IntentKind.LOG_CALL, "done"): 20}


# ---- how long an attempt may last ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "is_kept", "outcome", "ended"),
    [
        (23.0, False, "done", 23.0),
        (25.0, False, "not finished in time", 24.0),  # the lease ends after 30 s: another may begin it then
        (25.0, True, "done", 25.0),
        (89.0, True, "done", 89.0),
        (91.0, True, "not finished in time", 90.0),
    ],
)
def test_an_attempt_lasts_as_long_as_its_lease_and_ninety_seconds_at_most(
    seconds: float, is_kept: bool, outcome: str, ended: float
) -> None:
    outbox = Waiting([item()], kept=lambda: is_kept)
    running(outbox, 95.0, taking(seconds))
    assert outbox.outcomes == [(1, outcome, ended)]


def test_a_lease_that_was_kept_once_ends_twenty_four_seconds_later() -> None:
    answers = [True, False]
    outbox = Waiting([item()], kept=lambda: answers.pop(0) if answers else False)
    running(outbox, 95.0, taking(80.0))
    assert outbox.outcomes == [(1, "not finished in time", 32.0)]


def test_a_database_that_hangs_at_the_claim_takes_that_time_from_the_attempt() -> None:
    """The lease counts from when it was asked for."""
    outbox = Waiting([item()], claim_seconds=7.0, kept=lambda: False)
    running(outbox, 95.0, taking(25.0))
    assert outbox.outcomes == [(1, "not finished in time", 24.0)]


def test_leases_are_extended_by_thirty_seconds_every_eight() -> None:
    outbox = Waiting([item(1), item(2)])
    running(outbox, 30.0, taking(20.0))
    assert outbox.extended == [(8.0, 38.0, 2), (16.0, 46.0, 2)]


def test_a_failure_for_one_account_does_not_cost_the_others_their_leases() -> None:
    ids = [AccountId("lost"), ACME]
    outbox = Waiting([item(n, each) for n, each in enumerate(ids)])

    async def main() -> None:
        delivery = worker(outbox, taking(60.0), accounts=ids)
        task = asyncio.create_task(delivery.run())
        await asyncio.sleep(70.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    virtual_time.run(main())
    assert outbox.outcomes == [(0, "not finished in time", 24.0), (1, "done", 60.0)]


@pytest.mark.parametrize(("expires_at", "outcome"), [(4.9, "expired"), (5.0, "done"), (5.1, "done"), (None, "done")])
def test_an_item_is_worth_something_until_it_expires(expires_at: float | None, outcome: str) -> None:
    outbox = Waiting()

    async def queue(delivery: Delivery) -> None:
        await asyncio.sleep(5.0)
        outbox.items.append(item(expires_at=expires_at))
        delivery.wake.set()

    running(outbox, 6.0, meanwhile=queue)
    assert outbox.outcomes == [(1, outcome, 5.0)]


def test_a_step_may_find_its_item_worthless() -> None:
    async def step(_: Account, each: OutboxItem) -> dict[str, Any]:
        raise Expired

    outbox = Waiting([item()])
    delivery = running(outbox, 1.0, step)
    assert outbox.outcomes == [(1, "expired", 0.0)]
    assert delivery.counts == {(IntentKind.LOG_CALL, "expired"): 1}


def test_what_was_done_is_counted_with_its_time() -> None:
    outbox = Waiting()

    async def queue(delivery: Delivery) -> None:
        await asyncio.sleep(7.0)
        outbox.items.extend([item(1), item(2), item(3)])
        delivery.wake.set()

    async def step(_: Account, each: OutboxItem) -> dict[str, Any]:
        await asyncio.sleep(each.id / 2)
        if each.id == 3:
            raise Rejected("400")
        return {}

    delivery = running(outbox, 9.0, step, meanwhile=queue)
    assert delivery.counts == {(IntentKind.LOG_CALL, "done"): 2, (IntentKind.LOG_CALL, "dead"): 1}
    assert delivery.milliseconds_spent == {IntentKind.LOG_CALL: 3000}


def test_an_outcome_that_cannot_be_recorded_stops_nothing() -> None:
    outbox = Waiting([item(1), item(2)])
    outbox.outcomes_lost = {1}
    delivery = running(outbox, 1.0)
    assert [number for number, _, _ in outbox.outcomes] == [2]
    assert delivery.counts == {(IntentKind.LOG_CALL, "failed"): 1, (IntentKind.LOG_CALL, "done"): 1}
