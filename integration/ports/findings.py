"""What the doctor finds; every adapter reports in this form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FindingLevel(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor's report: the check, the result, and what to change (may be empty)."""

    check: str
    level: FindingLevel
    message: str
    remedy: str = ""
