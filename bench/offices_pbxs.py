"""The PBXs of `bench/offices.py`: simulated offices in one process, whose AMI replays a recording of a real Asterisk.

Reads and writes lines of JSON. A call whose card is measured first sends `rings`, and continues on command.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from pathlib import Path
from typing import Any

from bench.card import first_ring, say
from bench.crm import number
from bench.track import template
from integration import logs
from pbx_adapter.asterisk.simulator.office import SimulatorSettings
from pbx_adapter.asterisk.simulator.simulator import Simulator

_EXTENSION, _CALLER = b"101", b"79161234567"  # in the recording
_TALK_SECONDS = 2.0
_AT_ONCE = 50  # PBXs started at once


class Pbxs:
    def __init__(self, offices: list[Simulator]) -> None:
        self._offices = offices
        self._blocks = template("inbound_answered")
        self._rings_at = first_ring(self._blocks)
        self._may_go: dict[str, asyncio.Event] = {}

    async def obey(self, said: dict[str, Any]) -> None:
        match said:
            case {"go": client}:
                self._may_go[client].set()
            case {"do": "ring"}:
                await self._ring(said["seconds"], said["calls_per_second"], said["pages"])
            case _:
                while not all(office.ami.is_heard for office in self._offices):  # noqa: ASYNC110 - there is no event
                    await asyncio.sleep(0.05)
                _tell({"heard": len(self._offices)})

    async def _ring(self, seconds: float, per_second: float, pages: int) -> None:
        """Calls at fixed moments, each in any office."""
        chance, loop = random.Random(9), asyncio.get_running_loop()
        began, calls = loop.time(), []
        for call in range(round(seconds * per_second)):
            await asyncio.sleep(began + call / per_second - loop.time())
            place = chance.randrange(len(self._offices))
            calls.append(asyncio.create_task(self._call(call, place, is_measured=place < pages)))
        await asyncio.gather(*calls)
        _tell({"over": True})

    async def _call(self, call: int, place: int, *, is_measured: bool) -> None:
        office, client = self._offices[place], number(call)
        blocks = [_said(block, call, client) for block in self._blocks]
        if is_measured:
            going = self._may_go[client] = asyncio.Event()
            _tell({"rings": client})
            await going.wait()
        say(office, blocks[: self._rings_at])
        at = time.perf_counter()  # the machine's clock, the same in all processes
        say(office, blocks[self._rings_at : self._rings_at + 1])
        if is_measured:
            _tell({"rang": client, "at": at})
        await asyncio.sleep(_TALK_SECONDS)
        say(office, blocks[self._rings_at + 1 :])


def _said(block: bytes, call: int, client: str) -> bytes:
    block = block.replace(b"\x00", b"c%d-" % call).replace(_CALLER, client[1:].encode())
    return re.sub(rb"\b%s\b" % _EXTENSION, b"1000", block)


def _tell(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


async def _serve(options: dict[str, Any]) -> None:
    logs.set_up("error", readable=True)
    folder = Path(options["folder"])
    offices = [
        Simulator(SimulatorSettings(spool=folder, ami_port=0, control_port=None)) for _ in range(options["offices"])
    ]
    for at in range(0, len(offices), _AT_ONCE):
        await asyncio.gather(*(office.start() for office in offices[at : at + _AT_ONCE]))
    pbxs, doing = Pbxs(offices), set[asyncio.Task[None]]()
    _tell({"ports": [office.ami.port for office in offices]})
    while line := await asyncio.to_thread(sys.stdin.readline):
        task = asyncio.create_task(pbxs.obey(json.loads(line)))
        doing.add(task)
        task.add_done_callback(doing.discard)
    await asyncio.gather(*(office.stop() for office in offices))


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
