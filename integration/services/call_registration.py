"""How a call is registered in a CRM that follows live calls: whose it is, and whether it makes a client.

`live_delivery.py` sends it; `client_makers.py` lets one call of an unknown number make the client.
"""

from __future__ import annotations

from integration.domain.calls.attribution import attribute
from integration.domain.calls.call import Call, Direction
from integration.domain.calls.intents import Priority
from integration.domain.calls.ownership import is_callback
from integration.domain.crm.identity import chosen_first, ranked
from integration.domain.crm.new_clients import Making, new_client
from integration.domain.ids import ManagerId, record_key
from integration.domain.numbers.client import Client, client_of
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.reasons import Reason
from integration.domain.settings import NewClient
from integration.ports.live_calls import LiveCall
from integration.ports.stores import OutboxItem
from integration.services.accounts import Account
from integration.services.call_holders import anybody
from integration.services.client_makers import ClientMakers
from integration.services.known_clients import KnownClients
from integration.services.new_clients import makes_client


class CallRegistrations:
    def __init__(self, known: KnownClients, makers: ClientMakers) -> None:
        self._known = known
        self._makers = makers

    async def of(
        self,
        account: Account,
        call: Call,
        client: Client,
        manager: ManagerId | None,
        item: OutboxItem,
        priority: Priority,
    ) -> tuple[LiveCall, OutboxItem]:
        """
        The call's registration, and the item as it is stored now. An unknown number is looked for first: two spellings
        must not be two clients. Once it is sent, or refused, call `sent`.

        Raises:
            NotYet: another call of the number is about to make the client. Others: the CRM's and the storage's errors.
        """
        persons, deals = await self._known.in_book(account, client)
        making = _making(account, call, client)
        may_make = not persons and making is not None and making.is_by_itself
        if may_make and isinstance(client, PhoneNumber):
            await self._makers.begin(account.id, client, call)
        if not persons:
            persons, deals = await self._known.in_crm(account, client, deals, priority=priority)
        chosen = call.chosen.person if call.chosen is not None else None
        person = next(iter(chosen_first(ranked(persons, deals), chosen)), None)
        if manager is None:
            manager = attribute(call, account.at(call.pbx), persons, deals).responsible
        making = making if person is None or makes_client(item) else None
        is_ours = making is not None and making.is_by_itself and making.way is not NewClient.AUTO
        if making is not None and is_ours and isinstance(client, PhoneNumber):
            person, item = await self._known.meet(account, item, call, client, manager, making.way)
        if may_make and person is not None:
            await self.sent(account, call, client)
        live = LiveCall(
            key=record_key(call.id),
            number=client.e164 if isinstance(client, PhoneNumber) else client.digits,
            direction=call.direction,
            is_callback=is_callback(call),
            started_at=call.started_at,
            line=line_in_crm(account, call),
            manager=manager or anybody(account),
            client=person.ref if person is not None else None,
            makes_client=person is None and making is not None and making.is_by_itself,
            source=account.settings.line(call.line).source or "",
        )
        return live, item

    async def sent(self, account: Account, call: Call, client: Client | None) -> None:
        """The client is made, or will not be by this call: the number's others need not wait. Raises: Unavailable."""
        if isinstance(client, PhoneNumber):
            await self._makers.end(account.id, client, call)

    def why_no_client(self, account: Account, call: Call) -> Reason | None:
        """Why no client was made of a stranger who called; None: one was to be made, or nobody could be."""
        client = client_of(call, account.settings.numbering)
        making = _making(account, call, client) if client is not None else None
        return making.why if making is not None else None


def line_in_crm(account: Account, call: Call) -> str | None:
    """The line by its number in the settings; as the PBX shows it where they do not name it."""
    if call.line is not None:
        return account.settings.line_key(call.line) or call.line
    lines = account.settings.lines
    return next(iter(lines)) if len(lines) == 1 else None  # which line an outgoing call takes, only the PBX knows


def _making(account: Account, call: Call, client: Client) -> Making | None:
    """What a stranger becomes by this call; None: nobody, as in an internal call or without a whole number."""
    if call.direction is Direction.INTERNAL or not isinstance(client, PhoneNumber):
        return None
    return new_client(call, client, account.settings)
