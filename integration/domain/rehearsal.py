"""A rehearsal: what a client's call needs is tried once, part by part, at one manager's phone. Pure.

`services/rehearsals.py` tries the parts; the state is stored after each, so that a rehearsal outlives its process.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from integration.domain.ids import AccountId, Extension, ManagerId, PbxId, Timestamp


class RehearsalPart(StrEnum):
    """The lights, in the order in which they are tried."""

    CRM = "crm"
    PBX = "pbx"
    CARD = "card"
    PHONE = "phone"
    FEED = "feed"  # a test contact in the CRM, with the call in its feed
    RECORDING = "recording"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    The result of one part.

    Attributes:
        level: `ok`, `warning` or `error`.
        says: the sentence by language; `advice` likewise: what to do; empty: nothing.
        step: the wizard's step where it is mended; empty: there is none.
    """

    level: str
    says: dict[str, str]
    advice: dict[str, str] = field(default_factory=dict)
    step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """
    Attributes:
        manager: whose phone it is; None: nobody's.
        outcomes: of the parts that were tried.
        is_answered: somebody picked the phone up.
        recording: the name under which the PBX was asked to record the talk; empty: it was not.
        is_writing: the call may be in the test contact's feed.
        ended_at: None: it goes on, or its process was killed.
        left: what it made and could not take away again, as sentences by language.
    """

    id: str
    account: AccountId
    pbx: PbxId
    extension: Extension
    manager: ManagerId | None
    started_at: Timestamp
    outcomes: dict[RehearsalPart, Outcome] = field(default_factory=dict)
    is_answered: bool = False
    recording: str = ""
    is_writing: bool = False
    ended_at: Timestamp | None = None
    left: tuple[dict[str, str], ...] = ()

    @property
    def is_well(self) -> bool:
        return self.ended_at is not None and all(each.level == "ok" for each in self.outcomes.values())

    @property
    def next_part(self) -> RehearsalPart | None:
        """None: all are tried."""
        return next((part for part in RehearsalPart if part not in self.outcomes), None)

    def tried(self, part: RehearsalPart, outcome: Outcome) -> Rehearsal:
        return replace(self, outcomes={**self.outcomes, part: outcome})

    def is_reached(self, part: RehearsalPart) -> bool:
        """Whether that part went well enough for those that need it."""
        return part in self.outcomes and self.outcomes[part].level != "error"
