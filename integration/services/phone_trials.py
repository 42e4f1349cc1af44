"""Lets an employee's phone ring, for an administrator who wants to know whether it does: one phone of an account at a
time, and none that is in a call."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from integration.domain.ids import Extension, ManagerId, PbxId
from integration.errors import NotFound, Unavailable
from integration.ports.coordination import Coordination
from integration.ports.pbx_setup import PbxSetup, RingOutcome
from integration.services.accounts import Account
from integration.services.click import Desk, is_engaged
from integration.services.cluster.live_calls import LiveCalls

RING_SECONDS = 8.0
_MOST_SECONDS = 20.0  # then the next one may be tried, whatever became of this one


class NotTried(StrEnum):
    """Why a phone was not rung."""

    TALKING = "talking"
    ONE_AT_A_TIME = "one_at_a_time"
    NOT_HERE = "not_here"  # this PBX cannot be asked


class PhoneTrials:
    """
    Args:
        setup: the questions to a PBX of an account; raises NotFound.
    """

    def __init__(
        self,
        setup: Callable[[PbxId], PbxSetup],
        live_calls: LiveCalls,
        coordination: Coordination,
    ) -> None:
        self._setup = setup
        self._live_calls = live_calls
        self._coordination = coordination

    async def ring(self, account: Account, pbx: PbxId, extension: str) -> RingOutcome | NotTried:
        """Raises: AuthFailed, Unavailable, ProtocolError, Rejected, as `PbxSetup.ring`."""
        if pbx not in account.pbxs or not account.pbxs[pbx].abilities.rings_alone:
            return NotTried.NOT_HERE
        try:
            setup = self._setup(pbx)
        except NotFound:
            return NotTried.NOT_HERE
        if await self._is_engaged(account, pbx, extension):
            return NotTried.TALKING
        key = f"ring:{account.id}"
        if await self._coordination.count(key, ttl_seconds=_MOST_SECONDS) > 1:
            return NotTried.ONE_AT_A_TIME
        try:
            return await setup.ring(extension, seconds=RING_SECONDS)
        finally:
            await self._coordination.forget_count(key)

    async def _is_engaged(self, account: Account, pbx: PbxId, extension: str) -> bool:
        try:
            calls = await self._live_calls.on_its_pbxs(account)
        except Unavailable:  # the phone itself refuses a second call
            return False
        desk = Desk(manager=ManagerId(""), extension=Extension(extension), pbx=pbx)
        return any(is_engaged(call, desk) for call in calls)
