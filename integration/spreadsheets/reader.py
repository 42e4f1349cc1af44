"""Implements `ports.list_files.ListFiles` by the worker process: it dies alone, whatever a file does to it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog

from integration.ports.list_files import FileForm, FileRow, FileTrouble, ReadingChoice, RowReading, UnreadableFile
from integration.spreadsheets import messages
from integration.worker_process import Worker, WorkerFailed, started

log = structlog.get_logger()

_LONGEST_LINE = 16 * 1024 * 1024  # bytes; the worker ends a batch long before
_MOST_AT_ONCE = 4  # workers of a process of Dozvon; imports take two of them
_SILENT_SECONDS = 120.0


class SpreadsheetFiles:
    def __init__(self, *, silent_seconds: float = _SILENT_SECONDS) -> None:
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)
        self._silent_seconds = silent_seconds

    @asynccontextmanager
    async def open(
        self, data: bytes, choice: ReadingChoice, reading: RowReading | None = None
    ) -> AsyncIterator[_Opened]:
        order = json.dumps(messages.order(choice, reading))
        command = (sys.executable, "-m", "integration.spreadsheets.worker", order)
        async with self._turns, started(*command, work=data, longest_line=_LONGEST_LINE) as worker:
            first = await _line(worker, self._silent_seconds)
            yield _Opened(worker, messages.form(first), self._silent_seconds)


class _Opened:
    def __init__(self, worker: Worker, form: FileForm, silent_seconds: float) -> None:
        self._worker = worker
        self._silent_seconds = silent_seconds
        self.form = form

    async def batches(self) -> AsyncIterator[list[FileRow]]:
        while True:
            said = await _line(self._worker, self._silent_seconds)
            if isinstance(said, dict):
                return
            yield [messages.read_row(each) for each in said]


async def _line(worker: Worker, silent_seconds: float) -> Any:
    """Raises: UnreadableFile, also where the worker died: its limits of memory and time end it."""
    try:
        said = json.loads(await worker.line(silent_seconds))
    except WorkerFailed as exc:
        log.warning("a list's file was not read", error=str(exc))
        is_its_own_end = exc.code is not None and exc.code >= 0
        raise UnreadableFile(FileTrouble.UNREADABLE if is_its_own_end else FileTrouble.TOO_LARGE) from exc
    if isinstance(said, dict) and "trouble" in said:
        raise UnreadableFile(FileTrouble(said["trouble"]))
    return said
