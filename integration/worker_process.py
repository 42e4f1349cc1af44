"""Runs a program that may hang, grow or die: in a process of its own, which harms nobody else.

So we read files that strangers made, and do what takes a processor for seconds. The worker reads its work from standard
input until the end, and answers on standard output. It gets no secrets. It never outlives the block that uses it, nor
do processes that it has started.
"""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

KEPT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
"""What a worker gets of the environment, which may hold secrets."""

_CHUNK = 1 << 18
_LONGEST_LINE = 1 << 16
_FAREWELL_SECONDS = 5.0  # a killed process is gone at once, unless the system hangs


class WorkerFailed(Exception):
    """
    The worker gave no answer, or not all of it.

    Attributes:
        code: its exit code; negative for the signal that ended it, as the system does beyond its limits. None if it was
            still running: it took too long, or said too much.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class Worker:
    """A running worker. Made by `started`."""

    def __init__(self, process: Process) -> None:
        assert process.stdout is not None
        self._process = process
        self._output = process.stdout

    async def line(self, seconds: float) -> bytes:
        """
        The next line of its output, with the line break.

        Raises:
            WorkerFailed: there is no whole line within this time, or it is too long, or the worker has ended.
        """
        try:
            async with asyncio.timeout(seconds):
                line = await self._output.readline()
                if not line.endswith(b"\n"):
                    raise _ended(await self._process.wait())
        except TimeoutError:
            raise WorkerFailed(f"the worker said nothing for {seconds:g} s") from None
        except ValueError:
            raise WorkerFailed("the worker said too long a line") from None
        return line

    async def answer(self, *, seconds: float, most_bytes: int) -> bytes:
        """
        The rest of its output.

        Raises:
            WorkerFailed: it does not end within this time, or says more than this, or fails.
        """
        said = bytearray()
        try:
            async with asyncio.timeout(seconds):
                while chunk := await self._output.read(_CHUNK):
                    said += chunk
                    if len(said) > most_bytes:
                        raise WorkerFailed(f"the worker said more than {most_bytes} bytes")
                code = await self._process.wait()
        except TimeoutError:
            raise WorkerFailed(f"the worker took more than {seconds:g} s") from None
        if code != 0:
            raise _ended(code)
        return bytes(said)


@asynccontextmanager
async def started(
    *command: str, work: bytes, longest_line: int = _LONGEST_LINE, kept: Sequence[str] = KEPT
) -> AsyncIterator[Worker]:
    """
    Start a worker and give it its work. At the end of the block it is killed, however the block ends.

    Args:
        command: the program and its arguments.
        longest_line: bytes, for `Worker.line`.
        kept: names of the environment.

    Raises:
        OSError: the program does not start.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        limit=longest_line,
        env={name: os.environ[name] for name in kept if name in os.environ},
        process_group=0,  # its own, to be killed with all that it has started
    )
    feeding = asyncio.create_task(_feed(process, work))
    try:
        yield Worker(process)
    finally:
        _kill(process)
        feeding.cancel()
        await _farewell(process, feeding)


async def answered(*command: str, work: bytes, seconds: float, most_bytes: int, kept: Sequence[str] = KEPT) -> bytes:
    """All that a worker answers to its work. Raises: WorkerFailed, as `Worker.answer`; OSError, as `started`."""
    async with started(*command, work=work, kept=kept) as worker:
        return await worker.answer(seconds=seconds, most_bytes=most_bytes)


def _ended(code: int) -> WorkerFailed:
    if code >= 0:
        return WorkerFailed(f"the worker ended with exit code {code}", code)
    names = {each.value: each.name for each in signal.Signals}
    return WorkerFailed(f"the worker was ended by {names.get(-code, f'signal {-code}')}", code)


async def _feed(process: Process, work: bytes) -> None:
    assert process.stdin is not None
    with suppress(ConnectionError):  # it has ended, or reads no further
        for at in range(0, len(work), _CHUNK):
            process.stdin.write(work[at : at + _CHUNK])
            await process.stdin.drain()
        process.stdin.close()


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        if process.returncode is not None and _exists(process.pid):
            return  # it has ended, and another process has its number
        os.killpg(process.pid, signal.SIGKILL)


def _exists(pid: int) -> bool:
    try:
        os.getpgid(pid)
    except ProcessLookupError:
        return False
    return True


async def _farewell(process: Process, feeding: asyncio.Task[None]) -> None:
    """Wait until nothing is left of it. Its output is read to the end first: a full pipe would never be seen closed."""
    assert process.stdout is not None
    with suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL_SECONDS):
            await asyncio.wait([feeding])
            while await process.stdout.read(_CHUNK):
                pass
            await process.wait()
