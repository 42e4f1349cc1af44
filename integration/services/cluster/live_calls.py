"""Which calls are going on, asked on any process: the one that follows the PBX knows best, the others ask the store."""

from __future__ import annotations

from collections.abc import Mapping

from integration.domain.calls.call import Call
from integration.domain.ids import AccountId, CallId, Timestamp
from integration.errors import Unavailable
from integration.ports.stores import CallStore
from integration.services.accounts import Account
from integration.services.tracking import CallTracking


class LiveCalls:
    """Errors of `of` and `get`: Unavailable, on a process that does not follow the PBX."""

    def __init__(self, tracking: Mapping[AccountId, CallTracking], calls: CallStore) -> None:
        self._tracking = tracking
        self._calls = calls

    async def of(self, account: Account) -> list[Call]:
        """Those that have not ended, as they are now."""
        own = self._tracking.get(account.id)
        if own is not None and own.is_following:
            return own.live_calls
        return await self._calls.live(account.id, account.pbx.id)

    async def just_ended(self, account: Account, since: Timestamp) -> list[Call]:
        """Those that ended since; none while the database does not answer: a card of what is over can be missed."""
        try:
            return await self._calls.ended_since(account.id, since)
        except Unavailable:
            return []

    async def get(self, account: Account, call_id: CallId) -> Call | None:
        """None when it is over, or was never there."""
        own = self._tracking.get(account.id)
        if own is not None and own.is_following:
            return own.call(call_id)
        call = await self._calls.get(account.id, call_id)
        return call if call is not None and call.is_live and call.merged_into is None else None
