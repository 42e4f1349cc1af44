"""Lists of contacts, companies and deals by a filter, and the pipelines that a filter may name.

Where an account has no filters amoCRM ignores them and gives everything (reference: ISS-71, ISS-348), so each object is
looked at again. Pages are counted, so what is deleted meanwhile moves the others: a list that goes on begins one page
earlier, and passes over what it has.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from connectors.amocrm import mapping
from connectors.amocrm.api.transport import Transport
from connectors.amocrm.feed import PAGE, pages
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityKind
from integration.domain.crm.filters import CrmFilter, Facts, Pipeline, PipelineStage, fits
from integration.errors import Rejected
from integration.ports.crm import ListedPage

_LISTS = {
    EntityKind.CONTACT: ("contacts", "leads"),
    EntityKind.COMPANY: ("companies", "leads"),
    EntityKind.DEAL: ("leads", "contacts"),
}
_INCOMING = 1  # the type of a pipeline's column of enquiries that nobody has accepted

Query = list[tuple[str, str]]


async def listed(
    transport: Transport, wanted: CrmFilter, stages: Sequence[Mapping[str, Any]], *, after: str
) -> AsyncIterator[ListedPage]:
    """As `ports.crm.Crm.listed`. `stages`: the account's pipelines."""
    if wanted.kind not in _LISTS:
        raise Rejected(f"amoCRM has no list of {wanted.kind}", code="kind")
    collection, embedded = _LISTS[wanted.kind]
    query = [("limit", str(PAGE)), ("with", embedded), ("order[id]", "asc"), *query_of(wanted)]
    number, last = _place(after)
    names = mapping.stage_names(stages)
    number = max(1, number - 1)
    async for items in pages(transport, f"/api/v4/{collection}", collection, query, Priority.IMPORT, first=number):
        fresh = [each for each in items if mapping.whole(each.get("id")) > last and fits(wanted, _facts(each))]
        last = max([last, *(mapping.whole(each.get("id")) for each in items)])
        if wanted.kind is EntityKind.DEAL:
            found: list[Any] = [mapping.deal(each, names) for each in fresh]
        else:
            found = [mapping.person(each, wanted.kind) for each in fresh]
        yield ListedPage([each for each in found if not each.is_deleted], f"{number}:{last}")
        number += 1


def query_of(wanted: CrmFilter) -> Query:
    """Source: reference amocrm.md, "Filters": brackets as PHP writes them; `to` is included."""
    found: Query = [("filter[responsible_user_id][]", each) for each in wanted.responsibles]
    if wanted.created_from is not None:
        found.append(("filter[created_at][from]", str(wanted.created_from)))
    if wanted.created_until is not None:
        found.append(("filter[created_at][to]", str(wanted.created_until - 1)))
    if wanted.kind is not EntityKind.DEAL:
        return found
    if any(not each.stage for each in wanted.stages):  # the two conditions would both have to hold
        return [*found, *(("filter[pipeline_id][]", each) for each in {each.pipeline: None for each in wanted.stages})]
    for index, each in enumerate(wanted.stages):
        found.append((f"filter[statuses][{index}][pipeline_id]", each.pipeline))
        found.append((f"filter[statuses][{index}][status_id]", each.stage))
    return found


def pipelines_of(stages: Sequence[Mapping[str, Any]]) -> list[Pipeline]:
    """Without archived pipelines, and without the columns of enquiries, which are no deals yet."""
    return [
        Pipeline(
            id=mapping.text_of(each.get("id")),
            name=mapping.text_of(each.get("name")),
            stages=tuple(
                PipelineStage(id=mapping.text_of(stage.get("id")), name=mapping.text_of(stage.get("name")))
                for stage in (each.get("_embedded") or {}).get("statuses") or []
                if stage.get("type") != _INCOMING
            ),
        )
        for each in stages
        if not each.get("is_archive")
    ]


def _facts(item: Mapping[str, Any]) -> Facts:
    stage = item.get("status_id")
    return Facts(
        responsible=mapping.manager_id(item.get("responsible_user_id")),
        created_at=mapping.whole(item.get("created_at")),
        pipeline=mapping.text_of(item.get("pipeline_id")),
        stage=mapping.text_of(stage),
        is_open=mapping.is_open_stage(stage),
    )


def _place(after: str) -> tuple[int, int]:
    """The page and the last id; of what is no place: the beginning."""
    number, _, last = after.partition(":")
    return (int(number), int(last)) if number.isdigit() and last.isdigit() else (1, 0)
