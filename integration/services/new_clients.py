"""Makes a client in the CRM of a number that nobody there has: a contact, a lead, or a contact with a deal.

Whether and what is `domain/crm/new_clients.py`'s. The item of the outbox says before the attempt that its call makes
the client, so that a repetition finds what an attempt with a lost answer has made, and completes it.
"""

from __future__ import annotations

from integration.domain.calls.call import Call
from integration.domain.crm.entities import EntityKind, Person
from integration.domain.crm.identity import ranked
from integration.domain.ids import ManagerId
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.settings import MadeByHand, NewClient
from integration.ports.stores import Outbox, OutboxItem, PhoneBook
from integration.services.accounts import Account
from integration.services.responsible import with_responsible

_MARK = "makes_client"


def makes_client(item: OutboxItem) -> bool:
    """Whether an attempt of this item has begun to make the client."""
    return bool(item.payload.get(_MARK))


def makes_by_hand(account: Account) -> MadeByHand:
    """What the card makes of an unknown number."""
    return account.settings.made_by_hand if account.crm.abilities.leads else MadeByHand.CONTACT


class NewClients:
    def __init__(self, outbox: Outbox, phone_book: PhoneBook) -> None:
        self._outbox = outbox
        self._phone_book = phone_book

    async def meet(
        self,
        account: Account,
        item: OutboxItem,
        call: Call,
        number: PhoneNumber,
        responsible: ManagerId | None,
        way: NewClient,
    ) -> tuple[Person, OutboxItem]:
        """
        Make the client, or find what an earlier attempt has made; may be repeated. Returns it, and the item as it is
        stored now. Raises: the CRM's and the storage's errors.
        """
        person = None
        was_tried = makes_client(item)
        if was_tried:
            person = next(iter(ranked(await account.crm.find_persons(number), ())), None)
        else:
            item = await self._outbox.amend(item, {**item.payload, _MARK: True})
        if person is None:
            person = await self._new_person(account, call, number, responsible, way)
        await self._phone_book.put_persons(account.id, [person], numbering=account.settings.numbering)
        if way is NewClient.DEAL and account.crm.abilities.deals and person.ref.kind is not EntityKind.LEAD:
            await self._with_deal(account, call, number, person, look_first=was_tried)
        return person, item

    async def _new_person(
        self, account: Account, call: Call, number: PhoneNumber, responsible: ManagerId | None, way: NewClient
    ) -> Person:
        is_lead = way is NewClient.LEAD and account.crm.abilities.leads
        create = account.crm.create_lead if is_lead else account.crm.create_contact
        person, _ = await with_responsible(
            account,
            responsible,
            lambda manager: create(name=number.e164, number=number, responsible=manager),
            line=call.line,
        )
        return person

    async def _with_deal(
        self, account: Account, call: Call, number: PhoneNumber, person: Person, *, look_first: bool
    ) -> None:
        name, crm = number.e164, account.crm
        found = await crm.find_deal(name=name, person=person.ref, since=call.started_at) if look_first else None
        if found is not None:
            await self._phone_book.put_deals(account.id, [found])
            return
        made, _ = await with_responsible(
            account,
            person.responsible,
            lambda manager: crm.create_deal(name=name, person=person.ref, responsible=manager),
            line=call.line,
        )
        await self._phone_book.put_deals(account.id, [made])
