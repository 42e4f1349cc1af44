"""When a running campaign will be through its list: one look at its counts, and one at its last hour of calling."""

from __future__ import annotations

from integration.domain.campaigns.expected_end import NoEnd, expected_end, pace_begins, progress_of
from integration.domain.campaigns.model import CampaignState
from integration.domain.campaigns.plan import windows_of
from integration.domain.ids import Timestamp
from integration.ports.campaigns import AttemptJournal, CampaignCounts, StoredCampaign


async def end_of(
    journal: AttemptJournal, stored: StoredCampaign, counts: CampaignCounts, *, zone: str, now: Timestamp
) -> Timestamp | NoEnd:
    """
    Of a campaign of any state; only one that runs and has clients left asks the journal.

    Args:
        zone: of the office, IANA.

    Raises:
        Unavailable: the database does not answer.
    """
    windows = windows_of(stored.plan)
    progress = progress_of(counts.entries, counts.outcomes, stored.plan.per_contact)
    pace = None
    if progress.left and stored.state is CampaignState.RUNNING:
        # A pause has no calls: what was before it would make the pace of now look slower than it is.
        since = max(pace_begins(windows, zone, now), stored.state_at)
        pace = await journal.pace(stored.account, stored.id, since=since)
    return expected_end(progress, pace, windows, zone, now)
