"""Lists of contacts, companies, leads and deals by a filter, and the pipelines that a filter may name.

Source: b24-rest-docs, `crm.item.list` (filter), `crm.category.list`, `crm.status.list`. Each object is looked at again,
since a portal ignores conditions on fields that it does not know.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from connectors.bitrix24 import lists, mapping
from connectors.bitrix24.api.transport import Transport
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityKind
from integration.domain.crm.filters import CrmFilter, Facts, Pipeline, PipelineStage, fits
from integration.ports.crm import ListedPage

_STAGES = "DEAL_STAGE"  # of the general pipeline; of others `DEAL_STAGE_5`


async def listed(
    transport: Transport, wanted: CrmFilter, stage_names: Mapping[str, str], *, after: str
) -> AsyncIterator[ListedPage]:
    """As `ports.crm.Crm.listed`."""
    is_deals = wanted.kind is EntityKind.DEAL
    select: Sequence[str] = mapping.DEAL_FIELDS if is_deals else ("*",)
    begin = int(after) if after.isdigit() else 0
    conditions = conditions_of(wanted)
    async for items in lists.items(
        transport, wanted.kind, select=select, conditions=conditions, priority=Priority.IMPORT, after=begin
    ):
        fitting = [each for each in items if fits(wanted, _facts(each))]
        if is_deals:
            found: list[Any] = [mapping.deal(each, stage_names) for each in fitting]
        else:
            found = [mapping.person(each, wanted.kind) for each in fitting]
        yield ListedPage([each for each in found if not each.is_deleted], mapping.id_of(items[-1].get("id")) or "")


def conditions_of(wanted: CrmFilter) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if wanted.responsibles:
        found["@assignedById"] = [int(each) for each in wanted.responsibles if each.isdigit()]
    if wanted.created_from is not None:
        found[">=createdTime"] = mapping.written_at(wanted.created_from)
    if wanted.created_until is not None:
        found["<createdTime"] = mapping.written_at(wanted.created_until)
    if wanted.kind is EntityKind.DEAL and wanted.stages:
        if any(not each.stage for each in wanted.stages):
            found["@categoryId"] = sorted({int(each.pipeline) for each in wanted.stages if each.pipeline.isdigit()})
        else:
            found["@stageId"] = [each.stage for each in wanted.stages]
    if wanted.kind is EntityKind.DEAL and wanted.only_open:
        found["closed"] = "N"
    return found


async def pipelines(transport: Transport, statuses: Sequence[mapping.Json]) -> list[Pipeline]:
    """`statuses`: the rows of `crm.status.list`. Raises: as `Transport.call`."""
    parameters = {"entityTypeId": mapping.TYPE_IDS[EntityKind.DEAL]}
    answer = await lists.read(transport, "crm.category.list", parameters, priority=Priority.IMPORT)
    categories = answer.get("categories") if isinstance(answer, Mapping) else None
    return [
        Pipeline(id=id_, name=mapping.text_of(each.get("name")), stages=_stages_of(id_, statuses))
        for each in mapping.rows(categories)
        if (id_ := mapping.text_of(each.get("id")))
    ]


def _stages_of(pipeline: str, statuses: Sequence[mapping.Json]) -> tuple[PipelineStage, ...]:
    group = _STAGES if pipeline == "0" else f"{_STAGES}_{pipeline}"
    return tuple(
        PipelineStage(id=mapping.text_of(each.get("STATUS_ID")), name=mapping.text_of(each.get("NAME")))
        for each in statuses
        if mapping.text_of(each.get("ENTITY_ID")) == group
    )


def _facts(item: mapping.Json) -> Facts:
    return Facts(
        responsible=mapping.manager_id(item.get("assignedById")),
        created_at=mapping.moment(item.get("createdTime")),
        pipeline=mapping.text_of(item.get("categoryId")),
        stage=mapping.text_of(item.get("stageId")),
        is_open=mapping.is_open(item),
    )
