"""What the CRM's page asks about one's own absence: "I am away", "I am back". Nobody speaks for others here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.domain.ids import ManagerId, Timestamp
from integration.domain.people.absence import LONGEST_SECONDS, Away
from integration.ports.clock import Clock
from integration.services.accounts import Account, Accounts
from integration.services.click import Refused
from integration.web.flow import Flow

_SHORTEST_SECONDS = 60.0
_MOST, _WITHIN_SECONDS = 10, 60.0  # of one manager; each is a write of the account's settings


class OwnAbsence:
    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock
        self._flow = Flow(most=_MOST, seconds=_WITHIN_SECONDS, now=clock.now)

    def said(self, account: Account, manager: ManagerId) -> dict[str, Any] | None:
        """The manager's absence as `widgets/README.md` describes it; None: they are here."""
        absence = account.settings.absence_of(manager, self._clock.now())
        return None if absence is None else {"by": absence.by, "until": absence.until}

    async def say(self, account: Account, manager: ManagerId, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """
        Carry out a request of the manager's page.

        Returns:
            As `said`, afterwards.

        Raises:
            Refused: `bad_request`; `no_extension`: there is no phone that could stop ringing; `rate_limited`.
            Unavailable: nothing was stored.
        """
        is_away, seconds = body.get("away"), body.get("seconds")
        if not isinstance(is_away, bool):
            raise Refused("bad_request", "away: true or false")
        if is_away and not _is_duration(seconds):
            raise Refused("bad_request", f"seconds: {_SHORTEST_SECONDS:.0f} to {LONGEST_SECONDS:.0f}, or null")
        if account.phone_of(manager) is None:
            raise Refused("no_extension", "No extension is assigned to you")
        if not self._flow.allows((account.id, manager)):
            raise Refused("rate_limited", "too many requests")
        now = self._clock.now()
        until = None if seconds is None else Timestamp(float(round(now + seconds)))
        await self._accounts.set_away(account, manager, Away(until=until) if is_away else None, now=now)
        return self.said(account, manager)


def _is_duration(seconds: Any) -> bool:
    if seconds is None:
        return True
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    return is_number and _SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS
