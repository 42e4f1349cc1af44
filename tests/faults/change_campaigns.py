"""Two campaigns while an office changes: one in that office, one in another.

Clients are added as long as the office changes, so that some are always on the telephone. `campaign_verdict.py` judges
them at the end.
"""

from __future__ import annotations

import contextlib

from tests.faults.campaign import CampaignOf
from tests.faults.place import Place
from tests.faults.stand import Stand
from tests.faults.supervisor import Supervisor
from tests.lab.waiting import until

_WAITING, _WAITING_AHEAD = 2, 4  # clients without a call yet; few: the run waits at its end until all were called
_RINGS_SECONDS = 0.5  # until a client is dialled, where an employee is free for one


class ChangeCampaigns:
    """Of the places of the stand that have one."""

    def __init__(self, stand: Stand, person: Supervisor) -> None:
        self._stand, self._person = stand, person
        self._begun: list[Place] = []

    async def begin(self, *places: Place) -> None:
        for place in places:
            if place.campaign is not None:
                await place.campaign.begin(self._person, self._stand.database, first=_waiting(place.campaign))
                self._begun.append(place)

    async def keep_busy(self) -> None:
        """Before the next change: let clients wait in each list, and somebody of the office that changes be dialled."""
        for place in self._begun:
            if place.campaign is not None:
                called = sum(_was_called(place, place.campaign))
                await place.campaign.add(self._person, called + _waiting(place.campaign))
        place = self._stand.places[-1]
        if place in self._begun and place.office.ami.is_heard:
            with contextlib.suppress(TimeoutError):  # nobody is free, or everybody was called
                await until(lambda: place.campaign_calls() > 0, timeout_seconds=_RINGS_SECONDS)

    def close(self) -> None:
        """Nobody is added any more."""
        for place in self._begun:
            if place.campaign is not None:
                place.campaign.close_list()


def _waiting(campaign: CampaignOf) -> int:
    return _WAITING_AHEAD if campaign.is_ahead else _WAITING


def _was_called(place: Place, campaign: CampaignOf) -> list[bool]:
    rung = {number for call in place.office.ledger.calls.values() for number in call.rang}
    return [not rung.isdisjoint(client.numbers) for client in campaign.added]
