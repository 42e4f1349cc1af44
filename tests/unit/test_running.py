"""Starting while something needed is away, and ending in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from integration.errors import ConfigError, DozvonError, Unavailable
from integration.process import running
from integration.process.running import follow


class Process:
    """`start` fails with `failure`, or sets `started`; its end waits for `ending`."""

    def __init__(self, failure: DozvonError | None = None, ending: asyncio.Event | None = None) -> None:
        self.failure, self.ending = failure, ending
        self.started, self.moved = asyncio.Event(), asyncio.Event()
        self.is_stopped = False

    async def start(self) -> None:
        if self.failure is not None:
            raise self.failure
        self.started.set()

    async def stop(self) -> None:
        assert not self.is_stopped
        if self.ending is not None:
            await self.ending.wait()
        self.is_stopped = True


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_PAUSE_SECONDS", 0.001)


def one_after_another(*processes: Process) -> Callable[[], Process]:
    waiting = iter(processes)
    return lambda: next(waiting)


async def test_a_start_waits_for_a_database_that_restarts() -> None:
    away, last = [Process(Unavailable("away")) for _ in range(3)], Process()
    stopping = asyncio.Event()
    run = asyncio.create_task(follow(one_after_another(*away, last), stopping, patience_seconds=60.0))
    async with asyncio.timeout(30):
        await last.started.wait()
    assert all(process.is_stopped for process in away)  # a failed start leaves nothing open
    assert not last.is_stopped
    stopping.set()
    await run
    assert last.is_stopped


async def test_a_database_that_stays_away_is_told() -> None:
    process = Process(Unavailable("no such host"))
    with pytest.raises(Unavailable, match="no such host"):
        await follow(one_after_another(process), asyncio.Event(), patience_seconds=0.0)
    assert process.is_stopped


async def test_a_wrong_setting_is_not_tried_again() -> None:
    process = Process(ConfigError("fastagi 127.0.0.1:4573 cannot be opened"))
    with pytest.raises(ConfigError):
        await follow(one_after_another(process, Process()), asyncio.Event(), patience_seconds=60.0)
    assert process.is_stopped


async def test_a_stop_while_the_start_waits_ends_it() -> None:
    stopping = asyncio.Event()

    def build() -> Process:
        stopping.set()
        return Process(Unavailable("away"))

    await follow(build, stopping, patience_seconds=60.0)


async def test_an_end_that_takes_too_long_is_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SHUTDOWN_SECONDS", 0.01)
    stopping, process = asyncio.Event(), Process(ending=asyncio.Event())
    run = asyncio.create_task(follow(one_after_another(process), stopping, patience_seconds=0.0))
    await process.started.wait()
    stopping.set()
    with capture_logs() as said:
        await run
    [slow] = [entry for entry in said if entry["event"] == "not everything ended in time"]
    assert any("test_running.py" in task for task in slow["tasks"])  # the place where the task hangs


async def test_a_process_that_moves_to_another_address_is_started_again() -> None:
    first, second = Process(), Process()
    stopping = asyncio.Event()
    run = asyncio.create_task(follow(one_after_another(first, second), stopping, patience_seconds=0.0))
    async with asyncio.timeout(30):
        await first.started.wait()
        first.moved.set()
        await second.started.wait()
        assert first.is_stopped
        assert not second.is_stopped
        stopping.set()
        await run
    assert second.is_stopped
