"""Makes an entry of a list of a contact, company, lead or deal: whom to call, by which numbers. Knows no store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum

from integration.domain.campaigns.model import EntryNumber
from integration.domain.crm.entities import Deal, EntityRef, Person
from integration.domain.numbers.number_class import NumberClass, class_of
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.numbers.phone_text import read_text
from integration.domain.numbers.zones import possible_zones_of
from integration.ports.campaigns import NewEntry

_MOST_NUMBERS = 10


class LeftOut(StrEnum):
    """Why something selected is not in the list."""

    NO_NUMBER = "no_number"
    NOBODY = "nobody"  # a deal without contacts
    NOT_FOUND = "not_found"  # deleted, or not read from the CRM yet
    TWICE = "twice"
    DO_NOT_CALL = "do_not_call"


def persons_of(deal: Deal) -> list[EntityRef]:
    """The main contact first."""
    main = [deal.main_person] if deal.main_person is not None else []
    return list(dict.fromkeys([*main, *deal.persons]))


def entry_of(
    selected: Person | Deal | None,
    known: Mapping[EntityRef, Person | Deal],
    numbering: Numbering,
    mirrored: Collection[EntityRef],
) -> NewEntry | LeftOut:
    """
    Args:
        mirrored: whom the phone book has: their entries follow their cards.
    """
    if selected is None:
        return LeftOut.NOT_FOUND
    if isinstance(selected, Person):
        return _of_person(selected, selected, numbering, mirrored)
    refs = persons_of(selected)
    if not refs:
        return LeftOut.NOBODY
    persons = [each for ref in refs if isinstance(each := known.get(ref), Person)]
    made = [_of_person(person, selected, numbering, mirrored) for person in persons]
    with_numbers = next((each for each in made if isinstance(each, NewEntry)), None)
    return with_numbers or (LeftOut.NO_NUMBER if persons else LeftOut.NOT_FOUND)


def numbers_of(persons: Iterable[Person], numbering: Numbering) -> tuple[EntryNumber, ...]:
    """In the order of the cards, each once; those that the office may dial."""
    found: dict[str, PhoneNumber] = {}
    for text in (text for person in persons for text in person.phones):
        for number in read_text(text, numbering).numbers:
            if class_of(number, numbering) is NumberClass.ORDINARY:
                found.setdefault(number.e164, number)
    return tuple(EntryNumber(e164=e164, zones=possible_zones_of(e164)) for e164 in list(found)[:_MOST_NUMBERS])


def _of_person(
    person: Person, selected: Person | Deal, numbering: Numbering, mirrored: Collection[EntityRef]
) -> NewEntry | LeftOut:
    numbers = numbers_of([person], numbering)
    if not numbers:
        return LeftOut.NO_NUMBER
    return NewEntry(
        numbers=numbers,
        name=person.name,
        refs=tuple(dict.fromkeys((selected.ref, person.ref))),
        responsible=selected.responsible or person.responsible,
        comment=selected.name if isinstance(selected, Deal) else "",
        card=person.ref if person.ref in mirrored else None,
    )
