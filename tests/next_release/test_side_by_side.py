"""Three processes are replaced by those of the next release, one by one, while people talk: nothing is lost.

`tests/contract/test_steps.py` tests in detail what waits and what is refused.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e.dozvon_process import DozvonProcess
from tests.next_release import CONTRACTED, EXPANDED
from tests.scaled.steady_calls import SteadyCalls, ask
from tests.scaled.town import PATIENCE_SECONDS, Town, open_town

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]
_WAITS = "a step waits until no process of an older release runs"


async def _replace(town: Town, number: int) -> DozvonProcess:
    """Stop one process and start the next release's in its place."""
    old = town.processes[number]
    assert await old.stop() == 0
    new = DozvonProcess(old.config, old.url, town.session, module="tests.next_release")
    town.processes[number] = new
    new.launch()
    await new.says("started", timeout_seconds=PATIENCE_SECONDS)
    return new


async def test_a_release_takes_over_from_the_one_before_while_people_talk(tmp_path: Path) -> None:
    async with open_town(tmp_path) as town:
        traffic = SteadyCalls(town)
        calls = asyncio.create_task(traffic.run())
        await traffic.go_on()

        await traffic.are_in_the_middle()
        first = await _replace(town, 0)
        assert [entry["now"] for entry in first.said("the database took a step")] == [EXPANDED]
        assert first.said(_WAITS)
        await traffic.go_on()
        again = town.another("again")  # a process of the old release may still be started
        await again.start()
        assert await again.says("the database is ahead of this release")
        assert await again.stop() == 0

        await traffic.are_in_the_middle()
        second = await _replace(town, 1)
        assert second.said(_WAITS)
        await traffic.go_on()
        await traffic.are_in_the_middle()
        third = await _replace(town, 2)
        assert [entry["now"] for entry in third.said("the database took a step")] == [CONTRACTED]
        await traffic.go_on()

        late = town.another("late")
        late.launch()
        assert await late.ended(timeout_seconds=PATIENCE_SECONDS) == 2
        assert "The database belongs to a newer release" in late.text()
        traffic.stop()
        await calls
        await town.in_the_crm(traffic.made)

        origins = [origin for (origin,) in await ask(town, "SELECT origin FROM calls")]
        assert len(origins) == traffic.made
        assert set(origins) == {"before", None}  # from before the step, and from code that does not know it
        assert await ask(town, "SELECT knows FROM processes") == [(CONTRACTED,)] * 3
