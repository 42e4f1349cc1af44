"""The outbox's worker: claims what is due, has it carried out, and records what became of it.

What each kind of intent does is `delivery_steps.py`'s; when to try again is decided by `domain/retry.py`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from integration.domain.ids import AccountId, Timestamp
from integration.domain.intents import IntentKind
from integration.domain.retry import GiveUp, after_failure
from integration.errors import AuthFailed, DozvonError, OutcomeUnknown, Rejected, Unavailable
from integration.ports import Clock, Outbox, OutboxItem
from integration.services.accounts import Account, Accounts

log = structlog.get_logger()

_LEASE_SECONDS = 120.0  # longer than the longest attempt; a crashed worker's items are free again after it
_ATTEMPT_SECONDS = 90.0
_AT_ONCE_PER_ACCOUNT = 8
_LOOK_AT_LEAST_EVERY_SECONDS = 5.0
_STORAGE_AWAY_SECONDS = 1.0


class Expired(Exception):
    """The step found its intent worthless by now."""


StepFunction = Callable[[Account, OutboxItem], Awaitable[dict[str, Any]]]
"""Carries one item out and returns its result (JSON). Raises Expired, or what `integration.errors` holds."""


class Delivery:
    def __init__(
        self,
        accounts: Accounts,
        outbox: Outbox,
        steps: Mapping[IntentKind, StepFunction],
        clock: Clock,
        wake: asyncio.Event,
    ) -> None:
        self._accounts = accounts
        self._outbox = outbox
        self._steps = steps
        self._clock = clock
        self.wake = wake
        self._busy: dict[AccountId, set[asyncio.Task[None]]] = {}
        self.counts: Counter[tuple[str, str]] = Counter()  # (kind, outcome) -> how many
        self.milliseconds_spent: Counter[str] = Counter()

    async def run(self) -> None:
        """Deliver until cancelled. Attempts under way at the cancellation are cut off and found again, uncertain."""
        try:
            while True:
                self.wake.clear()
                try:
                    await self._start_what_is_due()
                    pause = await self._pause()
                except Unavailable as exc:
                    log.error("outbox cannot be read", error=str(exc))
                    pause = _STORAGE_AWAY_SECONDS
                try:
                    async with asyncio.timeout(pause):
                        await self.wake.wait()
                except TimeoutError:
                    pass
        finally:
            tasks = [task for busy in self._busy.values() for task in busy]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self) -> None:
        """Deliver until nothing is due any more, and return."""
        while True:
            await self._start_what_is_due()
            under_way = [task for busy in self._busy.values() for task in busy]
            if not under_way:
                return
            await asyncio.wait(under_way)

    async def _start_what_is_due(self) -> None:
        for account_id in await self._outbox.accounts_due(now=self._clock.now()):
            account = self._accounts.get(account_id)
            if account is None:
                continue
            busy = self._busy.setdefault(account_id, set())
            room = _AT_ONCE_PER_ACCOUNT - len(busy)
            if room <= 0:
                continue
            items = await self._outbox.claim(
                account_id, now=self._clock.now(), lease_seconds=_LEASE_SECONDS, limit=room
            )
            for item in items:
                task = asyncio.create_task(self._deliver(account, item))
                busy.add(task)
                task.add_done_callback(busy.discard)
                task.add_done_callback(self._look_again)

    def _look_again(self, _: asyncio.Task[None]) -> None:
        self.wake.set()  # the call's next item may be due now

    async def _pause(self) -> float:
        due = await self._outbox.next_due(now=self._clock.now())
        if due is None:
            return _LOOK_AT_LEAST_EVERY_SECONDS
        return min(max(due - self._clock.now(), 0.02), _LOOK_AT_LEAST_EVERY_SECONDS)

    async def _deliver(self, account: Account, item: OutboxItem) -> None:
        began = time.monotonic()
        outcome = "failed"
        try:
            outcome = await self._attempt(account, item)
        except Unavailable as exc:  # our own storage: the lease runs out and the item is found again
            log.error("outcome not recorded", account_id=account.id, call_id=item.call, error=str(exc))
        finally:
            self.counts[item.kind, outcome] += 1
            self.milliseconds_spent[item.kind] += int((time.monotonic() - began) * 1000)

    async def _attempt(self, account: Account, item: OutboxItem) -> str:
        if item.expires_at is not None and self._clock.now() > item.expires_at:
            await self._outbox.expire(item)
            return "expired"
        try:
            async with asyncio.timeout(_ATTEMPT_SECONDS):
                result = await self._steps[item.kind](account, item)
        except Expired:
            await self._outbox.expire(item)
            return "expired"
        except TimeoutError:
            error: DozvonError = OutcomeUnknown(f"no answer within {_ATTEMPT_SECONDS:.0f} s")
        except DozvonError as exc:
            error = exc
        except Exception as exc:  # a defect of ours must not stop the lane nor vanish: it becomes a dead letter
            log.exception("delivery step broke", account_id=account.id, call_id=item.call, kind=item.kind)
            error = Rejected(f"internal error: {type(exc).__name__}", code="internal")
        else:
            await self._outbox.done(item, result)
            return "done"
        return await self._failed(item, error)

    async def _failed(self, item: OutboxItem, error: DozvonError) -> str:
        now = self._clock.now()
        decision = after_failure(
            attempts=item.attempts,
            queued_at=item.queued_at,
            now=now,
            error=str(error),
            is_final=isinstance(error, Rejected),
            retry_after_seconds=_asked_for(error),
            chance=random.random(),
        )
        if isinstance(decision, GiveUp):
            log.warning("given up, kept as a dead letter", account_id=item.account, call_id=item.call, kind=item.kind)
            await self._outbox.dead(item, error=decision.reason)
            return "dead"
        uncertain = isinstance(error, OutcomeUnknown)
        when = Timestamp(decision.when)
        await self._outbox.retry(item, at=when, error=decision.reason, is_uncertain=uncertain or item.is_uncertain)
        return "retried"


def _asked_for(error: DozvonError) -> float | None:
    if isinstance(error, Unavailable):
        return error.retry_after_seconds
    if isinstance(error, AuthFailed):
        return 30.0  # an administrator has to act: asking faster helps nobody
    return None
