"""Of the calls of one unknown number only one makes a client in a CRM that makes clients when a call is registered.

Theory of operation. A row for each number says which call may make the client now (`Strangers`, ADR 20). The others
wait, in all processes, and then find that client. The row goes when the call is registered; a call that was given up is
replaced by the next one, which looks in the CRM first. The row covers an answer that was lost, too: its call still
waits in the outbox, to be repeated.
"""

from __future__ import annotations

from integration.domain.calls.call import Call
from integration.domain.calls.intents import IntentKind
from integration.domain.ids import AccountId, CallId
from integration.domain.numbers.phone import PhoneNumber
from integration.ports.clock import Clock
from integration.ports.stores import Outbox, OutboxState, Strangers
from integration.services.delivery import NotYet

_WAIT_SECONDS = 0.3  # at first: a registration takes about that long, and the card should be early; then longer
_WAIT_AT_MOST_SECONDS = 60.0
_KINDS = (IntentKind.REGISTER_CALL, IntentKind.LOG_CALL)  # by which a call may make a client


class ClientMakers:
    def __init__(self, strangers: Strangers, outbox: Outbox, clock: Clock) -> None:
        self._strangers = strangers
        self._outbox = outbox
        self._clock = clock

    async def begin(self, account: AccountId, number: PhoneNumber, call: Call) -> None:
        """
        Let this call make the number's client; may be repeated. Search the number in the CRM after this, not before.

        Raises:
            NotYet: another call is about to make it. Unavailable.
        """
        row = await self._strangers.enter(account, number.match_key, call.id)
        if row.entered_by == call.id or row.entry is not None:  # an entry is of the time when the CRM had an inbox
            return
        if not await self._is_under_way(account, row.entered_by) and await self._strangers.take_over(
            account, number.match_key, of=row.entered_by, call=call.id
        ):
            return
        age = self._clock.now() - (call.ended_at or call.started_at)
        seconds = min(max(age / 10, _WAIT_SECONDS), _WAIT_AT_MOST_SECONDS)
        raise NotYet("another call of this number is making the client", seconds=seconds)

    async def end(self, account: AccountId, number: PhoneNumber, call: Call) -> None:
        """The client is made, or will not be by this call. Raises: Unavailable."""
        await self._strangers.forget(account, number.match_key, call=call.id)

    async def _is_under_way(self, account: AccountId, call: CallId) -> bool:
        items = await self._outbox.of_call(account, call)
        return any(item.kind in _KINDS and item.state is OutboxState.WAITING for item in items)
