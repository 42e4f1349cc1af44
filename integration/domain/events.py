"""What happened on a PBX, in neutral words; adapters make these, `tracking.py` folds them into a `Call`.

An event names its call by `CallId` and its moment by `at` (Unix seconds). Adapters have collapsed channels, bridges,
Local halves and the devices of one extension before they speak. A stream may start in the middle and stop; an event may
be told again or come late. Two equal events are one: what happens twice has two moments.
"""

from __future__ import annotations

from dataclasses import dataclass

from integration.domain.call import Direction, HangupBy, LegKind, LegResult, Origin, TransferKind, TransferResult
from integration.domain.ids import CallId, LegId, Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    call: CallId
    at: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(CallEvent):
    uniqueid: str
    direction: Direction
    caller: str
    called: str
    caller_name: str | None = None
    origin: Origin | None = None
    seen_from_start: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDescribed(CallEvent):
    """A fact that became known, or was corrected, after the start. None: no news."""

    direction: Direction | None = None
    caller: str | None = None
    called: str | None = None
    caller_name: str | None = None
    origin: Origin | None = None
    queue: str | None = None
    consultation: bool | None = None
    seen_from_start: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegOffered(CallEvent):
    """May be told again with a better `via`, when what led to the leg becomes known after it."""

    leg: LegId
    target: str
    kind: LegKind
    via: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRinging(CallEvent):
    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class LegAnswered(CallEvent):
    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnded(CallEvent):
    """A leg that was answered keeps the result `answered`; `result` is for the others."""

    leg: LegId
    result: LegResult
    cause: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConnected(CallEvent):
    """The client and a person hear each other (first time: the call is answered). `person` is an extension; on an
    outbound call `answered_by` is the outside number. In a conference room with nobody of the office in it, and for an
    employee's own call into one, it is `conference:ROOM`; for a supervisor who listens to an employee's call it is
    `chanspy:EXTENSION`; `person` is empty then."""

    person: str
    answered_by: str
    inferred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientReleased(CallEvent):
    """Nobody has the client any more, and the call goes on: blind transfer, parking, back in a queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldStarted(CallEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldEnded(CallEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStarted(CallEvent):
    kind: TransferKind
    from_: str
    to: str
    consultation_uniqueid: str | None = None
    consultation_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEnded(CallEvent):
    """Closes the newest transfer that was open at `at`. `to` corrects who took it, where that was not known before."""

    result: TransferResult
    to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMerged(CallEvent):
    """This call turned out to be part of `into` (a consultation that was joined): it gets no record of its own."""

    into: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStarted(CallEvent):
    """A recording on which there is something to hear; one that was started and stays empty is not told."""

    file: str  # as the PBX named it; may hold folders


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUpPressed(CallEvent):
    """An employee pressed "decline" (`own_leg`) or "hang up" in the card. What the PBX made of it is told by the other
    events."""

    extension: str
    own_leg: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallEvent):
    hangup_by: HangupBy
    cause: int | None = None  # Q.850
    inferred: bool = False  # the moment fell into a gap of the link
