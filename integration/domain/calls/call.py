"""A business call: one conversation with one client, logged once, with all its legs and transfers.

Channels, bridges and other internals of a PBX do not belong here: an adapter turns them into the events of
`events.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from integration.domain.calls.received import Received
from integration.domain.crm.entities import EntityRef
from integration.domain.ids import AccountId, CallId, LegId, PbxId, Timestamp


class Direction(StrEnum):
    """As seen from the office."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class Disposition(StrEnum):
    """A call's result. Source: the recorded traces' README, "disposition"."""

    ANSWERED = "answered"
    MISSED = "missed"
    BUSY = "busy"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NOANSWER = "noanswer"


class Failure(StrEnum):
    """Why a click-to-call never dialled the client: the result of the employee's own phone."""

    AGENT_NOANSWER = "agent_noanswer"
    AGENT_BUSY = "agent_busy"
    AGENT_REJECTED = "agent_rejected"
    AGENT_CANCELLED = "agent_cancelled"  # ended, from the card for example, while the employee's phone rang
    AGENT_UNAVAILABLE = "agent_unavailable"  # the phone is not registered
    AGENT_FAILED = "agent_failed"


class LegKind(StrEnum):
    EXTENSION = "extension"
    EXTERNAL = "external"
    CONFERENCE = "conference"


class LegResult(StrEnum):
    ANSWERED = "answered"
    NOANSWER = "noanswer"
    BUSY = "busy"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    PICKED_UP_ELSEWHERE = "picked_up_elsewhere"
    FORWARDED = "forwarded"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


class TransferKind(StrEnum):
    BLIND = "blind"
    ATTENDED = "attended"
    PARK = "park"


class TransferResult(StrEnum):
    ANSWERED = "answered"
    NOANSWER = "noanswer"
    BUSY = "busy"
    FAILED = "failed"
    COMPLETED = "completed"
    ABORTED = "aborted"
    RETURNED = "returned"


class HangupBy(StrEnum):
    CALLER = "caller"
    CALLEE = "callee"
    SYSTEM = "system"


class Via(StrEnum):
    """How the call came to a leg."""

    DIRECT = "direct"
    QUEUE = "queue"
    TRANSFER = "transfer"
    CONSULTATION = "consultation"
    PICKUP = "pickup"
    FORWARD = "forward"  # an employee's phone or line sent it on
    FALLBACK = "fallback"  # to the outside, since nobody inside took it
    CLICK = "click"
    PARKING = "parking"
    PARKING_RETURN = "parking-return"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One offer of the call to one party."""

    id: LegId
    target: str
    kind: LegKind
    via: Via
    queue: str | None = None  # the name of the queue, with `Via.QUEUE`
    offered_at: Timestamp
    ringing_at: Timestamp | None = None
    answered_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    result: LegResult | None = None  # None while it is open
    cause: int | None = None  # Q.850

    @classmethod
    def upgraded(cls, stored: dict[str, Any]) -> dict[str, Any]:
        """States of releases before 2026-12 have `via` as a text, with the queue's name in it: `queue:sales`."""
        via, colon, queue = str(stored.get("via")).partition(":")
        return {**stored, "via": via, "queue": queue or None} if colon else stored

    @property
    def way(self) -> str:
        """`via` with the queue's name after a colon (`queue:sales`), as traces and pages show it."""
        return f"{self.via}:{self.queue}" if self.queue else self.via.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    kind: TransferKind
    from_: str
    to: str
    at: Timestamp
    result: TransferResult | None = None  # None while it is open
    consultation_native_id: str | None = field(default=None, metadata={"stored": "consultation_uniqueid"})
    consultation_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """
    Shows that a call is a click-to-call (`kind` is `click`): the PBX rings the employee first, then dials the client.

    It has our own id of the request, and the CRM's; neither if another program made the call.
    """

    kind: str
    request_id: str | None = field(default=None, metadata={"stored": "action_id"})
    crm_call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """An employee pressed "decline" (`own_leg`: only the phones of `extension` stop) or "hang up" in the card."""

    extension: str
    at: Timestamp
    own_leg: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenClient:
    """An employee said in the card which of several persons with the client's number is calling. `by`: an extension."""

    person: EntityRef
    by: str
    at: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """
    The state of one business call. Numbers are as the PBX shows them; normalise at the edge that needs it.

    `native_id` is the PBX's own id of the call's first channel.
    """

    id: CallId
    account: AccountId
    pbx: PbxId
    native_id: str = field(metadata={"stored": "uniqueid"})
    direction: Direction
    caller: str
    called: str
    caller_name: str | None = None
    started_at: Timestamp
    answered_at: Timestamp | None = None  # the client and a person first connected
    ended_at: Timestamp | None = None
    disposition: Disposition | None = None  # None while the call lives
    answered_by: str | None = None
    final_responsible: str | None = None  # the extension that had the client last
    legs: tuple[Leg, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    talk_since: Timestamp | None = None  # since when somebody has the client
    talked_seconds: float = 0.0  # closed talk periods
    hold_since: Timestamp | None = None
    held_seconds: float = 0.0
    recordings: tuple[str, ...] = ()  # file names as the PBX wrote them, in order of their start
    hangup_by: HangupBy | None = None
    hangup_cause: int | None = None  # Q.850
    origin: Origin | None = None
    presses: tuple[Press, ...] = ()  # presses in the card that ended it, in order
    chosen: ChosenClient | None = None  # the last choice counts
    queue: str | None = None
    consultation: bool = False  # an internal call that was a consultation never joined to the client's call
    merged_into: CallId | None = None  # joined to another call: not logged separately
    elsewhere: bool = False  # another account's on the same PBX: followed here, but neither listed nor logged
    seen_from_start: bool = True
    answer_inferred: bool = False
    end_inferred: bool = False
    heard: tuple[str, ...] = ()  # marks of its events, so that a repeated event changes nothing
    announced: bool = False  # to a CRM that follows live calls: its registration was queued
    received: Received | None = None  # it rang the client first, who answered before an employee was on the line
    recovered: bool = False  # Dozvon missed it, or its end, and read it from the PBX's records

    @property
    def client_number(self) -> str | None:
        """The outside party's number as the PBX shows it; None for internal calls."""
        match self.direction:
            case Direction.INBOUND:
                return self.caller
            case Direction.OUTBOUND:
                return self.called
            case Direction.INTERNAL:
                return None

    @property
    def line(self) -> str | None:
        """The DID an inbound call came to; None otherwise."""
        return self.called if self.direction is Direction.INBOUND else None

    @property
    def is_live(self) -> bool:
        return self.ended_at is None

    @property
    def failure(self) -> Failure | None:
        """
        Why a click never dialled the client; None for every other call and while the call lives.

        A click rings the employee first. If nobody picks up that phone, or the phones to which it leads, the PBX does
        not dial the client: the call is `failed` and does not belong into the client's feed. That holds for clicks of
        other programs too, and for clicks that only the PBX's own records show.
        """
        if self.origin is None or self.origin.kind != "click" or self.is_live or self.answered_at is not None:
            return None
        if self.end_inferred or not (self.legs or self.seen_from_start):
            return None  # the employee may have answered while the link was down; the PBX's records may show it
        if any(leg.via not in _AGENT_SIDE or leg.answered_at is not None for leg in self.legs):
            return None
        results = [leg.result for leg in self.legs if leg.result in _AGENT_FAILURES]
        return _AGENT_FAILURES[results[-1]] if results else Failure.AGENT_FAILED


_AGENT_SIDE = frozenset({Via.CLICK, Via.FORWARD, Via.QUEUE})
"""Legs on the employee's side of a click: the own phone, the phone to which that one forwards, the members of a queue
that is rung in place of a phone. The client's leg is `Via.DIRECT`."""
_AGENT_FAILURES: dict[LegResult | None, Failure] = {
    LegResult.NOANSWER: Failure.AGENT_NOANSWER,
    LegResult.BUSY: Failure.AGENT_BUSY,
    LegResult.REJECTED: Failure.AGENT_REJECTED,
    LegResult.CANCELLED: Failure.AGENT_CANCELLED,
    LegResult.UNAVAILABLE: Failure.AGENT_UNAVAILABLE,
    LegResult.FAILED: Failure.AGENT_FAILED,
}
