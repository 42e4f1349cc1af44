"""Takes the webhooks of accounts that leave out of their CRMs, whichever way they were removed.

A page asks before it removes an account, because it says what became of the webhooks. The command, REST and the
configuration file change what is stored; a running process sees the difference (`supervisor.py`) and asks then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from enum import StrEnum

import structlog

from integration.errors import DozvonError
from integration.ports.coordination import Coordination
from integration.process.core import Member
from integration.web.hooks import Hooks

log = structlog.get_logger()

_CRM_SECONDS = 15.0  # a CRM that does not answer must not hold a removal up
_ONCE_SECONDS = 60.0  # all processes see a removal within seconds; one of them asks the CRM


class Webhooks(StrEnum):
    """What became of the webhooks in the CRM."""

    REMOVED = "removed"
    NONE = "none"  # this kind of CRM has none, or none was asked for
    LEFT = "left"  # the CRM did not answer, or does not let us: it gives up after deliveries that fail


class EndedWebhooks:
    def __init__(self, hooks: Hooks, coordination: Coordination, public_url: str) -> None:
        self._hooks = hooks
        self._coordination = coordination
        self._public_url = public_url

    async def end(self, member: Member) -> Webhooks:
        """Of an account that is about to be removed. Never raises."""
        await self._is_first(member)
        return await self._end(member)

    async def end_all(self, members: Iterable[Member]) -> None:
        """Of accounts that were removed, if no page or process has done so a moment ago. Never raises."""
        ours = [each for each in members if await self._is_first(each)]
        await asyncio.gather(*(self._end(each) for each in ours))

    async def _is_first(self, member: Member) -> bool:
        return await self._coordination.once(f"webhooks-ended:{member.account.id}", ttl_seconds=_ONCE_SECONDS)

    async def _end(self, member: Member) -> Webhooks:
        if not member.connector.crm.abilities.webhooks or not member.connector.is_known:
            return Webhooks.NONE
        account = member.account.id
        try:
            async with asyncio.timeout(_CRM_SECONDS):
                is_done = await member.connector.remove_webhooks(self._public_url + self._hooks.path(account))
        except (DozvonError, TimeoutError) as exc:
            log.warning("webhooks not ended in the CRM", account_id=account, error=str(exc))
            return Webhooks.LEFT
        return Webhooks.REMOVED if is_done else Webhooks.LEFT
