"""Keeps a process registered with the database as long as it runs, and tells when it must not run any longer.

What the register is for (steps of the schema that take something away) is storage's.
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
        """Raises: ConfigError when this release cannot work on the database any more; Unavailable."""

    async def leave(self, process: str) -> None:
        """Raises: Unavailable."""


class Registration:
    """`enter` before anything else, `run` meanwhile, `leave` when all else has ended."""

    def __init__(self, register: Register, process: str, on_outdated: Callable[[], None]) -> None:
        """`on_outdated` is called when the database has gone on to a release that this one cannot work beside."""
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
        """Never raises what storage raises: the row runs out."""
        try:
            await self._register.leave(self._process)
        except DozvonError as exc:
            log.warning("the end was not registered", error=str(exc))
