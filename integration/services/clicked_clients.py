"""Looks up in the CRM whom a manager calls by a click, when nobody in the phone book has the number.

Until the first import is over, and for a contact made a moment ago, the card would say "unknown number" of a client
whose card the manager has just clicked. For calls that come in, the route asks the CRM (`routing.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from integration.domain.calls.call import Call, Direction
from integration.domain.calls.intents import Priority
from integration.domain.calls.tracking import Change
from integration.domain.crm.entities import Person
from integration.domain.ids import AccountId, CallId
from integration.domain.numbers.client import client_of
from integration.domain.numbers.phone import PhoneNumber
from integration.errors import DozvonError
from integration.ports.stores import PhoneBook
from integration.services.accounts import Account
from integration.services.card import CardService
from integration.services.ending import ended

log = structlog.get_logger()

_WORTH_SECONDS = 60.0  # later nobody waits for a name
_DEALS_ASKED_FOR = 5  # each is a request; the import brings the others


class ClickedClients:
    """A `CallObserver`: the CRM is asked once for each call, and the card is shown again with what it found."""

    def __init__(self, phone_book: PhoneBook, cards: CardService) -> None:
        self._phone_book = phone_book
        self._cards = cards
        self._asked: set[tuple[AccountId, CallId]] = set()  # of live calls
        self.asking: set[asyncio.Task[None]] = set()  # questions without an answer yet

    async def on_change(self, account: Account, call: Call, changes: frozenset[Change]) -> None:
        key = account.id, call.id
        if not call.is_live:
            self._asked.discard(key)
            return
        is_clicked = call.direction is Direction.OUTBOUND and call.origin is not None and not call.elsewhere
        number = client_of(call, account.settings.numbering) if is_clicked else None
        if not isinstance(number, PhoneNumber) or key in self._asked:
            return
        self._asked.add(key)
        task = asyncio.create_task(self._look_up(account, call.id, number))
        self.asking.add(task)
        task.add_done_callback(self.asking.discard)

    def on_resumed(self, account: Account, call: Call) -> None:
        """Whoever followed the PBX before has asked."""
        self._asked.add((account.id, call.id))

    async def close(self) -> None:
        await ended(list(self.asking))

    async def _look_up(self, account: Account, call: CallId, number: PhoneNumber) -> None:
        try:
            if await self._phone_book.lookup(account.id, number.match_key):
                return
            async with asyncio.timeout(_WORTH_SECONDS):
                persons = await account.crm.find_persons(number, priority=Priority.CARD)
                if not persons:
                    return
                await self._phone_book.put_persons(account.id, persons, numbering=account.settings.numbering)
                await self._cards.show_newest(account, call)
                if await self._their_deals(account, persons):
                    await self._cards.show_newest(account, call)
        except (DozvonError, TimeoutError) as exc:
            log.info("a clicked number was not looked up", account_id=account.id, call_id=call, error=str(exc))

    async def _their_deals(self, account: Account, persons: Sequence[Person]) -> bool:
        """Keep deals of these persons in the phone book. Returns whether there are any."""
        refs = list(dict.fromkeys(ref for person in persons for ref in person.deals))[-_DEALS_ASKED_FOR:]
        deals = [deal for ref in refs if (deal := await account.crm.deal(ref, priority=Priority.CARD)) is not None]
        await self._phone_book.put_deals(account.id, deals)
        return bool(deals)
