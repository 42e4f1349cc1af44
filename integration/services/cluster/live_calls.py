"""The live calls, on any process: the process that follows the PBX knows them, the others ask the store."""

from __future__ import annotations

from collections.abc import Mapping

from integration.domain.calls.call import Call
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp, pbx_of
from integration.errors import Unavailable
from integration.ports.stores import CallStore
from integration.services.accounts import Account
from integration.services.tracking import CallTracking


class LiveCalls:
    """Errors of `of` and `get`: Unavailable, on a process that does not follow the PBX."""

    def __init__(self, trackings: Mapping[AccountId, Mapping[PbxId, CallTracking]], calls: CallStore) -> None:
        """`trackings`: by account and PBX."""
        self._trackings = trackings
        self._calls = calls

    async def of(self, account: Account) -> list[Call]:
        """The account's calls that have not ended, in their present state."""
        return [call for call in await self.on_its_pbxs(account) if not call.elsewhere]

    async def on_its_pbxs(self, account: Account) -> list[Call]:
        """Also those of other accounts on the same PBXs: they occupy phones. Raises Unavailable."""
        found: list[Call] = []
        for pbx in account.pbxs:
            own = self.following(account.id, pbx)
            found += own.live_calls if own is not None else await self._calls.live(account.id, pbx)
        return found

    async def just_ended(self, account: Account, since: Timestamp) -> list[Call]:
        """The calls that ended since; none while the database is away, as a past call's card may be left out."""
        try:
            return await self._calls.ended_since(account.id, since)
        except Unavailable:
            return []

    async def get(self, account: Account, call_id: CallId) -> Call | None:
        """A live call; None if it has ended or never existed."""
        own = self.following(account.id, pbx_of(call_id))
        if own is not None:
            call = own.call(call_id)
            return call if call is not None and not call.elsewhere else None
        call = await self._calls.get(account.id, call_id)
        is_there = call is not None and call.is_live and call.merged_into is None and not call.elsewhere
        return call if is_there else None

    def following(self, account: AccountId, pbx: PbxId) -> CallTracking | None:
        """This process's tracking of the PBX; None if another process follows it, or none."""
        own = self._trackings.get(account, {}).get(pbx)
        return own if own is not None and own.is_following else None
