"""What is stored of callbacks: which calls they are for, why one waits, who cancelled it. Their lists, numbers and
attempts are those of campaigns (`ports/campaigns.py`), one campaign for each line's callbacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from integration.domain.campaigns.callbacks import CallbackKind
from integration.domain.campaigns.model import Entry
from integration.domain.crm.entities import EntityRef
from integration.domain.ids import AccountId, CallId, CampaignId, EntryId, ManagerId, Timestamp
from integration.domain.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCallback:
    """
    Attributes:
        call: that was missed, or that the client asked for; one callback for each.
        number: E.164. zones: in which the client may be.
        responsible: whose phone rings first.
        campaign_name: in the office's language, if the line has no callbacks yet.
    """

    call: CallId
    kind: CallbackKind
    campaign: CampaignId
    campaign_name: str
    number: str
    zones: tuple[str, ...]
    asked_at: Timestamp
    due_at: Timestamp
    name: str = ""
    refs: tuple[EntityRef, ...] = ()
    responsible: ManagerId | None = None


class Asked(StrEnum):
    """What became of a new callback."""

    TAKEN = "taken"
    JOINED = "joined"  # the client is waiting for a callback already: this call belongs to it
    TWICE = "twice"  # this call is known
    DO_NOT_CALL = "do_not_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """
    A client who is, or was, to be called back.

    Attributes:
        kind, call, asked_at: of the newest call that asks for it; `calls` is how many do.
        changed_at: of the entry: when it ended, if it has.
        why: the rule that has put it off, as long as it waits; None: none did, or it has passed.
        cancelled_by: who has cancelled it, if its state says that.
    """

    entry: Entry
    kind: CallbackKind
    call: CallId
    calls: int
    asked_at: Timestamp
    changed_at: Timestamp
    why: Reason | None = None
    cancelled_by: str = ""


class CallbackStore(Protocol):
    """All raise Unavailable."""

    async def ask(self, account: AccountId, new: NewCallback, *, office: AccountId) -> Asked:
        """Put a client into the list of their line; one who waits already keeps their place. May be repeated."""

    async def reached(self, account: AccountId, numbers: Sequence[str], *, at: Timestamp) -> int:
        """The client was talked to until `at`: what they asked for before that is done. One that is being dialled now
        ends with its attempt. Returns how many callbacks are done by that."""

    async def somebody_waits(self, account: AccountId) -> bool:
        """Whether a list of callbacks is not done yet. Costs next to nothing."""

    async def asked_at(self, account: AccountId, entries: Collection[EntryId]) -> dict[EntryId, Timestamp]:
        """When these clients asked for it last."""

    async def put_off(self, account: AccountId, why: Mapping[EntryId, Reason | None]) -> None:
        """Remember which rules hold these entries, for those who look at the list. None: no rule does any more."""

    async def waiting(self, account: AccountId, *, limit: int = 500) -> list[Callback]:
        """Those that are open or being dialled, the next ones first."""

    async def over(self, account: AccountId, *, limit: int = 100) -> list[Callback]:
        """Those that have ended, the newest first."""

    async def of_call(self, account: AccountId, call: CallId) -> Callback | None:
        """The callback that belongs to a missed call."""

    async def get(self, account: AccountId, entry: EntryId) -> Callback | None: ...

    async def cancel(self, account: AccountId, entry: EntryId, *, by: str) -> bool:
        """Nobody is dialled for it any more; the dialler ends what rings, a talk goes on. False: it has ended."""

    async def restore(self, account: AccountId, entry: EntryId) -> bool:
        """Undo `cancel`. False: it was not cancelled, or the client waits for a later one."""
