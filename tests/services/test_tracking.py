"""From events to stored calls: a database that is away loses nothing, a gap of the link closes what ended in it."""

from __future__ import annotations

import asyncio

import pytest

from integration.domain.call import Disposition
from integration.domain.ids import Timestamp
from integration.errors import Unavailable
from integration.storage.calls import SqlCallStore
from tests.services.conftest import ACME, ANNA, World, answered, answered_call, call, ended, offered, started


async def test_the_last_state_and_its_timeline_are_stored(world: World) -> None:
    now = world.clock.now()
    await world.emit(*answered_call(now))
    stored = await world.storage.calls.get(ACME, call())
    assert stored is not None
    assert (stored.disposition, stored.answered_by, stored.ended_at) == (Disposition.ANSWERED, "101", now + 60)
    timeline = await world.storage.calls.timeline(ACME, call())
    assert [event["event"] for event in timeline][:2] == ["CallStarted", "RecordingStarted"]
    assert world.tracking.live_calls == []


async def test_a_repeated_event_changes_and_queues_nothing(world: World) -> None:
    events = list(answered_call(world.clock.now()))
    await world.emit(*events)
    queued = [item.id for item in await world.waiting()]
    await world.emit(*events)
    assert [item.id for item in await world.waiting()] == queued


async def test_a_live_call_goes_on_after_a_restart(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    again = type(world.tracking)(world.account, world.storage.calls, world.clock, [], asyncio.Event())
    await again.on_events([*answered(now + 3, "101"), ended(now + 9)])
    stored = await world.storage.calls.get(ACME, call())
    assert stored is not None
    assert (stored.disposition, stored.started_at, stored.talked_seconds) == (Disposition.ANSWERED, now, 6.0)


async def test_what_ended_while_nobody_watched_is_closed_once_and_logged(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    later = Timestamp(now + 30)
    await world.tracking.on_resync(frozenset(), later)
    await world.tracking.on_resync(frozenset(), Timestamp(later + 1))
    stored = await world.storage.calls.get(ACME, call())
    assert stored is not None
    assert (stored.disposition, stored.ended_at, stored.end_inferred) == (Disposition.MISSED, later, True)
    assert [item.key for item in await world.waiting()].count("log_call") == 1


async def test_what_the_pbx_still_has_is_left_alone(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    await world.tracking.on_resync(frozenset({call()}), Timestamp(now + 30))
    assert [c.id for c in world.tracking.live_calls] == [call()]


async def test_a_full_disk_loses_no_step_and_stops_no_card(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    saves = SqlCallStore.save
    is_full = True

    async def save(store: SqlCallStore, steps: object) -> None:
        if is_full:
            raise Unavailable("the disk is full")
        await saves(store, steps)  # type: ignore[arg-type]

    monkeypatch.setattr(SqlCallStore, "save", save)
    page = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    async with asyncio.timeout(5):
        assert (await page.messages.get())["type"] == "call_updated"  # type: ignore[index]
    await world.emit(*answered(now + 3, "101"), ended(now + 9))
    assert world.tracking.unsaved_steps > 0
    is_full = False
    await world.tracking.close()  # writes what waits
    stored = await world.storage.calls.get(ACME, call())
    assert stored is not None
    assert stored.disposition is Disposition.ANSWERED
    assert [item.key for item in await world.waiting()].count("log_call") == 1
