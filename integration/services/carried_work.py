"""Work that outlives its process: its state is stored, one process at a time carries it on, after a kill another one.

What the work is and where its state is stored belongs to the caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from integration.errors import DozvonError
from integration.ports.coordination import Coordination
from integration.services.ending import ended

log = structlog.get_logger()

MARK_SECONDS = 8.0  # without a mark for so long nobody works on it any more
_MARK_EVERY_SECONDS = 2.0

Run = Callable[[], Awaitable[None]]


class CarriedWork:
    def __init__(self, coordination: Coordination, kind: str) -> None:
        self._coordination = coordination
        self._kind = kind
        self._running: dict[str, asyncio.Task[None]] = {}  # by the work's id

    @property
    def count(self) -> int:
        """Work that this process carries."""
        return len(self._running)

    async def begin(self, work: str, run: Run) -> None:
        """Work on it here, unless this process does already. Raises: Unavailable."""
        if work in self._running:
            return
        await self._mark(work)
        task = asyncio.create_task(self._carry(work, run))
        self._running[work] = task
        task.add_done_callback(lambda _: self._running.pop(work, None))

    async def carry_on(self, work: str, run: Run) -> bool:
        """
        Work on it here if no process does.

        Returns:
            False: one does. Raises: Unavailable.
        """
        if work in self._running or await self._coordination.is_marked(self._key(work)):
            return False
        if not await self._coordination.once(f"{self._key(work)}:taken", ttl_seconds=MARK_SECONDS / 2):
            return False  # two processes saw at once that nobody does
        await self.begin(work, run)
        return True

    async def end(self, work: str) -> None:
        """Stop working on it, if this process does."""
        if (task := self._running.get(work)) is not None:
            await ended([task])

    async def close(self) -> None:
        await ended(self._running.values())

    async def _carry(self, work: str, run: Run) -> None:
        marking = asyncio.create_task(self._keep_marked(work))
        try:
            await run()
        except DozvonError as exc:  # our own database: the next look at it carries on
            log.warning("work of a setup was interrupted", kind=self._kind, error=str(exc))
        finally:
            await ended([marking])

    async def _keep_marked(self, work: str) -> None:
        while True:
            await asyncio.sleep(_MARK_EVERY_SECONDS)
            try:
                await self._mark(work)
            except DozvonError as exc:
                log.info("work of a setup is not marked", kind=self._kind, error=str(exc))

    async def _mark(self, work: str) -> None:
        await self._coordination.mark(self._key(work), ttl_seconds=MARK_SECONDS)

    def _key(self, work: str) -> str:
        return f"{self._kind}:{work}"
