"""Turns a PBX's events into stored calls; saves each step's new state together with its intents.

`domain/calls/follow_up.py` decides what to do, `delivery.py` does it, `card.py` shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any, Protocol

import structlog

from integration.domain.calls.call import Call, HangupBy
from integration.domain.calls.events import CallEnded, CallEvent, CallStarted
from integration.domain.calls.follow_up import follow_up
from integration.domain.calls.intents import IntentKind
from integration.domain.calls.ownership import SOLE, Ownership
from integration.domain.calls.together import Seen, told_together
from integration.domain.calls.tracking import Change, advance
from integration.domain.campaigns.attempts import as_dialled
from integration.domain.campaigns.model import Attempt
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp
from integration.errors import LeaseLost, Rejected, Unavailable
from integration.ports.clock import Clock
from integration.ports.coordination import Lease
from integration.ports.stores import CallStore, SavedStep
from integration.services.accounts import Account
from integration.services.ending import ended

log = structlog.get_logger()

_SAVE_SECONDS = 2.0  # then the steps wait in memory: a database that hangs must not delay the next events
_READ_SECONDS = 1.0
_SAVE_AGAIN_SECONDS = 1.0
_MOST_STEPS_AT_ONCE = 200  # per transaction while a backlog is written
_WORTH_LOGGING_SECONDS = 24 * 3600.0  # the age of a call that ends because the account leaves the PBX


class CallObserver(Protocol):
    async def on_change(self, account: Account, call: Call, changes: frozenset[Change]) -> None:
        """A call changed in a way that people can see. Must not raise."""

    def on_resumed(self, account: Account, call: Call) -> None:
        """This process takes over a live call, in the state that the last process stored."""


AttemptOf = Callable[[AccountId, CallId], Awaitable[Attempt | None]]


async def _no_attempt(_account: AccountId, _call: CallId) -> Attempt | None:
    return None


@dataclass(frozen=True, slots=True)
class _Saving:
    """The first `count` steps of the backlog are being saved."""

    task: asyncio.Task[None]
    count: int


class CallTracking:
    """
    The `PbxListener` of one account. From `begin` to `end` this process is the one that follows the PBX.

    If the database does not take a write (full disk, restart, no answer), steps wait in memory in order, cards are
    still shown, and the steps are written as soon as the database takes them.
    """

    def __init__(
        self,
        account: Account,
        pbx: PbxId,
        calls: CallStore,
        clock: Clock,
        observers: Sequence[CallObserver],
        wake: asyncio.Event,
        ownership: Callable[[Call], Ownership] = lambda _: SOLE,
        attempt_of: AttemptOf = _no_attempt,
    ) -> None:
        """
        Args:
            wake: set when intents were queued.
            ownership: whether a call is the account's, by what is known now.
            attempt_of: the campaigns' attempt that made a call. Raises: Unavailable.
        """
        self._account = account
        self._pbx = pbx
        self._calls = calls
        self._clock = clock
        self._observers = observers
        self._wake = wake
        self.ownership = ownership
        self._attempt_of = attempt_of
        self._linked_at = Timestamp(0.0)
        self._live: dict[CallId, Call] = {}
        self._in_order = asyncio.Lock()  # the PBX's events, and what managers add to a call
        self._backlog: list[SavedStep] = []
        self._writer: asyncio.Task[None] | None = None
        self._fence: Lease | None = None
        self._unseen_since: Timestamp | None = None
        self._worth_logging_since = Timestamp(0.0)
        self.is_following = False
        self.links = 0  # how often a link to the PBX came up
        self.overtaken = asyncio.Event()  # another process follows the PBX: a write was refused

    @property
    def live_calls(self) -> list[Call]:
        return list(self._live.values())

    @property
    def unsaved_steps(self) -> int:
        return len(self._backlog)

    def call(self, call_id: CallId) -> Call | None:
        """A live call, as it is now."""
        return self._live.get(call_id)

    async def begin(self, fence: Lease | None = None) -> None:
        """
        Follow the PBX from now on, starting with the stored calls.

        Args:
            fence: the lease under which every step is stored; None if there can be no other process.
        """
        if fence is not None and (self._fence is None or fence.token != self._fence.token + 1):
            self._backlog.clear()  # another process has followed the PBX since these steps
        self._fence = fence
        self.overtaken.clear()
        self._live = {call.id: call for call in await self._stored_live()}
        for step in self._backlog:  # from before the last `end`; the database has not taken them yet
            self._keep(step.call)
        for call in self._live.values():
            self._resume(call)
        self.is_following = True
        if self._backlog:
            self._write_later()

    async def end(self) -> None:
        """
        Write the waiting steps in one attempt, and forget the live calls.

        Raises:
            Unavailable: the waiting steps are kept for the next `begin`.
        """
        self.is_following = False
        self._live.clear()
        if self._writer is not None:
            await ended([self._writer])
            self._writer = None
        if self._backlog:
            try:
                await self._calls.save(self._backlog, fence=self._fence)
            except LeaseLost:
                self._stand_back()
            self._backlog.clear()

    async def leave(self) -> None:
        """
        After `end`: the account gets no more calls of this PBX. End its live calls here, because nobody will see their
        end. Calls that began more than a day ago are not written into the CRM: their end was lost long before.
        """
        self._fence = None
        now = self._clock.now()
        self._worth_logging_since = Timestamp(now - _WORTH_LOGGING_SECONDS)
        await self.on_resync(frozenset(), now)

    async def on_events(self, events: Sequence[CallEvent]) -> None:
        """
        Take events of the PBX, or what a manager adds to a call.

        Raises:
            LeaseLost: another process has taken over; none of `events` is stored.
        """
        async with self._in_order:
            await self._take(events)

    async def _take(self, events: Sequence[CallEvent]) -> None:
        if self.overtaken.is_set():
            raise LeaseLost("Another process follows this PBX.")
        before = dict(self._live)
        steps: list[SavedStep] = []
        seen: list[Seen] = []
        try:
            for event in events:
                step = await self._apply(event)
                if step is not None:
                    saved, shown, changes = step
                    steps.append(saved)
                    if changes:
                        seen.append((shown, changes))
            if steps:
                await self._save(steps)
        except BaseException:
            self._live = before  # the events come again, and must then have the same effect
            raise
        for call, changes in told_together(seen):
            await self._tell(call, changes)

    async def _tell(self, call: Call, changes: frozenset[Change]) -> None:
        """What was stored counts: a mistake in what shows a call holds up neither the others nor the next events."""
        for observer in self._observers:
            try:
                await observer.on_change(self._account, call, changes)
            except Exception:
                log.exception("a change of a call was not shown", call_id=call.id, observer=type(observer).__name__)

    def _resume(self, call: Call) -> None:
        for observer in self._observers:
            try:
                observer.on_resumed(self._account, call)
            except Exception:
                log.exception("a live call was not taken over", call_id=call.id, observer=type(observer).__name__)

    async def on_resync(self, live: frozenset[CallId], at: Timestamp) -> None:
        """End the calls that the store has as live and the PBX no longer has."""
        known = {call.id for call in await self._stored_live()} | set(self._live)
        gone = [call_id for call_id in known if call_id not in live]
        if gone:
            log.info("calls ended unseen", account_id=self._account.id, count=len(gone))
        await self.on_events(
            [CallEnded(call=call_id, at=at, hangup_by=HangupBy.SYSTEM, inferred=True) for call_id in gone]
        )

    def take_unseen_since(self) -> Timestamp | None:
        """The start of the oldest call whose end was inferred since the last call of this; None if there is none."""
        since, self._unseen_since = self._unseen_since, None
        return since

    async def on_link(self, is_up: bool, reason: str) -> None:
        self.links += is_up
        if is_up:
            self._linked_at = self._clock.now()
        log.info("PBX link", account_id=self._account.id, is_up=is_up, reason=reason)

    async def _apply(self, event: CallEvent) -> tuple[SavedStep, Call, frozenset[Change]] | None:
        """Returns what to store, and the call as its observers may see it."""
        call = self._live.get(event.call)
        if call is None:
            call = await self._stored(event.call, is_new=isinstance(event, CallStarted))
        step = advance(call, event, account=self._account.id, pbx=self._pbx)
        if step.call is None or step.call == call:
            return None
        call = await self._whole(step.call) if Change.ENDED in step.changes else step.call
        own, shown = self.ownership(call), call
        if own is not SOLE or call.elsewhere:
            shown = replace(call, elsewhere=not own.shows)
            call = replace(call, elsewhere=not (own.shows if call.is_live else own.writes))
        self._keep(call)
        if Change.ENDED in step.changes and call.end_inferred:
            self._unseen_since = min(call.started_at, self._unseen_since or call.started_at)
        intents = follow_up(
            call,
            step.changes,
            self._account.at(self._pbx),
            self._clock.now(),
            owner=own.reason,
            live_calls=self._account.crm.abilities.live_calls,
            is_ours=own.writes,
        )
        if call.started_at < self._worth_logging_since:
            intents = ()
        if any(intent.kind is IntentKind.REGISTER_CALL for intent in intents):
            call = replace(call, announced=True)
            self._keep(call)
        return SavedStep(call=call, intents=intents, event=timeline_entry(event)), shown, step.changes

    async def _whole(self, call: Call) -> Call:
        """
        An ended call of which a part fell into a gap of the link, or went by before this process: a campaign's has its
        client from the journal of attempts. What a PBX shows of it in the middle may lack the number. While the
        database is away nobody waits for it.
        """
        if call.started_at > self._linked_at or self._backlog:
            return call
        try:
            async with asyncio.timeout(_READ_SECONDS):
                attempt = await self._attempt_of(self._account.id, call.id)
        except (Unavailable, TimeoutError) as exc:
            log.warning("a call keeps the client that the PBX showed", call_id=call.id, error=str(exc))
            return call
        return call if attempt is None else as_dialled(call, attempt, self._account.settings.numbering)

    def _keep(self, call: Call) -> None:
        if call.is_live and call.merged_into is None:
            self._live[call.id] = call
        else:
            self._live.pop(call.id, None)

    async def _stored(self, call_id: CallId, *, is_new: bool) -> Call | None:
        waiting = next((s.call for s in reversed(self._backlog) if s.call.id == call_id), None)
        if waiting is not None:
            return waiting
        if self._backlog and is_new:
            return None  # the database is away, and a call that begins now cannot be stored yet
        try:
            async with asyncio.timeout(_READ_SECONDS):
                return await self._calls.get(self._account.id, call_id)
        except (Unavailable, TimeoutError):
            return None  # memory has the same state as the database, except for old calls

    async def _stored_live(self) -> list[Call]:
        while True:
            try:
                return await self._calls.live(self._account.id, self._pbx)
            except Unavailable as exc:
                log.error("calls cannot be read", account_id=self._account.id, error=str(exc))
                await asyncio.sleep(_SAVE_AGAIN_SECONDS)

    async def _save(self, steps: list[SavedStep]) -> None:
        if self._backlog:
            self._backlog.extend(steps)
            return
        saving = asyncio.create_task(self._calls.save(steps, fence=self._fence))
        try:
            await asyncio.wait({saving}, timeout=_SAVE_SECONDS)
        except asyncio.CancelledError:
            await ended([saving])
            raise
        try:
            if not saving.done():
                raise Unavailable("the database does not answer")
            saving.result()
        except LeaseLost:
            self._stand_back()
            raise
        except Unavailable as exc:
            log.error("calls cannot be saved, kept in memory", account_id=self._account.id, error=str(exc))
            self._backlog.extend(steps)
            self._write_later(None if saving.done() else _Saving(saving, len(steps)))
        else:
            self._tell_of(steps)

    def _stand_back(self) -> None:
        """Drop our steps: the other process gets the calls from the PBX, and the rest from the PBX's own records."""
        log.warning("overtaken by another process", account_id=self._account.id, unsaved_steps=len(self._backlog))
        self._backlog.clear()
        self.overtaken.set()

    def _write_later(self, saving: _Saving | None = None) -> None:
        self._writer = asyncio.create_task(self._write_backlog(saving))

    async def _write_backlog(self, saving: _Saving | None) -> None:
        """`saving`: a save of the oldest steps that is still running. It may succeed, so wait for it first."""
        at_once = _MOST_STEPS_AT_ONCE
        while self._backlog:
            if saving is None:
                await asyncio.sleep(_SAVE_AGAIN_SECONDS)
                steps = self._backlog[:at_once]
                saving = _Saving(asyncio.create_task(self._calls.save(steps, fence=self._fence)), len(steps))
            try:
                await saving.task
            except Unavailable:
                saving = None
                continue
            except LeaseLost:
                self._stand_back()
                return
            except Rejected as exc:  # one of them will never be stored: find it and store the others
                at_once = saving.count // 2 or _MOST_STEPS_AT_ONCE
                if saving.count == 1:
                    refused = self._backlog.pop(0)
                    log.error("a step was refused", call_id=refused.call.id, error=str(exc))
                saving = None
                continue
            written, at_once = self._backlog[: saving.count], _MOST_STEPS_AT_ONCE
            del self._backlog[: saving.count]
            self._tell_of(written)
            saving = None
        log.info("calls are saved again", account_id=self._account.id)

    def _tell_of(self, steps: Sequence[SavedStep]) -> None:
        if any(step.intents for step in steps):
            self._wake.set()


def timeline_entry(event: CallEvent) -> dict[str, Any]:
    """An event as JSON for the call's timeline: `{"event": "LegOffered", "at": ..., ...}` without the call's id."""
    entry: dict[str, Any] = {"event": type(event).__name__}
    for field in fields(event):
        value = getattr(event, field.name)
        if field.name == "call" or value is None:
            continue
        if isinstance(value, Enum):
            entry[field.name] = value.value
        elif isinstance(value, str | int | float | bool):
            entry[field.name] = value
        else:
            entry[field.name] = str(value)
    return entry
