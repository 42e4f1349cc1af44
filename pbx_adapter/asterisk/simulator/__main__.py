"""`python -m pbx_adapter.asterisk.simulator`: run the simulated office until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

from pbx_adapter.asterisk.simulator.office import SimulatorSettings
from pbx_adapter.asterisk.simulator.running import running


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pbx_adapter.asterisk.simulator", description=__doc__)
    parser.add_argument("--ami-port", type=int, default=5038, help="0: the system chooses")
    parser.add_argument("--control-port", type=int, default=5080, help="HTTP control on the loopback; 0: any")
    parser.add_argument("--agi", help="agi://host:port/name of Dozvon; without it the office uses its own routes")
    parser.add_argument("--spool", type=Path, default=Path("spool/monitor"), help="folder for recordings")
    parser.add_argument("--traffic", type=float, default=0.0, help="background calls a minute")
    parser.add_argument("--speed", type=float, default=1.0, help="office seconds per second")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


async def run(options: argparse.Namespace) -> None:
    settings = SimulatorSettings(
        ami_port=options.ami_port,
        control_port=options.control_port,
        agi=options.agi,
        spool=options.spool.resolve(),
        speed=options.speed,
        seed=options.seed,
        traffic_per_minute=options.traffic,
    )
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with running(settings) as (office, control):
        user = settings.users[0]
        print(f"AMI 127.0.0.1:{office.ami.port}, user {user.name}, secret {user.secret}")  # noqa: T201
        print(f"control http://127.0.0.1:{control.port}/state, recordings in {settings.spool}")  # noqa: T201
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(run(parse()))
