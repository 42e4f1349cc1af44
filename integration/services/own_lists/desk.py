"""What a manager does with their own list: adds clients, and presses the buttons of the panel in the CRM's page.

`dialler.py` dials. A change is stored first and then shown in all of the manager's pages, whichever process has them.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog

from integration.domain.campaigns import own_list
from integration.domain.campaigns.outcomes import Came
from integration.domain.campaigns.own_list import MOST_SCRIPT_CHARACTERS, Client, ListedNumber, OwnList, Phase, Place
from integration.domain.crm.entities import EntityRef
from integration.domain.ids import AccountId, ManagerId, Timestamp
from integration.domain.people.names import without_direction
from integration.errors import DozvonError
from integration.ports.campaigns import DoNotCall, NewEntry
from integration.ports.clock import Clock
from integration.ports.own_lists import ListChange, ListChanged, OwnLists
from integration.services.accounts import Account
from integration.services.click import Refused, desk_of, must_be_on
from integration.services.crm_selections import CrmSelections
from integration.services.hub import Hub
from integration.services.own_lists.shown import difference, whole
from integration.services.presses import Presses

log = structlog.get_logger()

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Action(StrEnum):
    """A button of the panel."""

    START = "start"
    STOP = "stop"
    HOLD = "hold"  # the timer
    RESUME = "resume"
    CALL_NOW = "call_now"
    SKIP = "skip"
    PUT_NEXT = "put_next"
    REMOVE = "remove"
    CLEAR = "clear"


_OF_A_CLIENT = frozenset({Action.CALL_NOW, Action.SKIP, Action.PUT_NEXT, Action.REMOVE})
_DIALS = frozenset({Action.START, Action.RESUME, Action.CALL_NOW})
_NOT_DURING_A_CALL = frozenset({Action.CALL_NOW})
_NOT_DURING_A_TALK = frozenset({Action.SKIP, Action.REMOVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What became of a selection. `left_out`: how many for each reason (`LeftOut`, or `full`)."""

    added: int
    left_out: Mapping[str, int]


class OwnListDesk:
    def __init__(
        self,
        *,
        lists: OwnLists,
        selections: CrmSelections,
        do_not_call: DoNotCall,
        presses: Presses,
        hub: Hub,
        clock: Clock,
        office_of: Callable[[AccountId], AccountId],
        wake: asyncio.Event,
    ) -> None:
        """
        Args:
            office_of: the office of an account: its do-not-call list counts.
            wake: makes the dialler of this process look for what is due.
        """
        self._lists = lists
        self._selections = selections
        self._do_not_call = do_not_call
        self._presses = presses
        self._hub = hub
        self._clock = clock
        self._office_of = office_of
        self._wake = wake

    async def shown(self, account: Account, manager: ManagerId) -> dict[str, Any]:
        """The whole list, as a message to a page. Raises: Unavailable."""
        return whole(account, await self._lists.get(account.id, manager))

    async def add(self, account: Account, manager: ManagerId, refs: Sequence[EntityRef]) -> Placed:
        """
        Add contacts and deals that were selected in the CRM, in their order; also while the list is called.

        Raises:
            Refused: `bad_request`, `integration_disabled`, `not_allowed`.
            Unavailable: the database, or the CRM.
        """
        _must_be_active(account, manager)
        entries, left_out = await self._selections.read(account, refs)
        numbers = [number.e164 for entry in entries for number in entry.numbers]
        not_called = await self._do_not_call.among(self._office_of(account.id), numbers)
        new = [client for entry in entries if (client := _client(entry, not_called)) is not None]
        reasons: Counter[str] = Counter({reason.value: count for reason, count in left_out.items()})
        reasons["do_not_call"] += len(entries) - len(new)
        places: list[Place] = []

        def change(own: OwnList) -> OwnList:
            grown = own_list.add(own, new)
            places[:] = grown.places
            return grown.own

        await self.change(account, manager, change)
        counts = Counter(places)
        reasons["twice"] += counts[Place.TWICE]
        reasons["full"] += counts[Place.FULL]
        return Placed(added=counts[Place.TAKEN], left_out={key: count for key, count in reasons.items() if count})

    async def press(self, account: Account, manager: ManagerId, action: Action, key: int | None) -> None:
        """
        Carry out what was pressed. The same press again changes nothing.

        Args:
            key: of the client that it is about.

        Raises:
            Refused: `bad_request`; for what dials also the codes of a click; `own_list_talking` where a talk has to
                end first.
            Unavailable: the database.
        """
        if (key is None) is (action in _OF_A_CLIENT):
            raise Refused("bad_request", "client: the key of a client, for the buttons of a client only")
        if action in _DIALS:
            desk_of(account, manager)
        now = self._clock.now()

        def change(own: OwnList) -> OwnList:
            is_about_it = own.is_calling and own.current == key
            if (action in _NOT_DURING_A_CALL and own.is_calling) or (
                action in _NOT_DURING_A_TALK and own.phase is Phase.TALKING and is_about_it
            ):
                raise Refused("own_list_talking", "end the call first")
            return _pressed(own, action, key or 0, now)

        changed = await self.change(account, manager, change)
        self._wake.set()
        await self.hang_up_if_left(account, changed.after)

    async def keep_script(self, account: Account, manager: ManagerId, text: str) -> None:
        """Keep what the manager wants to say. Raises: Refused, Unavailable."""
        _must_be_active(account, manager)
        cleaned = _CONTROL.sub("", without_direction(text.replace("\r\n", "\n")))
        if len(cleaned) > MOST_SCRIPT_CHARACTERS:
            raise Refused("bad_request", f"script: at most {MOST_SCRIPT_CHARACTERS} characters")
        await self.change(account, manager, lambda own: own_list.with_script(own, cleaned))

    async def change(
        self, account: Account, manager: ManagerId, change: ListChange, *, came: Came | None = None
    ) -> ListChanged:
        """Store a change and show it in the manager's pages. Raises: Unavailable, and what `change` raises."""
        office = self._office_of(account.id)
        changed = await self._lists.change(account.id, manager, change, office=office, came=came)
        if changed.before != changed.after:
            await self._hub.send(account.id, [manager], difference(account, changed.before, changed.after))
        return changed

    async def hang_up_if_left(self, account: Account, own: OwnList) -> None:
        """Hang up a call that is not answered and not wanted any more. Never raises: it ends by itself then."""
        if not own_list.must_hang_up(own) or own.call is None:
            return  # the PBX has not reported the call: it is hung up when it does
        try:
            await self._presses.hang_up(account, own.manager, own.call, only_ringing=True)
        except DozvonError as exc:
            log.info("a call of a manager's own list is not hung up", account_id=account.id, error=str(exc))


def _must_be_active(account: Account, manager: ManagerId) -> None:
    must_be_on(account, manager)
    if not account.settings.is_active(manager):
        raise Refused("not_allowed", "this CRM user is not active or not paid")


def _client(entry: NewEntry, not_called: set[str]) -> Client | None:
    """None: every number is on the do-not-call list."""
    numbers = tuple(
        ListedNumber(e164=number.e164, struck="do_not_call" if number.e164 in not_called else None)
        for number in entry.numbers
    )
    if all(number.struck is not None for number in numbers):
        return None
    return Client(key=0, numbers=numbers, name=entry.name, refs=entry.refs, comment=entry.comment)


def _pressed(own: OwnList, action: Action, key: int, now: Timestamp) -> OwnList:
    match action:
        case Action.START:
            return own_list.start(own, now)
        case Action.STOP:
            return own_list.stop(own)
        case Action.HOLD:
            return own_list.hold(own, now)
        case Action.RESUME:
            return own_list.resume(own, now)
        case Action.CALL_NOW:
            return own_list.call_now(own, key, now)
        case Action.SKIP:
            return own_list.skip(own, key, now)
        case Action.PUT_NEXT:
            return own_list.put_next(own, key)
        case Action.REMOVE:
            return own_list.remove(own, key, now)
        case Action.CLEAR:
            return own_list.clear(own)
