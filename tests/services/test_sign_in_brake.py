"""The brake on guessing counts over all processes, and only in this one while the others cannot be reached."""

from __future__ import annotations

import pytest

from integration.errors import Unavailable
from integration.storage.coordination.memory import InProcessCoordination
from integration.testing import FakeClock
from integration.web.pages.brake import SignInBrake


class Away(InProcessCoordination):
    """A Redis that does not answer."""

    is_away = True

    async def count(self, key: str, *, ttl_seconds: float) -> int:
        if self.is_away:
            raise Unavailable("Redis does not answer.")
        return await super().count(key, ttl_seconds=ttl_seconds)

    async def forget_count(self, key: str) -> None:
        if self.is_away:
            raise Unavailable("Redis does not answer.")
        await super().forget_count(key)


async def attempts(brake: SignInBrake, address: str, count: int) -> list[int]:
    return [await brake.seconds_to_wait(address) for _ in range(count)]


async def test_five_in_a_minute_for_all_processes_together() -> None:
    shared = InProcessCoordination()
    first, second = (SignInBrake(shared, InProcessCoordination()) for _ in range(2))
    assert await attempts(first, "192.0.2.1", 3) == [0, 0, 0]
    assert await attempts(second, "192.0.2.1", 3) == [0, 0, 60]
    assert await attempts(second, "192.0.2.2", 1) == [0]
    await first.forget("192.0.2.1")
    assert await attempts(second, "192.0.2.1", 1) == [0]


async def test_thirty_in_an_hour() -> None:
    clock = FakeClock()
    brake = SignInBrake(InProcessCoordination(clock.now), InProcessCoordination())
    waits = []
    for _ in range(8):
        waits += await attempts(brake, "192.0.2.1", 5)
        clock.advance(61)
    assert waits == [0] * 30 + [3600] * 10


@pytest.mark.parametrize("is_away", [True, False])
async def test_without_the_others_it_counts_alone(is_away: bool) -> None:
    shared = Away()
    shared.is_away = is_away
    brake = SignInBrake(shared, InProcessCoordination())
    assert await attempts(brake, "192.0.2.1", 6) == [0, 0, 0, 0, 0, 60]
    await brake.forget("192.0.2.1")
    assert await attempts(brake, "192.0.2.1", 1) == [0]


async def test_wrong_api_keys_are_counted_apart_and_over_all_processes() -> None:
    shared = InProcessCoordination()
    first, second = (SignInBrake(shared, InProcessCoordination()) for _ in range(2))
    waits = [await brake.seconds_to_wait_with_key("192.0.2.1") for brake in (first, second) * 16]
    assert waits == [0] * 30 + [60] * 2
    assert await attempts(first, "192.0.2.1", 1) == [0], "people of the same office"
    assert await second.seconds_to_wait_with_key("192.0.2.2") == 0
    away = SignInBrake(Away(), InProcessCoordination())
    assert [await away.seconds_to_wait_with_key("192.0.2.1") for _ in range(31)] == [0] * 30 + [60]
