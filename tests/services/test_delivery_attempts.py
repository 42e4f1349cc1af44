"""The outbox's worker after an attempt: uncertain outcomes stay uncertain, waits and leases end in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from integration.domain.calls.intents import IntentKind
from integration.domain.ids import Timestamp, record_key
from integration.domain.numbers.phone import PhoneNumber
from integration.errors import AuthFailed, DozvonError, OutcomeUnknown, RateLimited, Unavailable
from integration.ports.crm import CallRecord
from integration.ports.stores import OutboxItem, OutboxState
from integration.services import delivery as worker
from integration.services.delivery import NotYet
from integration.testing import FakeCrm
from tests.services.conftest import ACME, IVAN, World, call, missed_call

Step = Callable[..., Awaitable[dict[str, Any]]]


async def log_item(world: World, uniqueid: str = "1.0") -> OutboxItem:
    [item] = [i for i in await world.storage.outbox.of_call(ACME, call(uniqueid)) if i.kind is IntentKind.LOG_CALL]
    return item


def replace_step(world: World, monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    monkeypatch.setitem(world.delivery._steps, IntentKind.LOG_CALL, step)


async def test_what_may_be_there_is_looked_for_also_after_a_failure_that_says_nothing(world: World) -> None:
    """The answer to the write is lost, then the CRM is away: a 503 does not mean that the write did not happen."""
    await world.emit(*missed_call(world.clock.now()))
    world.crm.fail_after = [OutcomeUnknown("timeout")]
    await world.deliver()
    assert (await log_item(world)).is_uncertain
    for _ in range(3):
        world.crm.fail_before = [Unavailable("503")]
        await world.deliver(after=60)
        item = await log_item(world)
        assert (item.state, item.is_uncertain) == (OutboxState.WAITING, True)
    await world.deliver_with_pauses()
    assert world.crm.logged(record_key(call())) == 1


async def test_a_failure_before_anything_was_sent_is_not_uncertain(world: World) -> None:
    await world.emit(*missed_call(world.clock.now()))
    world.crm.fail_before = [Unavailable("503")]
    await world.deliver()
    assert not (await log_item(world)).is_uncertain


async def test_waiting_for_something_is_no_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait has the given length each time, and an uncertain outcome stays uncertain."""
    seen: list[bool] = []

    async def waits(_: object, item: OutboxItem) -> dict[str, Any]:
        seen.append(item.is_uncertain)
        if len(seen) == 1:
            raise OutcomeUnknown("timeout")
        raise NotYet("the other one is not there", seconds=7.0)

    await world.emit(*missed_call(world.clock.now()))
    replace_step(world, monkeypatch, waits)
    await world.deliver()
    for _ in range(12):
        await world.deliver(after=60)
        item = await log_item(world)
        assert (item.not_before - world.clock.now(), item.last_error) == (7.0, "the other one is not there")
    assert seen == [False, *[True] * 12]
    assert (await log_item(world)).attempts == 13


async def test_a_wait_of_weeks_does_not_use_up_the_time_for_trying(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[BaseException] = [
        NotYet("until a person has decided", seconds=3600.0, afresh=True),
        Unavailable("503"),
    ]

    async def waits_long(_: object, __: OutboxItem) -> dict[str, Any]:
        raise steps[0]

    await world.emit(*missed_call(world.clock.now()))
    replace_step(world, monkeypatch, waits_long)
    for _ in range(20):
        await world.deliver(after=86_400)
    item = await log_item(world)
    assert (item.attempts, item.queued_at) == (0, world.clock.now())
    steps.pop(0)
    await world.deliver(after=3601)
    item = await log_item(world)
    assert (item.state, item.attempts) == (OutboxState.WAITING, 1)
    await world.deliver(after=15 * 86_400)  # failing for this long, it is given up
    assert (await log_item(world)).state is OutboxState.DEAD


async def test_an_attempt_that_is_cut_off_may_have_had_its_effect(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(_: object, __: OutboxItem) -> dict[str, Any]:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    monkeypatch.setattr(worker, "_HOLD_SECONDS", 0.0)
    await world.emit(*missed_call(world.clock.now()))
    replace_step(world, monkeypatch, endless)
    await world.deliver()
    item = await log_item(world)
    assert (item.state, item.is_uncertain, item.last_error) == (OutboxState.WAITING, True, "not finished in time")


@pytest.mark.parametrize(
    ("is_kept", "seconds_left", "expected"),
    [(True, 90.0, worker._HOLD_SECONDS), (True, 5.0, 5.0), (False, 90.0, 1.0)],
    ids=["kept", "at the cap of 90 s", "lost"],
)
async def test_the_deadline_moves_with_the_lease_and_never_past_the_cap(
    world: World, monkeypatch: pytest.MonkeyPatch, is_kept: bool, seconds_left: float, expected: float
) -> None:
    """`expected`: seconds until the attempt ends. With a lost lease it keeps its old deadline, 1 s."""
    await world.emit(*missed_call(world.clock.now()))
    [item] = await world.storage.outbox.claim(ACME, now=Timestamp(world.clock.now() + 60), lease_seconds=30, limit=1)

    async def extend(items: Sequence[OutboxItem], *, until: Timestamp) -> set[int]:
        assert until == world.clock.now() + worker._LEASE_SECONDS
        return {item.id} if is_kept else set()

    monkeypatch.setattr(world.delivery, "_outbox", _With(world.storage.outbox, extend))
    now = asyncio.get_running_loop().time()
    async with asyncio.timeout_at(now + 1.0) as deadline:
        world.delivery._attempts[item.id] = worker._Attempt(item, deadline, now + seconds_left)
        await world.delivery._extend([item])
        when = deadline.when()
    assert when is not None
    assert when - now == pytest.approx(expected, abs=0.5)


class _With:
    """An outbox with another `extend`."""

    def __init__(self, outbox: Any, extend: Any) -> None:
        self._outbox = outbox
        self.extend = extend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)


def test_the_cap_is_ninety_seconds_and_a_hold_ends_before_its_lease() -> None:
    assert worker._ATTEMPT_SECONDS == 90.0
    assert worker._EXTEND_EVERY_SECONDS * 2 < worker._HOLD_SECONDS < worker._LEASE_SECONDS


async def test_an_attempt_is_given_its_cap_and_its_first_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[float, float]] = []

    async def looks(_: object, item: OutboxItem) -> dict[str, Any]:
        attempt = world.delivery._attempts[item.id]
        now = asyncio.get_running_loop().time()
        when = attempt.deadline.when()
        assert when is not None
        found.append((when - now, attempt.latest - now))
        return {}

    await world.emit(*missed_call(world.clock.now()))
    replace_step(world, monkeypatch, looks)
    await world.deliver()
    [(hold, latest)] = found
    assert hold == pytest.approx(24.0, abs=2.0)
    assert latest == pytest.approx(90.0, abs=2.0)
    assert world.delivery._attempts == {}


async def test_who_lost_the_lease_says_nothing_of_a_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process has the item now: our failure must not free it for a third one."""

    async def overtaken(_: object, __: OutboxItem) -> dict[str, Any]:
        world.clock.advance(31)  # the lease ran out meanwhile
        [theirs] = await world.storage.outbox.claim(ACME, now=world.clock.now(), lease_seconds=30, limit=1)
        assert theirs.is_uncertain
        raise Unavailable("503")

    await world.emit(*missed_call(world.clock.now()))
    replace_step(world, monkeypatch, overtaken)
    await world.deliver()
    item = await log_item(world)
    assert (item.state, item.last_error) == (OutboxState.WAITING, None)
    assert await world.storage.outbox.claim(ACME, now=world.clock.now(), lease_seconds=30, limit=1) == []


async def test_one_clients_calls_are_written_one_after_the_other_and_two_clients_side_by_side(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way: list[str] = []
    seen: set[tuple[str, ...]] = set()

    async def log_to_inbox(crm: FakeCrm, record: CallRecord) -> Any:
        under_way.append(record.client.written)
        for _ in range(50):  # gives others many chances to interfere
            seen.add(tuple(sorted(under_way)))
            await asyncio.sleep(0.002)
        under_way.remove(record.client.written)
        return await real(crm, record)

    real = FakeCrm.log_to_inbox
    monkeypatch.setattr(FakeCrm, "log_to_inbox", log_to_inbox)
    monkeypatch.setattr(FakeCrm, "log_call", _as_slow(FakeCrm.log_call, under_way, seen))
    now = world.clock.now()
    for number, caller in enumerate(("79990001122", "79990001122", "79990001133")):
        await world.emit(*missed_call(now, caller, f"{number}.0"))
    await world.deliver_with_pauses()
    assert ("+79990001122", "+79990001122") not in seen
    assert ("+79990001122", "+79990001133") in seen


def _as_slow(real: Any, under_way: list[str], seen: set[tuple[str, ...]]) -> Any:
    async def log_call(crm: FakeCrm, record: CallRecord, target: Any) -> Any:
        under_way.append(record.client.written)
        for _ in range(10):
            seen.add(tuple(sorted(under_way)))
            await asyncio.sleep(0.002)
        under_way.remove(record.client.written)
        return await real(crm, record, target)

    return log_call


async def test_of_several_calls_of_one_client_the_first_searches_the_crm_for_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[str] = []
    real = FakeCrm.find_persons

    async def find_persons(crm: FakeCrm, number: PhoneNumber, **named: Any) -> Any:
        searches.append(number.e164)
        for _ in range(20):
            await asyncio.sleep(0.002)
        return await real(crm, number, **named)

    monkeypatch.setattr(FakeCrm, "find_persons", find_persons)
    await world.storage.phone_book.remove(ACME, [IVAN.ref])
    for number in range(4):
        await world.emit(*missed_call(world.clock.now(), uniqueid=f"{number}.0"))
    await world.deliver_with_pauses()
    assert len(world.crm.notes[IVAN.ref]) == 4
    assert searches == ["+79161234567"]


@pytest.mark.parametrize(
    ("failure", "at_least", "at_most"),
    [
        (Unavailable("503"), 1.6, 2.4),
        (OutcomeUnknown("timeout"), 1.6, 2.4),
        (RateLimited("429", retry_after_seconds=60), 60.0, 60.0),
        (AuthFailed("401"), 30.0, 30.0),  # an administrator has to act
    ],
)
async def test_the_first_wait_is_short_unless_the_crm_asks_for_more(
    world: World, failure: DozvonError, at_least: float, at_most: float
) -> None:
    await world.emit(*missed_call(world.clock.now()))
    world.crm.fail_before = [failure]
    await world.deliver()
    waits = (await log_item(world)).not_before - world.clock.now()
    assert at_least <= round(waits, 3) <= at_most
