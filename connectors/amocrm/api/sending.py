"""Sends every request to amoCRM, also those of OAuth: paced, and not while amoCRM blocks us.

`pacing.py` gives the slots; `transport.py` and `tokens.py` interpret the answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog

from connectors.amocrm.api.pacing import Blocked, Breaker, Pacer, SharedPacer, Slot
from connectors.amocrm.api.wire import Answer, Query, exchange
from connectors.amocrm.settings import AmocrmSettings
from integration.connecting.standing import Standing
from integration.domain.calls.intents import Priority
from integration.errors import RateLimited, Unavailable
from integration.ports.coordination import RateBudget

_log = structlog.get_logger()


class Sender:
    """
    The sender of one integration, for all its accounts in this process: amoCRM counts requests by integration, and
    blocks the whole integration. It reports limits and blocks to the accounts' `standings`. For one event loop.
    """

    def __init__(
        self, settings: AmocrmSettings, session: aiohttp.ClientSession, budget: RateBudget | None = None
    ) -> None:
        """`session` belongs to the caller. `budget`: shared by all processes; None for a single process."""
        self._session = session
        self.limits = limits_of(settings)
        rate = settings.requests_per_second
        self._pacer = Pacer(rate) if budget is None else SharedPacer(rate, budget)
        self._breaker = Breaker(settings.block_seconds)
        self.standings: list[Standing] = []

    async def slot(self, priority: Priority) -> Slot:
        """
        Wait for the slot of one request. Use it with `send`, or give it back.

        Raises:
            Blocked: amoCRM has blocked the integration.
            RateLimited: too many requests wait already.
        """
        self._breaker.check()
        slot = await self._pacer.slot(priority)
        try:
            self._breaker.check()
        except Blocked:
            self.give_back(slot)
            raise
        return slot

    def give_back(self, slot: Slot) -> None:
        self._pacer.answered(slot)

    async def send(
        self,
        slot: Slot,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout_seconds: float,
        query: Query = (),
        body: Any = None,
    ) -> Answer:
        """
        Send a request with this slot. Every status is an answer, except 429 and the 403 that blocks everything.

        Raises:
            RateLimited: 429, after the slots were paused.
            Blocked: a 403 that blocks the whole integration.
            Unavailable, OutcomeUnknown, ProtocolError: as `wire.exchange`.
        """
        try:
            answer = await exchange(
                self._session, method, url, headers=headers, timeout_seconds=timeout_seconds, query=query, body=body
            )
        finally:
            self._pacer.answered(slot)
        if answer.status == 429:
            wait = self._pacer.refused(slot)
            _log.warning("amoCRM asks to slow down", pause_seconds=round(wait, 1), request_id=answer.request_id)
            for standing in self.standings:
                standing.slowed()
            raise RateLimited("amoCRM asks to slow down (429)", retry_after_seconds=wait)
        self._pacer.accepted(slot)
        if answer.status == 403 and self._breaker.forbidden(urlsplit(url).path, is_blanket=not answer.is_problem):
            self._tell_blocked(answer.request_id)
        if 200 <= answer.status < 300:
            self._breaker.passed()
        return answer

    async def ask(
        self, method: str, url: str, *, headers: Mapping[str, str], timeout_seconds: float, body: Any = None
    ) -> Answer:
        """
        Send a request of OAuth, with the priority of a card.

        Raises:
            Unavailable: also if there is no slot within `timeout_seconds`.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                slot = await self.slot(Priority.CARD)
        except TimeoutError as exc:
            raise Unavailable("amoCRM asked to slow down: the request waits for its turn") from exc
        return await self.send(slot, method, url, headers=headers, timeout_seconds=timeout_seconds, body=body)

    def block(self, seconds: float) -> None:
        """Another process was blocked: do not send either."""
        self._breaker.open(seconds)

    def unblock(self) -> None:
        self._breaker.passed()
        self._breaker.open(0.0)

    async def close(self) -> None:
        await self._pacer.close()

    def _tell_blocked(self, request_id: str) -> None:
        pause = self._breaker.remaining_seconds
        _log.error("amoCRM has blocked the integration", pause_seconds=round(pause), request_id=request_id)
        for standing in self.standings:
            standing.blocked(pause)
        raise Blocked("amoCRM has blocked this integration (403)", retry_after_seconds=pause)


def limits_of(settings: AmocrmSettings) -> tuple[float, float]:
    return settings.requests_per_second, settings.block_seconds


class Senders:
    """One `Sender` for each integration of this process. The first account sets the rate and the block times."""

    def __init__(self, session: aiohttp.ClientSession, budget: Callable[[str], RateBudget | None]) -> None:
        """`budget`: the budget that all processes share, by the name of the integration."""
        self._session = session
        self._budget = budget
        self._senders: dict[str, Sender] = {}
        self._retired: list[Sender] = []

    def of(self, settings: AmocrmSettings, account: str) -> Sender:
        """A long-lived token belongs to one account, not to an integration: then `account` names the sender."""
        name = settings.client_id if not settings.long_lived_token else f"token of {account}"
        sender = self._senders.get(name)
        if sender is not None and not sender.standings and sender.limits != limits_of(settings):
            self._retired.append(self._senders.pop(name))  # unused, and the limits were changed
        if name not in self._senders:
            self._senders[name] = Sender(settings, self._session, self._budget(name))
        return self._senders[name]

    async def close(self) -> None:
        for sender in (*self._senders.values(), *self._retired):
            await sender.close()
