"""The stand: simulated offices, a sandbox CRM for each, and one or more processes of Dozvon between them.

`place.py` has an account of it, `mishaps.py` the faults, `verdict.py` the result.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from integration.storage import Storage, open_storage
from tests.e2e.dozvon_process import DozvonProcess
from tests.faults.doorman import Doorman
from tests.faults.guest import GUEST, Guest
from tests.faults.place import Place
from tests.faults.shape import Shape
from tests.lab.ports import free_port
from tests.lab.waiting import until_told

PASSWORD = "faults"
_LOOK_SECONDS = 0.25

_CONFIG = """\
[server]
listen = "127.0.0.1:{port}"
public_url = "{public_url}"
data_dir = "{data}"
admin_password = "{password}"

{storage}"""


class Stand:
    """`open_stand` opens it, with started `processes` that are connected to all sides."""

    def __init__(self, folder: Path, shape: Shape, session: aiohttp.ClientSession) -> None:
        self.folder, self.shape = folder, shape
        self.session = session
        spread = shape.processes > 1
        ports = [free_port() for _ in range(shape.processes)]
        self._door = Doorman(free_port(), ports) if spread else None
        self.url = f"http://127.0.0.1:{self._door.port if self._door else ports[0]}"
        agi_port = free_port()  # all processes share it
        self.places = [
            Place(number, folder, self.url, agi_port, shape, session) for number in range(1, shape.accounts + 1)
        ]
        self.fixed = self.places[:-1] if shape.changing else self.places  # in the configuration file
        self.guest = Guest(folder)
        self._ports = ports
        self.processes: list[DozvonProcess] = []
        self._watching: asyncio.Task[None] | None = None

    async def open(self) -> None:
        for place in self.places:
            await place.start()
        await self.guest.start()
        if self._door:
            await self._door.start()
        for number, port in enumerate(self._ports):
            config = self.folder / f"dozvon{number}.toml"
            config.write_text(self._config(port))
            self.processes.append(DozvonProcess(config, f"http://127.0.0.1:{port}", self.session))
        for process in self.processes:
            await process.start()
        await self.pbx_is_followed()
        for place in self.fixed:
            await place.connect(PASSWORD)
        await until_told(self._is_mirrored, timeout_seconds=120.0)
        self._watching = asyncio.create_task(self._watch_arrivals())

    def _config(self, port: int) -> str:
        lines = [f'{key} = "{value}"' for key in ("database", "redis") if (value := getattr(self.shape, key))]
        storage = "\n".join(["[storage]", *lines, ""]) if lines else ""
        data = self.folder / "data"
        text = _CONFIG.format(port=port, public_url=self.url, data=data, password=PASSWORD, storage=storage)
        return text + "".join(place.section() for place in self.fixed)

    async def _is_mirrored(self) -> bool:
        said = [entry for process in self.processes for entry in process.said("phone book compared with the CRM")]
        return {entry["account_id"] for entry in said} == {place.account for place in self.fixed}

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        for process in self.processes:
            process.kill()
        for place in self.places:
            if place.own_list is not None:
                await place.own_list.close()
            await place.stop()
        await self.guest.stop()
        if self._door:
            await self._door.stop()

    # ---- the stand's state -----------------------------------------------------------------------------------------

    async def pbx_is_followed(self, *, timeout_seconds: float = 180.0) -> None:
        """Wait until a process is connected to each PBX of the file and has asked for its calls."""

        async def is_so() -> bool:
            said = [
                await process.health(timeout_seconds=timeout_seconds) for process in self.processes if process.is_alive
            ]
            return all(
                any(each["accounts"][place.account]["pbx"] == "connected" for each in said) for place in self.fixed
            )

        await until_told(is_so, timeout_seconds=timeout_seconds)

    async def guest_is_as_decided(self, *, timeout_seconds: float = 180.0) -> None:
        """Wait until every process has the guest, or none has it."""

        async def is_so() -> bool:
            said = [
                await process.health(timeout_seconds=timeout_seconds) for process in self.processes if process.is_alive
            ]
            return all((GUEST in each["accounts"]) is self.guest.is_there for each in said)

        await until_told(is_so, timeout_seconds=timeout_seconds)

    def largest_mib(self) -> float:
        """Memory of the largest process, by the kernel's count."""
        return max((_resident_mib(process.pid) for process in self.processes if process.is_alive), default=0.0)

    async def settled(self, *, timeout_seconds: float) -> None:
        """Wait until the offices are quiet, the last gaps are recovered, and everything is delivered."""
        async with asyncio.timeout(timeout_seconds):
            for place in self.places:
                await place.office.idle()
            await self._recovered()
        for process in self.processes:
            await process.settled(timeout_seconds=timeout_seconds)
        for place in self.places:
            place.look()

    async def _recovered(self) -> None:
        """Wait until the last gap was compared with the PBX's records for the last time. The links must be up."""
        began = time.time()
        async with self.storage() as storage:
            for place in self.places:
                while True:
                    watch = await storage.watches.load(place.account, place.pbx)
                    if watch is not None and watch.unchecked_since is None and watch.watched_until > began:
                        break
                    await asyncio.sleep(_LOOK_SECONDS)

    @property
    def database(self) -> str:
        """The address of what Dozvon stores in."""
        return self.shape.database or f"sqlite:///{self.folder / 'data' / 'dozvon.sqlite3'}"

    @contextlib.asynccontextmanager
    async def storage(self) -> AsyncIterator[Storage]:
        """Dozvon's storage, while it runs."""
        storage = await open_storage(self.database, self.folder / "data")
        try:
            yield storage
        finally:
            await storage.close()

    async def _watch_arrivals(self) -> None:
        while True:
            for place in self.places:
                place.look()
            await asyncio.sleep(_LOOK_SECONDS)


def _resident_mib(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0  # it has just ended
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextlib.asynccontextmanager
async def open_stand(folder: Path, shape: Shape) -> AsyncIterator[Stand]:
    """Open the whole stand until the block ends."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        stand = Stand(folder, shape, session)
        try:
            await stand.open()
            yield stand
        finally:
            await stand.close()
