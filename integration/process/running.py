"""Runs a process from its signal handlers to its end: it waits for a database that is away, and ends in time.

`process.py` builds the process.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import structlog

from integration.errors import DozvonError, Unavailable
from integration.process.config import Config
from integration.process.process import SHUTDOWN_SECONDS, Dozvon
from integration.services.ending import ended

log = structlog.get_logger()

_PATIENCE_SECONDS = 60.0  # a server restarts in less; then the service manager shows the error, and starts us again
_PAUSE_SECONDS = 1.0


class Process(Protocol):
    """`start()` once, `stop()` once, also after a failed start. `moved` is set when it must be restarted."""

    @property
    def moved(self) -> asyncio.Event: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


async def run_until_stopped(
    config: Config, read_again: Callable[[], Config], say: Callable[[str], None] | None = None
) -> None:
    """
    Run until SIGTERM or SIGINT. On SIGHUP, run the accounts of `read_again()`.

    Args:
        say: gets what a person at the terminal has to read.

    Raises:
        As `Dozvon.start`; Unavailable only if a database server stays away.
    """
    stopping, reloading = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, reloading.set)
    is_a_server = not config.database_url.startswith("sqlite")  # waiting does not help if a file cannot be opened
    running: list[Dozvon] = []

    def build() -> Dozvon:
        running[:] = [Dozvon(config, stopping, say)]
        return running[0]

    async def reload() -> None:
        while True:
            await reloading.wait()
            reloading.clear()
            # Poll: while it starts, a new process with another event may replace it.
            while not (running and running[0].started.is_set()):  # noqa: ASYNC110
                await asyncio.sleep(_PAUSE_SECONDS)
            await _reload(running[0], read_again)

    listening = asyncio.create_task(reload(), name="reload")
    try:
        await follow(build, stopping, patience_seconds=_PATIENCE_SECONDS if is_a_server else 0.0)
    finally:
        await ended([listening])


async def _reload(process: Dozvon, read_again: Callable[[], Config]) -> None:
    """Reload the configuration. A wrong file changes nothing. Never raises."""
    try:
        await process.reload(await asyncio.to_thread(read_again))
    except DozvonError as exc:
        log.error("the configuration was not reloaded: nothing has changed", reason=str(exc))
    except Exception:
        log.exception("the configuration was not reloaded")
    else:
        log.info("the configuration was reloaded", accounts=len(process.members))


async def follow(build: Callable[[], Process], stopping: asyncio.Event, *, patience_seconds: float) -> None:
    """
    Start a process, and stop it when `stopping` is set; start another one when it has moved to another address. If
    something it needs is away, try again for the given time.

    Raises: errors of its start; Unavailable only after that time.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + patience_seconds
    while not stopping.is_set():
        process = build()
        try:
            await process.start()
            await _either(stopping, process.moved)
        except Unavailable as exc:
            if loop.time() >= until:
                raise
            log.warning("the start failed and will be repeated", error=str(exc))
        finally:
            await _end(process)
        try:
            async with asyncio.timeout(_PAUSE_SECONDS):
                await stopping.wait()
        except TimeoutError:
            pass


async def _either(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(each.wait()) for each in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await ended(waiting)


async def _end(process: Process) -> None:
    """Stop the process. Leave what does not end in time: that loses no more than a `kill -9`."""
    try:
        await asyncio.wait_for(process.stop(), SHUTDOWN_SECONDS)
    except TimeoutError:
        log.warning("not everything ended in time", seconds=SHUTDOWN_SECONDS, tasks=_under_way())


def _under_way() -> list[str]:
    """The remaining tasks and where each waits, for reports of a slow end."""
    return sorted(
        f"{task.get_name()}: {_place(task)}" for task in asyncio.all_tasks() if task is not asyncio.current_task()
    )


def _place(task: asyncio.Task[object]) -> str:
    """The innermost coroutine in which the task waits."""
    coroutine: Any = task.get_coro()
    while getattr(coroutine, "cr_await", None) is not None and hasattr(coroutine.cr_await, "cr_code"):
        coroutine = coroutine.cr_await
    frame = getattr(coroutine, "cr_frame", None)
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame else repr(coroutine)
