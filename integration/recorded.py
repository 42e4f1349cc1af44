"""The part of `ports.py` about the time when nobody watched: what the PBX wrote down itself, and since when to ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from integration.domain.call import Direction, Disposition, HangupBy, Leg, Transfer
from integration.domain.ids import AccountId, PbxId, Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """
    One finished business call as the PBX's own records tell it, its several records folded into one.

    `uniqueid` is the one the call would have had if it had been watched (it makes the same `CallId`); `joined` are
    those of calls that turned out to be part of it. Numbers and names are as the PBX shows them. What the records do
    not know is left out: legs without a ring time, transfers not named.
    """

    uniqueid: str
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


class CallRecords(Protocol):
    """What a PBX wrote down by itself of its calls (CDR and the like); the truth about the time nobody watched."""

    @property
    def late_seconds(self) -> float:
        """So long after the end of a call its records are surely written."""

    def between(self, since: Timestamp, until: Timestamp) -> AsyncIterator[RecordedCall]:
        """
        Calls that ended in this time (`since` included, `until` not), each once, in order of their start. A call that
        still goes on, or whose beginning is in no record, is not among them.

        Raises: Unavailable (not there now), AuthFailed, ConfigError (the records are of another form than was said).
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """
    How far a PBX was watched.

    `unchecked_since`: from when the PBX's records have still to be compared; None: up to `watched_until` nothing is
    missing. `compared_at`: when a gap was compared last, which is done more than once; None: never.
    """

    watched_until: Timestamp
    unchecked_since: Timestamp | None = None
    compared_at: Timestamp | None = None


class WatchLog(Protocol):
    """One `Watch` for each PBX; it survives the process."""

    async def load(self, account: AccountId, pbx: PbxId) -> Watch | None: ...

    async def save(self, account: AccountId, pbx: PbxId, watch: Watch) -> None: ...
