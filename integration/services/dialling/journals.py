"""What a campaign is written into, for all that work on it."""

from __future__ import annotations

from dataclasses import dataclass

from integration.ports.callbacks import CallbackStore
from integration.ports.campaigns import AttemptJournal, CampaignStore, EntryStore
from integration.ports.dialling import DiallingStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Journals:
    campaigns: CampaignStore
    entries: EntryStore
    attempts: AttemptJournal
    dialling: DiallingStore
    callbacks: CallbackStore
