"""How the amoCRM connector uses its allowed rate."""

from __future__ import annotations

import asyncio

import pytest

from connectors.amocrm.api.pacing import Blocked, Breaker, Pacer, Slot, turn
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityKind, EntityRef
from tests import virtual_time
from tests.adapters.amocrm_kit import ANNA, Office, contact, number


def test_every_queue_gets_its_turn() -> None:
    firsts = [turn(served)[0] for served in range(16)]
    assert firsts.count(Priority.IMPORT) == 2
    assert firsts.count(Priority.LOG) == 2
    assert firsts.count(Priority.CARD) == 12


async def test_cards_overtake_and_nobody_starves() -> None:
    pacer = Pacer(200)
    order: list[Priority] = []

    async def ask(priority: Priority) -> None:
        pacer.answered(await pacer.slot(priority))
        order.append(priority)

    pacer.answered(await pacer.slot(Priority.CARD))
    waiting = [Priority.IMPORT] * 3 + [Priority.LOG] * 3 + [Priority.CARD] * 8
    await asyncio.gather(*(ask(priority) for priority in waiting))
    assert order[:2] == [Priority.CARD, Priority.CARD]
    assert order.index(Priority.LOG) < 4
    assert order.index(Priority.IMPORT) < 8
    assert sorted(order) == sorted(waiting)


def test_a_cancelled_request_gives_its_slot_away() -> None:
    async def main() -> float:
        pacer = Pacer(1)
        await pacer.slot(Priority.CARD)
        cancelled = asyncio.create_task(pacer.slot(Priority.CARD))
        waiting = asyncio.create_task(pacer.slot(Priority.LOG))
        await asyncio.sleep(0)
        cancelled.cancel()
        started = asyncio.get_running_loop().time()
        await waiting
        return asyncio.get_running_loop().time() - started

    assert virtual_time.run(main()) == pytest.approx(1.0, abs=0.01)  # one gap of a second, not two


async def test_a_request_that_is_cancelled_with_its_slot_does_not_block_the_others() -> None:
    loop = asyncio.get_running_loop()
    pacer = Pacer(1000)
    await pacer.slot(Priority.CARD)
    holder = asyncio.create_task(pacer.slot(Priority.CARD))
    await asyncio.sleep(0)
    (waiter,) = pacer._waiting[Priority.CARD]
    while loop.time() < pacer._ready_at():
        pass  # a millisecond without yielding: the slot is given below, before the task can run
    pacer._serve(loop)
    holder.cancel()
    await asyncio.wait([holder])
    assert holder.cancelled()
    assert waiter.result().answered_at is not None


async def test_the_eighth_request_waits_for_the_first_ones_answer_and_a_second() -> None:
    """The first request of a burst may arrive late (TLS): seven more must not arrive within a second of it."""
    pacer = Pacer(1000)
    loop = asyncio.get_running_loop()
    slots = [await pacer.slot(Priority.CARD) for _ in range(7)]
    eighth = asyncio.create_task(pacer.slot(Priority.CARD))
    for slot in slots[1:]:
        pacer.answered(slot)
    await asyncio.sleep(0.05)
    assert not eighth.done()
    pacer.answered(slots[0])
    answered_at = loop.time()
    assert (await eighth).at >= answered_at + 1


async def test_a_slot_that_is_given_late_does_not_put_off_those_after_it() -> None:
    pacer = Pacer(100)
    loop = asyncio.get_running_loop()
    first = await pacer.slot(Priority.CARD)
    waiting = asyncio.create_task(pacer.slot(Priority.CARD))
    await asyncio.sleep(0)
    while loop.time() < first.at + 0.015:
        pass  # the loop is busy when the second request is due
    late = await waiting
    assert pacer._next_at == pytest.approx(max(first.at + 0.02, late.at))  # at most one gap is caught up


async def test_pauses_after_429_double_once_a_burst_and_start_again() -> None:
    pacer = Pacer(6.5)
    slot = await pacer.slot(Priority.CARD)
    assert pacer.refused(slot) == pytest.approx(1, abs=0.5)
    assert pacer.refused(slot) == pytest.approx(1, abs=0.5)  # of the same burst

    def later() -> Slot:
        return Slot(asyncio.get_running_loop().time())

    assert pacer.refused(later()) == pytest.approx(2, abs=0.5)
    assert [round(pacer.refused(later())) for _ in range(6)] == [4, 8, 16, 32, 60, 60]
    pacer.accepted(later())
    assert pacer._refusals == 0


async def test_the_observed_rate_stays_below_amocrms_limit(crm: Office) -> None:
    """30 simultaneous requests of all three kinds, after those of the consent: no 429, and never 8 in a second."""
    await asyncio.gather(
        *(crm.crm.deal(EntityRef(EntityKind.DEAL, "1")) for _ in range(10)),
        *(crm.crm.person(contact(1)) for _ in range(10)),
        *(crm.crm.notify_ringing(number(), [ANNA]) for _ in range(10)),
    )
    assert crm.sandbox.traffic.max_rate <= 7
    assert "429" not in crm.sandbox.traffic.by_status


def test_several_forbidden_endpoints_in_a_row_open_the_breaker() -> None:
    now = [0.0]
    breaker = Breaker(300, now=lambda: now[0])
    assert not any(breaker.forbidden(path, is_blanket=False) for path in ("/a", "/b", "/a", "/c"))
    assert breaker.forbidden("/d", is_blanket=False)
    with pytest.raises(Blocked):
        breaker.check()
    now[0] = 301
    breaker.check()
    assert breaker.forbidden("/a", is_blanket=True)
    assert breaker.remaining_seconds == 600
    now[0] = 902
    breaker.passed()
    assert breaker.forbidden("/a", is_blanket=True)
    assert breaker.remaining_seconds == 300
