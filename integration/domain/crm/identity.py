"""Which of the CRM's persons a number belongs to, when several have it, and which deals are theirs.

Routing, attribution and the card use this module, so that all three choose the same person. It looks no numbers up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person

_BY_KIND = {EntityKind.CONTACT: 0, EntityKind.LEAD: 1, EntityKind.COMPANY: 2}


def open_deals_of(person: Person, deals: Sequence[Deal]) -> list[Deal]:
    """The person's open deals, the one touched last first, whatever the order of `deals`. Never raises."""
    own = [
        deal
        for deal in deals
        if deal.is_open
        and not deal.is_deleted
        and (person.ref == deal.main_person or person.ref in deal.persons or deal.ref in person.deals)
    ]
    return sorted(own, key=lambda deal: (-deal.updated_at, deal.ref.id))


def ranked(persons: Sequence[Person], deals: Sequence[Deal]) -> list[Person]:
    """
    Order the persons who have one number: the likeliest first, deleted ones left out. Never raises.

    1. A contact goes before a lead, and a lead before a company, because a person is calling. Source: the order of
       Bitrix24's own search by telephone.
    2. A person with an open deal goes before one without; the most recently changed deal goes first.
    3. Otherwise the oldest. Source: amoCRM's own popup names the oldest contact (its documentation of call events).

    The order of the arguments does not matter: a number always has the same owner.
    """

    def key(person: Person) -> tuple[int, float, int, int, str]:
        touched = max((deal.updated_at for deal in open_deals_of(person, deals)), default=-math.inf)
        return (
            _BY_KIND.get(person.ref.kind, len(_BY_KIND)),
            -touched,
            person.created_at,
            len(person.ref.id),  # ids are numbers as text: the shorter is the smaller
            person.ref.id,
        )

    return sorted((person for person in persons if not person.is_deleted), key=key)


def chosen_first(known: Sequence[Person], chosen: EntityRef | None) -> list[Person]:
    """
    The same persons with the one that an employee chose in front of the others; unchanged if nobody was chosen, or the
    chosen one does not have the number any more. Never raises.

    Args:
        known: as `ranked` orders them.
    """
    return sorted(known, key=lambda person: person.ref != chosen)
