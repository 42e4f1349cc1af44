"""An integration that the CRM's administrator has switched off there: administrators are told until the next consent.

The account stays on. Calls take the usual way, and their deliveries wait: nothing is lost if the consent comes again.
`web/consent.py` receives the CRM's call.
"""

from __future__ import annotations

import structlog

from integration.domain.ids import ManagerId
from integration.errors import DozvonError
from integration.ports.sightings import Sighting, Sightings
from integration.services.accounts import Account

log = structlog.get_logger()

_NOBODY = ManagerId("")


class Uninstalling:
    def __init__(self, sightings: Sightings) -> None:
        self._sightings = sightings

    async def disconnected(self, account: Account) -> None:
        """The CRM has withdrawn its consent. Never raises: the CRM reports it once."""
        await self._tell(account, [""])

    async def connected(self, account: Account) -> None:
        """A consent was given. Never raises: the connection works."""
        await self._tell(account, [])

    async def _tell(self, account: Account, details: list[str]) -> None:
        try:
            await self._sightings.report(account.id, Sighting.DISCONNECTED, details, manager=_NOBODY, replaces=True)
        except DozvonError as exc:
            log.warning("not told on the overview", account_id=account.id, error=str(exc))
