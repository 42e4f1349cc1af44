"""Whenever the database fails while a call is delivered, the CRM has the call, the entry, contact and task once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from integration.domain.calls.events import CallEvent
from integration.errors import StorageUnavailable, Unavailable
from integration.ports.stores import OutboxState
from integration.testing import FakeClock
from tests.services.conftest import STRANGER, World, answered_call, missed_call, open_world
from tests.services.test_delivery import outgoing_call, wav

_SECONDS = 1800  # in which the outbox empties, with all its repeats
_STEP_SECONDS = 15.0

Written = dict[str, int]
Parts = Sequence[Iterable[CallEvent]]
"""What the PBX says, in parts: each is delivered before the next."""

NOTHING = {"calls": 0, "entries": 0, "contacts": 0, "tasks": 0, "closed": 0}
STORIES: dict[str, tuple[Callable[[float], Parts], Written]] = {
    "a client's talk": (lambda at: [answered_call(at)], {"calls": 1}),
    "a missed call": (lambda at: [missed_call(at)], {"calls": 1, "tasks": 1}),
    "a talk after a missed call": (
        lambda at: [missed_call(at), outgoing_call(at + 600, "+79161234567", "2.0")],
        {"calls": 2, "tasks": 1, "closed": 1},
    ),
    "a stranger": (lambda at: [missed_call(at, STRANGER)], {"entries": 1}),
    "two calls of a stranger": (
        lambda at: [[*missed_call(at, STRANGER), *missed_call(at + 30, STRANGER, "2.0")]],
        {"calls": 1, "entries": 1},
    ),
    "a stranger who was called": (lambda at: [outgoing_call(at, STRANGER, "1.0")], {"calls": 1, "contacts": 1}),
}


@dataclass
class Failing:
    """Lets the database fail `times` times, from request number `first` on: before the request, or after it."""

    first: int
    times: int
    is_after: bool
    asked: int = 0

    def between(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def asked(*args: Any) -> Any:
            number = self.asked
            self.asked += 1
            fails = self.first <= number < self.first + self.times
            if fails and not self.is_after:
                raise StorageUnavailable("The database cannot be used.")
            result = await method(*args)
            if fails:
                raise StorageUnavailable("The database cannot be used.")
            return result

        return asked


def _written(world: World) -> Written:
    return {
        "calls": sum(len(records) for records in world.crm.notes.values()),
        "entries": len(world.crm.inbox),
        "contacts": sum("+79990001122" in person.phones for person in world.crm.persons.values()),
        "tasks": len(world.crm.tasks),
        "closed": sum(task.result is not None for task in world.crm.tasks),
    }


async def _deliver(world: World) -> None:
    passed = 0.0
    is_empty = False
    while passed < _SECONDS and not is_empty:
        with suppress(Unavailable):  # `Delivery.run` tries again after a second
            await world.deliver(after=_STEP_SECONDS)
            is_empty = not await world.waiting()
        passed += _STEP_SECONDS


async def _wrong(world: World, parts: Parts, expected: Written, failing: Failing) -> list[str]:
    """What is not as it should be after the story."""
    world.pbx.files["in.wav"] = wav(0.1)
    database = world.storage.database
    for events in parts:
        await world.emit(*events)
        async with asyncio.timeout(30):
            while world.tracking.unsaved_steps:  # noqa: ASYNC110 - a busy machine stores the events a moment later
                await asyncio.sleep(0.01)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(database, "read", failing.between(database.read))
            patch.setattr(database, "write", failing.between(database.write))
            await _deliver(world)
    left = [f"{item.key} waits: {item.last_error}" for item in await world.waiting()]
    dead = [f"{key} is dead" for key in await world.in_state(OutboxState.DEAD)]
    written = {name: number for name, number in _written(world).items() if number != (NOTHING | expected)[name]}
    return [*left, *dead, *(f"{name}: {number}" for name, number in written.items())]


@pytest.mark.parametrize("is_after", [False, True], ids=["before the request", "after the request"])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("name", STORIES)
async def test_a_database_that_fails_at_any_moment_doubles_and_loses_nothing(
    name: str, times: int, is_after: bool, tmp_path: Path
) -> None:
    story, expected = STORIES[name]
    wrong: dict[int, list[str]] = {}
    for first in itertools.count():
        failing = Failing(first, times, is_after)
        folder = tmp_path / str(first)
        folder.mkdir()
        async with open_world(folder, FakeClock()) as world:
            if found := await _wrong(world, story(world.clock.now()), expected, failing):
                wrong[first] = found
        if failing.asked <= first:
            break
    assert first > 5, "nothing was asked"
    assert not wrong
