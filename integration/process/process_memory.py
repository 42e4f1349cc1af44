"""Settings of Python's garbage collector for a long-running process."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LONG_SECONDS = 0.015  # of a full collection; nothing else runs meanwhile

_began = 0.0


@contextmanager
def settled() -> Iterator[None]:
    """
    Until the block ends, exclude the objects made at the start (modules, routes, numbering plans) from collections:
    they live as long as the process. Otherwise each full collection visits them all and stops every call for about
    0.1 s, which shows as the slowest answers of `dozvon bench route`.

    Accounts and their people come later. So what is left after a full collection that took long is excluded too: with a
    thousand offices each one stopped every call for 0.2 s. After that they are short again, so little is excluded that
    might still become garbage. The watch ends with the block: in a program that goes on, a test run for one, nothing
    else would expect that a full collection hides objects from `gc.get_referrers`.
    """
    gc.collect()
    gc.freeze()
    gc.callbacks.append(_watch)
    try:
        yield
    finally:
        gc.callbacks.remove(_watch)


def _watch(phase: str, info: dict[str, int]) -> None:
    global _began
    if info["generation"] < 2:
        return
    if phase == "start":
        _began = time.perf_counter()
    elif time.perf_counter() - _began >= _LONG_SECONDS:
        gc.freeze()
