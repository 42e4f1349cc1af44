"""The outbox's worker: claims due items, carries them out, and records the results.

`delivery_steps.py` carries out each kind of intent; `domain/calls/retry.py` decides when to try again.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from integration.domain.calls.intents import IntentKind
from integration.domain.calls.retry import GiveUp, after_failure
from integration.domain.ids import AccountId, Timestamp
from integration.errors import AuthFailed, DozvonError, OutcomeUnknown, Rejected, StorageUnavailable, Unavailable
from integration.ports.clock import Clock
from integration.ports.stores import Outbox, OutboxItem
from integration.services.accounts import Account, Accounts
from integration.services.ending import ended

log = structlog.get_logger()

_LEASE_SECONDS = 30.0  # after this, a crashed worker's items are free again
_HOLD_SECONDS = 24.0  # an attempt whose lease was not extended ends before another may begin
_EXTEND_EVERY_SECONDS = 8.0
_ATTEMPT_SECONDS = 90.0
_AT_ONCE_PER_ACCOUNT = 8
_LOOK_AT_LEAST_EVERY_SECONDS = 5.0
_LOOK_APART_SECONDS = 0.1
_LOOK_APART_AT_MOST_SECONDS = 0.5  # an account's eight running items last longer than this at any CRM's pace
_LOOK_SHARE = 0.2  # of the time is for looking: a look takes longer the more items wait
_CLAIMS_AT_ONCE = 8  # share a commit on SQLite, and leave connections of the pool to others on PostgreSQL
_STORAGE_AWAY_SECONDS = 1.0


class Expired(Exception):
    """The intent is no longer useful."""


class NotYet(Exception):
    """
    The step waits for something that will happen by itself. This is not a failure, so the waits do not grow.

    `afresh`: it may wait longer than the time after which an item is given up. Attempts and that time start again.
    """

    def __init__(self, reason: str, *, seconds: float, afresh: bool = False) -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.afresh = afresh


StepFunction = Callable[[Account, OutboxItem], Awaitable[dict[str, Any]]]
"""Carries out one item and returns its result (JSON). Raises: Expired, NotYet, or an error of `integration.errors`."""


@dataclass(slots=True)
class _Attempt:
    """A running attempt. Its deadline moves as long as its lease can be extended."""

    item: OutboxItem
    deadline: asyncio.Timeout
    latest: float  # on the loop's clock


class Delivery:
    def __init__(
        self,
        accounts: Accounts,
        outbox: Outbox,
        steps: Mapping[IntentKind, StepFunction],
        clock: Clock,
        wake: asyncio.Event,
        on_outcome: Callable[[AccountId], None] = lambda _: None,
    ) -> None:
        """`on_outcome`: called after each attempt, whatever its outcome was."""
        self._accounts = accounts
        self._outbox = outbox
        self._steps = steps
        self._clock = clock
        self._on_outcome = on_outcome
        self.wake = wake
        self._busy: dict[AccountId, set[asyncio.Task[None]]] = {}
        self._attempts: dict[int, _Attempt] = {}  # by the item's id
        self.counts: Counter[tuple[str, str]] = Counter()  # (kind, outcome) -> how many
        self.milliseconds_spent: Counter[str] = Counter()

    async def run(self) -> None:
        """Deliver until cancelled. Running attempts are then cancelled, and later repeated as uncertain."""
        extending = asyncio.create_task(self._keep_leases())
        try:
            loop = asyncio.get_running_loop()
            while True:
                self.wake.clear()
                began = loop.time()
                try:
                    now = self._clock.now()
                    was_any_due = await self._start_what_is_due(now)
                    pause = _LOOK_APART_SECONDS if was_any_due else await self._pause(now)
                except Unavailable as exc:
                    log.error("outbox cannot be read", error=str(exc))
                    pause = _STORAGE_AWAY_SECONDS
                apart = min((loop.time() - began) / _LOOK_SHARE, _LOOK_APART_AT_MOST_SECONDS)
                try:
                    async with asyncio.timeout(pause):
                        await self.wake.wait()
                except TimeoutError:
                    pass
                await asyncio.sleep(began + max(apart, _LOOK_APART_SECONDS) - loop.time())
        finally:
            await ended([extending, *(task for busy in self._busy.values() for task in busy)])

    async def drain(self) -> None:
        """Deliver until nothing is due any more."""
        while True:
            await self._start_what_is_due(self._clock.now())
            under_way = [task for busy in self._busy.values() for task in busy]
            if not under_way:
                return
            await asyncio.wait(under_way)

    async def _start_what_is_due(self, now: Timestamp) -> bool:
        """Returns whether anything was due, started or not; what removed accounts have left does not count."""
        due = [account for account in map(self._accounts.get, await self._outbox.accounts_due(now=now)) if account]
        with_room = [account for account in due if self._room(account.id) > 0]
        for at in range(0, len(with_room), _CLAIMS_AT_ONCE):
            await asyncio.gather(*(self._start(account) for account in with_room[at : at + _CLAIMS_AT_ONCE]))
        return bool(due)

    def _room(self, account: AccountId) -> int:
        return _AT_ONCE_PER_ACCOUNT - len(self._busy.setdefault(account, set()))

    async def _start(self, account: Account) -> None:
        hold_until = asyncio.get_running_loop().time() + _HOLD_SECONDS  # a claim may wait for a database that hangs
        items = await self._outbox.claim(
            account.id, now=self._clock.now(), lease_seconds=_LEASE_SECONDS, limit=self._room(account.id)
        )
        busy = self._busy[account.id]
        for item in items:
            task = asyncio.create_task(self._deliver(account, item, hold_until))
            busy.add(task)
            task.add_done_callback(busy.discard)
            task.add_done_callback(self._look_again)

    def _look_again(self, _: asyncio.Task[None]) -> None:
        self.wake.set()  # the call's next item may be due now

    async def _pause(self, now: Timestamp) -> float:
        """`now`: when it was asked what is due; what became due since counts as next."""
        due = await self._outbox.next_due(now=now)
        if due is None:
            return _LOOK_AT_LEAST_EVERY_SECONDS
        return min(max(0.0, due - self._clock.now()), _LOOK_AT_LEAST_EVERY_SECONDS)

    async def _deliver(self, account: Account, item: OutboxItem, hold_until: float) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcome = "failed"
        try:
            outcome = await self._attempt(account, item, hold_until)
        except Unavailable as exc:  # our storage failed: the lease runs out, and the item is claimed again
            log.error("outcome not recorded", account_id=account.id, call_id=item.call, error=str(exc))
        finally:
            self.counts[item.kind, outcome] += 1
            self.milliseconds_spent[item.kind] += round((loop.time() - began) * 1000)
            self._on_outcome(account.id)

    async def _attempt(self, account: Account, item: OutboxItem, hold_until: float) -> str:
        if item.expires_at is not None and self._clock.now() > item.expires_at:
            await self._outbox.expire(item)
            return "expired"
        try:
            async with asyncio.timeout_at(hold_until) as deadline:
                began = asyncio.get_running_loop().time()
                self._attempts[item.id] = _Attempt(item, deadline, began + _ATTEMPT_SECONDS)
                result = await self._steps[item.kind](account, item)
        except Expired:
            await self._outbox.expire(item)
            return "expired"
        except NotYet as exc:
            when = Timestamp(self._clock.now() + exc.seconds)
            await self._outbox.retry(item, at=when, error=str(exc), is_uncertain=item.is_uncertain, afresh=exc.afresh)
            return "retried"
        except TimeoutError:
            error: DozvonError = OutcomeUnknown("not finished in time")
        except DozvonError as exc:
            error = exc
        except Exception as exc:  # a defect must neither stop the worker nor vanish: the item becomes a dead letter
            log.exception("delivery step broke", account_id=account.id, call_id=item.call, kind=item.kind)
            error = Rejected(f"internal error: {type(exc).__name__}", code="internal")
        else:
            await self._outbox.done(item, result)
            return "done"
        finally:
            self._attempts.pop(item.id, None)
        return await self._failed(item, error)

    async def _keep_leases(self) -> None:
        """Extend the leases of long attempts. In a paused process the deadlines end the attempts before they send."""
        while True:
            await asyncio.sleep(_EXTEND_EVERY_SECONDS)
            by_account: dict[AccountId, list[OutboxItem]] = {}
            for attempt in self._attempts.values():
                by_account.setdefault(attempt.item.account, []).append(attempt.item)
            for items in by_account.values():
                try:
                    await self._extend(items)
                except DozvonError as exc:
                    log.warning("leases of items cannot be extended now", error=str(exc))

    async def _extend(self, items: list[OutboxItem]) -> None:
        hold_until = asyncio.get_running_loop().time() + _HOLD_SECONDS
        kept = await self._outbox.extend(items, until=Timestamp(self._clock.now() + _LEASE_SECONDS))
        for item in items:
            attempt = self._attempts.get(item.id)
            if item.id in kept and attempt is not None and not attempt.deadline.expired():
                attempt.deadline.reschedule(min(hold_until, attempt.latest))

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
        # Our storage may have failed after the CRM had taken the write: it says nothing of that.
        uncertain = isinstance(error, OutcomeUnknown | StorageUnavailable)
        when = Timestamp(decision.when)
        await self._outbox.retry(item, at=when, error=decision.reason, is_uncertain=uncertain or item.is_uncertain)
        return "retried"


def _asked_for(error: DozvonError) -> float | None:
    if isinstance(error, Unavailable):
        return error.retry_after_seconds
    if isinstance(error, AuthFailed):
        return 30.0  # an administrator has to act: trying sooner helps nobody
    return None
