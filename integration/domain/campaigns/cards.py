"""What becomes of an entry whose card in the CRM has changed since it was added: it follows the card of today.

The entry keeps what happened to it: a number that was struck out stays so. Source: spec G3.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from integration.domain.campaigns.model import Entry, EntryNumber, EntryState
from integration.domain.crm.entities import PERSON_KINDS, Deal, EntityKind, EntityRef, Person


class WhyRemoved(StrEnum):
    """Why an entry left the list without a person's word. Stored, and part of the REST interface."""

    CLIENT_DELETED = "client_deleted"  # in the CRM
    NO_NUMBERS = "no_numbers"  # the card has none any more, or other entries have them


def persons_of_entry(entry: Entry) -> tuple[EntityRef, ...]:
    """Whose cards an entry follows, that of its numbers first; empty: it follows none."""
    if entry.card is None:
        return ()
    return tuple(dict.fromkeys((entry.card, *(ref for ref in entry.refs if ref.kind in PERSON_KINDS))))


def cards_of(entry: Entry, known: Mapping[EntityRef, Person | Deal]) -> list[Person] | None:
    """
    The cards whose numbers count today; None: the client was deleted. The same client in two contacts goes on while one
    of them is there. An enquiry leaves the phone book when it becomes a contact or a deal, so without it nothing is
    known: empty, and the entry stays as it is.
    """
    persons = [each for ref in persons_of_entry(entry) if isinstance(each := known.get(ref), Person)]
    if persons or entry.card is None or entry.card.kind is EntityKind.LEAD:
        return persons
    return None


def is_as_on_card(entry: Entry, today: Iterable[EntryNumber]) -> bool:
    return [each.e164 for each in entry.numbers] == [each.e164 for each in today]


def client_deleted(entry: Entry) -> Entry:
    return replace(entry, state=EntryState.REMOVED, removed_why=WhyRemoved.CLIENT_DELETED.value)


def on_card(
    entry: Entry, today: Sequence[EntryNumber], *, elsewhere: Collection[str], not_called: Collection[str]
) -> Entry:
    """
    An open entry with the numbers of its card, in their order.

    Args:
        elsewhere: numbers that other entries of the campaign have: a number has one entry.
        not_called: numbers that nobody may call: they do not come into a list.
    """
    known = {each.e164: each for each in entry.numbers}
    own = [each for each in today if each.e164 not in elsewhere]
    numbers = tuple(known.get(each.e164, each) for each in own if each.e164 in known or each.e164 not in not_called)
    if not numbers:
        gone = tuple(replace(each, struck=True) for each in entry.numbers)
        if own:
            return replace(entry, numbers=gone, state=EntryState.DO_NOT_CALL)
        why = WhyRemoved.NO_NUMBERS.value
        return replace(entry, numbers=gone, state=EntryState.REMOVED, removed_why=why)
    is_over = all(each.struck for each in numbers)
    return replace(entry, numbers=numbers, state=EntryState.NOT_REACHED if is_over else entry.state)
