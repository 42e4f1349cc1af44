"""A retry is a decision, tested with a table of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.calls.retry import GiveUp, RetryAt, after_failure
from integration.domain.ids import Timestamp

NOW = Timestamp(1_760_000_000.0)
LONG_AGO = Timestamp(NOW - 3600.0)


@pytest.mark.parametrize(
    ("attempts", "delay"),
    [
        (1, 2),
        (2, 5),
        (3, 15),
        (4, 30),
        (5, 60),
        (6, 120),
        (7, 300),
        (8, 600),
        (9, 1200),
        (10, 1800),
        (11, 1800),
        (500, 1800),
    ],
)
def test_pauses_grow_to_half_an_hour(attempts: int, delay: float) -> None:
    decision = after_failure(attempts=attempts, queued_at=LONG_AGO, now=NOW, error="503", is_final=False, chance=0.5)
    assert decision == RetryAt(Timestamp(NOW + delay), "503")


def test_what_the_other_side_asks_for_is_not_undercut() -> None:
    decision = after_failure(
        attempts=1, queued_at=LONG_AGO, now=NOW, error="429", is_final=False, retry_after_seconds=60, chance=0.0
    )
    assert decision == RetryAt(Timestamp(NOW + 60), "429")


@pytest.mark.parametrize(("chance", "delay"), [(0.0, 24.0), (0.5, 30.0), (1.0, 36.0)])
def test_the_retries_of_many_are_spread_over_80_to_120_percent(chance: float, delay: float) -> None:
    decision = after_failure(attempts=4, queued_at=LONG_AGO, now=NOW, error="503", is_final=False, chance=chance)
    assert decision == RetryAt(Timestamp(NOW + delay), "503")


def test_what_the_other_side_asks_for_does_not_hurry_us() -> None:
    decision = after_failure(
        attempts=5, queued_at=LONG_AGO, now=NOW, error="429", is_final=False, retry_after_seconds=1, chance=0.5
    )
    assert decision == RetryAt(Timestamp(NOW + 60), "429")


@pytest.mark.parametrize(("waited", "delay"), [(0.0, 2.0), (1.0, 2.0), (40.0, 40.0), (350.0, 350.0), (5000.0, 1800.0)])
def test_nothing_is_put_off_for_longer_than_it_has_waited(waited: float, delay: float) -> None:
    """Eleven tries within minutes, because the CRM came and went: half an hour more would help nobody."""
    queued = Timestamp(NOW - waited)
    decision = after_failure(attempts=11, queued_at=queued, now=NOW, error="503", is_final=False, chance=0.5)
    assert decision == RetryAt(Timestamp(NOW + delay), "503")


def test_a_failure_of_the_last_minute_of_the_fortnight_is_tried_again() -> None:
    late = Timestamp(NOW + 14 * 24 * 3600)
    decision = after_failure(attempts=90, queued_at=NOW, now=late, error="402", is_final=False)
    assert decision == RetryAt(Timestamp(late + 1800), "402")
    later = Timestamp(late + 1)
    assert isinstance(after_failure(attempts=90, queued_at=NOW, now=later, error="402", is_final=False), GiveUp)


@pytest.mark.parametrize("attempts", [1, 2, 30])
def test_a_refusal_ends_the_tries_however_many_there_were(attempts: int) -> None:
    assert after_failure(attempts=attempts, queued_at=NOW, now=NOW, error="400", is_final=True) == GiveUp("400")


def test_a_refusal_is_not_repeated() -> None:
    assert after_failure(attempts=1, queued_at=NOW, now=NOW, error="400", is_final=True) == GiveUp("400")


def test_after_a_fortnight_it_becomes_a_dead_letter() -> None:
    late = Timestamp(NOW + 15 * 24 * 3600)
    decision = after_failure(attempts=90, queued_at=NOW, now=late, error="402", is_final=False)
    assert isinstance(decision, GiveUp)
    assert "14 days" in decision.reason
    assert "402" in decision.reason


@given(attempts=st.integers(1, 10_000), chance=st.floats(0, 1), asked=st.none() | st.floats(0, 1e6))
def test_a_retry_is_always_in_the_future(attempts: int, chance: float, asked: float | None) -> None:
    decision = after_failure(
        attempts=attempts, queued_at=NOW, now=NOW, error="x", is_final=False, retry_after_seconds=asked, chance=chance
    )
    assert isinstance(decision, RetryAt)
    assert decision.when > NOW
