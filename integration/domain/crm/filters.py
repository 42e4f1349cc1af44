"""Which objects of a CRM are meant: by kind, stage, responsible and age. A CRM keeps its own saved filters to itself.

`fits` decides, also where a CRM has filtered: amoCRM ignores filters without a word where its plan has none.
"""

from __future__ import annotations

from dataclasses import dataclass

from integration.domain.crm.entities import EntityKind
from integration.domain.ids import ManagerId


@dataclass(frozen=True, slots=True)
class StageRef:
    """A stage of a pipeline; `stage` empty: all of them."""

    pipeline: str
    stage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmFilter:
    """
    What is empty is no condition.

    Attributes:
        stages: of deals; others have none.
        only_open: deals that are neither won nor lost.
        created_from, created_until: Unix seconds; the second is excluded.
    """

    kind: EntityKind
    stages: tuple[StageRef, ...] = ()
    only_open: bool = False
    responsibles: tuple[ManagerId, ...] = ()
    created_from: int | None = None
    created_until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineStage:
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline of deals with its stages, in the CRM's order."""

    id: str
    name: str
    stages: tuple[PipelineStage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a filter asks of an object. `is_open`: persons are."""

    responsible: ManagerId | None
    created_at: int
    pipeline: str = ""
    stage: str = ""
    is_open: bool = True


def fits(wanted: CrmFilter, facts: Facts) -> bool:
    if wanted.responsibles and facts.responsible not in wanted.responsibles:
        return False
    if wanted.created_from is not None and facts.created_at < wanted.created_from:
        return False
    if wanted.created_until is not None and facts.created_at >= wanted.created_until:
        return False
    if wanted.kind is not EntityKind.DEAL:
        return True
    stages = (StageRef(facts.pipeline), StageRef(facts.pipeline, facts.stage))
    is_there = not wanted.stages or any(each in wanted.stages for each in stages)
    return is_there and (facts.is_open or not wanted.only_open)
