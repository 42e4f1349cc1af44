"""What widgets noticed in the CRM's pages, with who saw it last: for the overview and the doctor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from integration.domain.ids import AccountId, ManagerId, Timestamp


class Sighting(StrEnum):
    NO_EXTENSION = "no_extension"  # a manager opened the CRM and has no extension
    SWITCHED_OFF = "switched_off"  # a manager opened the CRM while the integration is off
    OTHER_TELEPHONY = "other_telephony"  # another telephony widget works in the same pages
    DISCONNECTED = "disconnected"  # the CRM's administrator switched the integration off there: told by the CRM itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`detail`: what distinguishes it from others of its kind: a manager's id, the name of a widget; else empty."""

    what: Sighting
    detail: str
    manager: ManagerId
    at: Timestamp


class Sightings(Protocol):
    """Errors of all methods: Unavailable."""

    async def report(
        self, account: AccountId, what: Sighting, details: Sequence[str], *, manager: ManagerId, replaces: bool = False
    ) -> None:
        """Store that this manager sees these now. `replaces`: those are all of the kind that there are."""

    async def of(self, account: AccountId) -> list[Seen]:
        """Newest first."""
