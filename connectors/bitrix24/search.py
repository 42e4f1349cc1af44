"""Finds the contacts, companies and leads that have a number.

Bitrix24 compares phones as texts, so it is asked for all usual spellings at once, and each hit is checked by our own
key of numbers. Source: README, search by telephone; whether today's cloud normalises numbers, too, is not confirmed,
and would do no harm.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.bitrix24 import lists, mapping
from connectors.bitrix24.api.batch import Command
from connectors.bitrix24.api.transport import Transport
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import PERSON_KINDS, EntityKind, Person
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.numbers.spellings import spellings
from integration.errors import DozvonError, Rejected

_CUT_AT = 20  # `findbycomm` leaves out what is beyond, without a word
_MOST_FOUND = 200  # of one kind; a number of more people is nobody's
_ORDER = {kind: rank for rank, kind in enumerate(PERSON_KINDS)}


async def find_persons(
    transport: Transport, number: PhoneNumber, numbering: Numbering, *, priority: Priority
) -> list[Person]:
    """
    All who have the number, oldest first; closed leads are left out. Two requests, and a third for a number of twenty
    people.

    Each kind is asked for alone: with 20 hits of one kind Bitrix24 hides the kinds after it.
    """
    texts = spellings(number, numbering)
    commands: dict[str, Command] = {kind: _by_number(kind, texts) for kind in PERSON_KINDS}
    found = await lists.read_each(transport, commands, priority=priority)
    ids = {kind: _ids(_allowed(found[kind], kind), kind) for kind in PERSON_KINDS}
    for kind in PERSON_KINDS:
        if len(ids[kind]) >= _CUT_AT:
            ids[kind] = await _all_ids(transport, kind, texts, priority)
    wanted = {kind: each for kind, each in ids.items() if each}
    persons = [
        mapping.person(item, kind)
        for kind, rows in (await lists.by_ids(transport, wanted, priority=priority)).items()
        for item in rows
    ]
    own = [each for each in persons if not each.is_deleted and mapping.has_number(each, number, numbering)]
    return sorted(own, key=lambda each: (each.created_at, _ORDER[each.ref.kind], int(each.ref.id)))


def _allowed(outcome: object, kind: EntityKind) -> object:
    """Leads may be closed to the application's user; contacts and companies are found all the same."""
    if isinstance(outcome, DozvonError) and not (kind is EntityKind.LEAD and isinstance(outcome, Rejected)):
        raise outcome
    return outcome


def _by_number(kind: EntityKind, texts: Sequence[str]) -> Command:
    parameters = {"type": "PHONE", "values": list(texts), "entity_type": kind.upper()}
    return Command("crm.duplicate.findbycomm", parameters)


def _ids(result: object, kind: EntityKind) -> list[int]:
    """`{"CONTACT": [3, 9]}`; nothing found is `[]`."""
    found = result.get(kind.upper()) if isinstance(result, dict) else None
    ids = [mapping.id_of(each) for each in found] if isinstance(found, list) else []
    return sorted({int(each) for each in ids if each})[:_MOST_FOUND]


async def _all_ids(transport: Transport, kind: EntityKind, texts: Sequence[str], priority: Priority) -> list[int]:
    """
    More than `findbycomm` tells: the older lists compare a phone with one text exactly. One request with a command for
    each spelling; of a spelling the oldest fifty.
    """
    commands = {
        f"s{index}": Command(
            f"crm.{kind}.list",
            {"filter": {"PHONE": text}, "select": ["ID"], "order": {"ID": "ASC"}, "start": -1},
        )
        for index, text in enumerate(texts)
    }
    found = await lists.read_all(transport, commands, priority=priority)
    ids = {mapping.id_of(row.get("ID")) for rows in found.values() for row in mapping.rows(rows)}
    return sorted(int(each) for each in ids if each)[:_MOST_FOUND]
