"""A manager says in the card which of several persons with the client's number is calling.

The choice is part of the call, so all its cards show it, and `domain/calls/attribution.py` writes the call there. The
process that follows the PBX keeps the call; the others ask it.
"""

from __future__ import annotations

from typing import Any

from integration.domain.calls.call import Call
from integration.domain.calls.events import ClientChosen
from integration.domain.calls.participation import PartState
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, CallId, ManagerId, PbxId, Timestamp
from integration.domain.numbers.client import client_of
from integration.domain.numbers.phone import PhoneNumber
from integration.errors import DozvonError, NotFound, Unavailable
from integration.ports.clock import Clock
from integration.ports.stores import PhoneBook
from integration.services.accounts import Account
from integration.services.card import part_of_manager
from integration.services.click import Refused, must_be_on
from integration.services.cluster.live_calls import LiveCalls
from integration.services.cluster.pbx_relay import PbxRelay

_COMMAND = "choose_client"


class ClientChoices:
    """One for each process with browsers; a process that may follow a PBX answers the others through `relay`."""

    def __init__(self, phone_book: PhoneBook, live_calls: LiveCalls, clock: Clock, relay: PbxRelay | None) -> None:
        self._phone_book = phone_book
        self._live_calls = live_calls
        self._clock = clock
        self._relay = relay

    async def choose(self, account: Account, manager: ManagerId, call: Call | None, person: EntityRef) -> None:
        """
        Raises:
            Refused: `integration_disabled`; `call_unknown` if the manager has no part in the call (any more),
                `not_this_number` if the person does not have the client's number, `not_chosen` if it could not be
                stored.
        """
        must_be_on(account, manager)
        part = part_of_manager(account, manager, call) if call is not None else None
        if call is None or not call.is_live or part is None or part.state is PartState.ENDED:
            raise Refused("call_unknown", "this call is over")
        client = client_of(call, account.settings.numbering)
        key = client.match_key if isinstance(client, PhoneNumber) else None
        try:
            known = await self._phone_book.lookup(account.id, key) if key is not None else []
            found = next((each for each in known if each.ref == person and not each.is_deleted), None)
            if found is None:
                raise Refused("not_this_number", "this card does not have the caller's number")
            event = ClientChosen(
                call=call.id,
                at=self._clock.now(),
                extension=part.extension,
                kind=person.kind,
                person=person.id,
                name=found.name,
            )
            await self._pass_on(account.id, call.pbx, event)
        except Refused:
            raise
        except NotFound as exc:
            raise Refused("call_unknown", "this call is over") from exc
        except DozvonError as exc:
            raise Refused("not_chosen", str(exc)) from exc

    async def _pass_on(self, account: AccountId, pbx: PbxId, event: ClientChosen) -> None:
        if self._live_calls.following(account, pbx) is not None:
            await take_choice(self._live_calls, account, pbx, event)
        elif self._relay is not None:
            await self._relay.ask(pbx, _COMMAND, {"account": account, **_written(event)})
        else:
            raise Unavailable("this process does not follow the PBX")


def answer_choices(relay: PbxRelay, live_calls: LiveCalls) -> None:
    """Let this process take the choices of managers whose pages are connected to other processes."""

    async def take(pbx: PbxId, asked: dict[str, Any]) -> None:
        await take_choice(live_calls, AccountId(str(asked["account"])), pbx, _read(asked))

    relay.additions[_COMMAND] = take


async def take_choice(live_calls: LiveCalls, account: AccountId, pbx: PbxId, event: ClientChosen) -> None:
    """Raises: NotFound if the call has ended; Unavailable, LeaseLost if this process does not follow the PBX."""
    tracking = live_calls.following(account, pbx)
    if tracking is None:
        raise Unavailable("this process does not follow the PBX")
    await tracking.on_events([event])
    call = tracking.call(event.call)
    if call is None or call.chosen is None or call.chosen.person != EntityRef(event.kind, event.person):
        raise NotFound("this call is over")


def _written(event: ClientChosen) -> dict[str, Any]:
    return {
        "call": event.call,
        "at": event.at,
        "extension": event.extension,
        "kind": event.kind.value,
        "person": event.person,
        "name": event.name,
    }


def _read(asked: dict[str, Any]) -> ClientChosen:
    """Raises: KeyError, ValueError for what no process of ours has written."""
    return ClientChosen(
        call=CallId(str(asked["call"])),
        at=Timestamp(float(asked["at"])),
        extension=str(asked["extension"]),
        kind=EntityKind(str(asked["kind"])),
        person=str(asked["person"]),
        name=str(asked["name"]),
    )
