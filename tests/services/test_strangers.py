"""A stranger who calls several times becomes one entry in the CRM's inbox and one contact, whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from integration.domain.calls.call import Direction
from integration.domain.calls.events import CallEvent, CallStarted, ClientConnected
from integration.domain.crm.entities import EntityKind, EntityRef, InboxClosed
from integration.domain.ids import Timestamp, record_key
from integration.errors import NotFound, OutcomeUnknown, Rejected, Unavailable
from integration.ports.stores import OutboxState
from tests.services.conftest import (
    ACME,
    ANNA,
    STRANGER,
    World,
    answered,
    call,
    ended,
    missed_call,
    offered,
    started,
)

KEY = STRANGER[-10:]


def calls(world: World, numbers: Iterable[int], caller: str = STRANGER) -> list[CallEvent]:
    now = world.clock.now()
    return [event for n in numbers for event in missed_call(now + 20 * n, caller, f"{n}.0")]


def outgoing(at: float, uniqueid: str, *, answered: bool = True) -> list[CallEvent]:
    talk = [ClientConnected(call=call(uniqueid), at=Timestamp(at + 2), person="101", answered_by=STRANGER)]
    return [
        CallStarted(
            call=call(uniqueid),
            at=Timestamp(at),
            native_id=uniqueid,
            direction=Direction.OUTBOUND,
            caller="101",
            called=STRANGER,
        ),
        *(talk if answered else ()),
        ended(at + 9, uniqueid),
    ]


def keys(world: World, ref: EntityRef) -> set[str]:
    return {record.key for record in world.crm.notes[ref]}


def only_entry(world: World) -> Any:
    [entry] = world.crm.inbox_entries.values()
    return entry


async def result(world: World, uniqueid: str) -> dict[str, Any]:
    return (await world.storage.outbox.results(ACME, call(uniqueid)))["log_call"]


async def hear(world: World, closed: InboxClosed) -> None:
    await world.strangers.closed(world.account, [closed])


async def test_later_calls_are_written_into_the_entry_that_waits(world: World) -> None:
    await world.emit(*calls(world, range(1, 4)))
    await world.deliver_with_pauses()
    [first] = [record.key for record in world.crm.inbox]
    joined = {record_key(call(f"{n}.0")) for n in range(1, 4)} - {first}
    assert keys(world, only_entry(world).ref) == joined
    reasons = [[reason["code"] for reason in (await result(world, f"{n}.0"))["reasons"]] for n in range(1, 4)]
    assert sorted("joined_entry" in codes for codes in reasons) == [False, True, True]
    assert world.crm.tasks == []


async def test_calls_at_one_moment_make_one_entry(world: World) -> None:
    await world.emit(*calls(world, [0] * 1), *calls(world, range(1, 8)))
    await asyncio.gather(*(world.delivery.drain() for _ in range(2)))
    await world.deliver_with_pauses()
    assert len(world.crm.inbox) == 1
    assert len(keys(world, only_entry(world).ref)) == 7


async def test_a_lost_answer_makes_no_second_entry_by_the_next_call(world: World) -> None:
    """The first call's entry exists, but we do not know it; the next call must not make another."""
    await world.emit(*calls(world, [1]))
    world.crm.fail_after = [OutcomeUnknown("timeout")]
    await world.deliver()
    await world.emit(*calls(world, [2]))
    await world.delivery.drain()
    assert len(world.crm.inbox) == 1
    await world.deliver_with_pauses()
    assert len(world.crm.inbox) == 1
    assert keys(world, only_entry(world).ref) == {record_key(call("2.0"))}


async def test_a_call_whose_delivery_was_given_up_is_followed_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: Any) -> None:
        raise Rejected("Unsorted is off")

    with monkeypatch.context() as patch:
        patch.setattr(type(world.crm), "log_to_inbox", refused)
        await world.emit(*calls(world, [1]))
        await world.deliver()
    assert await world.in_state(OutboxState.DEAD) == ["log_call"]
    await world.emit(*calls(world, [2]))
    await world.deliver_with_pauses()
    assert [record.key for record in world.crm.inbox] == [record_key(call("2.0"))]


async def test_an_entry_of_a_call_that_was_given_up_after_a_lost_answer_is_found(world: World) -> None:
    await world.emit(*calls(world, [1]))
    world.crm.fail_after = [OutcomeUnknown("timeout")]
    await world.deliver()
    [item] = [each for each in await world.waiting() if each.key == "log_call"]
    await world.storage.outbox.dead(item, error="given up by a person")
    await world.emit(*calls(world, [2]))
    await world.deliver_with_pauses()
    assert [record.key for record in world.crm.inbox] == [record_key(call("1.0"))]
    assert keys(world, only_entry(world).ref) == {record_key(call("2.0"))}


async def test_a_talk_with_a_stranger_who_waits_joins_the_entry_and_makes_no_second_contact(world: World) -> None:
    await world.emit(*calls(world, [1]))
    await world.deliver()
    before = len(world.crm.persons)
    await world.emit(*outgoing(world.clock.now(), "2.0"), *outgoing(world.clock.now() + 30, "3.0", answered=False))
    await world.deliver_with_pauses()
    assert keys(world, only_entry(world).ref) == {record_key(call("2.0")), record_key(call("3.0"))}
    assert len(world.crm.persons) == before


# ---- a CRM that accepts no notes while the entry waits ---------------------------------------------------------------


async def test_what_the_crm_does_not_take_is_written_when_the_entry_is_accepted(world: World) -> None:
    world.crm.takes_notes_in_inbox = False
    await world.emit(*calls(world, range(1, 5)))
    await world.deliver_with_pauses(seconds=600)
    entry = only_entry(world)
    assert len([i for i in await world.waiting() if i.key == "log_call"]) == 3
    world.clock.advance(20 * 86_400)  # longer than anything is retried
    await hear(world, world.crm.accept(entry.ref.id))
    await world.delivery.drain()
    assert keys(world, entry.deal) == {record_key(call(f"{n}.0")) for n in range(1, 5)}
    assert await world.waiting() == []
    assert world.crm.inbox == []
    assert await world.in_state(OutboxState.DEAD) == []
    assert world.crm.tasks == []  # no task to call back after three weeks


async def test_what_the_crm_does_not_take_is_dropped_when_the_entry_is_declined(world: World) -> None:
    world.crm.takes_notes_in_inbox = False
    await world.emit(*calls(world, [1]))
    await world.deliver()
    await world.emit(*calls(world, [2]))
    await world.deliver_with_pauses(seconds=300)
    await hear(world, world.crm.decline(only_entry(world).ref.id))
    await world.delivery.drain()
    assert (await result(world, "2.0")) == {"skipped": "declined"}
    assert world.crm.inbox == []
    world.crm.inbox_entries.clear()
    await world.emit(*calls(world, [3]))
    await world.deliver_with_pauses()
    assert [record.key for record in world.crm.inbox] == [record_key(call("3.0"))]


async def test_without_a_webhook_the_decision_is_found_out_by_asking(world: World) -> None:
    world.crm.takes_notes_in_inbox = False
    await world.emit(*calls(world, [1]))
    await world.deliver()
    await world.emit(*calls(world, [2]))
    await world.deliver_with_pauses(seconds=300)
    entry = only_entry(world)
    world.crm.accept(entry.ref.id)
    await world.deliver_with_pauses()
    assert record_key(call("2.0")) in keys(world, entry.deal)
    person = await world.storage.phone_book.lookup(ACME, KEY)
    assert [each.ref for each in person] == [entry.person]
    await world.emit(*calls(world, [3]))
    await world.deliver_with_pauses()
    assert keys(world, entry.person) == {record_key(call("3.0"))}


async def test_one_stranger_is_not_asked_for_again_and_again_while_the_entry_waits(world: World) -> None:
    world.crm.takes_notes_in_inbox = False
    await world.emit(*calls(world, range(1, 40)))
    await world.deliver_with_pauses(seconds=120)
    asked: list[str] = []
    search, look = type(world.crm).find_persons, type(world.crm).inbox_entry

    async def find_persons(*args: Any, **named: Any) -> Any:
        asked.append("search")
        return await search(*args, **named)

    async def inbox_entry(*args: Any, **named: Any) -> Any:
        asked.append("look")
        return await look(*args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(world.crm), "find_persons", find_persons)
        patch.setattr(type(world.crm), "inbox_entry", inbox_entry)
        for _ in range(60):
            await world.deliver(after=60)
    assert len(asked) < 60  # 38 calls wait for an hour: one look serves all of them


# ---- a contact from the card, while an entry waits -------------------------------------------------------------------


async def test_a_contact_from_the_card_is_that_of_the_entry_that_waits(world: World) -> None:
    """The caller was missed twice, and is talking now. There is one contact, and all three calls are with it."""
    await world.emit(*calls(world, [1]))
    await world.deliver_with_pauses()
    entry = only_entry(world)
    world.crm.takes_notes_in_inbox = False
    await world.emit(*calls(world, [2]))
    await world.deliver_with_pauses()
    now = world.clock.now()
    await world.emit(started(now, STRANGER, "3.0"), offered(now, "101", "3.0"))
    person, created = await world.creations.create_contact(world.account, ANNA, call_id=call("3.0"), name="Пётр Новый")
    assert (person.ref, person.name, person.responsible, created) == (entry.person, "Пётр Новый", ANNA, True)
    await world.emit(*answered(now + 3, "101", "3.0"), ended(now + 9, "3.0"))
    await world.deliver_with_pauses()
    assert [each.name for each in world.crm.persons.values() if STRANGER[-10:] in str(each.phones)] == ["Пётр Новый"]
    assert world.crm.inbox == []
    assert [world.crm.logged(record_key(call(f"{n}.0"))) for n in (1, 2, 3)] == [1, 1, 1]
    assert await world.storage.strangers.get(ACME, KEY) is None


async def test_a_lost_answer_to_the_acceptance_makes_no_second_contact(world: World) -> None:
    await world.emit(*calls(world, [1]))
    await world.deliver_with_pauses()
    entry = only_entry(world)
    world.crm.fail_after = [OutcomeUnknown("timeout")]
    person, _ = await world.creations.create_contact(world.account, ANNA, call_id=call("1.0"), name="Пётр Новый")
    assert (person.ref, person.name) == (entry.person, "Пётр Новый")


async def test_an_entry_that_somebody_else_accepted_just_now_keeps_its_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.emit(*calls(world, [1]))
    await world.deliver_with_pauses()
    entry = only_entry(world)

    async def too_late(*_: Any, **__: Any) -> None:
        world.crm.accept(entry.ref.id)
        raise NotFound("The entry has left the inbox.")

    monkeypatch.setattr(type(world.crm), "accept_entry", too_late)
    person, _ = await world.creations.create_contact(world.account, ANNA, call_id=call("1.0"), name="Пётр Новый")
    assert person == world.crm.persons[entry.person]
    assert person.name != "Пётр Новый"


async def test_an_entry_that_was_declined_is_no_contact(world: World) -> None:
    await world.emit(*calls(world, [1]))
    await world.deliver_with_pauses()
    world.crm.decline(only_entry(world).ref.id)
    person, created = await world.creations.create_contact(world.account, ANNA, call_id=call("1.0"), name="Пётр Новый")
    assert (person.name, created) == ("Пётр Новый", True)
    assert await world.storage.strangers.get(ACME, KEY) is None


# ---- accepted, declined, deleted -------------------------------------------------------------------------------------


async def test_the_next_call_after_the_acceptance_is_the_contacts(world: World) -> None:
    await world.emit(*calls(world, [1]))
    await world.deliver()
    entry = only_entry(world)
    await hear(world, world.crm.accept(entry.ref.id))
    await world.emit(*calls(world, [2]))
    await world.deliver_with_pauses()
    assert keys(world, entry.person) == {record_key(call("2.0"))}
    assert world.crm.inbox == []


async def test_a_call_during_a_failure_goes_where_the_entry_went(world: World) -> None:
    await world.emit(*calls(world, [1]))
    await world.deliver()
    entry = only_entry(world)
    await world.emit(*calls(world, [2]))
    world.crm.fail_before = [Unavailable("503")]
    await world.deliver()
    world.crm.accept(entry.ref.id)
    await world.deliver_with_pauses()
    assert record_key(call("2.0")) in keys(world, entry.deal)
    assert world.crm.logged(record_key(call("2.0"))) == 1


async def test_a_lost_answer_of_a_later_call_is_looked_for_before_and_after_the_acceptance(world: World) -> None:
    await world.emit(*calls(world, [1]))
    await world.deliver()
    entry = only_entry(world)
    for number, accept in ((2, False), (3, True)):
        await world.emit(*calls(world, [number]))
        world.crm.fail_after = [OutcomeUnknown("timeout")]
        await world.deliver()
        if accept:
            await hear(world, world.crm.accept(entry.ref.id))
        await world.deliver_with_pauses()
        assert world.crm.logged(record_key(call(f"{number}.0"))) == 1


async def test_a_declined_entry_is_forgotten_and_the_next_call_makes_a_new_one(world: World) -> None:
    await world.emit(*calls(world, [1]))
    await world.deliver()
    world.crm.decline(only_entry(world).ref.id)  # without a webhook
    world.crm.inbox_entries.clear()
    await world.emit(*calls(world, [2]))
    await world.deliver_with_pauses()
    assert [record.key for record in world.crm.inbox] == [record_key(call("2.0"))]


async def test_two_strangers_do_not_share_an_entry(world: World) -> None:
    await world.emit(*calls(world, [1]), *calls(world, [2], "79990001133"))
    await world.deliver_with_pauses()
    assert len(world.crm.inbox) == 2


async def test_digits_that_are_no_number_make_an_entry_for_each_call(world: World) -> None:
    """Callers who show the same zeros are not one person."""
    await world.emit(*calls(world, [1, 2], "2667777"))
    await world.deliver_with_pauses()
    assert len(world.crm.inbox) == 2


async def test_an_entry_made_before_a_crash_is_not_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry and its row exist; the process died before it reached the outbox."""

    async def lost(*_: Any) -> None:
        raise Unavailable("the process is dead")

    with monkeypatch.context() as patch:
        patch.setattr(type(world.storage.outbox), "done", lost)
        await world.emit(*calls(world, [1]))
        await world.deliver()
    assert len(world.crm.inbox) == 1
    await world.deliver_with_pauses()
    again = await result(world, "1.0")
    assert (again["entity"]["kind"], again["entity"]["id"]) == (EntityKind.LEAD, only_entry(world).ref.id)
    assert len(world.crm.inbox) == 1
