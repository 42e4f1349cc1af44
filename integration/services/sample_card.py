"""Shows a card for a trial: an administrator sees where it will appear, and nobody calls."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from integration.domain.calls.call import Call, Direction
from integration.domain.calls.participation import Part, PartState
from integration.domain.ids import CallId, Extension, ManagerId
from integration.ports.clock import Clock
from integration.services.accounts import Account
from integration.services.card import CardService, card_for
from integration.services.ending import ended
from integration.services.hub import Hub
from integration.services.test_contact import nobodys_number

_SHOWN_SECONDS = 12.0


class SampleCards:
    def __init__(self, hub: Hub, cards: CardService, clock: Clock) -> None:
        self._hub = hub
        self._cards = cards
        self._clock = clock
        self._taking_away: set[asyncio.Task[None]] = set()

    async def show(self, account: Account, manager: ManagerId, extension: Extension) -> bool:
        """
        Show a card of an invented call on the manager's open pages, and take it away after some seconds.

        Returns:
            False if they have no open page; nothing was shown. Raises: Unavailable.
        """
        if not await self._hub.has_page(account.id, manager):
            return False
        call = self._call(account)
        part = Part(extension=extension, state=PartState.RINGING, is_own=False, since=call.started_at)
        card = card_for(account, call, part, await self._cards.compose(account, call))
        await self._hub.send(account.id, [manager], {"type": "call_updated", "call": {**card, "can_hang_up": False}})
        task = asyncio.create_task(self._take_away(account, manager, call.id))
        self._taking_away.add(task)
        task.add_done_callback(self._taking_away.discard)
        return True

    async def close(self) -> None:
        await ended(self._taking_away)

    async def _take_away(self, account: Account, manager: ManagerId, call: CallId) -> None:
        await asyncio.sleep(_SHOWN_SECONDS)
        await self._hub.send(account.id, [manager], {"type": "call_removed", "id": call, "reason": "gone"})

    def _call(self, account: Account) -> Call:
        number = nobodys_number(account.settings)
        name = f"rehearsal-{uuid4().hex[:12]}"
        return Call(
            id=CallId(name),
            account=account.id,
            pbx=next(iter(account.pbxs)),
            native_id=name,
            direction=Direction.INBOUND,
            caller=number.digits if number is not None else "",
            called="",
            started_at=self._clock.now(),
        )
