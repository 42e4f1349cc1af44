"""Keeps a process's connections running: starts, changes and stops accounts and PBXs with their jobs one by one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial

import structlog

from integration.domain.connections.state import FailedChange
from integration.domain.crm.entities import CrmChange, CrmCondition
from integration.domain.ids import AccountId, PbxId, Timestamp
from integration.errors import ConfigError, DozvonError, Unavailable
from integration.ports.connector import CrmNotice
from integration.ports.coordination import Lease
from integration.ports.crm_requests import CrmRequest
from integration.ports.pbx import RouteAnswerer
from integration.process.background import Background, Job
from integration.process.config import AccountConfig, PbxConfig
from integration.process.core import Core, Member
from integration.process.ended_webhooks import EndedWebhooks
from integration.process.reconcile import (
    Part,
    Replace,
    ReplacePbx,
    Setup,
    Start,
    StartPbx,
    Step,
    Stop,
    StopPbx,
    reconcile,
)
from integration.process.recoveries import recovery_name, recovery_of
from integration.services.following import follow_pbx
from integration.services.phone_book import PhoneBookMirror
from integration.services.shared_routes import SharedRoutes
from integration.web.hooks import Hooks

log = structlog.get_logger()

_BEGIN_AT_ONCE = 8  # PBXs that read their calls from the database
_BOOKS_A_SECOND = 20
_AGAIN_SECONDS = 5.0  # while the database is away

Subject = tuple[str, str]
"""What a step changes: `pbx` or `crm`, and which."""


class Supervisor:
    """
    Args:
        take_changes: applies changes from the CRM's webhooks.
        take_notice: follows what the CRM says of the connection itself.
        told: called when a CRM's answers show a new condition.
        webhook_lost: called when some changes were lost.
        opened: called when a CRM connection knows its account, or that it has none.

    Attributes:
        next_try: when what could not be done is tried again; None: nothing is left, or it is tried now.
    """

    def __init__(
        self,
        core: Core,
        background: Background,
        hooks: Hooks,
        mirror: PhoneBookMirror,
        *,
        roles: frozenset[str],
        take_changes: Callable[[Member, list[CrmChange]], Awaitable[None]],
        take_notice: Callable[[Member, CrmNotice], Awaitable[None]],
        take_request: Callable[[Member, CrmRequest], Awaitable[None]],
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
        self._take_notice = take_notice
        self._take_request = take_request
        self._told = told
        self._webhook_lost = webhook_lost
        self._opened = opened
        self._jobs: dict[tuple[str, ...], list[Job]] = {}  # by what they serve
        self._changing = asyncio.Lock()
        self._failures: dict[Subject, FailedChange] = {}
        self.next_try: Timestamp | None = None
        self._webhooks = EndedWebhooks(hooks, core.coordination, core.config.public_url)
        self._gate = asyncio.Semaphore(_BEGIN_AT_ONCE)

    async def start(self, *, goes_on: bool) -> bool:
        """
        Run the connections of `core`.

        Args:
            goes_on: without an address for route requests that is taken. What is stored in the database is changed on
                the pages of this process: it must not end over it.

        Returns:
            Whether everything succeeded; to repeat it, call `apply`.

        Raises:
            ConfigError: an address is taken, and it does not go on.
        """
        is_done = True
        if goes_on:
            is_done = await self._try_to_serve()
        else:
            await self._serve_routes()
        for member in self._core.members.values():
            self._run_crm(member)
            for pbx in member.on:
                self._run_on(member, pbx)
        for pbx in self._core.pbxs:
            self._follow(pbx)
        return is_done

    async def _try_to_serve(self) -> bool:
        try:
            await self._serve_routes()
        except ConfigError as exc:
            log.error("route requests cannot be answered", reason=str(exc))
            return False
        return True

    async def apply(self, wanted: Setup) -> bool:
        """
        Change the running connections to `wanted`. Unchanged ones continue without interruption.

        Returns:
            Whether everything succeeded. A failed step is logged and does not stop the others; to repeat it, call this
            again.
        """
        async with self._changing:
            steps = reconcile(wanted, self._core.setup)
            goal = {each.id for each in wanted.accounts}
            await self._webhooks.end_all([each for key, each in self._core.members.items() if key not in goal])
            for served in self._failures.keys() - {_subject(step) for step in steps}:
                del self._failures[served]  # it is not wanted any more
            is_done = all([await self._tried(step) for step in steps])
            return await self._try_to_serve() and is_done

    @property
    def failed_crms(self) -> dict[AccountId, FailedChange]:
        return {AccountId(key): each for key, each in self._failed("crm")}

    @property
    def failed_pbxs(self) -> dict[PbxId, FailedChange]:
        return {PbxId(key): each for key, each in self._failed("pbx")}

    def _failed(self, kind: str) -> Iterator[tuple[str, FailedChange]]:
        for (of_kind, key), failure in self._failures.items():
            if of_kind == kind:
                yield key, replace(failure, next_try=self.next_try)

    async def _tried(self, step: Step) -> bool:
        try:
            match step:
                case StartPbx(pbx=pbx):
                    self._core.add_pbx(pbx)
                case ReplacePbx(pbx=pbx):
                    await self._replace_pbx(pbx)
                case StopPbx(pbx=key):
                    await self._end("pbx", key)
                    self._core.remove_pbx(key)
                case Stop(account=account_id):
                    await self._stop(account_id)
                case Replace(account=account, parts=parts):
                    await self._replace(account, parts)
                case Start(account=account):
                    await self._start(account)
        except DozvonError as exc:
            log.error("a connection could not be changed", step=_said(step), reason=str(exc))
            before = self._failures.get(_subject(step))
            since = before.since if before is not None else self._core.clock.now()
            self._failures[_subject(step)] = FailedChange(detail=str(exc), since=since)
            return False
        self._failures.pop(_subject(step), None)
        log.info("a connection was changed", step=_said(step))
        return True

    async def _replace_pbx(self, pbx: PbxConfig) -> None:
        """Replace a connection. The new link finds the calls in progress on the PBX."""
        users = self._core.users_of(pbx.id)
        await self._end("pbx", pbx.id)
        for member in users:
            await self._end("on", member.account.id, pbx.id)
        try:
            self._core.add_pbx(pbx)
        finally:  # if it fails, the old connection continues
            for member in users:
                self._run_on(member, pbx.id)
            self._follow(pbx.id)

    async def _start(self, config: AccountConfig) -> None:
        member = await self._core.add(config)
        try:
            self._run_crm(member)
            for pbx in member.on:
                await self._join(member, pbx)
        except DozvonError:
            await self._stop(config.id)
            raise

    async def _replace(self, config: AccountConfig, parts: frozenset[Part]) -> None:
        old = self._core.members[config.id]
        left = [pbx for pbx in old.on if Part.PBXS in parts and pbx not in config.pbxs]
        followed = [pbx for pbx in left if old.on[pbx].tracking.is_following]  # others are another process's
        if Part.CRM in parts:
            await self._end_crm(config.id)
        for pbx in left:
            await self._leave(old, pbx)
        try:
            for pbx in followed:
                await old.on[pbx].tracking.leave()
            await self._core.replace(config, parts)
        finally:  # if it fails, the account continues unchanged
            member = self._core.members[config.id]
            if Part.CRM in parts:
                self._run_crm(member)
            for pbx in member.on:
                if ("on", config.id, pbx) not in self._jobs:
                    await self._join(member, pbx)
            for pbx in left:
                self._follow(pbx)

    async def _stop(self, key: AccountId) -> None:
        member = self._core.members[key]
        await self._end_crm(key)
        for pbx in member.on:
            await self._leave(member, pbx)
        self._core.hub.dismiss(key)
        await self._core.remove(key)
        self._mirror.forget(key)
        for pbx in member.on:
            self._follow(pbx)

    async def _join(self, member: Member, pbx: PbxId) -> None:
        """Restart the link with one more listener. Its snapshot shows all listeners the calls in progress."""
        await self._end("pbx", pbx)
        self._run_on(member, pbx)
        self._follow(pbx)

    async def _leave(self, member: Member, pbx: PbxId) -> None:
        """Stop giving the account calls of this PBX. The PBX is not followed until `_follow`."""
        await self._end("pbx", pbx)
        await self._end("on", member.account.id, pbx)

    # ---- jobs ------------------------------------------------------------------------------------------------------

    async def _end(self, *served: str) -> None:
        for job in self._jobs.pop(served, ()):
            await job.end()

    async def _end_crm(self, key: AccountId) -> None:
        await self._end("crm", key)
        self._hooks.remove(key)

    def _run_crm(self, member: Member) -> None:
        self._jobs["crm", member.account.id] = list(self._crm_jobs(member))

    def _run_on(self, member: Member, pbx: PbxId) -> None:
        self._jobs["on", member.account.id, pbx] = list(self._jobs_on(member, pbx))

    def _follow(self, pbx: PbxId) -> None:
        """One link for all accounts on the PBX; none for a PBX without accounts."""
        trackings = [member.on[pbx].tracking for member in self._core.users_of(pbx)]
        if ("pbx", pbx) in self._jobs or not trackings or "pbx" not in self._roles or pbx not in self._core.pbxs:
            return
        work = partial(follow_pbx, self._core.pbxs[pbx].connection, trackings, gate=self._gate)
        self._jobs["pbx", pbx] = [self._background.alone(f"pbx {pbx}", work)]

    def _crm_jobs(self, member: Member) -> Iterator[Job]:
        key = member.account.id
        member.connector.on_condition(partial(self._told, key))
        if member.connector.crm.abilities.webhooks:
            intake = member.connector.webhook_intake(
                on_changes=partial(self._take_changes, member),
                on_lost=partial(self._webhook_lost, key),
                on_notice=partial(self._take_notice, member),
                on_request=partial(self._take_request, member),
            )
            self._hooks.add(key, member.connector.kind, intake)  # workers need it too: they subscribe the address
            if "web" in self._roles:
                yield self._background.spawn(f"webhooks {key}", intake.run)
            if "worker" in self._roles and intake.may_fetch:
                yield self._background.alone(f"kept events {key}", lambda _: intake.fetch())
        yield self._background.spawn(f"crm {key}", partial(self._open_crm, member))
        if "pbx" in self._roles:
            yield self._background.spawn(f"left calls {key}", partial(self._end_left_calls, member))
        if "worker" in self._roles:
            yield self._background.alone(f"phone book {key}", partial(self._mirror_book, member))

    def _jobs_on(self, member: Member, pbx: PbxId) -> Iterator[Job]:
        recovery = recovery_of(member, pbx, self._core.storage, self._core.clock, self._core.wake)
        if recovery is not None:
            yield self._background.spawn(recovery_name(member.account, pbx), recovery.run)
        if "pbx" in self._roles:
            yield self._background.spawn(f"routes {member.account.id} {pbx}", member.on[pbx].routing.run)

    async def _open_crm(self, member: Member) -> None:
        await member.connector.open()
        self._opened(member.account.id)
        await asyncio.get_running_loop().create_future()  # done, and not to be done again

    async def _end_left_calls(self, member: Member) -> None:
        while True:
            try:
                await self._core.end_left_calls(member.account)
            except Unavailable as exc:
                log.error("calls of PBXs that were left cannot be ended", account_id=member.account.id, reason=str(exc))
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                await asyncio.get_running_loop().create_future()  # done, and not to be done again

    async def _mirror_book(self, member: Member, _: Lease | None) -> None:
        # A thousand accounts that start together must not read their CRMs at the same moment: calls come first.
        await asyncio.sleep(random.random() * len(self._core.members) / _BOOKS_A_SECOND)
        await self._mirror.run(member.account)

    async def _serve_routes(self) -> None:
        if "pbx" not in self._roles:
            return
        asking: list[tuple[PbxConfig, RouteAnswerer]] = []
        for key, pbx in self._core.pbxs.items():
            routings = [member.on[key].routing for member in self._core.users_of(key)]
            if routings and pbx.connection.abilities.routes:
                asking.append(
                    (pbx.config, routings[0] if len(routings) == 1 else SharedRoutes(routings, self._core.clock))
                )
        await self._core.kinds.serve_routes(asking, is_shared=self._core.is_shared)


def _subject(step: Step) -> Subject:
    match step:
        case StartPbx(pbx=pbx) | ReplacePbx(pbx=pbx):
            return "pbx", pbx.id
        case StopPbx(pbx=key):
            return "pbx", key
        case Stop(account=account_id):
            return "crm", account_id
        case Start(account=account) | Replace(account=account):
            return "crm", account.id


def _said(step: Step) -> str:
    """For the log: no secrets."""
    match step:
        case StartPbx(pbx=pbx):
            return f"start PBX {pbx.id}"
        case ReplacePbx(pbx=pbx):
            return f"replace PBX {pbx.id}"
        case StopPbx(pbx=key):
            return f"stop PBX {key}"
        case Stop(account=account_id):
            return f"stop {account_id}"
        case Start(account=account):
            return f"start {account.id}"
        case Replace(account=account, parts=parts):
            return f"replace {account.id}: {', '.join(sorted(parts))}"
