"""What people see of a campaign while it is dialled: why nobody is, how many calls there are, who is free."""

from __future__ import annotations

from dataclasses import replace

from integration.domain.campaigns.estimates import Estimates
from integration.domain.campaigns.model import Campaign
from integration.domain.campaigns.situation import EmployeeNow, EmployeeState
from integration.domain.ids import CampaignId, Timestamp
from integration.domain.reasons import Reason
from integration.ports.coordination import Lease
from integration.ports.dialling import DiallingNow, DiallingStore, Seat
from integration.services.dialling.floor import Floor

_AT_LEAST_EVERY_SECONDS = 10.0  # pages take what is much older for a dialler that is gone
_LEARNED_EVERY_SECONDS = 15.0  # losing so much of it changes nothing
_MOST_SEATS = 500


class Shown:
    """`changed`: since it was last asked; it is read by whoever wakes the pages."""

    def __init__(self, floor: Floor, campaign: CampaignId, store: DiallingStore, lease: Lease) -> None:
        self._floor = floor
        self._campaign = campaign
        self._store = store
        self._lease = lease
        self._last: DiallingNow | None = None
        self._learned_at = Timestamp(0.0)
        self._learned_from = -1
        self.changed = False

    async def show(self, campaign: Campaign, hold: Reason, estimates: Estimates) -> None:
        """Raises: Unavailable, LeaseLost."""
        now = self._now(campaign, hold)
        is_same = self._last is not None and replace(self._last, at=now.at) == now
        if is_same and self._last is not None and now.at - self._last.at < _AT_LEAST_EVERY_SECONDS:
            return
        learned = None
        if estimates.dials != self._learned_from and now.at - self._learned_at >= _LEARNED_EVERY_SECONDS:
            learned = estimates.document()
        await self._store.put(self._floor.account.id, self._campaign, now, learned=learned, lease=self._lease)
        if learned is not None:
            self._learned_at, self._learned_from = now.at, estimates.dials
        self._last = now
        self.changed = self.changed or not is_same

    def take_changed(self) -> bool:
        changed, self.changed = self.changed, False
        return changed

    def _now(self, campaign: Campaign, hold: Reason) -> DiallingNow:
        members = frozenset(campaign.members)
        seats = [self._seat(each) for each in self._floor.employees() if each.key in members]
        own = [each for each in self._floor.attempts if each.campaign == campaign.id]
        talking = sum(self._talks(each.employee, seats) for each in own)
        return DiallingNow(
            at=self._floor.now,
            hold=hold,
            dialling=len(own) - talking,
            talking=talking,
            seats=tuple(seats[:_MOST_SEATS]),
            offers=tuple(each for each in self._floor.offers.values() if each.campaign == campaign.id),
        )

    def _seat(self, employee: EmployeeNow) -> Seat:
        absent = None
        if employee.state in (EmployeeState.GONE, EmployeeState.PAUSED):
            absent = self._floor.absent(employee.key)
        return Seat(key=employee.key, state=employee.state, since=employee.since, why=absent.value if absent else "")

    @staticmethod
    def _talks(employee: str | None, seats: list[Seat]) -> bool:
        return any(seat.key == employee and seat.state is EmployeeState.TALKING for seat in seats)
