"""Runs the whole simulated office within a block: PBX, HTTP control, background traffic."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from pbx_adapter.asterisk.simulator.control import Control
from pbx_adapter.asterisk.simulator.office import SimulatorSettings
from pbx_adapter.asterisk.simulator.simulator import Simulator
from pbx_adapter.asterisk.simulator.traffic import keep_busy


@contextlib.asynccontextmanager
async def running(settings: SimulatorSettings) -> AsyncIterator[tuple[Simulator, Control]]:
    """Run the office with its control and traffic until the block ends."""
    office = Simulator(settings)
    control = Control(office)
    await office.start()
    await control.start(settings.control_port or 0)
    extensions = tuple(p.extension for p in settings.office.phones[2:])  # people play the first two
    traffic = (
        asyncio.create_task(keep_busy(office, settings.traffic_per_minute, extensions))
        if settings.traffic_per_minute
        else None
    )
    try:
        yield office, control
    finally:
        if traffic:
            traffic.cancel()
        await control.stop()
        await office.stop()
