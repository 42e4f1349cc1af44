"""Callbacks on every database: one place for each client who waits, one row for each call, nothing lost by a kill."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, text

from integration.domain.campaigns.callbacks import CallbackKind, campaign_of
from integration.domain.campaigns.model import CampaignState, EntryState
from integration.domain.ids import CallId, EntryId, ManagerId, Timestamp
from integration.domain.reasons import Reason
from integration.ports.callbacks import Asked, CallbackStore, NewCallback
from integration.ports.campaign_erasure import Forgetting
from integration.storage import Storage
from integration.testing import FakeClock
from tests.contract.calls import OFFICE, OTHER

ALL_LINES, ONE_LINE = campaign_of(None), campaign_of("74950000001")
ANNA, BORIS = "+79161234567", "+79262345678"
HOSTILE = "\x00 \ud800 <b>'; DROP TABLE callbacks; --"


def implements(storage: Storage) -> CallbackStore:
    """Read by the type checker."""
    return storage.callbacks


def a_callback(clock: FakeClock, call: str = "pbx:1", **changes: Any) -> NewCallback:
    usual = NewCallback(
        call=CallId(call),
        kind=CallbackKind.MISSED,
        campaign=ALL_LINES,
        campaign_name="Перезвоны",
        number=ANNA,
        zones=("Europe/Moscow",),
        asked_at=clock.now(),
        due_at=Timestamp(clock.now() + 600),
        name="Анна",
        responsible=ManagerId("610077"),
    )
    return replace(usual, **changes)


async def ask(storage: Storage, new: NewCallback) -> Asked:
    return await storage.callbacks.ask(OFFICE, new, office=OFFICE)


async def entry_of(storage: Storage, call: str = "pbx:1") -> EntryId:
    found = await storage.callbacks.of_call(OFFICE, CallId(call))
    assert found is not None
    return found.entry.id


async def states(storage: Storage) -> list[EntryState]:
    return [each.entry.state for each in await storage.callbacks.over(OFFICE)]


async def test_a_missed_call_makes_one_entry_however_often_its_step_is_repeated(
    storage: Storage, clock: FakeClock
) -> None:
    assert not await storage.callbacks.somebody_waits(OFFICE)
    new = a_callback(clock)
    answers = await asyncio.gather(*(ask(storage, new) for _ in range(4)))
    assert sorted(answers) == [Asked.TAKEN, Asked.TWICE, Asked.TWICE, Asked.TWICE]
    (one,) = await storage.callbacks.waiting(OFFICE)
    assert (one.call, one.kind, one.calls, one.asked_at) == (new.call, CallbackKind.MISSED, 1, new.asked_at)
    assert (one.entry.due_at, one.entry.responsible, one.entry.name) == (new.due_at, new.responsible, "Анна")
    assert await storage.callbacks.somebody_waits(OFFICE)
    assert await storage.dialling.at_work() == [(OFFICE, ALL_LINES)]
    assert await storage.campaigns.all(OFFICE) == []


async def test_later_calls_of_a_client_who_waits_belong_to_their_one_place_on_whatever_line(
    storage: Storage, clock: FakeClock
) -> None:
    await ask(storage, a_callback(clock))
    clock.advance(60)
    later = a_callback(clock, "pbx:2", campaign=ONE_LINE, kind=CallbackKind.ASKED)
    assert await ask(storage, later) is Asked.JOINED
    (one,) = await storage.callbacks.waiting(OFFICE)
    assert (one.call, one.kind, one.calls, one.entry.campaign) == (later.call, CallbackKind.ASKED, 2, ALL_LINES)
    assert await entry_of(storage, "pbx:1") == await entry_of(storage, "pbx:2")
    assert await storage.callbacks.asked_at(OFFICE, [one.entry.id]) == {one.entry.id: later.asked_at}


async def test_two_calls_of_one_client_at_the_same_time_make_one_place(storage: Storage, clock: FakeClock) -> None:
    news = [a_callback(clock, f"pbx:{number}") for number in range(6)]
    answers = await asyncio.gather(*(ask(storage, each) for each in news))
    assert sorted(answers) == [Asked.JOINED] * 5 + [Asked.TAKEN]
    assert len(await storage.callbacks.waiting(OFFICE)) == 1


async def test_a_talk_ends_what_was_asked_for_before_it_and_the_next_call_begins_anew(
    storage: Storage, clock: FakeClock
) -> None:
    await ask(storage, a_callback(clock))
    assert await storage.callbacks.reached(OFFICE, [BORIS, ANNA], at=clock.now()) == 0, "they called after the talk"
    clock.advance(30)
    assert await storage.callbacks.reached(OFFICE, [BORIS, ANNA], at=clock.now()) == 1
    assert await storage.callbacks.reached(OFFICE, [ANNA], at=clock.now()) == 0
    assert (await storage.callbacks.waiting(OFFICE), await states(storage)) == ([], [EntryState.REACHED])
    assert await ask(storage, a_callback(clock)) is Asked.TWICE, "that call has been answered for"
    assert await ask(storage, a_callback(clock, "pbx:2")) is Asked.TAKEN
    assert await entry_of(storage, "pbx:1") != await entry_of(storage, "pbx:2")
    counts = (await storage.campaigns.counts(OFFICE))[ALL_LINES]
    assert {state: count for state, count in counts.entries.items() if count} == {
        EntryState.REACHED: 1,
        EntryState.OPEN: 1,
    }


async def test_a_list_that_is_done_is_not_finished_while_somebody_is_added(storage: Storage, clock: FakeClock) -> None:
    async def finish() -> bool:
        finished = CampaignState.FINISHED
        return await storage.campaigns.set_state(OFFICE, ALL_LINES, finished, by="", only_from=[CampaignState.RUNNING])

    await ask(storage, a_callback(clock))
    assert not await finish()
    await storage.callbacks.reached(OFFICE, [ANNA], at=Timestamp(clock.now() + 1))
    assert await finish()
    await ask(storage, a_callback(clock, "pbx:2"))
    assert await storage.dialling.at_work() == [(OFFICE, ALL_LINES)]


async def test_a_number_that_is_not_called_waits_for_nothing(storage: Storage, clock: FakeClock) -> None:
    await storage.do_not_call.add(OFFICE, [ANNA], lists_of=[OFFICE], by="Ольга", why="просил")
    assert await ask(storage, a_callback(clock)) is Asked.DO_NOT_CALL
    assert await storage.callbacks.waiting(OFFICE) == []
    assert await storage.callbacks.of_call(OFFICE, CallId("pbx:1")) is None


async def test_a_number_that_is_set_to_do_not_call_leaves_the_list(storage: Storage, clock: FakeClock) -> None:
    await ask(storage, a_callback(clock))
    await storage.do_not_call.add(OFFICE, [ANNA], lists_of=[OFFICE], by="Ольга", why="просил")
    assert await states(storage) == [EntryState.DO_NOT_CALL]


async def test_why_they_wait_is_remembered_and_who_cancelled_it(storage: Storage, clock: FakeClock) -> None:
    await ask(storage, a_callback(clock))
    entry = await entry_of(storage)
    why = Reason(code="named_away", detail={"until": "5.0"})
    await storage.callbacks.put_off(OFFICE, {entry: why, EntryId(99): why})
    (one,) = await storage.callbacks.waiting(OFFICE)
    assert one.why == why
    assert await storage.callbacks.cancel(OFFICE, entry, by=HOSTILE)
    assert not await storage.callbacks.cancel(OFFICE, entry, by="Ольга")
    (over,) = await storage.callbacks.over(OFFICE)
    assert over.entry.state is EntryState.REMOVED
    assert "DROP TABLE" in over.cancelled_by


async def test_a_cancellation_can_be_undone_until_the_client_calls_again(storage: Storage, clock: FakeClock) -> None:
    await ask(storage, a_callback(clock))
    entry = await entry_of(storage)
    assert not await storage.callbacks.restore(OFFICE, entry)
    await storage.callbacks.cancel(OFFICE, entry, by="Ольга")
    clock.advance(3600)
    assert await storage.callbacks.restore(OFFICE, entry)
    (one,) = await storage.callbacks.waiting(OFFICE)
    assert (one.entry.due_at, one.cancelled_by) == (clock.now(), "")
    await storage.callbacks.cancel(OFFICE, entry, by="Ольга")
    await ask(storage, a_callback(clock, "pbx:2"))
    assert not await storage.callbacks.restore(OFFICE, entry), "the later one waits"
    assert len(await storage.callbacks.waiting(OFFICE)) == 1


async def test_entries_of_other_campaigns_are_no_callbacks(storage: Storage, clock: FakeClock) -> None:
    from tests.contract.test_campaigns import PLAN, SPRING, somebody

    await storage.campaigns.make(OFFICE, SPRING, PLAN, by="Ольга")
    await storage.entries.add(OFFICE, SPRING, [somebody(ANNA)], office=OFFICE)
    assert not await storage.callbacks.cancel(OFFICE, EntryId(1), by="Ольга")
    assert not await storage.callbacks.restore(OFFICE, EntryId(1))
    assert await storage.callbacks.get(OFFICE, EntryId(1)) is None
    assert await storage.callbacks.waiting(OFFICE) == []


async def test_a_person_who_is_forgotten_leaves_every_callback_also_those_that_have_ended(
    storage: Storage, clock: FakeClock
) -> None:
    for call in ("pbx:1", "pbx:2"):
        await ask(storage, a_callback(clock, call))
        clock.advance(30)
        await storage.callbacks.reached(OFFICE, [ANNA], at=clock.now())
    await ask(storage, a_callback(clock, "pbx:3", number=BORIS))
    assert await storage.campaign_erasure.forget([OFFICE, OTHER], ANNA) is Forgetting.DONE

    def left(connection: Connection) -> list[str]:
        rows = [*connection.execute(text("SELECT * FROM callbacks"))]
        rows += [*connection.execute(text("SELECT * FROM campaign_entries"))]
        return [str(row) for row in rows]

    found = await storage.database.read(left, OFFICE)
    assert len(found) == 2
    assert not any(ANNA in each for each in found)


@pytest.mark.parametrize("limit", [1, 3])
async def test_the_next_ones_come_first_and_the_newest_that_ended(
    storage: Storage, clock: FakeClock, limit: int
) -> None:
    for number in range(3):
        due = Timestamp(clock.now() + 600 - number)
        await ask(storage, a_callback(clock, f"pbx:{number}", number=f"+7916000000{number}", due_at=due))
    waiting = await storage.callbacks.waiting(OFFICE, limit=limit)
    assert [each.call for each in waiting] == ["pbx:2", "pbx:1", "pbx:0"][:limit]
    for each in await storage.callbacks.waiting(OFFICE):
        clock.advance(1)
        await storage.callbacks.cancel(OFFICE, each.entry.id, by="Ольга")
    assert [each.call for each in await storage.callbacks.over(OFFICE, limit=limit)] == ["pbx:0", "pbx:1", "pbx:2"][
        :limit
    ]
    assert await storage.callbacks.over(OTHER) == []
