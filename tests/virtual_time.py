"""An event loop whose clock jumps to the next timer, to test rules of seconds and minutes exactly and fast.

Only for coroutines that wait for each other and for timers: threads and sockets take no time here.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _NothingToWaitFor(selectors.DefaultSelector):
    """Ends every wait at once."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everything waits for something that never comes"
        self.seconds += max(0.0, timeout)
        return super().select(0)


class _VirtualTime(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._passed = _NothingToWaitFor()
        super().__init__(self._passed)

    def time(self) -> float:
        return self._passed.seconds


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end, on a clock that begins at 0."""
    with asyncio.Runner(loop_factory=_VirtualTime) as runner:
        return runner.run(main)
