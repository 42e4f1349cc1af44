"""What of one account goes first, when more waits than the CRM takes."""

from __future__ import annotations

import pytest

from integration.domain.calls.call import Call
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.ports.stores import SavedStep
from integration.storage import Storage
from integration.testing import FakeClock
from tests.contract.calls import OFFICE, a_call, an_intent

CLIENT, FLOOD = "89161234567", "8999{:07}"
IVAN = Person(ref=EntityRef(EntityKind.CONTACT, "5"), name="Иван", responsible=None, phones=(CLIENT,), updated_at=1)


async def _missed(storage: Storage, number: int, caller: str, *keys: str) -> Call:
    call = a_call(number, caller=caller, ended_at=Timestamp(1001.0 + number))
    await storage.calls.save([SavedStep(call=call, intents=[an_intent(call, key) for key in keys or ("log_call",)])])
    return call


async def _flood(storage: Storage, calls: range) -> None:
    for number in calls:
        await _missed(storage, number, FLOOD.format(number))


async def _claimed(storage: Storage, clock: FakeClock, limit: int = 1) -> list[str]:
    items = await storage.outbox.claim(OFFICE, now=clock.now(), lease_seconds=60, limit=limit)
    for item in items:
        await storage.outbox.done(item, {})
    return [item.call for item in items]


@pytest.fixture(autouse=True)
async def _client(storage: Storage) -> None:
    await storage.phone_book.put_persons(OFFICE, [IVAN], numbering=DEFAULT_NUMBERING)


@pytest.mark.parametrize("limit", [1, 3, 8])
async def test_clients_and_talks_are_not_behind_a_flood_of_strangers(
    storage: Storage, clock: FakeClock, limit: int
) -> None:
    await _flood(storage, range(40))
    clock.advance(30)
    known = await _missed(storage, 100, CLIENT)
    talk = a_call(101, caller=FLOOD.format(101), answered_at=Timestamp(1102.0), ended_at=Timestamp(1110.0))
    await storage.calls.save([SavedStep(call=talk, intents=[an_intent(talk)])])
    order = [call for _ in range(8 // limit) for call in await _claimed(storage, clock, limit)]
    assert {known.id, talk.id} <= set(order[:3])


async def test_strangers_do_not_starve_behind_clients_who_go_first(storage: Storage, clock: FakeClock) -> None:
    await _flood(storage, range(5))
    for number in range(50, 80):
        talk = a_call(number, answered_at=Timestamp(1000.0 + number), ended_at=Timestamp(1001.0 + number))
        await storage.calls.save([SavedStep(call=talk, intents=[an_intent(talk)])])
    order = [call for _ in range(20) for call in await _claimed(storage, clock)]
    assert [order.index(f"pbx:{number}") for number in range(5)] == [3, 7, 11, 15, 19]


async def test_the_rest_is_handed_out_by_its_time(storage: Storage, clock: FakeClock) -> None:
    await _flood(storage, range(6))
    order = [call for _ in range(3) for call in await _claimed(storage, clock, 2)]
    assert order == [f"pbx:{number}" for number in range(6)]


async def test_the_order_of_a_call_stays(storage: Storage, clock: FakeClock) -> None:
    known = await _missed(storage, 100, CLIENT, "fetch_recording", "log_call", "create_task")
    keys = []
    for _ in range(3):
        (item,) = await storage.outbox.claim(OFFICE, now=clock.now(), lease_seconds=60, limit=8)
        await storage.outbox.done(item, {})
        keys.append((item.call, item.key))
    assert keys == [(known.id, "fetch_recording"), (known.id, "log_call"), (known.id, "create_task")]


async def test_a_flood_that_bears_a_clients_number_does_not_hold_up_the_other_clients(
    storage: Storage, clock: FakeClock
) -> None:
    other = Person(ref=EntityRef(EntityKind.CONTACT, "6"), name="Олег", responsible=None, phones=("89031112233",))
    await storage.phone_book.put_persons(OFFICE, [other], numbering=DEFAULT_NUMBERING)
    for number in range(30):
        await _missed(storage, number, CLIENT)
    clock.advance(10)
    second = await _missed(storage, 200, "89031112233")
    order = [call for _ in range(6) for call in await _claimed(storage, clock)]
    assert second.id in order


async def test_cards_keep_their_order(storage: Storage, clock: FakeClock) -> None:
    for number, caller in ((1, FLOOD.format(1)), (2, CLIENT)):
        call = a_call(number, caller=caller)
        intent = an_intent(call, "notify_crm:101", priority=Priority.CARD)
        await storage.calls.save([SavedStep(call=call, intents=[intent])])
    assert await _claimed(storage, clock, 2) == ["pbx:1", "pbx:2"]


async def test_what_waits_for_its_time_can_be_hastened(storage: Storage, clock: FakeClock) -> None:
    for number in (1, 2, 3):
        call = await _missed(storage, number, FLOOD.format(number))
        (item,) = await storage.outbox.claim(OFFICE, now=clock.now(), lease_seconds=60, limit=1)
        assert item.call == call.id
        if number < 3:
            later = Timestamp(clock.now() + 600)
            await storage.outbox.retry(item, at=later, error="waits", is_uncertain=False)
    assert (
        await storage.outbox.hasten_calls(OFFICE, [a_call(1).id, a_call(3).id], now=clock.now()) == 1
    )  # 3 is under way
    assert await _claimed(storage, clock, 8) == ["pbx:1"]
