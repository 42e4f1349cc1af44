"""What managers create in the CRM from the card: a contact of an unknown number, a deal of a known client.

Errors have the codes of `widgets/README.md`; `web/widget.py` has the HTTP.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from integration.domain.calls.call import Call
from integration.domain.calls.participation import extensions_of
from integration.domain.crm.entities import Deal, Person
from integration.domain.crm.identity import chosen_first, ranked
from integration.domain.crm.new_clients import new_client
from integration.domain.ids import CallId, ManagerId
from integration.domain.numbers.client import client_of
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.people.names import LONGEST_CREATED_NAME
from integration.domain.settings import MadeByHand, NewClient
from integration.errors import AuthFailed, DozvonError, OutcomeUnknown, Rejected, Unpaid
from integration.ports.coordination import Coordination
from integration.ports.stores import CallStore, PhoneBook
from integration.services.accounts import Account
from integration.services.card import CardService
from integration.services.click import Refused, must_be_on
from integration.services.new_clients import makes_by_hand
from integration.services.responsible import with_responsible
from integration.services.strangers import StrangerCalls

_TWICE_SECONDS = 3.0  # a second press within it is the same one
_REQUEST_REMEMBERED_SECONDS = 3600.0
_UNDER_WAY_SECONDS = 30.0  # at most, for one whose process is killed
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class Creations:
    def __init__(
        self,
        coordination: Coordination,
        calls: CallStore,
        phone_book: PhoneBook,
        cards: CardService,
        strangers: StrangerCalls,
    ) -> None:
        self._coordination = coordination
        self._calls = calls
        self._phone_book = phone_book
        self._cards = cards
        self._strangers = strangers
        self._deals: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # under way, by their requests

    async def create_contact(
        self, account: Account, manager: ManagerId, *, call_id: str, name: str
    ) -> tuple[Person, bool]:
        """
        The card's "create contact", with the number of the call; the manager becomes responsible. If an entry of this
        number waits in the CRM's inbox, it is accepted, and its contact gets the name.

        Returns:
            The contact, and whether it is new: somebody may have saved the number in the meantime.

        Raises:
            Refused: with the code that the widget translates.
        """
        call = await self._call(account, manager, call_id)
        settings = account.settings
        client = client_of(call, settings.numbering)
        if client is None:
            raise Refused("bad_number", "the caller's number is withheld")
        if not isinstance(client, PhoneNumber):
            raise Refused("bad_number", "this is not a full number, so Dozvon could not find the contact by it")
        if new_client(call, client, settings).way is NewClient.NEVER:
            raise Refused("not_allowed", "of this number, or on this line, no clients are made")
        key = client.match_key
        cleaned = _name(name)
        if not await self._coordination.once(f"contact:{account.id}:{key}", ttl_seconds=_TWICE_SECONDS):
            raise Refused("busy_double_click", "this contact is being created")
        try:
            existing = await self._phone_book.lookup(account.id, key) or await account.crm.find_persons(client)
            if existing:
                person, created = existing[0], False
            else:
                person, _ = await with_responsible(
                    account,
                    manager,
                    lambda responsible: self._new_contact(account, responsible, cleaned, client),
                    line=call.line,
                )
                created = True
        except DozvonError as exc:
            raise _refused(exc) from exc
        await self._phone_book.put_persons(account.id, [person], numbering=settings.numbering)
        await self._cards.show_again(account, call)
        return person, created

    async def _new_contact(self, account: Account, manager: ManagerId | None, name: str, number: PhoneNumber) -> Person:
        accepted = await self._strangers.accept(account, number, name=name, responsible=manager)
        if accepted is not None:
            return accepted
        is_lead = makes_by_hand(account) is MadeByHand.LEAD
        create = account.crm.create_lead if is_lead else account.crm.create_contact
        try:
            return await create(name=name, number=number, responsible=manager)
        except OutcomeUnknown:
            found = await account.crm.find_persons(number)
            if found:
                return found[0]
            raise

    async def create_deal(self, account: Account, manager: ManagerId, *, call_id: str, name: str, request: str) -> Deal:
        """
        The card's "create deal", of the person whom the card shows; the manager becomes responsible.

        Args:
            request: the form's id. A repeated one gives the same deal: if it has been seen before, the CRM is asked for
                a deal of this person with this name, made since the call began.

        Raises:
            Refused: with the code that the widget translates.
        """
        call = await self._call(account, manager, call_id)
        if not account.crm.abilities.deals:
            raise Refused("not_allowed", "this CRM has no deals that Dozvon could create")
        if not _REQUEST_ID.fullmatch(request):
            raise Refused("bad_request", "request: 8 to 64 letters, digits and dashes")
        cleaned = _name(name)
        key = f"{account.id}:{manager}:{request}"
        try:
            async with self._deals.setdefault(key, asyncio.Lock()), self._alone(f"deal-now:{key}"):
                person = await self._client(account, call)
                first = await self._coordination.once(f"deal:{key}", ttl_seconds=_REQUEST_REMEMBERED_SECONDS)
                deal = None if first else await self._made(account, call, cleaned, person)
                if deal is None:
                    deal = await self._new_deal(account, call, manager, cleaned, person)
        except DozvonError as exc:
            raise _refused(exc) from exc
        await self._phone_book.put_deals(account.id, [deal])
        await self._cards.show_again(account, call)
        return deal

    async def _new_deal(self, account: Account, call: Call, manager: ManagerId, name: str, person: Person) -> Deal:
        try:
            deal, _ = await with_responsible(
                account,
                manager,
                lambda responsible: account.crm.create_deal(name=name, person=person.ref, responsible=responsible),
                line=call.line,
            )
        except OutcomeUnknown:
            found = await self._made(account, call, name, person)
            if found is None:
                raise
            return found
        return deal

    @asynccontextmanager
    async def _alone(self, key: str) -> AsyncIterator[None]:
        """One process at a time. Raises: Refused."""
        if await self._coordination.count(key, ttl_seconds=_UNDER_WAY_SECONDS) > 1:
            raise Refused("busy_deal", "this deal is being created")
        try:
            yield
        finally:
            await self._coordination.forget_count(key)

    async def _made(self, account: Account, call: Call, name: str, person: Person) -> Deal | None:
        """The deal, if an earlier attempt has made it."""
        return await account.crm.find_deal(name=name, person=person.ref, since=call.started_at)

    async def _client(self, account: Account, call: Call) -> Person:
        """The person whom the call's card shows. Raises: Refused."""
        client = client_of(call, account.settings.numbering)
        if isinstance(client, PhoneNumber):
            persons, deals = await self._phone_book.known(account.id, client.match_key)
            chosen = call.chosen.person if call.chosen is not None else None
            for person in chosen_first(ranked(persons, deals), chosen):
                return person
        raise Refused("no_person", "nobody in the CRM has this number: create a contact first")

    async def _call(self, account: Account, manager: ManagerId, call_id: str) -> Call:
        """Raises: Refused."""
        must_be_on(account, manager)
        call = await self._calls.get(account.id, CallId(call_id))
        if call is None or not is_involved(account, manager, call):
            raise Refused("call_unknown", "this call is not yours, or it ended long ago")
        return call


def _name(text: str) -> str:
    """Raises: Refused."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= LONGEST_CREATED_NAME:
        raise Refused("bad_request", f"name: 1 to {LONGEST_CREATED_NAME} characters")
    return name


def _refused(error: DozvonError) -> Refused:
    """Why the CRM did not take what was to be created."""
    match error:
        case Refused():
            return error
        case AuthFailed():
            return Refused("crm_reauth", "the CRM must be connected again by an administrator")
        case Unpaid():
            return Refused("crm_unpaid", "the CRM's subscription has ended")
        case Rejected():
            return Refused("not_allowed", str(error))
    return Refused("crm_offline", "the CRM does not answer")


def is_involved(account: Account, manager: ManagerId, call: Call) -> bool:
    """Whether the call is this account's, and the manager placed it, or it rang at or reached their extension."""
    if call.elsewhere:
        return False
    extensions = {e.extension for e in account.at(call.pbx).employees if e.manager == manager}
    return bool(extensions & {call.caller, *extensions_of(call)})
