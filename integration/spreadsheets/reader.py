"""Implements `ports.list_files.ListFiles` by the worker process: it dies alone, whatever a file does to it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

from integration.ports.list_files import FileForm, FileRow, FileTrouble, ReadingChoice, RowReading, UnreadableFile
from integration.spreadsheets import messages

log = structlog.get_logger()

_LONGEST_LINE = 16 * 1024 * 1024  # bytes; the worker ends a batch long before
_MOST_AT_ONCE = 4  # workers of a process of Dozvon; imports take two of them
_SILENT_SECONDS = 120.0
_KEPT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
"""Of the environment: it may hold secrets, and the worker reads what strangers made."""


class SpreadsheetFiles:
    def __init__(self, *, silent_seconds: float = _SILENT_SECONDS) -> None:
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)
        self._silent_seconds = silent_seconds

    @asynccontextmanager
    async def open(
        self, data: bytes, choice: ReadingChoice, reading: RowReading | None = None
    ) -> AsyncIterator[_Opened]:
        async with self._turns:
            worker = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "integration.spreadsheets.worker", json.dumps(messages.order(choice, reading))),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=_LONGEST_LINE,
                env={name: os.environ[name] for name in _KEPT if name in os.environ},
            )
            feeding = asyncio.create_task(_feed(worker, data))
            try:
                first = await _line(worker, self._silent_seconds)
                yield _Opened(worker, messages.form(first), self._silent_seconds)
            finally:
                feeding.cancel()
                with suppress(ProcessLookupError):
                    worker.kill()
                with suppress(asyncio.CancelledError):
                    await feeding
                await worker.wait()


class _Opened:
    def __init__(self, worker: asyncio.subprocess.Process, form: FileForm, silent_seconds: float) -> None:
        self._worker = worker
        self._silent_seconds = silent_seconds
        self.form = form

    async def batches(self) -> AsyncIterator[list[FileRow]]:
        while True:
            said = await _line(self._worker, self._silent_seconds)
            if isinstance(said, dict):
                return
            yield [messages.read_row(each) for each in said]


async def _feed(worker: asyncio.subprocess.Process, data: bytes) -> None:
    assert worker.stdin is not None
    with suppress(ConnectionError):
        for at in range(0, len(data), 1 << 18):
            worker.stdin.write(data[at : at + (1 << 18)])
            await worker.stdin.drain()
        worker.stdin.close()


async def _line(worker: asyncio.subprocess.Process, silent_seconds: float) -> Any:
    """Raises: UnreadableFile, also where the worker died: its limits of memory and time end it."""
    assert worker.stdout is not None
    try:
        async with asyncio.timeout(silent_seconds):
            line = await worker.stdout.readline()
    except (TimeoutError, ValueError) as exc:
        raise UnreadableFile(FileTrouble.TOO_LARGE) from exc
    if not line.endswith(b"\n"):
        code = await worker.wait()
        log.warning("the reader of a list's file has died", code=code)
        raise UnreadableFile(FileTrouble.TOO_LARGE if code < 0 else FileTrouble.UNREADABLE)
    said = json.loads(line)
    if isinstance(said, dict) and "trouble" in said:
        raise UnreadableFile(FileTrouble(said["trouble"]))
    return said
