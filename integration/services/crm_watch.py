"""Reacts when a CRM's trouble begins or ends: informs all processes at once, and continues waiting work.

Connectors notice the trouble; pages show it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from integration.domain.crm.entities import CrmCondition, CrmTrouble
from integration.domain.ids import AccountId
from integration.errors import DozvonError
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.ports.stores import Outbox

log = structlog.get_logger()

_CHANNEL = "crm"
_PROBE_SECONDS = 30.0

Adopt = Callable[[AccountId, CrmCondition], None]


class CrmWatch:
    """
    Connectors of this process call `told`. `listen` (with other processes) and `probe` run as long as the process.

    Args:
        process: identifies this process.
        conditions: the condition of each account's CRM, from its connector.
        adopt: passes another process's news about the CRM to a connector.
        go_on: wakes this process's work with the CRM.
    """

    def __init__(
        self,
        outbox: Outbox,
        coordination: Coordination,
        clock: Clock,
        process: str,
        *,
        conditions: Callable[[], dict[AccountId, CrmCondition]],
        adopt: Adopt,
        go_on: Callable[[AccountId], None],
    ) -> None:
        self._outbox = outbox
        self._coordination = coordination
        self._clock = clock
        self._process = process
        self._conditions = conditions
        self._adopt = adopt
        self._go_on = go_on
        self._following: set[asyncio.Task[None]] = set()

    def told(self, account: AccountId, condition: CrmCondition) -> None:
        """Handle a new condition that the CRM's answers show. Never waits, never raises."""
        task = asyncio.create_task(self._follow(account, condition), name=f"crm condition {account}")
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def settled(self) -> None:
        """Wait until all changes so far are handled."""
        await asyncio.gather(*self._following)

    async def listen(self) -> None:
        """Receive other processes' changes; until cancelled."""
        async for message in self._coordination.subscribe(_CHANNEL):
            account = AccountId(str(message.get("account")))
            condition = _read(message)
            if condition is None or message.get("process") == self._process or account not in self._conditions():
                continue
            self._adopt(account, condition)
            if condition.trouble is None:
                self._go_on(account)

    async def probe(self) -> None:
        """
        After a subscription has ended only a write shows that it was paid: make the oldest waiting one due now,
        however late its next attempt is. Until cancelled.
        """
        while True:
            await asyncio.sleep(_PROBE_SECONDS)
            for account, condition in self._conditions().items():
                if condition.trouble is CrmTrouble.UNPAID:
                    await self._hasten(account, at_most=1)
                    self._go_on(account)

    async def _follow(self, account: AccountId, condition: CrmCondition) -> None:
        if condition.trouble is None:
            log.info("the CRM can be worked with again", account_id=account)
            await self._hasten(account)
            self._go_on(account)
        else:
            log.warning("the CRM is in trouble", account_id=account, trouble=condition.trouble, detail=condition.detail)
        try:
            await self._coordination.publish(_CHANNEL, _written(self._process, account, condition))
        except DozvonError as exc:
            log.info("other processes not notified of the CRM's trouble", account_id=account, error=str(exc))

    async def _hasten(self, account: AccountId, *, at_most: int | None = None) -> None:
        try:
            hastened = await self._outbox.retry_now(account, now=self._clock.now(), at_most=at_most)
        except DozvonError as exc:
            log.warning("work that waits for the CRM cannot continue now", account_id=account, error=str(exc))
            return
        if hastened:
            log.info("continuing work that waited for the CRM", account_id=account, items=hastened)


def _written(process: str, account: AccountId, condition: CrmCondition) -> dict[str, Any]:
    return {
        "process": process,
        "account": account,
        "trouble": condition.trouble.value if condition.trouble else None,
        "detail": condition.detail,
        "until": condition.until,
    }


def _read(message: dict[str, Any]) -> CrmCondition | None:
    """The condition in a message; None for a trouble that only a later release knows."""
    trouble, until = message.get("trouble"), message.get("until")
    if trouble is not None and trouble not in list(CrmTrouble):
        return None
    return CrmCondition(
        trouble=CrmTrouble(trouble) if trouble else None,
        detail=str(message.get("detail", "")),
        until=float(until) if isinstance(until, int | float) else None,
    )
