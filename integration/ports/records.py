"""Calls that Dozvon missed: the PBX's own records, and the time to compare."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from integration.domain.calls.call import Direction, Disposition, HangupBy, Leg, Origin, Transfer
from integration.domain.calls.received import Received
from integration.domain.ids import AccountId, PbxId, Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """
    One finished business call from the PBX's own records, all its rows combined.

    `native_id` is the same as that of a call followed live (so the `CallId` is the same); `joined` are those of calls
    that became part of it. Numbers and names are as the PBX shows them. Facts that are not in the records are left out:
    ring times of legs, names of transfers, the ids of a click's request.
    """

    native_id: str
    joined: tuple[str, ...] = ()
    direction: Direction
    caller: str
    called: str
    caller_name: str | None = None
    started_at: Timestamp
    answered_at: Timestamp | None = None  # the client and a person first connected
    ended_at: Timestamp
    disposition: Disposition
    answered_by: str | None = None
    final_responsible: str | None = None
    talked_seconds: float = 0.0
    legs: tuple[Leg, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    recordings: tuple[str, ...] = ()  # as `Pbx.recording` takes them
    hangup_by: HangupBy | None = None
    hangup_cause: int | None = None  # Q.850
    queue: str | None = None
    consultation: bool = False
    origin: Origin | None = None  # if the records show a click
    received: Received | None = None  # what a campaign's client met who answered before an employee


class CallRecords(Protocol):
    """A PBX's own call records (CDR, CEL); the source for calls that Dozvon missed."""

    @property
    def late_seconds(self) -> float:
        """How long after a call its records are complete."""

    def between(self, since: Timestamp, until: Timestamp) -> AsyncIterator[RecordedCall]:
        """
        Calls that ended in this time (`since` included, `until` not), each once, in order of their start. Leaves out
        live calls and calls without a recorded start.

        Raises: Unavailable (not there now), AuthFailed, ConfigError (the records do not have the configured form).
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """
    How long a PBX has been followed.

    `unchecked_since`: start of the time not yet compared with the PBX's records; None: nothing is missing up to
    `watched_until`. `compared_at`: last comparison of a gap, which is compared several times; None: never.
    """

    watched_until: Timestamp
    unchecked_since: Timestamp | None = None
    compared_at: Timestamp | None = None


class WatchLog(Protocol):
    """One `Watch` for each PBX; it survives the process."""

    async def load(self, account: AccountId, pbx: PbxId) -> Watch | None: ...

    async def save(self, account: AccountId, pbx: PbxId, watch: Watch) -> None: ...
