"""Keeps the accounts of a process running: each with its connections and jobs, which come, change and go one by one."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial

import structlog

from integration.domain.crm.entities import CrmChange, CrmCondition
from integration.domain.ids import AccountId
from integration.errors import ConfigError, DozvonError
from integration.ports.coordination import Lease
from integration.process.background import Background, Job
from integration.process.config import AccountConfig
from integration.process.core import Core, Office
from integration.process.reconcile import Part, Replace, Start, Step, Stop, reconcile
from integration.process.recoveries import recovery_of
from integration.services.phone_book import PhoneBookMirror
from integration.services.tracking import follow_pbx
from integration.web.hooks import Hooks

log = structlog.get_logger()


class Supervisor:
    """
    Args:
        take_changes: what the CRM's webhooks tell.
        told: a CRM's answers show another condition.
        webhook_lost: some changes were not taken.
        opened: a CRM connection knows which account it is for, or that it is for none.
    """

    def __init__(
        self,
        core: Core,
        background: Background,
        hooks: Hooks,
        mirror: PhoneBookMirror,
        *,
        roles: frozenset[str],
        take_changes: Callable[[Office, list[CrmChange]], Awaitable[None]],
        told: Callable[[AccountId, CrmCondition], None],
        webhook_lost: Callable[[AccountId], None],
        opened: Callable[[AccountId], None],
    ) -> None:
        self._core = core
        self._background = background
        self._hooks = hooks
        self._mirror = mirror
        self._roles = roles
        self._take_changes = take_changes
        self._told = told
        self._webhook_lost = webhook_lost
        self._opened = opened
        self._jobs: dict[AccountId, dict[Part, list[Job]]] = defaultdict(dict)
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        """Run the accounts that `core` has. Raises ConfigError: an address is taken."""
        await self._serve_routes()
        for office in self._core.offices.values():
            self._run(office, *Part)

    async def apply(self, wanted: Iterable[AccountConfig]) -> bool:
        """
        Make the accounts these; those that are the same go on undisturbed.

        Returns:
            Whether all of it was done. What fails is logged and does not hold up the rest; call again to try it again.
        """
        async with self._changing:
            running = [office.config for office in self._core.offices.values()]
            is_done = all([await self._tried(step) for step in reconcile(wanted, running)])
            try:
                await self._serve_routes()
            except ConfigError as exc:
                log.error("questions of routing are not answered", reason=str(exc))
                is_done = False
            return is_done

    async def _tried(self, step: Step) -> bool:
        try:
            match step:
                case Stop(account=key):
                    await self._stop(key)
                case Replace(account=account, parts=parts):
                    await self._replace(account, parts)
                case Start(account=account):
                    await self._start(account)
        except DozvonError as exc:
            log.error("an account could not be changed", step=_said(step), reason=str(exc))
            return False
        log.info("an account was changed", step=_said(step))
        return True

    async def _start(self, account: AccountConfig) -> None:
        office = await self._core.add(account)
        try:
            self._run(office, *Part)
        except DozvonError:
            await self._stop(account.id)
            raise

    async def _replace(self, account: AccountConfig, parts: frozenset[Part]) -> None:
        for part in parts:
            await self._end(account.id, part)
        try:
            await self._core.replace(account, parts)
        finally:  # if it fails, the account goes on as it was
            self._run(self._core.offices[account.id], *parts)

    async def _stop(self, key: AccountId) -> None:
        for part in Part:
            await self._end(key, part)
        self._jobs.pop(key, None)
        self._core.hub.dismiss(key)
        await self._core.remove(key)
        self._mirror.forget(key)

    # ---- jobs ------------------------------------------------------------------------------------------------------

    def _run(self, office: Office, *parts: Part) -> None:
        for part in parts:
            if part is Part.CRM:
                self._jobs[office.account.id][part] = list(self._crm_jobs(office))
            elif part is Part.PBX:
                self._jobs[office.account.id][part] = list(self._pbx_jobs(office))

    async def _end(self, key: AccountId, part: Part) -> None:
        for job in self._jobs[key].pop(part, ()):
            await job.end()
        if part is Part.CRM:
            self._hooks.remove(key)

    def _crm_jobs(self, office: Office) -> Iterator[Job]:
        key = office.account.id
        office.connector.on_condition(partial(self._told, key))
        intake = office.connector.webhook_intake(
            on_changes=partial(self._take_changes, office), on_lost=partial(self._webhook_lost, key)
        )
        self._hooks.add(key, office.connector.kind, intake)  # a worker tells the CRM the address, whoever serves it
        if "web" in self._roles:
            yield self._background.spawn(f"webhooks {key}", intake.run)
        yield self._background.spawn(f"crm {key}", partial(self._open_crm, office))
        if "worker" in self._roles:
            yield self._background.alone(f"phone book {key}", partial(self._mirror_book, office))

    def _pbx_jobs(self, office: Office) -> Iterator[Job]:
        recovery = recovery_of(office, self._core.storage, self._core.clock, self._core.wake)
        if recovery is not None:
            yield self._background.spawn(f"recovery {office.account.id}", recovery.run)
        if "pbx" in self._roles:
            yield self._background.spawn(f"routes {office.account.id}", office.routing.run)
            yield self._background.alone(f"pbx {office.pbx.id}", partial(follow_pbx, office.pbx, office.tracking))

    async def _open_crm(self, office: Office) -> None:
        await office.connector.open()
        self._opened(office.account.id)
        await asyncio.get_running_loop().create_future()  # done, and not to be done again

    async def _mirror_book(self, office: Office, _: Lease | None) -> None:
        await self._mirror.run(office.account)

    async def _serve_routes(self) -> None:
        if "pbx" in self._roles:
            asking = [(office.config, office.routing) for office in self._core.offices.values()]
            await self._core.kinds.serve_routes(asking, is_shared=self._core.is_shared)


def _said(step: Step) -> str:
    """For the log: no secrets."""
    match step:
        case Stop(account=key):
            return f"stop {key}"
        case Start(account=account):
            return f"start {account.id}"
        case Replace(account=account, parts=parts):
            return f"replace {account.id}: {', '.join(sorted(parts))}"
