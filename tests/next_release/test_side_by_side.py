"""Three processes are replaced by those of the next release, one by one, while people talk: nothing is lost.

`tests/contract/test_steps.py` tests in detail what waits and what is refused.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from tests.e2e.crm_site import IVAN
from tests.e2e.dozvon_process import DozvonProcess
from tests.lab.waiting import until, until_told
from tests.next_release import CONTRACTED, EXPANDED
from tests.scaled.town import PATIENCE_SECONDS, Town, open_town

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]
_PAUSE_SECONDS = 0.5  # between calls: shorter would be too fast for the CRM
_WAITS = "a step waits until no process of an older release runs"


class Traffic:
    """Calls one after another, each long enough for a process to see it."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._is_over = False
        self.made = 0
        self.under_way = 0

    async def run(self) -> None:
        while not self._is_over:
            await self._town.talk(IVAN)
            self.under_way += 1
            await until_told(self._is_seen, timeout_seconds=PATIENCE_SECONDS)
            self._town.hang_up()
            self.made += 1
            await until(lambda: self._town.office.is_free("101"), timeout_seconds=PATIENCE_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _is_seen(self) -> bool:
        """Whether this call is in the journal; a call within the change of the link is only in the PBX's records."""
        ((seen,),) = await _ask(self._town, "SELECT count(*) > $1 FROM calls", self.made)
        return bool(seen)

    async def goes_on(self) -> None:
        """Wait for the end of a call that has not begun yet."""
        wanted = self.made + 2
        await until(lambda: self.made >= wanted, timeout_seconds=2 * PATIENCE_SECONDS)

    async def in_the_middle_of_a_call(self) -> None:
        wanted = self.under_way + 1
        await until(lambda: self.under_way >= wanted, timeout_seconds=PATIENCE_SECONDS)

    def stop(self) -> None:
        """Stop after the current call."""
        self._is_over = True


async def _replace(town: Town, number: int) -> DozvonProcess:
    """Stop one process and start the next release's in its place."""
    old = town.processes[number]
    assert await old.stop() == 0
    new = DozvonProcess(old.config, old.url, town.session, module="tests.next_release")
    town.processes[number] = new
    new.launch()
    await new.says("started", timeout_seconds=PATIENCE_SECONDS)
    return new


async def _ask(town: Town, query: str, *values: object) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(f"postgresql://dozvon@127.0.0.1:{town.postgres.port}/dozvon")
    try:
        return [tuple(row) for row in await connection.fetch(query, *values)]
    finally:
        await connection.close()


async def test_a_release_takes_over_from_the_one_before_while_people_talk(tmp_path: Path) -> None:
    async with open_town(tmp_path) as town:
        traffic = Traffic(town)
        calls = asyncio.create_task(traffic.run())
        await traffic.goes_on()

        await traffic.in_the_middle_of_a_call()
        first = await _replace(town, 0)
        assert [entry["now"] for entry in first.said("the database took a step")] == [EXPANDED]
        assert first.said(_WAITS)
        await traffic.goes_on()
        again = town.another("again")  # a process of the old release may still be started
        await again.start()
        assert await again.says("the database is ahead of this release")
        assert await again.stop() == 0

        await traffic.in_the_middle_of_a_call()
        second = await _replace(town, 1)
        assert second.said(_WAITS)
        await traffic.goes_on()
        await traffic.in_the_middle_of_a_call()
        third = await _replace(town, 2)
        assert [entry["now"] for entry in third.said("the database took a step")] == [CONTRACTED]
        await traffic.goes_on()

        late = town.another("late")
        late.launch()
        assert await late.ended(timeout_seconds=PATIENCE_SECONDS) == 2
        assert "The database belongs to a newer release" in late.text()
        traffic.stop()
        await calls
        await town.in_the_crm(traffic.made)

        origins = [origin for (origin,) in await _ask(town, "SELECT origin FROM calls")]
        assert len(origins) == traffic.made
        assert set(origins) == {"before", None}  # from before the step, and from code that does not know it
        assert await _ask(town, "SELECT knows FROM processes") == [(CONTRACTED,)] * 3
