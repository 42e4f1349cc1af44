"""Whether a call whose end nobody saw may still be told otherwise by the PBX's own records."""

from __future__ import annotations

from integration.domain.calls.call import Call
from integration.domain.ids import Timestamp
from integration.ports.records import WatchLog
from integration.services.accounts import Account

RECORDS_SECONDS = 90.0
"""How long a call with an unseen end waits for the records."""

_LATE_SECONDS = 3.0  # after the end was noticed; the second look at a gap is 6 s after the link is back


async def awaits_records(
    account: Account,
    call: Call,
    watches: WatchLog,
    *,
    noticed_at: Timestamp,
    now: Timestamp,
    since: Timestamp | None = None,
) -> bool:
    """
    Whether the gap in which the call ended still has to be compared with the PBX's records.

    If the process is killed, it compares the gap only after its next start. What is decided before that is decided by
    an inferred end: a talk might stay a missed call.

    Args:
        noticed_at: when the end was inferred.
        since: from when the seconds of waiting count; None: from `noticed_at`. While the link is down, or no process
            runs, nothing is compared.

    Raises: Unavailable.
    """
    waited = now - (noticed_at if since is None else since)
    if not call.end_inferred or call.pbx not in account.recorded or waited >= RECORDS_SECONDS:
        return False
    watch = await watches.load(account.id, call.pbx)
    return watch is None or watch.compared_at is None or watch.compared_at < noticed_at + _LATE_SECONDS
