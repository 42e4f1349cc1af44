"""Settings of Python's garbage collector for a long-running process."""

from __future__ import annotations

import gc


def settle() -> None:
    """
    Exclude the objects made at the start (modules, routes, numbering plans) from later collections: they live as long
    as the process. Otherwise each full collection visits them all and stops every call for about 0.1 s, which shows as
    the slowest answers of `dozvon bench route`.
    """
    gc.collect()
    gc.freeze()
