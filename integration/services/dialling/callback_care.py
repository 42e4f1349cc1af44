"""What callbacks need beyond a campaign: whether the client was talked to meanwhile, and why each of them waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from integration.domain.campaigns.callbacks import is_too_old, reached_since, zones_at
from integration.domain.campaigns.decide import Decision
from integration.domain.campaigns.model import Entry, EntryState
from integration.domain.ids import AccountId, CampaignId, EntryId, Timestamp
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import read_number
from integration.domain.reasons import Reason
from integration.domain.settings import AccountSettings
from integration.ports.callbacks import CallbackStore
from integration.ports.campaigns import EntryStore
from integration.ports.stores import CallStore

_LOOKED_BACK = 20  # newest calls of a client
_REMEMBERED = 1000


class CallbackCare:
    def __init__(
        self,
        account: AccountId,
        campaign: CampaignId,
        *,
        callbacks: CallbackStore,
        entries: EntryStore,
        calls: CallStore,
    ) -> None:
        self._account = account
        self._campaign = campaign
        self._callbacks = callbacks
        self._entries = entries
        self._calls = calls
        self._told: dict[EntryId, Reason | None] = {}

    async def still_wanted(self, entries: Sequence[Entry], settings: AccountSettings, now: Timestamp) -> list[Entry]:
        """
        Those of the due entries who still wait for a call, with the zones that count now; the others are done by this.
        The delivery, which ends a callback after a talk, may be late, and nobody is dialled who was talked to a moment
        ago. Raises: Unavailable.
        """
        asked = await self._callbacks.asked_at(self._account, [each.id for each in entries])
        over: dict[EntryState, list[EntryId]] = {EntryState.REACHED: [], EntryState.NOT_REACHED: []}
        wanted = []
        for entry in entries:
            at = asked.get(entry.id)
            if at is None or is_too_old(at, now):
                over[EntryState.NOT_REACHED].append(entry.id)
            elif await self._was_reached(entry, at, settings.numbering):
                over[EntryState.REACHED].append(entry.id)
            else:
                wanted.append(_at(entry, settings.zone, at, now))
        for state, ids in over.items():
            await self._entries.close(self._account, self._campaign, ids, state)
        return wanted

    async def _was_reached(self, entry: Entry, asked_at: Timestamp, numbering: Numbering) -> bool:
        for each in entry.numbers:
            number = read_number(each.e164, numbering)
            if number is None:
                continue
            recent = await self._calls.recent(self._account, match_key=number.match_key, limit=_LOOKED_BACK)
            if reached_since(recent, asked_at):
                return True
        return False

    async def remember(self, decision: Decision) -> None:
        """Why they wait, for the list that people see, each reason once; and that those who are dialled do not wait any
        more. Raises: Unavailable."""
        said: dict[EntryId, Reason | None] = {each.entry: each.reason for each in decision.skipped}
        said |= {each.entry: None for each in decision.dial}
        new = {entry: why for entry, why in said.items() if why is None or self._told.get(entry) != why}
        await self._callbacks.put_off(self._account, new)
        self._told |= new
        while len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]


def _at(entry: Entry, office_zone: str, asked_at: Timestamp, now: Timestamp) -> Entry:
    numbers = tuple(
        replace(each, zones=zones_at(each.zones, office_zone=office_zone, asked_at=asked_at, now=now))
        for each in entry.numbers
    )
    return replace(entry, numbers=numbers)
