"""Entries follow the cards of the CRM: before a client is dialled, or given up, their card is looked at once more.

The phone book is asked, which the CRM's notices keep up to date; the CRM itself is not: calls do not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from integration.domain.campaigns.cards import cards_of, is_as_on_card, persons_of_entry
from integration.domain.campaigns.model import Entry
from integration.domain.crm.entities import Deal, EntityRef, Person
from integration.domain.ids import CampaignId, EntryId
from integration.ports.campaigns import EntryStore
from integration.ports.coordination import Lease
from integration.services.crm_entries import numbers_of
from integration.services.dialling.floor import Floor

log = structlog.get_logger()


class Cards:
    """`len()`: how many entries have changed with their cards so far."""

    def __init__(self, floor: Floor, campaign: CampaignId, entries: EntryStore, lease: Lease) -> None:
        self._floor = floor
        self._account = floor.account.id
        self._campaign = campaign
        self._entries = entries
        self._lease = lease
        self._count = 0

    def __len__(self) -> int:
        return self._count

    async def follow(self, entries: Sequence[Entry]) -> set[EntryId]:
        """
        Bring open entries into step with their cards.

        Returns:
            Those that have changed: what was decided about them does not count.

        Raises:
            Unavailable, LeaseLost.
        """
        refs = list(dict.fromkeys(ref for entry in entries for ref in persons_of_entry(entry)))
        if not refs:
            return set()
        known = await self._floor.sources.phone_book.of_refs(self._account, refs)
        changed = {entry.id for entry in entries if persons_of_entry(entry) and await self._is_changed(entry, known)}
        self._count += len(changed)
        return changed

    async def _is_changed(self, entry: Entry, known: dict[EntityRef, Person | Deal]) -> bool:
        cards = cards_of(entry, known)
        if cards == [] or (cards is None and not await self._is_read()):
            return False  # nothing is known about it
        today = None if cards is None else numbers_of(cards, self._floor.account.settings.numbering)
        if today is not None and is_as_on_card(entry, today):
            return False
        office = self._floor.sources.office_of(self._account)
        after = await self._entries.follow_card(
            self._account, self._campaign, entry.id, today, office=office, lease=self._lease
        )
        if after is not None and (after.numbers, after.state) == (entry.numbers, entry.state):
            return False  # what it lacks of the card is in another entry, or not called
        log.info("an entry follows its card", account_id=self._account, campaign=self._campaign, entry=entry.id)
        return True

    async def _is_read(self) -> bool:
        """Whether the CRM was read completely, so that who is missing is not there."""
        return await self._floor.sources.phone_book.progress(self._account) is not None
