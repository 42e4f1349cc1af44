"""What goes wrong, at moments chosen from a seed: processes killed, connections cut, servers and the CRM failing.

Every mishap ends by itself. Those of processes and servers come one after another; those of the CRM in addition.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from integration.errors import DozvonError
from tests.e2e.dozvon_process import DozvonProcess
from tests.faults.ledger import MARGIN_SECONDS
from tests.faults.place import Place
from tests.faults.stand import PASSWORD, Stand
from tests.faults.supervisor import supervisor
from tests.scaled.servers import Server

Mishap = Callable[[], Awaitable[None]]

_STARTED_SECONDS, _FOLLOWED_SECONDS = 180.0, 240.0  # a busy machine starts a process slowly
_WRITTEN_SECONDS = 3.0  # after the database is back, until events kept in memory are written


class Mishaps:
    """`happened` counts mishaps by kind; `complaints` has unexpected results."""

    def __init__(self, stand: Stand, *, seed: int, postgres: Server | None = None, redis: Server | None = None) -> None:
        self._stand = stand
        self._rng = random.Random(f"mishaps {seed}")
        self._one_at_a_time = asyncio.Lock()
        self._under_way: set[asyncio.Task[None]] = set()
        self._postgres, self._redis = postgres, redis
        self.happened: Counter[str] = Counter()
        self.complaints: list[str] = []
        self.kinds: dict[str, tuple[int, Mishap]] = {
            "kill -9": (16, self._kill), "stop and start": (6, self._stop), "process frozen": (5, self._suspend),
            "office changes": (8, self._change_office),
            "order without an answer": (10, self._lose_answers),
            "AMI cut": (10, self._cut), "AMI frozen": (6, self._freeze), "PBX crash": (6, self._crash),
            "CRM 429": (5, lambda: self._crm("status", status=429, most=2)),
            "CRM 500": (6, lambda: self._crm("status", status=500)),
            "CRM 401": (5, lambda: self._crm("status", status=401, most=1)),
            "CRM slow": (5, lambda: self._crm("slow", seconds=1.5)),
            "CRM stores, no answer": (14, lambda: self._crm("timeout_after_store", seconds=0.3)),
            "CRM stores, late answer": (6, lambda: self._crm("timeout_after_store", seconds=5.0, most=1)),
            "CRM drops": (6, lambda: self._crm("drop")), "CRM away": (4, self._crm_away),
        }  # fmt: skip
        if stand.shape.listed:
            self.kinds["campaign changes"] = (10, self._change_campaign)
        if postgres is not None:
            self.kinds["PostgreSQL restart"] = (10, self._restart_postgres)
            self.kinds["PostgreSQL frozen"] = (5, self._freeze_postgres)
        if redis is not None:
            self.kinds["Redis restart"] = (8, self._restart_redis)
            self.kinds["Redis frozen"] = (5, self._freeze_redis)
            self.kinds["Redis flushed"] = (8, self._flush_redis)

    def plan(self, calls: int, faults: int) -> dict[int, list[str]]:
        """The mishaps that begin with each call; every kind comes once before one repeats at random."""
        names = list(self._stand.shape.only or self.kinds)
        weights = [self.kinds[name][0] for name in names]
        chosen = self._rng.sample(names, min(faults, len(names)))
        chosen += self._rng.choices(names, weights, k=faults - len(chosen))
        self._rng.shuffle(chosen)
        planned: dict[int, list[str]] = {}
        for name in chosen:
            planned.setdefault(self._rng.randrange(2, max(calls - 4, 3)), []).append(name)
        return planned

    def begin(self, name: str) -> None:
        """Start a mishap, now or after the current one."""
        task = asyncio.create_task(self._happen(name))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _happen(self, name: str) -> None:
        mishap = self.kinds[name][1]
        await asyncio.sleep(self._rng.uniform(0.0, 0.3))
        try:
            if name.startswith("CRM") and name != "CRM away":
                await mishap()
            else:
                async with self._one_at_a_time:
                    await mishap()
        except (
            TimeoutError,
            AssertionError,
            OSError,
            DozvonError,
        ) as exc:  # the run continues, and reports it at the end
            self.complaints.append(f"{name}: {str(exc)[:200]}")
        self.happened[name] += 1

    async def end(self) -> None:
        """Wait for the current mishap, and repair everything."""
        while self._under_way:
            await asyncio.gather(*self._under_way)
        for place in self._stand.places:
            place.side.heal()
            place.office.unanswered = 0
        for process in self._stand.processes:
            if not process.is_alive:
                self.complaints.append("a process had ended by itself")
                await process.start()
        await self._stand.pbx_is_followed(timeout_seconds=_FOLLOWED_SECONDS)
        try:
            await self._stand.guest_is_as_decided(timeout_seconds=_FOLLOWED_SECONDS)
        except TimeoutError:
            self.complaints.append("the processes do not run what the database says")

    # ---- processes -------------------------------------------------------------------------------------------------

    def _all_disrupted(self) -> None:
        for place in self._stand.places:
            place.office.ledger.disrupted()

    def _somewhere(self) -> Place:
        return self._rng.choice(self._stand.places)

    def _somebody(self) -> DozvonProcess:
        process = self._rng.choice(self._stand.processes)
        if not process.is_alive:
            self.complaints.append("a process had ended by itself")
            process.launch()
        return process

    async def _kill(self) -> None:
        process = self._somebody()
        self._all_disrupted()
        process.kill()
        await asyncio.sleep(self._rng.choice((0.0, 0.3, 1.0)))
        process.launch()
        # Half of the time the next mishap may come while it starts.
        if self._rng.random() < 0.5:
            await process.health(timeout_seconds=_STARTED_SECONDS)

    async def _stop(self) -> None:
        process = self._somebody()
        await process.health(timeout_seconds=_STARTED_SECONDS)
        self._all_disrupted()
        code = await process.stop()
        if code:
            self.complaints.append(f"SIGTERM ended it with {code}")
        await process.start()

    async def _suspend(self) -> None:
        """It hangs: connections are accepted but not answered; then it continues."""
        process = self._somebody()
        began = time.time()
        os.kill(process.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(self._rng.uniform(0.5, 4.0))
        finally:
            os.kill(process.pid, signal.SIGCONT)
        for place in self._stand.places:
            place.office.ledger.disruptions.add_deafness(began, time.time() + MARGIN_SECONDS)

    # ---- offices ---------------------------------------------------------------------------------------------------

    async def _change_office(self) -> None:
        """An administrator changes another office; half of the time a process is killed in the middle of it."""
        process = self._somebody()
        async with self._stand.storage() as storage:
            await self._stand.guest.take_a_step(storage, process.config)
        if self._rng.random() < 0.5:
            await asyncio.sleep(self._rng.uniform(0.0, 2.0))
            await self._kill()

    async def _change_campaign(self) -> None:
        """A supervisor changes a campaign; half of the time a process is killed meanwhile."""
        campaign = self._rng.choice([place.campaign for place in self._stand.places if place.campaign is not None])
        async with supervisor(self._stand.url, PASSWORD) as person:
            changing = asyncio.create_task(campaign.change(person))
            if self._rng.random() < 0.5:
                await asyncio.sleep(self._rng.uniform(0.0, 0.5))
                await self._kill()
            await changing

    # ---- the PBX ---------------------------------------------------------------------------------------------------

    async def _lose_answers(self) -> None:
        """The PBX makes the calls of the next orders (clicks, attempts), and the link ends before it has said so."""
        self._somewhere().office.unanswered += self._rng.randint(1, 2)

    async def _cut(self) -> None:
        await self._somewhere().office.cut()

    async def _freeze(self) -> None:
        await self._somewhere().office.freeze(self._rng.uniform(0.5, 3.0))

    async def _crash(self) -> None:
        office = self._somewhere().office
        await office.crash()
        await asyncio.sleep(self._rng.uniform(0.0, 1.5))
        await office.boot()

    # ---- the CRM ---------------------------------------------------------------------------------------------------

    async def _crm(self, kind: str, *, status: int = 500, seconds: float = 0.2, most: int = 3) -> None:
        crm = self._somewhere().side
        crm.fail(kind, status=status, seconds=seconds, count=self._rng.randint(1, most))

    async def _crm_away(self) -> None:
        crm = self._somewhere().side
        await crm.away()
        await asyncio.sleep(self._rng.uniform(0.5, 3.0))
        await crm.back()

    # ---- servers ---------------------------------------------------------------------------------------------------

    async def _restart_postgres(self) -> None:
        assert self._postgres is not None
        began = time.time()
        await self._restart(self._postgres, signal.SIGQUIT)  # an immediate shutdown, like a crash
        for place in self._stand.places:
            place.office.ledger.disruptions.add_outage(began, time.time() + _WRITTEN_SECONDS)

    async def _freeze_postgres(self) -> None:
        assert self._postgres is not None
        began = time.time()
        await self._freeze_server(self._postgres)
        # The process that follows the PBX waits for the database; meanwhile its leases may go to another one.
        for place in self._stand.places:
            place.office.ledger.disruptions.add_deafness(began, time.time() + _WRITTEN_SECONDS)

    async def _freeze_redis(self) -> None:
        assert self._redis is not None
        await self._freeze_server(self._redis)

    async def _freeze_server(self, server: Server) -> None:
        server.freeze()
        try:
            await asyncio.sleep(self._rng.uniform(0.5, 8.0))
        finally:
            server.thaw()

    async def _restart_redis(self) -> None:
        assert self._redis is not None
        await self._restart(self._redis, signal.SIGKILL)

    async def _restart(self, server: Server, how: signal.Signals) -> None:
        await asyncio.to_thread(server.stop, how)
        await asyncio.sleep(self._rng.uniform(0.0, 2.0))
        await asyncio.to_thread(server.start)

    async def _flush_redis(self) -> None:
        """Delete all keys."""
        assert self._redis is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", self._redis.port)
        writer.write(b"FLUSHALL\r\n")
        said = await reader.readline()
        writer.close()
        assert said == b"+OK\r\n", said
