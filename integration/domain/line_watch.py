"""Waiting for a call, to see which trunk and which number it comes through: what was seen so far. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from integration.domain.ids import PbxId, Timestamp
from integration.domain.reasons import Reason

MOST_SEEN = 20  # kinds of calls; a busy office has more calls than lines


class WatchEnd(StrEnum):
    OVER = "over"  # its time has passed
    STOPPED = "stopped"  # by an administrator
    FAILED = "failed"  # no PBX shows its calls


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLine:
    """
    Calls that came the same way.

    Attributes:
        trunk: the device, as the PBX's setting `trunks` takes it.
        line: the dialled number as the PBX shows it; empty if it shows none.
        from_outside: False: from an employee's phone, as far as the settings know.
        caller: of the last one.
        at: the last one's beginning.
    """

    pbx: PbxId
    trunk: str
    line: str
    from_outside: bool
    caller: str
    at: Timestamp
    count: int = 1

    def is_like(self, other: SeenLine) -> bool:
        return (self.pbx, self.trunk, self.line, self.from_outside) == (
            other.pbx,
            other.trunk,
            other.line,
            other.from_outside,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxSilence:
    """Why one PBX shows no calls. `reason`: a `StateReason` with its facts; None: `detail` says it."""

    reason: Reason | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineWatch:
    """
    Attributes:
        id: a later watch of the same office has another one.
        until: when it ends by itself.
        end: None: it goes on.
        seen: the newest first.
        silent: PBXs that show no calls.
    """

    id: str
    until: Timestamp
    end: WatchEnd | None = None
    seen: tuple[SeenLine, ...] = ()
    silent: dict[PbxId, PbxSilence] = field(default_factory=dict)

    def is_live(self, now: Timestamp) -> bool:
        return self.end is None and now < self.until

    def ended(self, why: WatchEnd) -> LineWatch:
        """The first end counts."""
        return self if self.end is not None else replace(self, end=why)

    def with_call(self, call: SeenLine) -> LineWatch:
        before = next((each for each in self.seen if each.is_like(call)), None)
        newest = call if before is None else replace(call, count=before.count + call.count)
        others = [each for each in self.seen if each is not before]
        # Calls from outside are what somebody waits for: those of employees must not push them out.
        kept = sorted([newest, *others], key=lambda each: (not each.from_outside, -each.at))[:MOST_SEEN]
        return replace(self, seen=tuple(sorted(kept, key=lambda each: -each.at)))

    def with_silence(self, pbx: PbxId, why: PbxSilence) -> LineWatch:
        return replace(self, silent={**self.silent, pbx: why})
