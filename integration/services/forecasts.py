"""What would happen if a campaign were dialled: asked of the office's own figures, played by a worker process."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from integration.domain.campaigns.estimates import Estimates
from integration.domain.campaigns.simulation.forecast import Forecast
from integration.domain.ids import AccountId, CampaignId
from integration.errors import Unavailable
from integration.ports.campaigns import CampaignStore
from integration.ports.dialling import DiallingStore
from integration.worker_process import WorkerFailed, answered

log = structlog.get_logger()

MOST_EMPLOYEES, MOST_HOURS = 100, 8
_SECONDS = 60.0
_MOST_CAMPAIGNS = 50  # of which figures are borrowed
_MOST_BYTES = 100_000  # a forecast has some 300
_WORKER = (sys.executable, "-m", "integration.services.forecast_worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    Attributes:
        employees: 1 to `MOST_EMPLOYEES`. hours: 1 to `MOST_HOURS`.
        hour: 0 to 23, of the office's zone, whose answer rate is taken.
        ceiling: of abandoned calls, 0 to 1.
        lines: calls at once.
        is_ahead: the campaign dials ahead of its employees.
    """

    employees: int
    hours: int
    hour: int
    ceiling: float
    lines: int
    ring_seconds: int
    is_ahead: bool


class Forecasts:
    """One for a process of Dozvon. Plays one forecast at a time: it takes a processor for seconds."""

    def __init__(self, campaigns: CampaignStore, dialling: DiallingStore, *, seconds: float = _SECONDS) -> None:
        self._campaigns = campaigns
        self._dialling = dialling
        self._seconds = seconds
        self._one = asyncio.Lock()

    async def of(self, account: AccountId, campaign: CampaignId, question: Question) -> Forecast:
        """Raises: Unavailable: the database does not answer, or the forecast takes too long."""
        learned = await self._learned(account, campaign)
        asked = json.dumps({**asdict(question), "estimates": learned}).encode()
        try:
            async with asyncio.timeout(self._seconds):
                async with self._one:
                    said = await answered(*_WORKER, work=asked, seconds=self._seconds, most_bytes=_MOST_BYTES)
        except TimeoutError as exc:
            raise Unavailable("the forecast took too long") from exc
        except WorkerFailed as exc:
            log.warning("a forecast was not made", campaign=campaign, error=str(exc))
            raise Unavailable("the forecast was not made") from exc
        told: dict[str, Any] = json.loads(said)
        told |= {name: tuple(told[name]) for name in ("occupancy", "abandoned")}
        return Forecast(**told)

    async def _learned(self, account: AccountId, campaign: CampaignId) -> dict[str, Any]:
        """What the campaign has learned; before its first call, the account's campaign with the most calls."""
        own = await self._dialling.learned(account, campaign)
        if Estimates.read(own).dials:
            return own
        best, most = own, 0
        for each in (await self._campaigns.all(account))[:_MOST_CAMPAIGNS]:
            learned = await self._dialling.learned(account, each.id)
            dials = Estimates.read(learned).dials
            if dials > most:
                best, most = learned, dials
        return best
