"""Background work of a process: each task restarts after a defect, and can be ended separately."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

import structlog

from integration.ports.coordination import Lease
from integration.services.cluster.leadership import Leadership
from integration.services.ending import ended

log = structlog.get_logger()

_RESTART_SECONDS = 1.0  # between a defect and the next start


class Job(Protocol):
    async def end(self) -> None:
        """Cancel it and wait until it has ended. Never raises."""


class Background:
    """`leadership`: divides jobs between the processes; None if this is the only one."""

    def __init__(self, leadership: Leadership | None) -> None:
        self._leadership = leadership
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, name: str, work: Callable[[], Awaitable[None]]) -> Job:
        """Run `work` until the job is ended; start it again whenever it returns or fails."""

        async def supervised() -> None:
            while True:
                try:
                    await work()
                except Exception:  # a defect in one task must not stop the others: log it, restart the task
                    log.exception("background task broke", task=name)
                await asyncio.sleep(_RESTART_SECONDS)

        task = asyncio.create_task(supervised(), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return _Task(task)

    def alone(self, name: str, work: Callable[[Lease | None], Awaitable[None]]) -> Job:
        """A job for one process at a time; with several processes it needs a lease."""
        if self._leadership is None:
            return self.spawn(name, partial(work, None))
        self._leadership.add(name, work)
        return _Led(self._leadership, name)

    async def end(self) -> None:
        """End all remaining tasks."""
        await ended(self._tasks.copy())


class _Task:
    def __init__(self, task: asyncio.Task[None]) -> None:
        self._task = task

    async def end(self) -> None:
        await ended([self._task])


class _Led:
    def __init__(self, leadership: Leadership, name: str) -> None:
        self._leadership = leadership
        self._name = name

    async def end(self) -> None:
        await self._leadership.remove(self._name)
