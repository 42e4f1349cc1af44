"""Limits of a number of events in a time, separately for each key."""

from __future__ import annotations

from integration.testing import FakeClock
from integration.web.flow import Flow


def test_so_many_and_then_no_more_until_the_window_is_over() -> None:
    clock = FakeClock()
    flow = Flow(most=3, seconds=10, now=clock.now)
    assert [flow.allows("a") for _ in range(5)] == [True, True, True, False, False]
    assert flow.allows("b")
    clock.advance(9.9)
    assert not flow.allows("a")
    clock.advance(0.2)
    assert [flow.allows("a") for _ in range(4)] == [True, True, True, False]


def test_what_is_over_is_forgotten() -> None:
    clock = FakeClock()
    flow = Flow(most=1, seconds=10, now=clock.now)
    for key in range(10_000):
        flow.allows(key)
    clock.advance(11)
    flow.allows("new")
    assert len(flow._counts) == 1
