"""Where an incoming call goes, and why: `decide()`.

A route is a plan of steps that the PBX's dialplan carries out one by one; each decision is a value with its reasons.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from integration.domain.ids import ManagerId


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteQuestion:
    """What the PBX knows about an incoming call when it asks. Hostile input: nothing of it has been checked."""

    did: str  # the line that was called, as the PBX shows it; may be empty
    caller: str  # the caller's number as the PBX shows it; may be empty or a word
    caller_name: str = ""


class Outcome(StrEnum):
    """What became of the question; stored with the call and shown to people."""

    RESPONSIBLE = "responsible"  # the plan begins with the responsible manager
    ROUTE = "route"  # the PBX's own route goes on
    RESERVE = "reserve"  # Dozvon could not decide: the reserve number


class StepKind(StrEnum):
    NOTICE = "notice"  # play `sound`
    RING = "ring"  # ring `target` for `seconds`
    GROUP = "group"
    MOBILE = "mobile"
    VOICEMAIL = "voicemail"
    CONTINUE = "continue"  # leave the plan: the dialplan goes on
    RESERVE = "reserve"  # the reserve number: `target`, or the one that the dialplan itself knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    kind: StepKind
    target: str | None = None
    seconds: int | None = None
    sound: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One link of the chain of thought. `code` is stable (translated for people), `detail` holds its values."""

    code: str
    detail: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDecision:
    outcome: Outcome
    steps: tuple[Step, ...]
    reasons: tuple[Reason, ...]
    manager: ManagerId | None = None
