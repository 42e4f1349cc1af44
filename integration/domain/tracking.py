"""Folding events into calls: `advance()`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from integration.domain.call import Call
from integration.domain.events import CallEvent
from integration.domain.ids import AccountId, PbxId


class Change(StrEnum):
    """What other people should know about after a step; several may come at once."""

    STARTED = "started"
    RINGING = "ringing"  # an extension was offered the call
    ANSWERED = "answered"  # the client and a person connected for the first time
    HANDED_OVER = "handed_over"  # another person has the client now
    HELD = "held"
    LEG_ENDED = "leg_ended"
    ENDED = "ended"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Transition:
    call: Call | None  # None: the event concerns a call that is unknown and cannot be begun from it
    changes: frozenset[Change]


def advance(call: Call | None, event: CallEvent, *, account: AccountId, pbx: PbxId) -> Transition:
    """
    Apply one event to one call.

    Args:
        call: its state so far; None when this is the first that is heard of it.

    Returns:
        The new state and what changed; a repeated or late event changes nothing (`changes` is empty). Never raises.
    """
    raise NotImplementedError
