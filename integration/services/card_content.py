"""What a card says of a client, in the format of `CardCall` in `widgets/README.md`. `card.py` decides who sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integration.domain.calls.call import Call
from integration.domain.crm.entities import PERSON_KINDS, Deal, Person
from integration.domain.crm.identity import open_deals_of
from integration.ports.crm import NextTask
from integration.services.accounts import Account

_MOST_DEALS = 5
_MOST_CANDIDATES = 10
MOST_LAST_CALLS = 5


def person_content(
    account: Account, person: Person, company: Person | None, open_deals: Sequence[Deal]
) -> dict[str, Any]:
    return {
        "id": person.ref.id,
        "kind": person.ref.kind,
        "name": person.name,
        "url": account.crm.entity_url(person.ref),
        "company": {"name": company.name, "url": account.crm.entity_url(company.ref)} if company else None,
        "responsible": {"id": person.responsible, "name": account.manager_name(person.responsible) or ""}
        if person.responsible
        else None,
        "emails": list(person.emails),
        "deals": [_deal(account, deal) for deal in open_deals_of(person, open_deals)[:_MOST_DEALS]],
    }


def candidates(account: Account, persons: Sequence[Person], companies: Sequence[Person]) -> list[dict[str, Any]]:
    """Those who have the number, to choose from; none if there is nothing to choose."""
    if len(persons) < 2:
        return []
    names = {company.ref: company.name for company in companies}
    return [
        {
            "id": person.ref.id,
            "kind": person.ref.kind,
            "name": person.name,
            "company": names.get(person.company) if person.company else None,
            "responsible": account.manager_name(person.responsible),
        }
        for person in persons[:_MOST_CANDIDATES]
        if person.ref.kind in PERSON_KINDS
    ]


def companies_of(persons: Sequence[Person]) -> list[Person]:
    """The persons whose companies the card names."""
    return [person for person in persons[:_MOST_CANDIDATES] if person.company is not None]


def past_calls(account: Account, call: Call, recent: Sequence[Call]) -> list[dict[str, Any]]:
    return [
        {
            "at": past.started_at,
            "direction": past.direction,
            "disposition": past.disposition,
            "talk_seconds": round(past.talked_seconds),
            "by": account.name_of(past.final_responsible, past.pbx),
        }
        for past in recent
        if past.id != call.id and past.disposition is not None
    ][:MOST_LAST_CALLS]


def task_content(task: NextTask | None) -> dict[str, Any] | None:
    return None if task is None else {"text": task.text, "due_at": task.due_at}


def _deal(account: Account, deal: Deal) -> dict[str, Any]:
    return {
        "id": deal.ref.id,
        "name": deal.name,
        "url": account.crm.entity_url(deal.ref),
        "stage": deal.stage_name or "",
        "price": deal.price,
    }
