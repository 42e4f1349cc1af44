"""Keeps a process registered in the database as long as it runs, and reports when it must stop.

The storage uses the register for contracting schema steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from integration.errors import ConfigError, DozvonError, Unavailable

log = structlog.get_logger()

TTL_SECONDS = 30.0  # how long a killed process delays a contracting step
_EVERY_SECONDS = 5.0


class Register(Protocol):
    async def enter(self, process: str, *, ttl_seconds: float) -> None:
        """Raises: ConfigError if this release can no longer use the database; Unavailable."""

    async def leave(self, process: str) -> None:
        """Raises: Unavailable."""


class Registration:
    """Call `enter` before anything else, then `run`, and `leave` after everything else has ended."""

    def __init__(self, register: Register, process: str, on_outdated: Callable[[], None]) -> None:
        """`on_outdated`: called when the database has moved to a release that is incompatible with this one."""
        self._register = register
        self._process = process
        self._on_outdated = on_outdated

    async def enter(self) -> None:
        """Raises: ConfigError, Unavailable."""
        await self._register.enter(self._process, ttl_seconds=TTL_SECONDS)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                await self.enter()
            except ConfigError as exc:
                log.error("this release is too old for the database now, ending", error=str(exc))
                self._on_outdated()
            except Unavailable as exc:
                log.debug("the registration waits for the database", error=str(exc))

    async def leave(self) -> None:
        """Does not raise the storage's errors: the row runs out by itself."""
        try:
            await self._register.leave(self._process)
        except DozvonError as exc:
            log.warning("the end was not registered", error=str(exc))
