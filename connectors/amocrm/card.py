"""What the card in the browser shows of a client and creates for them: the next task, a deal.

Requests have the priority of cards. A filter of a list may be ignored (README: filters), so each item is checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.amocrm import mapping
from connectors.amocrm.api.library import Library
from connectors.amocrm.api.transport import Transport
from connectors.amocrm.feed import PAGE, pages
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import ManagerId, Timestamp
from integration.errors import NotFound, Rejected
from integration.ports.crm import NextTask

_NEWEST_DEALS = 10  # of a client, in which a deal of some seconds ago is looked for
_CLOCKS_APART_SECONDS = 60.0  # amoCRM's clock and ours


class ClientCard:
    def __init__(self, transport: Transport, library: Library) -> None:
        self._transport = transport
        self._library = library

    async def next_task(self, person: EntityRef, deals: Sequence[EntityRef]) -> NextTask | None:
        """
        The open task that is due first: amoCRM keeps a person's tasks and those of their deals apart, so this is one
        request, or two for a person with open deals.
        """
        opened: list[dict[str, Any]] = []
        for kind, refs in ((person.kind, [person]), (EntityKind.DEAL, deals)):
            if refs:
                opened += await self._open_tasks(kind, {mapping.number_of(ref.id) for ref in refs})
        first = min(opened, key=lambda task: mapping.whole(task.get("complete_till")), default=None)
        return mapping.next_task(first) if first is not None else None

    async def _open_tasks(self, kind: EntityKind, ids: set[int]) -> list[dict[str, Any]]:
        collection = mapping.COLLECTIONS[kind]
        query = [
            ("limit", str(PAGE)),
            ("filter[is_completed]", "0"),
            ("filter[entity_type]", collection),
            *(("filter[entity_id][]", str(each)) for each in sorted(ids)),
            ("order[complete_till]", "asc"),
        ]
        found: list[dict[str, Any]] = []
        async for items in pages(self._transport, "/api/v4/tasks", "tasks", query, Priority.CARD, at_most=1):
            found += items
        return [
            task
            for task in found
            if task.get("entity_type") == collection and task.get("entity_id") in ids and not task.get("is_completed")
        ]

    async def create_deal(self, name: str, person: EntityRef, responsible: ManagerId | None) -> int:
        """Returns its id. Raises: OutcomeUnknown if it may exist."""
        if person.kind not in (EntityKind.CONTACT, EntityKind.COMPANY):
            raise Rejected("A deal is made for a contact or a company", code="kind")
        return await self._library.create_deal(mapping.new_deal(name, person, responsible), Priority.CARD)

    async def find_deal(self, name: str, person: EntityRef, since: Timestamp) -> int | None:
        """The id of a deal of this person with this name, made since then."""
        wanted, from_ = mapping.new_deal(name, person, None)["name"], since - _CLOCKS_APART_SECONDS
        try:
            item = await self._library.get(person.kind, mapping.number_of(person.id), Priority.CARD)
        except NotFound:
            item = None
        for ref in _newest((item or {}).get("_embedded")):
            deal = await self._library.get(EntityKind.DEAL, mapping.number_of(ref.id), Priority.CARD)
            if deal is None or deal.get("is_deleted"):
                continue
            if deal.get("name") == wanted and mapping.whole(deal.get("created_at")) >= from_:
                return mapping.number_of(ref.id)
        return None


def _newest(embedded: object) -> list[EntityRef]:
    """The person's newest deals: ids grow."""
    leads = mapping.refs(embedded.get("leads") if isinstance(embedded, dict) else None, EntityKind.DEAL)
    return sorted(leads, key=lambda ref: mapping.number_of(ref.id), reverse=True)[:_NEWEST_DEALS]
