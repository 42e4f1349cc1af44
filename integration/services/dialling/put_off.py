"""Entries that a rule of their own holds: put off until it ends, or done for ever, so that the list goes on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from integration.domain.campaigns.decide import Skipped
from integration.domain.campaigns.holds import FOR_EVER, Hold, until_of
from integration.domain.campaigns.model import EntryState
from integration.domain.ids import AccountId, CampaignId, EntryId, Timestamp
from integration.domain.reasons import Reason
from integration.ports.campaigns import EntryStore

_MOMENT_SECONDS = 15.0  # another call to the client is on its way, or goes on
_SECONDS: dict[str, float] = {
    Hold.RESPONSIBLE_BUSY: 60.0,
    Hold.ZONE_UNKNOWN: 900.0,  # until somebody changes the rules or the zone
    Hold.NO_WINDOW: 900.0,
}
"""How long entries are passed over whose hold does not say when it ends."""
_REMEMBERED = 500


class PutOff:
    """`len()`: how many entries were put off so far."""

    def __init__(self, account: AccountId, campaign: CampaignId, entries: EntryStore) -> None:
        self._account = account
        self._campaign = campaign
        self._entries = entries
        self._why: dict[Timestamp, Reason] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def why(self, due: Timestamp) -> Reason | None:
        """The rule that put an entry off until this moment, if this process has seen it."""
        return self._why.get(due)

    async def take(self, skipped: Sequence[Skipped], now: Timestamp) -> None:
        """Raises: Unavailable."""
        until: dict[Timestamp, list[EntryId]] = defaultdict(list)
        over: dict[EntryState, list[EntryId]] = defaultdict(list)
        for each in skipped:
            code = each.reason.code
            if code in (Hold.ENTRY_CLOSED, Hold.ENTRY_TAKEN, Hold.AGREED_WITH):
                continue  # the promise is kept as long as it waits: its moment must not move
            if code in FOR_EVER:
                state = EntryState.DO_NOT_CALL if code == Hold.DO_NOT_CALL else EntryState.NOT_REACHED
                over[state].append(each.entry)
                continue
            at = until_of(each.reason) or Timestamp(now + _SECONDS.get(code, _MOMENT_SECONDS))
            until[at].append(each.entry)
            self._why[at] = each.reason
        while len(self._why) > _REMEMBERED:
            del self._why[next(iter(self._why))]
        for at, entries in until.items():
            await self._entries.defer(self._account, self._campaign, entries, until=at)
            self._count += len(entries)
        for state, entries in over.items():
            await self._entries.close(self._account, self._campaign, entries, state)
            self._count += len(entries)

    async def for_a_moment(self, entries: Sequence[EntryId], now: Timestamp) -> None:
        """Something else was faster: look at them again soon, and at the others meanwhile."""
        await self._entries.defer(self._account, self._campaign, entries, until=Timestamp(now + _MOMENT_SECONDS))
