"""The whole simulated office for the life of a block: PBX, HTTP control, background traffic."""

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
    """The office with its control and traffic, for the life of the block."""
    office = Simulator(settings)
    control = Control(office)
    await office.start()
    await control.start(settings.control_port or 0)
    extensions = tuple(p.extension for p in settings.office.phones[2:])  # the first two are played by people
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
