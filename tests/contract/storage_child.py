"""A process that saves and claims until it is killed, and prints each completed operation."""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path

from integration.domain.ids import Timestamp
from integration.ports.stores import SavedStep
from integration.storage import open_storage
from tests.contract.calls import OFFICE, a_call, an_intent


async def main(url: str, folder: str) -> None:
    storage = await open_storage(url, Path(folder))

    async def save(lane: int) -> None:
        for number in count(lane, 8):
            call = a_call(number)
            await storage.calls.save([SavedStep(call=call, event={"event": "x"}, intents=[an_intent(call)])])
            print("saved", call.id, flush=True)

    async def claim() -> None:
        while True:
            for item in await storage.outbox.claim(OFFICE, now=Timestamp(2e9), lease_seconds=100, limit=3):
                print("claimed", item.call, int(item.is_uncertain), flush=True)
                await storage.outbox.done(item, {})
                print("done", item.call, flush=True)

    await asyncio.gather(*(save(lane) for lane in range(8)), claim())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
