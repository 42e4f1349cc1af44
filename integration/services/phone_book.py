"""Keeps the phone book equal to the CRM: a paced import, changes as they arrive, and a regular comparison.

Routing and cards read it; `storage/sql/phone_book.py` stores it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import (
    CrmChange,
    Deal,
    DealChanged,
    EntityDeleted,
    EntityKind,
    EntityRef,
    InboxClosed,
    Person,
    PersonChanged,
)
from integration.domain.ids import AccountId, Timestamp
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import READING_RULE
from integration.errors import DozvonError, NotFound, Rejected
from integration.ports.clock import Clock
from integration.ports.stores import MirrorProgress, PhoneBook
from integration.services.accounts import Account

log = structlog.get_logger()

_COMPARE_EVERY_SECONDS = 24 * 3600.0
# After the first import, which may skip a person (`_look_for_unseen` explains how): nothing shows that one is missing.
_COMPARE_AGAIN_SECONDS = 3600.0
_TRUSTED_SECONDS = 3600.0  # during a longer gap deletions may be missed, and no poll shows them
_POLL_EVERY_SECONDS = 60.0  # with webhooks: only for lost ones
_POLLS_A_SECOND = 5.0  # of all accounts with webhooks: a thousand are polled every 200 s
_POLL_WITHOUT_WEBHOOKS_SECONDS = 10.0
_OVERLAP_SECONDS = 120  # a poll looks this far back before the last one, for writes that appear late
_FAILED_PAUSE_SECONDS = 30.0
# Over all accounts of this process: a comparison at the CRM's pace takes a seventh of its time, and cards wait for it.
_COMPARISONS_AT_ONCE = 3
_SAVE_EVERY_SECONDS = 600.0  # of polls; a process that takes over repeats at most this much
_LOOKED_FOR_AT_ONCE = 100  # about 15 s at an account's rate; then newer changes come first


@dataclass(slots=True)
class MirrorState:
    """
    The state of an account's mirror; most of it is shown to administrators.

    Attributes:
        is_complete: a full pass has ended since the book was empty.
        progress: None until the stored progress is read; if nothing is stored, everything is read.
        saved: the stored part of it.
        is_doubted: read everything again, whatever `progress` says.
        settled_at: when the last round ended, well or badly.
    """

    is_complete: bool = False
    is_importing: bool = False
    persons_read: int = 0
    deals_read: int = 0
    has_webhooks: bool = False
    problem: str | None = None
    progress: MirrorProgress | None = None
    saved: MirrorProgress | None = None
    is_doubted: bool = False
    settled_at: Timestamp | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)


EnsureWebhooks = Callable[[Account], Awaitable[bool]]
"""Subscribes webhooks. Returns False if the CRM does not allow them, so that polling is used."""


class PhoneBookMirror:
    def __init__(self, book: PhoneBook, clock: Clock, ensure_webhooks: EnsureWebhooks) -> None:
        self._book = book
        self._clock = clock
        self._ensure_webhooks = ensure_webhooks
        self._states: dict[AccountId, MirrorState] = {}
        self._comparisons = asyncio.Semaphore(_COMPARISONS_AT_ONCE)

    def state(self, account: AccountId) -> MirrorState:
        return self._states.setdefault(account, MirrorState())

    def forget(self, account: AccountId) -> None:
        """Stop serving the account. Its stored phone book stays."""
        self._states.pop(account, None)

    async def run(self, account: Account) -> None:
        """Import, then follow; until cancelled. Logs a failure once and retries."""
        state = self.state(account.id)
        state.progress = None  # the previous process may have got further
        while True:
            state.wake.clear()
            try:
                await self.bring_up_to_date(account)
            except DozvonError as exc:
                if state.problem is None:
                    log.warning("phone book not brought up to date", account_id=account.id, error=str(exc))
                state.problem = str(exc)
                pause = _FAILED_PAUSE_SECONDS
            else:
                if state.problem is not None:
                    log.info("phone book is brought up to date again", account_id=account.id)
                state.problem = None
                pause = next_round_in(state, len(self._states))
            finally:
                state.is_importing = False
                state.settled_at = self._clock.now()
            try:
                async with asyncio.timeout(pause):
                    await state.wake.wait()
            except TimeoutError:
                pass

    def wake(self, account: AccountId) -> None:
        """Start the next round now: something was lost, or the CRM works again."""
        self.state(account).wake.set()

    def compare_soon(self, account: AccountId) -> None:
        """An administrator has just connected a CRM, perhaps another one: read all of it."""
        state = self.state(account)
        state.is_doubted = True
        state.wake.set()

    async def bring_up_to_date(self, account: Account) -> None:
        """
        One round: read everything, or the changes since the last round; then check some of the persons not seen lately.

        Raises: what the CRM and the storage raise. The next round continues where this one stopped.
        """
        state = self.state(account.id)
        if state.progress is None:
            state.is_complete = await self._book.has_persons(account.id)
            state.progress = state.saved = await self._book.progress(account.id) if state.is_complete else None
        await self._key_again(account, state)
        state.has_webhooks = account.crm.abilities.webhooks and await self._ensure_webhooks(account)
        now, began = self._clock.now(), time.monotonic()
        if state.is_doubted and state.progress is not None:
            await self._keep(account, state, replace(state.progress, next_comparison=now))  # whatever happens meanwhile
        state.is_doubted = False
        if (before := state.progress) is None or _is_time_to_compare(before, now, account.crm.clock_ahead):
            await self._compare(account, state)
            pause = _COMPARE_AGAIN_SECONDS if before is None else _COMPARE_EVERY_SECONDS
            done = MirrorProgress(
                polled_at=self._by_the_crms_clock(account, began),
                next_comparison=Timestamp(now + pause),
                unseen_since=now,
                keyed_by=keying(account.settings.numbering),
            )
        else:
            await self._read(account, state, updated_since=int(before.polled_at - _OVERLAP_SECONDS))
            done = replace(before, polled_at=self._by_the_crms_clock(account, began))
        await self._keep(account, state, done)
        if done.unseen_since is not None and not await self._look_for_unseen(account, done.unseen_since):
            await self._keep(account, state, replace(done, unseen_since=None))

    def _by_the_crms_clock(self, account: Account, began: float) -> Timestamp:
        """
        When the reading began, by the CRM's clock, which filters changes. If our clock is an hour ahead, our own time
        would lose an hour of changes. The CRM's clock is known from its answers.
        """
        return Timestamp(self._clock.now() + account.crm.clock_ahead - int(time.monotonic() - began))

    async def _key_again(self, account: Account, state: MirrorState) -> None:
        """
        Read all stored phone fields again if the office's country, its dialling rules or our reading have changed since
        they were stored. This happens before the CRM is asked for anything, so that callers are found at once and not
        only after the next comparison.
        """
        numbering = account.settings.numbering
        if state.progress is None or state.progress.keyed_by == keying(numbering):
            return
        changed = await self._book.key_again(account.id, numbering=numbering)
        await self._keep(account, state, replace(state.progress, keyed_by=keying(numbering)))
        log.info("phone book keyed again", account_id=account.id, changed=changed)

    async def _keep(self, account: Account, state: MirrorState, progress: MirrorProgress) -> None:
        state.progress, saved = progress, state.saved
        if (
            saved is None
            or replace(saved, polled_at=progress.polled_at) != progress
            or progress.polled_at - saved.polled_at >= _SAVE_EVERY_SECONDS
        ):
            await self._book.save_progress(account.id, progress)
            state.saved = progress

    async def apply(self, account: Account, changes: Sequence[CrmChange]) -> None:
        """Apply a webhook's changes. Raises: errors of CRM and storage; the poll then finds the changes."""
        numbering = account.settings.numbering
        persons = [change.person for change in changes if isinstance(change, PersonChanged)]
        if persons:
            await self._book.put_persons(account.id, persons, numbering=numbering)
        deleted = [change.ref for change in changes if isinstance(change, EntityDeleted)]
        if deleted:
            await self._book.remove(account.id, deleted)
        for change in changes:
            if isinstance(change, DealChanged):
                await self._take_deal(account, change)
            elif isinstance(change, InboxClosed) and change.is_accepted:
                await self._take_accepted(account, change)

    async def _compare(self, account: Account, state: MirrorState) -> None:
        """Read everything."""
        state.is_importing = True
        state.persons_read = state.deals_read = 0
        async with self._comparisons:
            began = time.monotonic()
            await self._read(account, state, updated_since=None)
        state.is_complete = True
        log.info(
            "phone book compared with the CRM",
            account_id=account.id,
            persons=state.persons_read,
            deals=state.deals_read,
            seconds=round(time.monotonic() - began, 1),
        )

    async def _look_for_unseen(self, account: Account, since: Timestamp) -> bool:
        """
        Look up some persons that the comparison did not find, and remove those that are not in the CRM.

        A person missing from the list may still exist: a card deleted while the list is read moves all later ones up
        by one, so the first of the next page is never shown.

        Returns:
            Whether there may be more of them.
        """
        refs = await self._book.unseen(account.id, seen_since=since, at_most=_LOOKED_FOR_AT_ONCE)
        gone = [ref for ref in refs if not await self._is_found(account, ref)]
        await self._book.remove(account.id, gone)
        if refs:
            log.info("looked up persons missing from the list", account_id=account.id, asked=len(refs), gone=len(gone))
        return len(refs) == _LOOKED_FOR_AT_ONCE

    async def _is_found(self, account: Account, ref: EntityRef) -> bool:
        """Read a person again and store it. Returns whether it exists.

        A person that the CRM refuses, or answers with another card, counts as missing, or we would ask forever.
        """
        found: Person | Deal | None
        try:
            if ref.kind is EntityKind.DEAL:
                found = deal = await account.crm.deal(ref, priority=Priority.IMPORT)
                await self._book.put_deals(account.id, [deal] if deal else [])
            else:
                found = person = await account.crm.person(ref, priority=Priority.IMPORT)
                numbering = account.settings.numbering
                await self._book.put_persons(account.id, [person] if person else [], numbering=numbering)
        except (NotFound, Rejected):
            return False
        return found is not None and found.ref == ref

    async def _read(self, account: Account, state: MirrorState, *, updated_since: int | None) -> None:
        async for persons in account.crm.all_persons(updated_since=updated_since):
            await self._book.put_persons(account.id, persons, numbering=account.settings.numbering)
            state.persons_read += len(persons)
        async for deals in account.crm.all_deals(updated_since=updated_since):
            await self._book.put_deals(account.id, deals)
            state.deals_read += len(deals)

    async def _take_deal(self, account: Account, change: DealChanged) -> None:
        deal = change.deal
        if not change.has_persons and not deal.is_deleted:
            try:
                read = await account.crm.deal(deal.ref)
            except NotFound:
                read = None
            if read is None:
                await self._book.remove(account.id, [deal.ref])
                return
            deal = read
        await self._book.put_deals(account.id, [deal])

    async def _take_accepted(self, account: Account, change: InboxClosed) -> None:
        """Store contacts of accepted entries, who were strangers before."""
        for ref in change.deals:
            deal = await account.crm.deal(ref)
            if deal is None:
                continue
            await self._book.put_deals(account.id, [deal])
            persons = [await account.crm.person(person) for person in deal.persons]
            await self._book.put_persons(
                account.id, [p for p in persons if p is not None], numbering=account.settings.numbering
            )


def keying(numbering: Numbering) -> str:
    """Names a way to read numbers: changes when the same text may give other numbers than before."""
    return f"{READING_RULE} {numbering.fingerprint}"


def _is_time_to_compare(progress: MirrorProgress, now: Timestamp, clock_ahead: float) -> bool:
    return now >= progress.next_comparison or now + clock_ahead - progress.polled_at > _TRUSTED_SECONDS


def next_round_in(state: MirrorState, accounts: int) -> float:
    """
    Seconds until the next round; 0 while persons remain to be looked up.

    Args:
        accounts: whose phone books this process keeps. Many are polled less often: with webhooks a poll finds only what
            they lost.
    """
    if state.progress is not None and state.progress.unseen_since is not None:
        return 0.0
    if not state.has_webhooks:
        return _POLL_WITHOUT_WEBHOOKS_SECONDS
    return max(_POLL_EVERY_SECONDS, accounts / _POLLS_A_SECOND)
