"""The doctor's check of the PBX's own records: can they be read, and do they contain calls?"""

from __future__ import annotations

from collections.abc import Callable

from integration.domain.ids import Timestamp
from integration.errors import DozvonError
from integration.ports.findings import Finding, error, ok, warning
from integration.ports.records import CallRecords
from pbx_adapter.asterisk.doctor import check_texts as about
from pbx_adapter.asterisk.doctor import texts

_DAY_SECONDS = 86_400.0


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
        return [error(about.RECORDS, texts.RECORDS_UNREAD(detail=str(exc)), texts.SEE_RECOVERY)]
    if not count:
        return [warning(about.RECORDS, texts.RECORDS_EMPTY, texts.SEE_RECOVERY)]
    return [ok(about.RECORDS, texts.RECORDS_READ(count=count))]
