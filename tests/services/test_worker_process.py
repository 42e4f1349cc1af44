"""Worker processes: they harm nobody, whatever they do, and nothing is left of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from integration.worker_process import KEPT, WorkerFailed, answered, started

MANY_SECONDS = 60.0
PLENTY = 10_000_000


def script(text: str) -> tuple[str, str, str]:
    return (sys.executable, "-c", text)


async def run(text: str, work: bytes = b"", *, seconds: float = MANY_SECONDS, most_bytes: int = PLENTY) -> bytes:
    async with asyncio.timeout(2 * MANY_SECONDS):
        return await answered(*script(text), work=work, seconds=seconds, most_bytes=most_bytes)


class Watched:
    """A socket that a script connects to and leaves open: closed when it and all that it has started are gone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connected = asyncio.get_running_loop().create_future()

    def script(self, rest: str) -> tuple[str, str, str]:
        """A script that connects, starts a child which keeps the connection, and goes on with `rest`."""
        return script(
            "import os, signal, socket, sys, time\n"
            f"door = socket.socket(socket.AF_UNIX)\ndoor.connect({str(self._path)!r})\n"
            "if os.fork() == 0:\n    signal.pause()\n"
            f"{rest}\n"
        )

    async def connected(self) -> None:
        await asyncio.wait_for(asyncio.shield(self._connected), MANY_SECONDS)

    async def all_gone(self) -> None:
        """Raises: TimeoutError: the script or its child lives on."""
        reader: asyncio.StreamReader = await asyncio.wait_for(self._connected, MANY_SECONDS)
        assert await asyncio.wait_for(reader.read(), MANY_SECONDS) == b""

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Watched]:
        writers = list[asyncio.StreamWriter]()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            self._connected.set_result(reader)

        server = await asyncio.start_unix_server(connected, self._path)
        try:
            yield self
        finally:
            server.close()
            for writer in writers:
                writer.close()


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with Watched(tmp_path / "door").watching() as each:
        yield each


async def test_a_worker_answers_to_its_work_however_long_both_are() -> None:
    work = os.urandom(3_000_000)
    assert await run("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])", work) == work[::-1]


async def test_a_worker_may_answer_in_lines() -> None:
    text = "import sys; print(len(sys.stdin.read())); print('second'); print('rest', end='')"
    async with started(*script(text), work=b"12345") as worker:
        assert await worker.line(MANY_SECONDS) == b"5\n"
        assert await worker.line(MANY_SECONDS) == b"second\n"
        assert await worker.answer(seconds=MANY_SECONDS, most_bytes=PLENTY) == b"rest"


async def test_a_worker_that_does_not_want_its_work_may_answer() -> None:
    assert await run("print('enough')", bytes(PLENTY)) == b"enough\n"


async def test_a_worker_gets_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOZVON_SECRET", "a secret")
    monkeypatch.setenv("TMPDIR", "/somewhere")
    environment = json.loads(await run("import json, os; print(json.dumps(dict(os.environ)))"))
    assert environment["TMPDIR"] == "/somewhere"
    assert environment["PATH"] == os.environ["PATH"]
    assert environment.keys() <= {*KEPT, "LC_CTYPE"}, "Python itself sets LC_CTYPE where there is no locale"


async def test_a_program_may_need_more_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOZVON_SECRET", "a secret")
    monkeypatch.setenv("ITS_DATA", "/somewhere")
    async with started(
        *script("import os; print(*sorted(os.environ))"), work=b"", kept=(*KEPT, "ITS_DATA", "NOT_SET")
    ) as worker:
        names = (await worker.line(MANY_SECONDS)).decode().split()
    assert "ITS_DATA" in names
    assert not {"DOZVON_SECRET", "NOT_SET"} & set(names)


async def test_the_time_limit_ends_a_worker_and_what_it_started(watched: Watched) -> None:
    async with started(*watched.script("signal.pause()"), work=b"") as worker:
        await watched.connected()
        with pytest.raises(WorkerFailed, match=r"took more than 0\.01 s") as failed:
            await worker.answer(seconds=0.01, most_bytes=PLENTY)
    assert failed.value.code is None
    await watched.all_gone()


async def test_a_worker_that_is_silent_for_too_long_is_given_up(watched: Watched) -> None:
    async with started(*watched.script("print('first', flush=True); signal.pause()"), work=b"") as worker:
        assert await worker.line(MANY_SECONDS) == b"first\n"
        with pytest.raises(WorkerFailed, match=r"said nothing for 0\.01 s"):
            await worker.line(0.01)
    await watched.all_gone()


async def test_what_a_dead_worker_started_is_ended_too(watched: Watched) -> None:
    """The child holds the output open: without its end nobody would see the worker's."""
    async with started(*watched.script("print('done', flush=True); os._exit(0)"), work=b"") as worker:
        assert await worker.line(MANY_SECONDS) == b"done\n"
        with pytest.raises(WorkerFailed):
            await worker.answer(seconds=0.01, most_bytes=PLENTY)
    await watched.all_gone()


async def test_a_caller_that_is_cancelled_ends_its_worker(watched: Watched) -> None:
    command = watched.script("signal.pause()")
    caller = asyncio.create_task(answered(*command, work=bytes(PLENTY), seconds=MANY_SECONDS, most_bytes=1))
    await watched.connected()
    caller.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await caller
    assert caller.cancelled()
    await watched.all_gone()


async def test_a_caller_that_fails_ends_its_worker(watched: Watched) -> None:
    """Also one that talks: what it still says is dropped."""
    with contextlib.suppress(ZeroDivisionError):
        async with started(*watched.script("while True: print('words ' * 1000)"), work=b"") as worker:
            await worker.line(MANY_SECONDS)
            raise ZeroDivisionError
    await watched.all_gone()


async def test_a_worker_that_says_too_much_is_cut_off(watched: Watched) -> None:
    with pytest.raises(WorkerFailed, match="said more than 100000 bytes") as failed:
        await answered(
            *watched.script("while True: print('words ' * 1000)"), work=b"", seconds=MANY_SECONDS, most_bytes=100_000
        )
    assert failed.value.code is None
    await watched.all_gone()
    assert await run("print('x' * 99, end='')", most_bytes=99) == b"x" * 99


async def test_a_line_that_is_too_long_is_cut_off() -> None:
    async with started(*script("print('x' * 5000000)"), work=b"", longest_line=1000) as worker:
        with pytest.raises(WorkerFailed, match="too long a line"):
            await worker.line(MANY_SECONDS)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("import sys; print('half'); sys.exit(3)", 3, "ended with exit code 3"),
        ("import os; os.kill(os.getpid(), 11)", -signal.SIGSEGV, "was ended by SIGSEGV"),
        ("import os; os.kill(os.getpid(), 63)", -63, "was ended by signal 63"),
        ("raise MemoryError", 1, "ended with exit code 1"),
    ],
)
async def test_a_worker_that_fails_says_how(text: str, code: int, said: str) -> None:
    with pytest.raises(WorkerFailed, match=said) as failed:
        await run(text)
    assert failed.value.code == code


async def test_a_worker_that_ends_in_the_middle_of_a_line_has_failed() -> None:
    async with started(*script("print('half', end='')"), work=b"") as worker:
        with pytest.raises(WorkerFailed, match="ended with exit code 0") as failed:
            await worker.line(MANY_SECONDS)
    assert failed.value.code == 0


async def test_a_program_that_does_not_exist_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await answered(str(tmp_path / "none"), work=b"", seconds=MANY_SECONDS, most_bytes=PLENTY)


LIMITED = "from integration.worker_limits import limit_this_process\n"


async def test_a_worker_limits_its_own_time() -> None:
    with pytest.raises(WorkerFailed) as failed:
        await run(f"{LIMITED}limit_this_process(processor_seconds=1)\nwhile True: pass")
    assert failed.value.code in (-signal.SIGXCPU, -signal.SIGKILL)


async def test_a_worker_limits_its_own_memory() -> None:
    text = f"{LIMITED}limit_this_process(processor_seconds=60, memory=500_000_000)\nprint(len(bytes(%d)))"
    assert await run(text % 1_000_000) == b"1000000\n"
    with pytest.raises(WorkerFailed) as failed:
        await run(text % 600_000_000)
    assert failed.value.code == 1
