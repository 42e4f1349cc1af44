"""Scheduled backups: when they are due, which process makes them, how many are kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from integration.errors import Unavailable
from integration.services.backups import ScheduledBackups
from integration.testing import FakeClock

HOUR = 3600


class Office:
    """A folder, a clock that tests move, and the written backups."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.failures: list[Exception] = []
        self._lock = asyncio.Lock()

    def backups(self, *, keep: int = 3) -> ScheduledBackups:
        return ScheduledBackups(
            self.folder, every_hours=24, keep=keep, clock=self.clock, write=self._write, alone=self._alone
        )

    async def _write(self, target: Path) -> None:
        if self.failures:
            raise self.failures.pop()
        await asyncio.sleep(0)
        target.touch(exist_ok=False)  # noqa: ASYNC240

    @asynccontextmanager
    async def _alone(self, _name: str) -> AsyncIterator[None]:
        async with self._lock:
            yield

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "backups")


async def test_one_is_made_when_it_is_due_and_a_restart_repeats_none(office: Office) -> None:
    assert await office.backups().step() == 24 * HOUR
    assert await office.backups().step() == 24 * HOUR
    assert office.files() == ["dozvon-20231114T221320Z.tar.gz"]
    office.clock.advance(23 * HOUR)
    assert await office.backups().step() == HOUR
    office.clock.advance(HOUR)
    assert await office.backups().step() == 24 * HOUR
    assert len(office.files()) == 2


async def test_the_newest_stay_and_nothing_of_anybody_else_goes(office: Office) -> None:
    office.folder.mkdir()
    for name in ("notes.txt", "dozvon-before-the-move.tar.gz", ".dozvon-20231101T000000Z.tar.gz.ab12.part"):
        (office.folder / name).touch()
    (office.folder / ".dozvon-20231101T000000Z.tar.gz.cd34.work").mkdir()
    for _ in range(5):
        await office.backups(keep=2).step()
        office.clock.advance(24 * HOUR)
    assert office.files() == [
        "dozvon-20231117T221320Z.tar.gz",
        "dozvon-20231118T221320Z.tar.gz",
        "dozvon-before-the-move.tar.gz",
        "notes.txt",
    ]


async def test_of_several_processes_one_makes_it(office: Office) -> None:
    await asyncio.gather(*(office.backups().step() for _ in range(5)))
    assert len(office.files()) == 1


@pytest.mark.parametrize("failure", [Unavailable("the disk is full"), PermissionError("no")])
async def test_a_failure_is_tried_again_soon_and_costs_no_older_backup(office: Office, failure: Exception) -> None:
    await office.backups(keep=1).step()
    office.clock.advance(24 * HOUR)
    office.failures = [failure]
    assert await office.backups(keep=1).step() == 900
    assert len(office.files()) == 1
    office.clock.advance(900)
    assert await office.backups(keep=1).step() == 24 * HOUR
    assert office.files() == ["dozvon-20231115T222820Z.tar.gz"]


async def test_a_backup_from_the_future_stops_none(office: Office) -> None:
    office.folder.mkdir()
    (office.folder / "dozvon-20990101T000000Z.tar.gz").touch()
    await office.backups().step()
    assert len(office.files()) == 2
