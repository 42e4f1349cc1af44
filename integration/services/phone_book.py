"""Keeping the mirror of the CRM true: a paced import, changes as they are told, and a comparison at intervals.

Reading it is whoever routes or shows; how it is stored is `storage/phone_book.py`'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from integration.domain.crm import CrmChange, DealChanged, EntityDeleted, InboxClosed, PersonChanged
from integration.domain.ids import AccountId, Timestamp
from integration.errors import DozvonError, NotFound
from integration.ports import Clock, PhoneBook
from integration.services.accounts import Account, Accounts

log = structlog.get_logger()

_COMPARE_EVERY_SECONDS = 24 * 3600.0
_POLL_EVERY_SECONDS = 60.0  # with webhooks: only what a webhook lost
_POLL_WITHOUT_WEBHOOKS_SECONDS = 10.0
_OVERLAP_SECONDS = 120  # a poll looks back this far behind the last one: the CRM's clock and late writes
_FAILED_PAUSE_SECONDS = 30.0


@dataclass(slots=True)
class MirrorState:
    """How an account's mirror stands; shown to administrators."""

    is_complete: bool = False  # a full pass has ended since the book was empty
    is_importing: bool = False
    persons_read: int = 0
    deals_read: int = 0
    last_full: Timestamp | None = None
    last_poll: Timestamp | None = None
    has_webhooks: bool = False
    problem: str | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)


EnsureWebhooks = Callable[[Account], Awaitable[bool]]
"""Subscribes where the CRM allows it; False where it does not, so that polling takes its place."""


class PhoneBookMirror:
    def __init__(self, accounts: Accounts, book: PhoneBook, clock: Clock, ensure_webhooks: EnsureWebhooks) -> None:
        self._accounts = accounts
        self._book = book
        self._clock = clock
        self._ensure_webhooks = ensure_webhooks
        self._states: dict[AccountId, MirrorState] = {}

    def state(self, account: AccountId) -> MirrorState:
        return self._states.setdefault(account, MirrorState())

    async def run(self, account: Account) -> None:
        """Import, then follow; until cancelled. Failures are told once and tried again."""
        state = self.state(account.id)
        state.is_complete = await self._book.has_persons(account.id)
        while True:
            state.wake.clear()
            try:
                await self._round(account, state)
            except DozvonError as exc:
                if state.problem is None:
                    log.warning("phone book not brought up to date", account_id=account.id, error=str(exc))
                state.problem = str(exc)
                pause = _FAILED_PAUSE_SECONDS
            else:
                if state.problem is not None:
                    log.info("phone book is brought up to date again", account_id=account.id)
                state.problem = None
                pause = _POLL_EVERY_SECONDS if state.has_webhooks else _POLL_WITHOUT_WEBHOOKS_SECONDS
            finally:
                state.is_importing = False
            try:
                async with asyncio.timeout(pause):
                    await state.wake.wait()
            except TimeoutError:
                pass

    def wake(self, account: AccountId) -> None:
        """The account was connected just now: do not wait for the next round."""
        self.state(account).wake.set()

    async def apply(self, account: Account, changes: Sequence[CrmChange]) -> None:
        """What a webhook told. Raises what the CRM or the storage raises; the poll finds what is lost by that."""
        country = account.settings.country
        persons = [change.person for change in changes if isinstance(change, PersonChanged)]
        if persons:
            await self._book.put_persons(account.id, persons, country=country)
        deleted = [change.ref for change in changes if isinstance(change, EntityDeleted)]
        if deleted:
            await self._book.remove(account.id, deleted)
        for change in changes:
            if isinstance(change, DealChanged):
                await self._take_deal(account, change)
            elif isinstance(change, InboxClosed) and change.is_accepted:
                await self._take_accepted(account, change)

    async def _round(self, account: Account, state: MirrorState) -> None:
        state.has_webhooks = await self._ensure_webhooks(account)
        now = self._clock.now()
        if state.last_full is None or now - state.last_full > _COMPARE_EVERY_SECONDS:
            await self._compare(account, state, began=now)
        else:
            since = int((state.last_poll or state.last_full) - _OVERLAP_SECONDS)
            await self._read(account, state, updated_since=since)
        state.last_poll = now

    async def _compare(self, account: Account, state: MirrorState, *, began: Timestamp) -> None:
        """Read everything; drop what the CRM no longer has."""
        clock = time.monotonic()
        state.is_importing = True
        state.persons_read = state.deals_read = 0
        await self._read(account, state, updated_since=None)
        removed = await self._book.remove_unseen(account.id, seen_since=began)
        state.last_full, state.is_complete = began, True
        log.info(
            "phone book compared with the CRM",
            account_id=account.id,
            persons=state.persons_read,
            deals=state.deals_read,
            removed=removed,
            seconds=round(time.monotonic() - clock, 1),
        )

    async def _read(self, account: Account, state: MirrorState, *, updated_since: int | None) -> None:
        async for persons in account.crm.all_persons(updated_since=updated_since):
            await self._book.put_persons(account.id, persons, country=account.settings.country)
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
        """Who was a stranger is a contact now."""
        for ref in change.deals:
            deal = await account.crm.deal(ref)
            if deal is None:
                continue
            await self._book.put_deals(account.id, [deal])
            persons = [await account.crm.person(person) for person in deal.persons]
            await self._book.put_persons(
                account.id, [p for p in persons if p is not None], country=account.settings.country
            )
