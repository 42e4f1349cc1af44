"""Plausible background traffic: other phones take and place calls now and then, all chosen from one seed."""

from __future__ import annotations

import asyncio

from pbx_adapter.asterisk.simulator.simulator import Simulator
from pbx_adapter.asterisk.simulator.switch import RINGING, Said

_ANSWERED = 0.75  # share of inbound calls that somebody takes


async def keep_busy(simulator: Simulator, calls_per_minute: float, extensions: tuple[str, ...]) -> None:
    """
    Start a call every now and then (exponentially distributed), until cancelled.

    Args:
        extensions: the phones that live by themselves; those that a person plays are left alone.
    """
    rng = simulator.rng
    while True:
        await asyncio.sleep(rng.expovariate(calls_per_minute / 60.0) / simulator.settings.speed)
        free = [e for e in extensions if simulator.is_free(e)]
        if not free:
            continue
        extension, talk = rng.choice(free), rng.uniform(5.0, 90.0)
        client = rng.choice(simulator.office.clients)
        if rng.random() < 0.5:
            _inbound(simulator, extension, client.number, talk)
        else:
            simulator.call_from(extension, client.number)
            _hang_up_later(simulator, extension, talk)


def _inbound(simulator: Simulator, extension: str, number: str, talk: float) -> None:
    rng = simulator.rng
    simulator.inbound(number, f"74950000{extension}")  # the phone's own outside number
    if rng.random() < _ANSWERED:
        simulator.answers_after[extension] = rng.uniform(1.0, 8.0)
        simulator.talks_for[extension] = talk
    else:
        simulator.answers_after.pop(extension, None)


def _hang_up_later(simulator: Simulator, extension: str, seconds: float) -> None:
    for channel in simulator.switch.channels.values():
        if channel.endpoint == extension and channel.state != RINGING:
            simulator.later(seconds, Said.HANG_UP, channel)
