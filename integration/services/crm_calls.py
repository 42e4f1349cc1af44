"""Which call of ours a CRM means by its id of a live call: its own card of the call shows a page of ours."""

from __future__ import annotations

from integration.domain.calls.call import Call
from integration.domain.calls.ownership import begun_by_crm
from integration.domain.ids import CallId, ManagerId, Timestamp
from integration.ports.clock import Clock
from integration.ports.stores import Outbox
from integration.services.accounts import Account
from integration.services.card import card_audience
from integration.services.cluster.live_calls import LiveCalls

_ENDED_SECONDS = 120.0  # the CRM's card stays for a while after the call


class CrmCalls:
    def __init__(self, live_calls: LiveCalls, outbox: Outbox, clock: Clock) -> None:
        self._live_calls = live_calls
        self._outbox = outbox
        self._clock = clock

    async def find(self, account: Account, manager: ManagerId, crm_call: str) -> CallId | None:
        """
        Among the calls whose card this manager has. None: it is none of them, or the CRM's answer to its registration
        has not come yet. Raises: Unavailable.
        """
        if not crm_call:
            return None
        since = Timestamp(self._clock.now() - _ENDED_SECONDS)
        calls = [*await self._live_calls.of(account), *await self._live_calls.just_ended(account, since)]
        for call in calls:
            if manager in card_audience(account, call) and await self._is(account, call, crm_call):
                return call.id
        return None

    async def _is(self, account: Account, call: Call, crm_call: str) -> bool:
        if begun_by_crm(call) == crm_call:
            return True
        results = await self._outbox.results(account.id, call.id)
        return any(result.get("crm_call") == crm_call for result in results.values())
