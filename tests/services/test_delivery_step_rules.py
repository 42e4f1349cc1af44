"""The steps of a delivery at their limits: how long a file and the PBX's records are waited for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integration.domain.calls.intents import IntentKind, Priority
from integration.domain.ids import Timestamp
from integration.errors import Unavailable
from integration.ports.records import Watch
from integration.ports.stores import OutboxItem, OutboxState
from integration.services.delivery import NotYet
from tests.services.conftest import ACME, PBX, World, answered, call, ended, recorded, started


async def _call(world: World, *, talk: float = 60.0, inferred: bool = False) -> None:
    now = world.clock.now()
    end = replace(ended(now + 3 + talk), inferred=inferred)
    await world.emit(started(now), recorded(now), *answered(now + 3, "101"), end)
    world.clock.advance(1000.0)


def _fetch(world: World, waited: float, key: str = "fetch_recording") -> OutboxItem:
    """An item that was queued so many seconds ago."""
    queued = Timestamp(world.clock.now() - waited)
    return OutboxItem(
        id=1, account=ACME, call=call(), kind=IntentKind.FETCH_RECORDING, key=key, priority=Priority.LOG,
        state=OutboxState.WAITING, queued_at=queued, not_before=queued, expires_at=None, attempts=0,
        is_uncertain=False, last_error=None, payload={}, result=None,
    )  # fmt: skip


async def _result(world: World, item: OutboxItem) -> dict[str, Any]:
    result: dict[str, Any] = await world.delivery._steps[IntentKind.FETCH_RECORDING](world.account, item)
    return result


@pytest.mark.parametrize(("talk", "patience"), [(5.0, 8.0), (60.0, 20.0)])
async def test_a_file_is_waited_for_as_long_as_the_talk_and_three_seconds_but_twenty_at_most(
    world: World, talk: float, patience: float
) -> None:
    await _call(world, talk=talk)
    with pytest.raises(NotYet) as waits:
        await _result(world, _fetch(world, patience - 0.1))
    assert waits.value.seconds == 1.0
    assert (await _result(world, _fetch(world, patience)))["files"] == ["in.wav"]


async def test_a_pbx_that_cannot_be_reached_holds_the_log_up_for_45_seconds(world: World) -> None:
    await _call(world)
    world.pbx.fail_next = [Unavailable("not mounted")] * 3
    with pytest.raises(Unavailable):
        await _result(world, _fetch(world, 44.9))
    assert (await _result(world, _fetch(world, 45.0)))["late"] is True
    with pytest.raises(Unavailable):  # the late one is tried as long as anything else
        await _result(world, _fetch(world, 45.0, key="fetch_recording:late"))


@pytest.mark.parametrize(
    ("watch", "waited", "waits"),
    [
        (None, 10.0, True),
        (Watch(watched_until=Timestamp(0.0)), 10.0, True),
        (2.9, 10.0, True),  # the end was noticed before the last look at the gap
        (3.0, 10.0, False),
        (None, 89.9, True),
        (None, 90.0, False),
    ],
)
async def test_a_call_whose_end_was_not_seen_waits_for_the_records_of_the_gap_for_90_seconds(
    world: World, watch: Watch | float | None, waited: float, waits: bool
) -> None:
    """A number: how long after the end was noticed they were compared last."""
    await _call(world, talk=1.0, inferred=True)
    world.account.has_records = True
    item = _fetch(world, waited)
    if isinstance(watch, float):
        watch = Watch(watched_until=Timestamp(0.0), compared_at=Timestamp(item.queued_at + watch))
    if watch is not None:
        await world.storage.watches.save(ACME, PBX, watch)
    if waits:
        with pytest.raises(NotYet, match="records") as raised:
            await _result(world, item)
        assert raised.value.seconds == 1.0
    else:
        assert (await _result(world, item))["files"] == ["in.wav"]


async def test_a_pbx_without_records_has_none_to_wait_for(world: World) -> None:
    await _call(world, talk=1.0, inferred=True)
    assert (await _result(world, _fetch(world, 10.0)))["files"] == ["in.wav"]
