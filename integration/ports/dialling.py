"""What the dialler of a campaign keeps: what it does now, what it has learned, and the ledger of its days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from integration.domain.campaigns.situation import EmployeeState, Offer
from integration.domain.ids import AccountId, CampaignId, Timestamp
from integration.domain.reasons import Reason
from integration.ports.coordination import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """
    An employee of a campaign, as its dialler sees them.

    Attributes:
        key: `Employee.key`.
        why: a code for why the phone gets no call, such as `phone_failed`; empty: the state says it.
    """

    key: str
    state: EmployeeState
    since: Timestamp
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiallingNow:
    """
    What a campaign's dialler does at a moment.

    Attributes:
        at: when it was so. One that is older than `STALE_SECONDS` says that no process dials the campaign.
        hold: the rule that stopped the next call.
        offers: clients who are shown to employees, who decide.
        dialling: calls on their way to an answer; `talking`: clients with an employee on the line.
    """

    at: Timestamp
    hold: Reason
    dialling: int = 0
    talking: int = 0
    seats: tuple[Seat, ...] = ()
    offers: tuple[Offer, ...] = ()


STALE_SECONDS = 30.0
"""A dialler writes at least every ten seconds."""


@dataclass(frozen=True, slots=True)
class DayFigures:
    """`live`: answered by a person; `abandoned` of them."""

    dialled: int = 0
    live: int = 0
    abandoned: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignLedger:
    """All days of a campaign. `name`: also of one that was deleted."""

    campaign: CampaignId
    name: str
    is_deleted: bool
    days: Mapping[date, DayFigures]


class DiallingStore(Protocol):
    """Raises Unavailable; `put` also LeaseLost."""

    async def at_work(self) -> list[tuple[AccountId, CampaignId]]:
        """Of all accounts: campaigns that run, and those with attempts on their way. Costs the same however long the
        lists and journals are."""

    async def put(
        self,
        account: AccountId,
        campaign: CampaignId,
        now: DiallingNow,
        *,
        learned: Mapping[str, Any] | None,
        lease: Lease,
    ) -> None:
        """`learned`: `Estimates.document()`; None: as it was."""

    async def now(self, account: AccountId) -> dict[CampaignId, DiallingNow]:
        """Of the campaigns that were dialled at some time."""

    async def learned(self, account: AccountId, campaign: CampaignId) -> dict[str, Any]:
        """Empty: nothing yet."""

    async def days(self, account: AccountId, campaign: CampaignId, *, since: date) -> dict[date, DayFigures]: ...

    async def ledgers(self, account: AccountId) -> list[CampaignLedger]:
        """Of all campaigns by which somebody was dialled, by name; those that were deleted, too."""
