"""The document of a campaign's plan, for REST and files: the fields of `CampaignPlan`, strictly checked.

The model is the domain's own: a new field of a plan is one of the document.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import reduce
from typing import Any

from pydantic import TypeAdapter, ValidationError

from integration.documents.bounds import beyond_bounds
from integration.documents.problems import FieldProblem, InvalidDocument, Path, unknown_key
from integration.documents.refusals import problems_of
from integration.domain.campaigns.plan import CampaignPlan, PlanFault, faults
from integration.texts.settings import Problem

_PLAN = TypeAdapter(CampaignPlan)
_FIELDS = frozenset(each.name for each in fields(CampaignPlan))
_DAYS = 7
_MOST_NAMED = 500  # lines, employees, groups, holidays
_LONGEST = 200


def campaign_document(plan: CampaignPlan) -> dict[str, Any]:
    """`read_campaign` of it gives an equal plan, also after JSON or TOML."""
    document: dict[str, Any] = _PLAN.dump_python(plan, mode="json")
    return document


def read_campaign(raw: Any) -> CampaignPlan:
    """
    Check a foreign document. What it leaves out is as in a new campaign.

    Raises:
        InvalidDocument: names all wrong settings.
    """
    if not isinstance(raw, dict):
        raise InvalidDocument([FieldProblem((), Problem.TABLE)])
    found = beyond_bounds(raw) or [unknown_key((key,), _FIELDS) for key in raw if key not in _FIELDS]
    if found:
        raise InvalidDocument(found)
    try:
        plan = _PLAN.validate_json(json.dumps(raw), strict=True)
    except ValidationError as exc:
        raise InvalidDocument(problems_of(exc, _known)) from exc
    document = campaign_document(plan)
    found = [*_strange((), raw, document), *_sizes(plan), *(_of_fault(each, document) for each in faults(plan))]
    if found:
        raise InvalidDocument(found)
    return plan


def campaign_schemas(address: str) -> dict[str, Any]:
    """`CampaignPlan` and what it names, by name. `address`: where a schema of a name is found."""
    schema = _PLAN.json_schema(ref_template=address + "{model}")
    return {**schema.pop("$defs", {}), "CampaignPlan": schema}


def _known(_: Path) -> Iterable[str]:
    return _FIELDS


def _strange(path: Path, raw: Any, read: Any) -> Iterator[FieldProblem]:
    """Keys of inner tables that were not read: the library passes over them in a dataclass."""
    if isinstance(raw, dict) and isinstance(read, dict):
        for key, value in raw.items():
            if key in read:
                yield from _strange((*path, key), value, read[key])
            else:
                yield unknown_key((*path, key), read)
    elif isinstance(raw, list) and isinstance(read, list):
        for index, (one, other) in enumerate(zip(raw, read, strict=False)):
            yield from _strange((*path, index), one, other)


def _sizes(plan: CampaignPlan) -> Iterable[FieldProblem]:
    if len(plan.week) != _DAYS:
        yield FieldProblem(("week",), Problem.LIST, {"example": '["09:00-20:00", "09:00-20:00", …]'})
    for name in ("lines", "employees", "groups", "holidays"):
        named = getattr(plan, name)
        if len(named) > _MOST_NAMED:
            yield FieldProblem((name,), Problem.LIST_TOO_LONG, {"length": len(named), "most": _MOST_NAMED})
        for index, text in enumerate(named):
            if len(text) > _LONGEST:
                yield FieldProblem((name, index), Problem.TOO_LONG, {"length": len(text), "most": _LONGEST})
    outcomes = [each.outcome for each in plan.redial]
    for index, outcome in enumerate(outcomes):
        if outcome in outcomes[:index]:
            yield FieldProblem(("redial", index, "outcome"), Problem.LISTED_TWICE, {"value": outcome.value})


def _of_fault(fault: PlanFault, document: dict[str, Any]) -> FieldProblem:
    path = _place(fault.field, document)
    match fault.code:
        case "empty":
            return FieldProblem(path, Problem.NEEDED)
        case "too_long":
            length = len(str(_at(path, document)))
            return FieldProblem(path, Problem.TOO_LONG, {"length": length, "most": fault.detail})
        case "out_of_bounds":
            least, _, most = fault.detail.partition("…")
            return FieldProblem(path, Problem.BETWEEN, {"least": least, "most": most})
    return FieldProblem(path, Problem.UNFIT)


def _at(path: Path, document: Any) -> Any:
    return reduce(lambda table, part: table[part], path, document)


def _place(field: str, document: dict[str, Any]) -> Path:
    """`week_0`, `redial_busy` and the fields of inner tables of the form, as the document has them."""
    if field.startswith("week_"):
        return ("week", int(field.removeprefix("week_")))
    if field.startswith("redial_"):
        outcomes = [each["outcome"] for each in document["redial"]]
        return ("redial", outcomes.index(field.removeprefix("redial_")))
    inner = next((name for name, table in document.items() if isinstance(table, dict) and field in table), None)
    return (field,) if field in document or inner is None else (inner, field)
