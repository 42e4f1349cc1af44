"""Background traffic: other phones take and place calls from time to time, all determined by a seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pbx_adapter.asterisk.simulator.office import Client
from pbx_adapter.asterisk.simulator.simulator import Simulator
from pbx_adapter.asterisk.simulator.switch import RINGING, Said

_ANSWERED = 0.75  # share of inbound calls that are answered


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """Times are seconds of the office. `answers_after` None: nobody answers."""

    wait: float
    extension: str
    number: str
    is_inbound: bool
    answers_after: float | None
    talk: float


def plan(
    rng: random.Random, calls_per_minute: float, extensions: Sequence[str], clients: Sequence[Client]
) -> Iterator[PlannedCall]:
    """An endless series of calls, exponentially distributed in time. The same generator state gives the same calls."""
    while True:
        yield PlannedCall(
            wait=rng.expovariate(calls_per_minute / 60.0),
            extension=rng.choice(extensions),
            number=rng.choice(clients).number,
            is_inbound=rng.random() < 0.5,
            answers_after=rng.uniform(1.0, 8.0) if rng.random() < _ANSWERED else None,
            talk=rng.uniform(5.0, 90.0),
        )


async def keep_busy(simulator: Simulator, calls_per_minute: float, extensions: Sequence[str]) -> None:
    """
    Play the planned calls until cancelled. A call to a busy phone is left out.

    Args:
        extensions: the phones that the simulator plays; people play the others.
    """
    rng = random.Random(f"traffic {simulator.settings.seed}")
    for call in plan(rng, calls_per_minute, extensions, simulator.office.clients):
        await asyncio.sleep(call.wait / simulator.settings.speed)
        if not simulator.is_free(call.extension):
            continue
        if call.is_inbound:
            _inbound(simulator, call)
        else:
            simulator.call_from(call.extension, call.number)
            _hang_up_later(simulator, call)


def _inbound(simulator: Simulator, call: PlannedCall) -> None:
    simulator.inbound(call.number, f"74950000{call.extension}")  # the phone's direct number
    if call.answers_after is None:
        simulator.answers_after.pop(call.extension, None)
    else:
        simulator.answers_after[call.extension] = call.answers_after
        simulator.talks_for[call.extension] = call.talk


def _hang_up_later(simulator: Simulator, call: PlannedCall) -> None:
    for channel in simulator.switch.channels.values():
        if channel.endpoint == call.extension and channel.state != RINGING:
            simulator.later(call.talk, Said.HANG_UP, channel)
