"""Puts contacts, companies and deals that somebody has selected in the CRM into the list of a campaign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from integration.domain.calls.intents import Priority
from integration.domain.campaigns.callbacks import is_of_callbacks
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, CampaignId
from integration.ports.campaigns import Added, CampaignStore, EntryStore, NewEntry
from integration.ports.stores import PhoneBook
from integration.services.accounts import Account
from integration.services.click import Refused
from integration.services.crm_entries import LeftOut, entry_of, persons_of

MOST_SELECTED = 500
_MOST_ASKED = 25  # of the CRM, for one selection: those that the phone book does not have yet

_NOT_TAKEN = {Added.TWICE: LeftOut.TWICE, Added.DO_NOT_CALL: LeftOut.DO_NOT_CALL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """
    What became of a selection.

    Attributes:
        added: new entries.
        joined: contacts that were added to an entry with their number.
    """

    added: int = 0
    joined: int = 0
    left_out: Mapping[LeftOut, int] = field(default_factory=dict)


class CrmSelections:
    def __init__(
        self,
        campaigns: CampaignStore,
        entries: EntryStore,
        phone_book: PhoneBook,
        office_of: Callable[[AccountId], AccountId],
        tell: Callable[[AccountId], None],
    ) -> None:
        """
        Args:
            office_of: the office of an account: its do-not-call list counts.
            tell: that something of an account changed, to its open pages.
        """
        self._campaigns = campaigns
        self._entries = entries
        self._phone_book = phone_book
        self._office_of = office_of
        self._tell = tell

    async def add(self, account: Account, campaign: CampaignId, refs: Sequence[EntityRef]) -> Selected:
        """
        Add what was selected, in its order; also while the campaign runs.

        Raises:
            Refused: `campaign_unknown`; `bad_request`, too many.
            Unavailable: the database, or the CRM, which is asked for what the phone book does not have.
        """
        wanted = _wanted(refs)
        if is_of_callbacks(campaign) or await self._campaigns.get(account.id, campaign) is None:
            raise Refused("campaign_unknown", "there is no such campaign")
        new, left_out = await self.read(account, wanted)
        results = await self._entries.add(account.id, campaign, new, office=self._office_of(account.id))
        left_out.update(_NOT_TAKEN[result] for result in results if result in _NOT_TAKEN)
        self._tell(account.id)
        counts = Counter(results)
        return Selected(added=counts[Added.TAKEN], joined=counts[Added.JOINED], left_out=dict(left_out))

    async def read(self, account: Account, refs: Sequence[EntityRef]) -> tuple[list[NewEntry], Counter[LeftOut]]:
        """
        Whom to call of what was selected, in its order, and who was left out.

        Raises:
            Refused: `bad_request`, too many.
            Unavailable: the database, or the CRM, which is asked for what the phone book does not have.
        """
        wanted = _wanted(refs)
        mirrored: set[EntityRef] = set()
        known = await self._read(account, wanted, mirrored)
        people = [ref for each in known.values() if isinstance(each, Deal) for ref in persons_of(each)]
        known |= await self._read(account, [ref for ref in dict.fromkeys(people) if ref not in known], mirrored)
        left_out: Counter[LeftOut] = Counter()
        new: list[NewEntry] = []
        for ref in wanted:
            made = entry_of(known.get(ref), known, account.settings.numbering, mirrored)
            if isinstance(made, LeftOut):
                left_out[made] += 1
            else:
                new.append(made)
        return new, left_out

    async def _read(
        self, account: Account, refs: Sequence[EntityRef], mirrored: set[EntityRef]
    ) -> dict[EntityRef, Person | Deal]:
        """From the phone book, and then they are `mirrored`; what it lacks, from the CRM, up to a bound. No CRM can be
        asked for an enquiry."""
        known = await self._phone_book.of_refs(account.id, refs)
        mirrored.update(known)
        lacking = [each for each in refs if each not in known and each.kind is not EntityKind.LEAD]
        for ref in lacking[:_MOST_ASKED]:
            ask = account.crm.deal if ref.kind is EntityKind.DEAL else account.crm.person
            found: Person | Deal | None = await ask(ref, priority=Priority.IMPORT)
            if found is not None and not found.is_deleted:
                known[ref] = found
        return known


def _wanted(refs: Sequence[EntityRef]) -> list[EntityRef]:
    """Each once, in their order. Raises: Refused `bad_request`, too many."""
    wanted = list(dict.fromkeys(refs))
    if len(wanted) > MOST_SELECTED:
        raise Refused("bad_request", f"entities: at most {MOST_SELECTED} at a time")
    return wanted
