"""The next open task of a client, for the card: read from the CRM behind the card, and remembered for a minute.

A card never waits for it: it is shown without, and again as soon as the task has come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from integration.domain.calls.call import Call
from integration.domain.crm.entities import EntityRef
from integration.domain.ids import AccountId, CallId
from integration.domain.settings import CardField
from integration.errors import DozvonError
from integration.ports.crm import NextTask
from integration.services.accounts import Account
from integration.services.ending import ended

log = structlog.get_logger()

_FRESH_SECONDS = 60.0
_READ_SECONDS = 10.0  # a later answer helps nobody
_MOST_READ_AT_ONCE = 4  # of an account: in a flood of calls the CRM's requests are for other things
_MOST_REMEMBERED = 2000

_Client = tuple[AccountId, EntityRef]


@dataclass(frozen=True, slots=True)
class _Read:
    """What the CRM answered; None also after an error, so that a CRM in trouble is not asked by each call."""

    task: NextTask | None
    at: float  # on the loop's clock


class NextTasks:
    def __init__(self, then: Callable[[Account, CallId], Awaitable[None]]) -> None:
        """`then`: a client's task has come; show the card of this call again. Must not raise."""
        self._then = then
        self._known: dict[_Client, _Read] = {}  # the oldest first
        self._reading: dict[_Client, asyncio.Task[None]] = {}
        self._waiting: dict[_Client, set[CallId]] = {}

    def of(self, account: Account, call: Call, person: EntityRef, deals: Sequence[EntityRef]) -> NextTask | None:
        """The task as far as it is known now; what is not known is read behind."""
        if CardField.NEXT_TASK not in account.settings.card_fields or not account.crm.abilities.tasks:
            return None
        client = account.id, person
        known = self._known.get(client)
        if known is not None and asyncio.get_running_loop().time() - known.at < _FRESH_SECONDS:
            return known.task
        if client in self._reading or (call.is_live and self._may_ask(account)):
            self._waiting.setdefault(client, set()).add(call.id)
            if client not in self._reading:
                self._reading[client] = asyncio.create_task(self._read(account, client, deals))
        return known.task if known is not None else None

    def forget(self, account: AccountId, person: EntityRef) -> None:
        """Something of this client has changed: read again at the next card."""
        self._known.pop((account, person), None)

    async def close(self) -> None:
        await ended(list(self._reading.values()))

    def _may_ask(self, account: Account) -> bool:
        under_way = sum(of == account.id for of, _ in self._reading)
        return account.condition.trouble is None and under_way < _MOST_READ_AT_ONCE

    async def _read(self, account: Account, client: _Client, deals: Sequence[EntityRef]) -> None:
        task = None
        try:
            async with asyncio.timeout(_READ_SECONDS):
                task = await account.crm.next_task(client[1], deals)
        except (DozvonError, TimeoutError) as exc:
            log.info("next task of a client not read", account_id=account.id, error=str(exc) or "not in time")
        finally:
            del self._reading[client]
            waiting = self._waiting.pop(client, set())
        self._known.pop(client, None)
        self._known[client] = _Read(task, asyncio.get_running_loop().time())
        while len(self._known) > _MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        if task is not None:
            for call in waiting:
                await self._then(account, call)
