"""Recovers calls from times without a link: compares the PBX's own records with the journal, logs missing calls once.

The PBX's adapter turns records into calls; `domain/calls/follow_up.py` decides what to do after a call.

Theory of operation
-------------------

A call's id is made from the PBX and its first channel, so a record gives the same id as the live call. To compare, we
look up this id in the journal; repeating it changes nothing. A call and its intents are saved in one transaction, and
an intent is queued once for a call. So two processes that compare at the same time still log the call once.

While the link is up, the time is stored every few seconds. When the link comes back, the time since then is a gap; it
is stored until it has been compared. Asterisk may write CDRs minutes late, so a gap is compared several times. In
addition, the last hours are compared about once an hour, with or without a gap.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import structlog

from integration.domain.calls.call import Call, Direction
from integration.domain.calls.follow_up import follow_up
from integration.domain.calls.intents import IntentKind
from integration.domain.calls.ownership import SOLE, Ownership
from integration.domain.calls.received import Received
from integration.domain.calls.tracking import Change
from integration.domain.ids import CallId, PbxId, Timestamp, call_id
from integration.errors import DozvonError
from integration.ports.clock import Clock
from integration.ports.records import CallRecords, RecordedCall, Watch, WatchLog
from integration.ports.stores import CallStore, Outbox, SavedStep
from integration.services.accounts import Account

log = structlog.get_logger()

_LOOK_EVERY_SECONDS = 1.0  # at the link
_BEAT_SECONDS = 10.0
_MARGIN_SECONDS = 60.0  # added before a gap, for the age of the last beat and differing clocks
_PASSES_SECONDS = (1.0, 6.0, 60.0)  # after the link is back; the last pass is when all records are written
_ROUTINE_SECONDS = 3600.0
_ROUTINE_REACH_SECONDS = 3 * 3600.0
_RETRY_SECONDS = 60.0
_SLICE_SECONDS = 6 * 3600.0  # compared at once; limits the memory for a gap of days
_LONGEST_GAP_SECONDS = 31 * 86_400.0
_JUST_ENDED_SECONDS = 2.0  # events of calls that ended a moment ago may still arrive


class Outcome(StrEnum):
    """The result of comparing one call."""

    RECOVERED = "recovered"  # it was not in the journal, or with too little to log it
    CORRECTED = "corrected"  # its end was only inferred, and it was not delivered yet
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Compared:
    call: Call
    outcome: Outcome


class Recovery:
    """
    The comparison for one PBX of one account.

    Args:
        is_followed: whether this process receives the PBX's events now.
        links: how often the link came up; it may be lost and restored between two looks, or while a gap is compared.
        is_live: whether a call is still followed; live calls are not changed.
        unseen_since: takes the start of the oldest call whose end was inferred since the last call; None if there is
            none. Ends are also inferred while the link is up: a Hangup was lost, or came before the snapshot.
        queued: called when intents were queued.
        ownership: whether a call is the account's.
    """

    def __init__(
        self,
        account: Account,
        pbx: PbxId,
        records: CallRecords,
        *,
        calls: CallStore,
        outbox: Outbox,
        watches: WatchLog,
        clock: Clock,
        is_followed: Callable[[], bool],
        links: Callable[[], int],
        is_live: Callable[[CallId], bool],
        unseen_since: Callable[[], Timestamp | None],
        queued: Callable[[], None],
        ownership: Callable[[Call], Ownership] = lambda _: SOLE,
    ) -> None:
        self._account = account
        self._pbx = pbx
        self._records = records
        self._calls = calls
        self._outbox = outbox
        self._watches = watches
        self._clock = clock
        self._is_followed = is_followed
        self._links = links
        self._link = 0  # number of the link whose gap is compared
        self._is_live = is_live
        self._unseen_since = unseen_since
        self._ownership = ownership
        self._queued = queued
        self._watch: Watch | None = None  # while the PBX is followed
        self._due: list[Timestamp] = []  # when to compare the gap, soonest first
        self._routine_at = Timestamp(0.0)
        self._first_seen = Timestamp(0.0)  # when this process found the account new on this PBX
        self._beat_at = Timestamp(0.0)
        self.problem = ""  # why the last comparison failed; empty if it succeeded

    async def run(self) -> None:
        """Watch the link and compare after each gap; until cancelled."""
        while True:
            try:
                await self.look()
            except DozvonError as exc:
                self._put_off(exc)
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def look(self) -> None:
        """Check the link and the clock, and do what is due. Raises: errors of the database and the records."""
        now = self._clock.now()
        if not self._is_followed():
            self._watch = None
            return
        if self._watch is None or self._links() != self._link:
            await self._resume(now)
        elif now >= self._beat_at:
            await self._keep(replace(self._watch, watched_until=now))
        await self._note_unseen(now)
        if self._due and now >= self._due[0]:
            await self._compare_gap(now)
        elif now >= self._routine_at:
            await self._settle(max(self._first_seen, Timestamp(now - _ROUTINE_REACH_SECONDS)), now)
            self._routine_at = _next_routine(now)

    async def _resume(self, now: Timestamp) -> None:
        """The PBX is followed again: store since when it was not. A PBX that is new to us has no gap."""
        link = self._links()
        before = await self._watches.load(self._account.id, self._pbx)
        since = None
        if before is None:
            self._first_seen = now
        else:
            since = before.watched_until if before.unchecked_since is None else before.unchecked_since
            since = Timestamp(max(since, now - _LONGEST_GAP_SECONDS))
        compared_at = None if before is None else before.compared_at
        await self._keep(Watch(watched_until=now, unchecked_since=since, compared_at=compared_at))
        self._due = [] if since is None else self._passes(now)
        self._link = link
        self._routine_at = _next_routine(now)

    async def _note_unseen(self, now: Timestamp) -> None:
        """Treat the time of a call with an unseen end as a gap."""
        since, watch = self._unseen_since(), self._watch
        if since is None or watch is None:
            return
        if watch.unchecked_since is not None:
            since = min(since, watch.unchecked_since)
        await self._keep(replace(watch, watched_until=now, unchecked_since=since))
        self._due = self._passes(now)

    def _passes(self, now: Timestamp) -> list[Timestamp]:
        late = self._records.late_seconds
        return [Timestamp(now + after) for after in (*(each for each in _PASSES_SECONDS if each < late), late)]

    async def _keep(self, watch: Watch) -> None:
        await self._watches.save(self._account.id, self._pbx, watch)
        self._watch = watch
        self._beat_at = Timestamp(watch.watched_until + _BEAT_SECONDS)

    async def _compare_gap(self, now: Timestamp) -> None:
        watch = self._watch
        if watch is None or watch.unchecked_since is None:
            self._due.clear()
            return
        await self._settle(Timestamp(watch.unchecked_since - _MARGIN_SECONDS), now)
        del self._due[0]
        done_until = Timestamp(max(watch.unchecked_since, now - self._records.late_seconds))
        since = done_until if self._due else None
        await self._keep(Watch(watched_until=now, unchecked_since=since, compared_at=now))
        self._queued()  # calls with an unseen end wait for this

    async def _settle(self, since: Timestamp, until: Timestamp) -> None:
        found = [each async for each in self.compare(since, until) if each.outcome is not Outcome.KNOWN]
        if self.problem:
            log.info("the PBX's records are compared again", account_id=self._account.id)
            self.problem = ""
        if found:
            recovered = sum(each.outcome is Outcome.RECOVERED for each in found)
            log.info(
                "calls recovered from the PBX's records",
                account_id=self._account.id,
                recovered=recovered,
                corrected=len(found) - recovered,
            )

    def _put_off(self, exc: DozvonError) -> None:
        if not self.problem:
            log.error("the PBX's records cannot be compared", account_id=self._account.id, error=str(exc))
        self.problem = str(exc)
        again = Timestamp(self._clock.now() + _RETRY_SECONDS)
        self._due = [max(at, again) for at in self._due]
        self._routine_at = max(self._routine_at, again)

    # ---- the comparison --------------------------------------------------------------------------------------------

    async def compare(self, since: Timestamp, until: Timestamp, *, dry_run: bool = False) -> AsyncIterator[Compared]:
        """
        Compare the calls that ended in this time with the journal, and save the missing ones.

        Args:
            dry_run: return what would be done, and save nothing.

        Raises:
            Unavailable, AuthFailed, ConfigError: of the records and the database; calls saved so far stay.
        """
        until = min(until, Timestamp(self._clock.now() - _JUST_ENDED_SECONDS))
        begin = since
        while begin < until:
            end = Timestamp(min(begin + _SLICE_SECONDS, until))
            async for recorded in self._records.between(begin, end):
                compared = await self._compare(recorded, dry_run=dry_run)
                if compared is not None:
                    yield compared
            begin = end

    async def _compare(self, recorded: RecordedCall, *, dry_run: bool) -> Compared | None:
        """Compare a call. Returns None if it is still live, or if the journal has it as part of another call."""
        own = call_id(self._pbx, recorded.native_id)
        ids = [own, *(call_id(self._pbx, joined) for joined in recorded.joined)]
        if any(self._is_live(each) for each in ids):
            return None
        known = await self._calls.get(self._account.id, own)
        if known is None:
            if await self._is_under_another_id(ids[1:]):
                return None
            call = self._recovered(recorded, own)
            return await self._take(call, Outcome.RECOVERED, dry_run=dry_run)
        if known.merged_into is not None or known.is_live:
            return None
        if _was_hardly_heard(known, recorded):
            return await self._take(self._recovered(recorded, own), Outcome.RECOVERED, dry_run=dry_run)
        if known.end_inferred and not await self._is_delivered(own):
            return await self._take(_corrected(known, recorded), Outcome.CORRECTED, dry_run=dry_run)
        late = [file for file in recorded.recordings if file not in known.recordings]
        if self._account.crm.abilities.live_calls and known.end_inferred and recorded.answered_at is not None and late:
            call = replace(known, recordings=(*known.recordings, *late))  # delivered, but it can still be attached
            return await self._take(call, Outcome.CORRECTED, change=Change.CORRECTED, dry_run=dry_run)
        return Compared(known, Outcome.KNOWN)

    def _recovered(self, recorded: RecordedCall, id_: CallId) -> Call:
        return Call(
            id=id_,
            account=self._account.id,
            pbx=self._pbx,
            native_id=recorded.native_id,
            direction=recorded.direction,
            caller=recorded.caller,
            called=recorded.called,
            caller_name=recorded.caller_name,
            started_at=recorded.started_at,
            answered_at=recorded.answered_at,
            ended_at=recorded.ended_at,
            disposition=recorded.disposition,
            answered_by=recorded.answered_by,
            final_responsible=recorded.final_responsible,
            legs=recorded.legs,
            transfers=recorded.transfers,
            talked_seconds=recorded.talked_seconds,
            recordings=recorded.recordings,
            hangup_by=recorded.hangup_by,
            hangup_cause=recorded.hangup_cause,
            queue=recorded.queue,
            consultation=recorded.consultation,
            origin=recorded.origin,
            received=recorded.received,
            seen_from_start=False,
            recovered=True,
        )

    async def _is_under_another_id(self, ids: list[CallId]) -> bool:
        """Whether a part of it was followed live as a separate call: logging the whole would log the part twice."""
        for each in ids:
            part = await self._calls.get(self._account.id, each)
            if part is not None and (part.client_number is not None or part.merged_into is not None):
                return True
        return False

    async def _is_delivered(self, call: CallId) -> bool:
        return IntentKind.LOG_CALL in await self._outbox.results(self._account.id, call)

    async def _take(self, call: Call, outcome: Outcome, *, change: Change = Change.ENDED, dry_run: bool) -> Compared:
        if not dry_run:
            now = self._clock.now()
            own = self._ownership(call)
            call = replace(call, elsewhere=not own.writes)
            settings = self._account.at(self._pbx)
            intents = follow_up(
                call,
                frozenset({change}),
                settings,
                now,
                owner=own.reason,
                live_calls=self._account.crm.abilities.live_calls,
            )
            step = SavedStep(call=call, intents=intents, event={"event": f"Call{outcome.title()}", "at": now})
            await self._calls.save([step])
            if intents:
                self._queued()
        return Compared(call, outcome)


def _next_routine(now: Timestamp) -> Timestamp:
    """In about an hour, at random: a thousand accounts started together must not ask together."""
    return Timestamp(now + _ROUTINE_SECONDS * random.uniform(0.9, 1.1))


def _was_hardly_heard(known: Call, recorded: RecordedCall) -> bool:
    """Whether the link came up so late in a client's call that the client stayed unknown and nothing was logged."""
    return (
        not known.seen_from_start
        and known.client_number is None
        and recorded.direction is not Direction.INTERNAL
        and not known.recovered
    )


def _met(seen: Received | None, recorded: Received | None) -> Received | None:
    """What was seen of a campaign's client, and the end of it that the records have."""
    if seen is None or recorded is None:
        return seen or recorded
    return replace(
        seen,
        waits_since=seen.waits_since or recorded.waits_since,
        message_at=seen.message_at or recorded.message_at,
        message_whole=seen.message_whole or recorded.message_whole,
        left_message=seen.left_message or recorded.left_message,
        turned_away_at=seen.turned_away_at or recorded.turned_away_at,
    )


def _corrected(known: Call, recorded: RecordedCall) -> Call:
    """The call with observed facts kept, and inferred or missing ones taken from the records."""
    files = dict.fromkeys((*known.recordings, *recorded.recordings))
    return replace(
        known,
        called=known.called or recorded.called,
        answered_at=recorded.answered_at,
        ended_at=recorded.ended_at,
        disposition=recorded.disposition,
        answered_by=recorded.answered_by,
        final_responsible=recorded.final_responsible or known.final_responsible,
        legs=recorded.legs or known.legs,
        transfers=recorded.transfers or known.transfers,
        talk_since=None,
        talked_seconds=recorded.talked_seconds,
        recordings=tuple(files) if recorded.answered_at is not None else (),
        hangup_by=recorded.hangup_by or known.hangup_by,
        hangup_cause=recorded.hangup_cause if recorded.hangup_cause is not None else known.hangup_cause,
        queue=known.queue or recorded.queue,
        origin=known.origin or recorded.origin,
        received=_met(known.received, recorded.received),
        answer_inferred=False,
        end_inferred=False,
        recovered=True,
    )
