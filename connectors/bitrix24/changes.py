"""Reads the objects that events name: an event says an id and nothing else. How events arrive is in `intake.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connectors.bitrix24 import lists, mapping
from connectors.bitrix24.api.transport import Transport
from connectors.bitrix24.objects import Objects
from connectors.bitrix24.webhooks import Touched
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import CrmChange, DealChanged, EntityDeleted, EntityKind, EntityRef, PersonChanged


async def read_changes(transport: Transport, objects: Objects, events: Iterable[Touched]) -> list[CrmChange]:
    """
    The changes that these events announce, each object as it is now: fifty in one request. An object that is gone by
    now is deleted, whatever the event said; a deletion needs no request, because the phone book knows the numbers.

    Raises: the CRM's errors. Nothing is lost by them: the poll finds changes, and the daily comparison deletions.
    """
    last = {each.ref: each for each in events}  # of several events of one object the last one
    deleted = [ref for ref, each in last.items() if each.is_deleted]
    wanted = [ref for ref, each in last.items() if not each.is_deleted]
    changes: list[CrmChange] = [EntityDeleted(ref=ref) for ref in deleted]
    if wanted:
        changes += await _read(transport, objects, wanted)
    return changes


async def _read(transport: Transport, objects: Objects, wanted: Sequence[EntityRef]) -> list[CrmChange]:
    ids: dict[EntityKind, list[int]] = {}
    for ref in wanted:
        ids.setdefault(ref.kind, []).append(int(ref.id))
    found = await lists.by_ids(transport, ids, priority=Priority.LOG)
    names = await objects.stage_names(Priority.LOG) if EntityKind.DEAL in ids else {}
    changes: list[CrmChange] = []
    seen = set()
    for kind, items in found.items():
        for item in items:
            change: PersonChanged | DealChanged
            if kind is EntityKind.DEAL:
                change = DealChanged(deal=mapping.deal(item, names), has_persons=True)
                seen.add(change.deal.ref)
            else:
                change = PersonChanged(person=mapping.person(item, kind))
                seen.add(change.person.ref)
            changes.append(change)
    return [*changes, *(EntityDeleted(ref=ref) for ref in wanted if ref not in seen)]
