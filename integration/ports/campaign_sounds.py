"""Recorded sounds of a campaign: what clients hear in place of a text that a program speaks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from integration.domain.ids import AccountId, CampaignId, Timestamp

MOST_SOUNDS = 20
"""Of one campaign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSound:
    """
    Attributes:
        id: of its content: the same sound is stored once.
        name: of the file, as it was uploaded.
    """

    id: str
    name: str
    seconds: float
    added_at: Timestamp
    added_by: str


class SoundKept(StrEnum):
    DONE = "done"
    TOO_MANY = "too_many"
    GONE = "gone"  # the campaign


class RecordedSounds(Protocol):
    """They are deleted with their campaign. All raise Unavailable."""

    async def put(self, account: AccountId, campaign: CampaignId, sound: RecordedSound, wav: bytes) -> SoundKept:
        """`wav`: mono, 16 bit, 8,000 samples a second. One that is there already stays as it is."""

    async def all(self, account: AccountId, campaign: CampaignId) -> list[RecordedSound]:
        """The newest first."""

    async def wav(self, account: AccountId, campaign: CampaignId, sound: str) -> bytes | None:
        """None: there is none."""

    async def remove(self, account: AccountId, campaign: CampaignId, sound: str) -> bool:
        """False: there is none."""

    async def copy(self, account: AccountId, campaign: CampaignId, to: CampaignId) -> None:
        """All of them, to another campaign of the account."""
