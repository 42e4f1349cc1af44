"""Starts another process of a bench, whose work is not counted or is measured apart."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

_LONGEST_LINE = 64 * 2**20
_END_SECONDS = 60.0


class Child:
    """Reads and writes lines of JSON. It ends when its input ends."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def says(self) -> Any:
        """The next line. Raises: RuntimeError if the process has ended."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the bench has ended; its output is above")
        return json.loads(line)

    async def tell(self, what: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        await self._process.stdin.drain()

    def end_input(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def end(self) -> None:
        self.end_input()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def child(module: str, options: dict[str, Any]) -> AsyncIterator[Child]:
    """`python -m module OPTIONS`, with the options as JSON."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", module, json.dumps(options)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[1],
        limit=_LONGEST_LINE,
    )
    started = Child(process)
    try:
        yield started
    finally:
        await started.end()
