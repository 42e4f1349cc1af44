"""Whether somebody's working day runs, as a CRM that keeps working time says. Source: spec B5, seed S1."""

from __future__ import annotations

from enum import StrEnum

from integration.domain.ids import ManagerId
from integration.domain.reasons import Reason, ReasonCode, because


class WorkingDay(StrEnum):
    RUNS = "runs"
    PAUSED = "paused"  # a break
    NOT_BEGUN = "not_begun"  # or ended already


def off_duty(manager: ManagerId, day: WorkingDay | None) -> Reason | None:
    """Why this manager is not rung; None: the day runs, or nobody knows."""
    match day:
        case WorkingDay.PAUSED:
            return because(ReasonCode.DAY_PAUSED, manager=manager)
        case WorkingDay.NOT_BEGUN:
            return because(ReasonCode.DAY_NOT_BEGUN, manager=manager)
    return None
