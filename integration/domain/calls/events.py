"""What happened on a PBX, in neutral terms: adapters emit events, `tracking.py` applies them to a `Call`.

An event names its call by `CallId` and its moment by `at` (Unix seconds). Adapters combine channels, bridges, Local
halves and the devices of one extension before they emit events. A stream may start in the middle and stop; events may
repeat or come late. Two equal events are one: a repeated occurrence has another time.
"""

from __future__ import annotations

from dataclasses import dataclass

from integration.domain.calls.call import (
    Direction,
    HangupBy,
    LegKind,
    LegResult,
    Origin,
    TransferKind,
    TransferResult,
    Via,
)
from integration.domain.calls.received import Answerer
from integration.domain.crm.entities import EntityKind
from integration.domain.ids import CallId, LegId, Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    call: CallId
    at: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(CallEvent):
    native_id: str
    direction: Direction
    caller: str
    called: str
    caller_name: str | None = None
    origin: Origin | None = None
    seen_from_start: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDescribed(CallEvent):
    """Facts learned or corrected after the start. None: unchanged."""

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
    """May be repeated with a better `via` when the leg's origin becomes known later."""

    leg: LegId
    target: str
    kind: LegKind
    via: Via
    queue: str | None = None


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
    """Nobody has the client any more, and the call continues: blind transfer, parking, back in a queue."""


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
    consultation_native_id: str | None = None
    consultation_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEnded(CallEvent):
    """Closes the newest transfer that was open at `at`. `to` corrects who took it, where that was not known before."""

    result: TransferResult
    to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMerged(CallEvent):
    """This call turned out to be part of `into` (a joined consultation): it is not logged separately."""

    into: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStarted(CallEvent):
    """A recording with sound; a started recording that stays empty is not reported."""

    file: str  # as the PBX named it; may hold folders


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUpPressed(CallEvent):
    """An employee pressed "decline" (`own_leg`) or "hang up" in the card. Other events report the PBX's
    reaction."""

    extension: str
    own_leg: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientChosen(CallEvent):
    """An employee said in the card which of several persons with the client's number is calling. Not from the PBX."""

    extension: str
    kind: EntityKind
    person: str  # the CRM's id
    name: str  # at that moment, for the call's timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientWaiting(CallEvent):
    """A client who answered a campaign's call waits for an employee. Again after an employee's phone rang in vain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswererJudged(CallEvent):
    """The PBX has listened to who answered. `cause`: its own word for why."""

    answerer: Answerer
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStarted(CallEvent):
    """A message begins to play to the client; once for each round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePlayed(CallEvent):
    """A message was played to its end. `on_machine`: it was left on a machine."""

    on_machine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPressed(CallEvent):
    """The client pressed a key during a message."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTurnedAway(CallEvent):
    """Nobody took the waiting client in time: the PBX says so, and releases them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallEvent):
    hangup_by: HangupBy
    cause: int | None = None  # Q.850
    inferred: bool = False  # the moment fell into a gap of the link
