"""Who a call's client is: from the phone book, and for an unknown number from the CRM."""

from __future__ import annotations

from collections.abc import Sequence

from integration.domain.calls.call import Call
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import Deal, Person
from integration.domain.ids import ManagerId
from integration.domain.numbers.client import Client
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.settings import LogTarget, NewClient
from integration.errors import NotFound
from integration.ports.stores import OutboxItem, PhoneBook
from integration.services.accounts import Account
from integration.services.strangers import StrangerCalls

_DEALS_ASKED_FOR = 20  # of a client who is not in the phone book yet


class KnownClients:
    def __init__(self, phone_book: PhoneBook, strangers: StrangerCalls) -> None:
        self._phone_book = phone_book
        self._strangers = strangers

    async def of(
        self, account: Account, client: Client, *, priority: Priority = Priority.CARD
    ) -> tuple[list[Person], list[Deal]]:
        """The persons with this number and their open deals; what the CRM found is kept in the phone book."""
        persons, deals = await self.in_book(account, client)
        return (persons, deals) if persons else await self.in_crm(account, client, deals, priority=priority)

    async def in_book(self, account: Account, client: Client) -> tuple[list[Person], list[Deal]]:
        """The same, without asking the CRM."""
        if not isinstance(client, PhoneNumber):
            return [], []
        return await self._phone_book.known(account.id, client.match_key)

    async def in_crm(
        self, account: Account, client: Client, deals: list[Deal], *, priority: Priority = Priority.CARD
    ) -> tuple[list[Person], list[Deal]]:
        """The same of a number that nobody in the phone book has; `deals` are those of the phone book."""
        if not isinstance(client, PhoneNumber) or await self._strangers.waits(account, client):
            return [], deals
        persons = await account.crm.find_persons(client, priority=priority)
        if persons:
            await self._phone_book.put_persons(account.id, persons, numbering=account.settings.numbering)
            if account.settings.log_to is LogTarget.DEAL:
                await self._their_deals(account, persons)
        return persons, await self._phone_book.open_deals(account.id, [p.ref for p in persons])

    async def meet(
        self,
        account: Account,
        item: OutboxItem,
        call: Call,
        number: PhoneNumber,
        responsible: ManagerId | None,
        way: NewClient,
    ) -> tuple[Person, OutboxItem]:
        """As `NewClients.meet`."""
        return await self._strangers.new_clients.meet(account, item, call, number, responsible, way)

    async def _their_deals(self, account: Account, persons: Sequence[Person]) -> None:
        """Store the deals of persons that were not in the phone book."""
        for ref in list(dict.fromkeys(ref for person in persons for ref in person.deals))[:_DEALS_ASKED_FOR]:
            try:
                deal = await account.crm.deal(ref, priority=Priority.LOG)
            except NotFound:
                continue
            await self._phone_book.put_deals(account.id, [deal] if deal else [])
