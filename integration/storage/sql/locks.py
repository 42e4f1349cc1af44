"""Locks over processes that end with their holder: file locks beside a SQLite file, advisory locks on PostgreSQL.

For rare and slow work (a token's refresh, which waits for the CRM). `leases.py` has leases with fencing tokens.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.errors import StorageUnavailable
from integration.storage.secrets.private_files import make_folder
from integration.storage.sql.failures import disk_failure, translating

_LOOK_EVERY_SECONDS = 0.05
_WAIT_SECONDS = 60.0  # longer than the longest holder (an HTTP request with its deadline)


class FileLocks:
    """`flock` on `<database>-locks/<hash>`: the kernel frees the lock when its process dies."""

    def __init__(self, database_path: str) -> None:
        self._folder = Path(f"{database_path}-locks")

    @asynccontextmanager
    async def __call__(self, name: str) -> AsyncIterator[None]:
        """Raises: Unavailable when it is not free within a minute."""
        descriptor = self._open(name)
        try:
            try:
                async with asyncio.timeout(_WAIT_SECONDS):
                    while not _try(descriptor):  # noqa: ASYNC110 - the kernel wakes nobody
                        await asyncio.sleep(_LOOK_EVERY_SECONDS)
            except TimeoutError as exc:
                raise StorageUnavailable("Another process has held a lock for too long.") from exc
            yield
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        path = self._folder / hashlib.sha256(name.encode()).hexdigest()[:32]
        try:
            make_folder(self._folder)
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise disk_failure(exc, "A lock file cannot be created") from exc


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class AdvisoryLocks:
    """`pg_advisory_xact_lock`: freed with its transaction, and so with its connection."""

    def __init__(self, engine: AsyncEngine) -> None:
        """`engine` must have no pool."""
        self._engine = engine

    @asynccontextmanager
    async def __call__(self, name: str) -> AsyncIterator[None]:
        """Raises: Unavailable when it is not free within a minute."""
        connection = self._engine.connect()
        with translating():
            await connection.start()
            try:
                async with asyncio.timeout(_WAIT_SECONDS):
                    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:n, 0))"), {"n": name})
            except BaseException:
                await connection.close()
                raise
        try:
            yield
        finally:
            with translating():
                await connection.close()
