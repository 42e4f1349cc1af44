"""A PBX's link as its adapter knows it, and why a link is not up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from integration.domain.ids import Timestamp
from integration.domain.reasons import Reason


class LinkPhase(StrEnum):
    IDLE = "idle"  # nobody keeps it
    CONNECTING = "connecting"  # a try is under way
    UP = "up"
    WAITING = "waiting"  # for the next try


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """
    Attributes:
        fault: why it is not up; of one that is up: what is missing in it.
        detail: the system's own words about `fault`.
        next_try: when the adapter connects again; only while it waits.
        since: when the link came up, or when it was lost, or when the adapter began to connect.
    """

    phase: LinkPhase = LinkPhase.IDLE
    fault: Reason | None = None
    detail: str = ""
    next_try: Timestamp | None = None
    since: Timestamp | None = None
