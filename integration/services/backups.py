"""Scheduled backups: one every few hours while the service runs; keeps the newest. The storage makes each."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog

from integration.errors import DozvonError
from integration.ports.clock import Clock

log = structlog.get_logger()

_NAME = "dozvon-%Y%m%dT%H%M%SZ.tar.gz"
_PATTERN = "dozvon-*Z.tar.gz"  # the files that may be deleted: only ours
_LEFTOVERS = ".dozvon-*Z.tar.gz.*"  # left by a killed process
_RETRY_SECONDS = 900.0
_LOOK_AGAIN_SECONDS = 3600.0  # the clock may be changed, or the folder emptied


class ScheduledBackups:
    """
    Keeps a folder of backups up to date.

    The folder shows when the next backup is due, so a restart neither misses nor repeats one. Of several processes with
    one folder the first makes it, and the others find it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        every_hours: float,
        keep: int,
        clock: Clock,
        write: Callable[[Path], Awaitable[object]],
        alone: Callable[[str], AbstractAsyncContextManager[None]],
    ) -> None:
        """`write` makes one file; `alone` is a lock by name over all processes (it may say Unavailable)."""
        self._folder = folder
        self._every_seconds = every_hours * 3600
        self._keep = keep
        self._clock = clock
        self._write = write
        self._alone = alone

    async def run(self) -> None:
        """Run until cancelled. A failed backup is logged and repeated after a quarter of an hour."""
        await asyncio.to_thread(_close_to_others, self._folder)
        while True:
            wait = await self.step()
            await asyncio.sleep(min(wait, _LOOK_AGAIN_SECONDS))

    async def step(self) -> float:
        """Make a backup if one is due. Returns the seconds until the next look; never raises what storage raises."""
        try:
            await asyncio.to_thread(self._folder.mkdir, mode=0o700, parents=True, exist_ok=True)
            if (wait := await self._seconds_left()) > 0:
                return wait
            async with self._alone("backup"):
                if await self._seconds_left() <= 0:
                    await self._make()
                return await self._seconds_left()
        except (DozvonError, OSError) as exc:
            log.error("scheduled backup failed", folder=str(self._folder), error=str(exc))
            return _RETRY_SECONDS

    async def _make(self) -> None:
        await asyncio.to_thread(_remove, self._folder, _LEFTOVERS, keep=0)
        now = datetime.fromtimestamp(self._clock.now(), UTC)
        target = self._folder / now.strftime(_NAME)
        await self._write(target)
        await asyncio.to_thread(_remove, self._folder, _PATTERN, keep=self._keep)
        log.info("scheduled backup made", file=target.name)

    async def _seconds_left(self) -> float:
        made = await asyncio.to_thread(moments_of_backups, self._folder)
        past = [moment for moment in made if moment <= self._clock.now()]  # a backup from the future does not count
        return max(past) + self._every_seconds - self._clock.now() if past else 0.0


def moments_of_backups(folder: Path) -> list[float]:
    """Unix seconds of the backups in the folder, by their names: a copied file has another time."""
    found = []
    for path in folder.glob(_PATTERN):
        try:
            found.append(datetime.strptime(path.name, _NAME).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    return found


def _close_to_others(folder: Path) -> None:
    """Close backups that others can read. Files of another user stay unchanged."""
    for path in folder.glob(_PATTERN):
        with suppress(OSError):
            path.chmod(path.stat().st_mode & 0o700)


def _remove(folder: Path, pattern: str, *, keep: int) -> None:
    """Delete all but the newest; their names sort by time."""
    for path in sorted(folder.glob(pattern), reverse=True)[keep:]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
