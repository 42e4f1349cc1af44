"""Notes of calls on every database: no change is lost, and each is delivered behind the call's own entry."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from integration.domain.calls.intents import Intent, IntentKind
from integration.domain.calls.notes import CallNote, to_deliver, typed
from integration.domain.ids import CallId, ManagerId, Timestamp
from integration.ports.notes import CallNotes
from integration.ports.stores import OutboxItem, SavedStep
from integration.storage import Storage
from tests.contract.calls import OFFICE, a_call

NOW = Timestamp(2e9)
CALL = a_call(1, caller="+79161234567")
ANNA, BORIS = ManagerId("610077"), ManagerId("610078")
HOSTILE = "\x00 \ud800 <b>'; DROP TABLE call_notes; --\n\u202e\U0001f600"


def implements(storage: Storage) -> CallNotes:
    return storage.notes  # read by the type checker


def append(word: str, note: CallNote) -> CallNote:
    return typed(note, text=note.text + word, now=NOW)


def intents(note: CallNote) -> tuple[Intent, ...]:
    return to_deliver(note, NOW)


async def write(storage: Storage, word: str, manager: ManagerId = ANNA) -> CallNote:
    return await storage.notes.change(OFFICE, CALL.id, manager, lambda note: append(word, note), intents)


async def queued(storage: Storage) -> list[str]:
    return [item.key for item in reversed(await of_call(storage))]


async def of_call(storage: Storage) -> list[OutboxItem]:
    return await storage.outbox.of_call(OFFICE, CALL.id)


async def begin(storage: Storage) -> None:
    await storage.calls.save([SavedStep(call=CALL)])


async def end(storage: Storage) -> None:
    entry = Intent(call=CALL.id, kind=IntentKind.LOG_CALL, key=IntentKind.LOG_CALL)
    await storage.calls.save([SavedStep(call=CALL, intents=[entry])])


async def test_changes_at_the_same_time_are_all_kept(storage: Storage) -> None:
    await begin(storage)
    await asyncio.gather(*(write(storage, "x") for _ in range(20)))
    note = await storage.notes.get(OFFICE, CALL.id, ANNA)
    assert note is not None
    assert (note.text, note.revision) == ("x" * 20, 20)


async def test_each_manager_has_a_note_and_their_order_stays(storage: Storage) -> None:
    await begin(storage)
    await write(storage, "первый", BORIS)
    await write(storage, "второй", ANNA)
    await write(storage, " и ещё", BORIS)
    notes = await storage.notes.of_call(OFFICE, CALL.id)
    assert {note.manager: note.text for note in notes} == {BORIS: "первый и ещё", ANNA: "второй"}
    assert await storage.notes.of_call(OFFICE, CallId("pbx:9")) == []


async def test_nothing_is_queued_before_the_calls_entry_and_what_was_written_is_queued_behind_it(
    storage: Storage,
) -> None:
    await begin(storage)
    await write(storage, "во время разговора")
    assert await queued(storage) == []
    await end(storage)
    assert await storage.notes.queue_for(OFFICE, CALL.id, intents) == 1
    await write(storage, " и после")
    assert await queued(storage) == ["log_call", f"write_note:{ANNA}:0"]


async def test_a_note_that_is_written_while_the_call_ends_is_queued_by_one_of_the_two(storage: Storage) -> None:
    """The entry's delivery looks for notes after the end is stored; a change looks for the entry."""
    await begin(storage)

    async def ends() -> None:
        await end(storage)
        await storage.notes.queue_for(OFFICE, CALL.id, intents)

    await asyncio.gather(write(storage, "x"), ends(), write(storage, "y"))
    assert sorted(await queued(storage)) == ["log_call", f"write_note:{ANNA}:0"]


async def test_a_change_that_is_refused_changes_nothing(storage: Storage) -> None:
    await begin(storage)
    await write(storage, "есть")

    def refuse(note: CallNote) -> CallNote:
        raise ValueError(note.text)

    with pytest.raises(ValueError, match="есть"):
        await storage.notes.change(OFFICE, CALL.id, ANNA, refuse, intents)
    assert (await write(storage, "")).revision == 1


async def test_hostile_text_comes_back_as_it_was(storage: Storage) -> None:
    await begin(storage)
    note = await storage.notes.change(
        OFFICE, CALL.id, ANNA, lambda each: replace(each, revision=1, text=HOSTILE), intents
    )
    assert await storage.notes.get(OFFICE, CALL.id, ANNA) == note
    assert note.text == HOSTILE
