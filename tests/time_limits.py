"""A property test that takes too long fails with its time limit.

pytest-timeout raises what Hypothesis takes for a failure of the property. Hypothesis then repeats the example, which
does not fail, and reports `FlakyStrategyDefinition`: a fault of a strategy that has none.
"""

from __future__ import annotations

import signal
from collections.abc import Generator
from types import FrameType
from typing import Any

import pytest

_AGAIN_SECONDS = 5.0


class TimeLimit(KeyboardInterrupt):
    """Ends a property test at once: Hypothesis and unittest pass an interruption on without a look at it."""


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> Generator[None, Any, Any]:
    timer = yield
    limit = signal.getsignal(signal.SIGALRM)
    if settings.method == "signal" and item.get_closest_marker("hypothesis") is not None and callable(limit):
        ends = limit

        def end(number: int, frame: FrameType | None) -> None:
            try:
                ends(number, frame)
            except pytest.fail.Exception as exc:
                # Python swallows what is raised while it deletes an object: then it is said again.
                signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
                raise TimeLimit(str(exc)) from None

        signal.signal(signal.SIGALRM, end)
    return timer


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Only this test fails: for pytest itself an interruption would be the end of the run."""
    try:
        return (yield)
    except TimeLimit as exc:
        signal.setitimer(signal.ITIMER_REAL, 0)
        pytest.fail(str(exc))
