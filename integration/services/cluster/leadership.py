"""Jobs that only one process does at a time: this process holds a lease for each of its jobs.

A job runs until it is cancelled. If its lease is lost, it is cancelled too, but it may not notice at once: the lease's
token (`CallStore.save`), not this module, refuses what it writes until then.

Theory of operation. Every second the held leases are renewed and the free ones taken, each in one statement for any
number of leases. While the database is away or hangs, nobody can take a lease over, so jobs continue, and keep in
memory what they cannot store. When it is back, the leases have run out. A process that noticed the outage lets the
holders renew theirs first.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from integration.errors import DozvonError, LeaseLost, Unavailable
from integration.ports.coordination import HUNG_SECONDS, Lease, Leases
from integration.services.ending import ended

log = structlog.get_logger()

TTL_SECONDS = 3.0  # another process must take over within 5 s of a death (spec J1): this, a look, and the PBX's link
_LOOK_EVERY_SECONDS = 0.8
_RESTART_SECONDS = 1.0  # between a job's defect and its next start

Job = Callable[[Lease], Awaitable[None]]


class Leadership:
    """
    Add the jobs, then `run`.

    Args:
        holder: identifies this process; different for every process and every start.
    """

    def __init__(self, leases: Leases, holder: str) -> None:
        self._leases = leases
        self._holder = holder
        self._jobs: dict[str, Job] = {}
        self._held: dict[str, tuple[Lease, asyncio.Task[None]]] = {}
        self._polite_until = 0.0  # on the loop's clock

    @property
    def held(self) -> frozenset[str]:
        """The names of the leases that this process has."""
        return frozenset(self._held)

    def add(self, name: str, job: Job) -> None:
        """Run `job` while this process holds the lease `name`. It may raise LeaseLost to give the lease up."""
        self._jobs[name] = job

    async def remove(self, name: str) -> None:
        """End the job and leave its lease to the other processes. Never raises."""
        self._jobs.pop(name, None)
        if name not in self._held:
            return
        lease, task = self._held.pop(name)
        await ended([task])
        await self._release([lease])

    async def run(self) -> None:
        """Run until cancelled; then the jobs end first, and their leases are freed at once."""
        try:
            while True:
                try:
                    await self._renew()
                    await self._acquire()
                except Unavailable as exc:
                    if not self._is_polite():
                        log.warning("leases cannot be renewed now", error=str(exc))
                    self._let_the_holders_renew()
                await asyncio.sleep(_LOOK_EVERY_SECONDS * random.uniform(0.8, 1.2))
        finally:
            await self._lay_down()

    async def _renew(self) -> None:
        held = [lease for lease, _ in self._held.values()]
        asked = asyncio.get_running_loop().time()
        # A set: comparing each of a thousand leases with a list of them stopped every call for 0.25 s.
        kept = set(await self._leases.renew(held, ttl_seconds=TTL_SECONDS))
        if asyncio.get_running_loop().time() - asked > HUNG_SECONDS:
            self._let_the_holders_renew()
        for lease in held:
            if lease not in kept and lease.name in self._held:
                await self._lost(lease)
        for lease, task in list(self._held.values()):
            if task.done() and lease.name in self._held:  # the job noticed it
                await self._lost(lease)

    async def _lost(self, lease: Lease) -> None:
        log.warning("a lease was lost to another process", lease=lease.name)
        _, task = self._held.pop(lease.name)
        await ended([task])

    async def _acquire(self) -> None:
        is_polite = self._is_polite()  # then an empty request, which shows when the database is back
        vacant = [] if is_polite else [name for name in self._jobs if name not in self._held]
        for lease in await self._leases.acquire(vacant, holder=self._holder, ttl_seconds=TTL_SECONDS):
            if lease.name not in self._jobs:  # removed meanwhile
                await self._release([lease])
                continue
            log.info("a lease was taken", lease=lease.name, number=lease.token)
            self._held[lease.name] = lease, asyncio.create_task(self._do(lease), name=lease.name)

    def _let_the_holders_renew(self) -> None:
        self._polite_until = asyncio.get_running_loop().time() + TTL_SECONDS

    def _is_polite(self) -> bool:
        return asyncio.get_running_loop().time() < self._polite_until

    async def _do(self, lease: Lease) -> None:
        while True:
            try:
                await self._jobs[lease.name](lease)
            except LeaseLost:
                return
            except Exception:  # a defect in one job must not stop the others: it is logged, and the job restarts
                log.exception("a job broke", lease=lease.name)
            await asyncio.sleep(_RESTART_SECONDS)

    async def _lay_down(self) -> None:
        await ended(task for _, task in self._held.values())
        leases = [lease for lease, _ in self._held.values()]
        self._held.clear()
        await self._release(leases)

    async def _release(self, leases: list[Lease]) -> None:
        try:
            await self._leases.release(leases)
        except DozvonError as exc:  # they run out
            log.warning("leases not released", error=str(exc))
