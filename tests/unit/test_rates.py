"""A leaky bucket as the other side counts it: never too full, and never slower than it has to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.rates import LeakyBucket, Level

USUAL = LeakyBucket(holds=50, per_second=2.0)
SHARES = (0.9, 0.6, 0.2)


@pytest.mark.parametrize("share", SHARES)
def test_every_share_alone_reaches_the_full_rate(share: float) -> None:
    level, sent, now = Level(), 0, 0.0
    while now < 1000:
        now += level.wait_seconds(USUAL, share, now)
        level = level.poured(USUAL, now)
        sent += 1
    assert 2000 <= sent <= 2050


@given(
    asked=st.lists(st.tuples(st.floats(0, 20), st.sampled_from(SHARES)), min_size=1, max_size=150),
    holds=st.integers(2, 60),
    rate=st.sampled_from([0.5, 2.0, 5.0]),
    parts=st.integers(1, 4),
)
def test_the_other_sides_bucket_never_overflows(
    asked: list[tuple[float, float]], holds: int, rate: float, parts: int
) -> None:
    """Whatever is asked whenever: the bucket that we do not see stays within what it holds."""
    own = LeakyBucket(holds=holds, per_second=rate).part(parts)
    ours, now = Level(), 0.0
    theirs, at = 0.0, 0.0
    for pause, share in asked:
        now += pause
        now += ours.wait_seconds(own, share, now)
        ours = ours.poured(own, now)
        theirs, at = max(0.0, theirs - (now - at) * own.per_second) + 1, now
        assert theirs <= max(1.0, own.holds) + 1e-6


@given(
    holds=st.floats(2, 250), rate=st.floats(0.1, 10), pause=st.floats(0, 100), later=st.floats(0, 100),
    share=st.sampled_from(SHARES),
)  # fmt: skip
def test_after_a_refusal_nothing_is_sent_before_the_pause_ends(
    holds: float, rate: float, pause: float, later: float, share: float
) -> None:
    bucket = LeakyBucket(holds=holds, per_second=rate)
    level = Level().overflowed(bucket, pause, 10.0)
    now = 10.0 + later
    assert now + level.wait_seconds(bucket, share, now) >= 10.0 + pause - 1e-9


def test_an_earlier_longer_pause_stays() -> None:
    level = Level().overflowed(USUAL, 60.0, 0.0).overflowed(USUAL, 1.0, 5.0)
    assert level.paused_until == 60.0


def test_a_clock_that_goes_back_drains_nothing_and_gives_nothing() -> None:
    level = Level().poured(USUAL, 100.0)
    assert level.poured(USUAL, 50.0).filled == 2


def test_an_empty_bucket_takes_its_share_at_once_and_then_one_at_a_time() -> None:
    level, waits = Level(), []
    for _ in range(12):
        waits.append(level.wait_seconds(USUAL, 0.2, 0.0))
        level = level.poured(USUAL, 0.0)
    assert waits == [0.0] * 10 + [0.5, 1.0]


def test_a_level_that_nothing_is_known_of_is_empty_and_has_no_pause() -> None:
    assert Level() == Level(filled=0.0, at=0.0, paused_until=0.0)


def test_a_share_that_is_less_than_one_request_is_one() -> None:
    assert LeakyBucket(holds=2, per_second=1.0).room(0.2) == 1.0
    assert LeakyBucket(holds=50, per_second=1.0).room(0.2) == 10.0
