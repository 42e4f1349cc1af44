"""The doctor's check of the PBX's own records: can they be read, and do they contain calls?"""

from __future__ import annotations

from collections.abc import Callable

from integration.domain.ids import Timestamp
from integration.errors import DozvonError
from integration.ports.findings import Finding, FindingLevel
from integration.ports.records import CallRecords

_CHECK = "records"
_DAY_SECONDS = 86_400.0
_REMEDY = "see docs/howto/recover-missed-calls.md"


async def check(records: Callable[[], CallRecords | None], now: Timestamp) -> list[Finding]:
    """One finding; none if no records are configured. An error of the records becomes a finding."""
    try:
        opened = records()
        if opened is None:
            return []
        count = 0
        async for _ in opened.between(Timestamp(now - _DAY_SECONDS), now):
            count += 1
    except DozvonError as exc:
        return [Finding(check=_CHECK, level=FindingLevel.ERROR, message=str(exc), remedy=_REMEDY)]
    if not count:
        message = "the PBX's records can be read, but have no call of the last day"
        return [Finding(check=_CHECK, level=FindingLevel.WARNING, message=message, remedy=_REMEDY)]
    return [Finding(check=_CHECK, level=FindingLevel.OK, message=f"{count} calls of the last day are in the records")]
