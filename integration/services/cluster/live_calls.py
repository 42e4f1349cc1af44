"""The live calls, on any process: the one that follows the PBX knows them, the others ask the store."""

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
        """The calls that have not ended, in their present state."""
        own = self._tracking.get(account.id)
        if own is not None and own.is_following:
            return own.live_calls
        return await self._calls.live(account.id, account.pbx.id)

    async def just_ended(self, account: Account, since: Timestamp) -> list[Call]:
        """The calls that ended since; none while the database is away, as a card of a past call may be missed."""
        try:
            return await self._calls.ended_since(account.id, since)
        except Unavailable:
            return []

    async def get(self, account: Account, call_id: CallId) -> Call | None:
        """A live call; None if it has ended or never existed."""
        own = self._tracking.get(account.id)
        if own is not None and own.is_following:
            return own.call(call_id)
        call = await self._calls.get(account.id, call_id)
        return call if call is not None and call.is_live and call.merged_into is None else None
