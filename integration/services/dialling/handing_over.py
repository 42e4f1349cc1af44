"""Gives each client who waits to an employee who is free, within the two seconds that clients wait."""

from __future__ import annotations

import structlog

from integration.domain.calls.call import Call, LegKind
from integration.domain.campaigns.decide import employee_for
from integration.domain.campaigns.model import Attempt, Campaign, Entry, Owners
from integration.domain.campaigns.situation import EmployeeNow
from integration.domain.ids import PbxId
from integration.errors import DozvonError, NotFound
from integration.ports.campaigns import EntryStore
from integration.services.dialling.floor import Floor

log = structlog.get_logger()

_RING_SECONDS = 5  # a phone that answers by itself does so at once; the client's own time is the PBX's to keep


def waits(call: Call) -> bool:
    """Whether a client has answered, and no employee is on the line or being rung."""
    met = call.received
    if met is None or met.waits_since is None or met.turned_away_at is not None or not call.is_live:
        return False
    inside = [leg for leg in call.legs if leg.kind is LegKind.EXTENSION]
    return all(leg.answered_at is None and leg.ended_at is not None for leg in inside)


class HandingOver:
    def __init__(self, floor: Floor, entries: EntryStore) -> None:
        self._floor = floor
        self._entries = entries

    async def give(self, campaign: Campaign, attempt: Attempt, call: Call) -> None:
        """Ring an employee for a client who waits; nobody free: the client hears the announcement. Raises: Unavailable
        (the database)."""
        self._floor.forget_handed()
        if call.id in self._floor.handed:
            return
        free = self._free(call.pbx)
        chosen = employee_for(campaign, await self._entry(campaign, attempt), free) if free else None
        if chosen is None:
            return
        extension = self._floor.phone_of(chosen)
        if extension is None:
            return
        self._floor.handed[call.id] = chosen, self._floor.sources.clock.now()
        try:
            await self._floor.account.pbx(call.pbx).hand_over(
                call.id, extension, ring_seconds=_RING_SECONDS, answers_itself=True
            )
        except NotFound:
            pass  # the client has left, or was told that nobody comes
        except DozvonError as exc:
            log.warning("a client who waits cannot be handed over", campaign=campaign.id, error=str(exc))

    def _free(self, pbx: PbxId) -> list[EmployeeNow]:
        """Employees with a phone on this PBX for whom nobody is dialled or handed over."""
        taken = {each.employee for each in self._floor.attempts} | {key for key, _ in self._floor.handed.values()}
        return [
            each for each in self._floor.employees() if each.key not in taken and self._floor.pbx_of(each.key) == pbx
        ]

    async def _entry(self, campaign: Campaign, attempt: Attempt) -> Entry:
        nobody_s = Entry(id=attempt.entry, campaign=campaign.id, numbers=())
        if campaign.owners is Owners.ANYBODY:
            return nobody_s
        listed = await self._entries.get(self._floor.account.id, campaign.id, attempt.entry)
        return listed.entry if listed is not None else nobody_s
