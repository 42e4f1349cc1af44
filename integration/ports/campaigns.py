"""What campaigns store: plans with their history, lists, the journal of attempts, numbers that are not called.

`CampaignStore` and `EntryStore` are for the pages and imports, `AttemptJournal` for whoever dials. All raise
Unavailable; methods with a `lease` raise LeaseLost, and store nothing, when another process has taken it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from integration.domain.campaigns.expected_end import Pace
from integration.domain.campaigns.model import Attempt, CampaignState, Entry, EntryNumber, EntryState, Outcome, Try
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.crm.entities import EntityRef
from integration.domain.ids import AccountId, AttemptId, CallId, CampaignId, EntryId, ManagerId, Timestamp
from integration.ports.coordination import Lease

MOST_OF_PACE = 1000


def lease_name(account: AccountId, campaign: CampaignId) -> str:
    """Of the lease under which one process dials a campaign."""
    return f"campaign {account}/{campaign}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCampaign:
    """`revision`: of the plan; a change names the one that it saw."""

    id: CampaignId
    account: AccountId
    plan: CampaignPlan
    state: CampaignState
    revision: int
    made_at: Timestamp
    made_by: str
    state_at: Timestamp
    state_by: str


class ChangeKind(StrEnum):
    MADE = "made"
    PLAN = "plan"
    STATE = "state"
    UNDONE = "undone"  # of a plan
    DELETED = "deleted"  # the campaign; its ledger stays


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignChange:
    """
    One line of a campaign's history.

    Attributes:
        before, after: the plan, or None; the states of a change of state.
        undoes: the `seq` of the change that this one has undone.
        name: of a campaign that was deleted; another one may have its key now.
    """

    seq: int
    at: Timestamp
    who: str
    kind: ChangeKind
    before: CampaignPlan | None = None
    after: CampaignPlan | None = None
    state_before: CampaignState | None = None
    state_after: CampaignState | None = None
    undoes: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignCounts:
    """How many entries have each state, how many attempts each outcome."""

    entries: Mapping[EntryState, int] = field(default_factory=dict)
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Without removed ones."""
        return sum(count for state, count in self.entries.items() if state is not EntryState.REMOVED)


class CampaignStore(Protocol):
    async def all(self, account: AccountId) -> list[StoredCampaign]:
        """The newest first, without those of callbacks, which nobody makes or changes by hand."""

    async def get(self, account: AccountId, campaign: CampaignId) -> StoredCampaign | None: ...

    async def make(self, account: AccountId, campaign: CampaignId, plan: CampaignPlan, *, by: str) -> bool:
        """False: the id is taken: the form was sent twice."""

    async def change(
        self, account: AccountId, campaign: CampaignId, plan: CampaignPlan, *, seen: int, by: str
    ) -> StoredCampaign | None:
        """Change the plan, if `seen` is still its revision. None: somebody else has changed it."""

    async def undo(self, account: AccountId, campaign: CampaignId, seq: int, *, by: str) -> StoredCampaign | None:
        """Bring the plan before this change back, if it was the last change of the plan. None: it was not."""

    async def set_state(
        self,
        account: AccountId,
        campaign: CampaignId,
        state: CampaignState,
        *,
        by: str,
        only_from: Sequence[CampaignState],
    ) -> bool:
        """False: it is in none of `only_from`; or it would be finished, and somebody waits in its list."""

    async def history(self, account: AccountId, campaign: CampaignId, *, limit: int = 100) -> list[CampaignChange]:
        """The newest first."""

    async def counts(self, account: AccountId) -> dict[CampaignId, CampaignCounts]:
        """Of all campaigns; costs the same however long the lists are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """
    Somebody to call.

    Attributes:
        numbers: in the order of the card, each once; at least one.
        source: the import; empty: another way.
        card: as of an `Entry`: only of somebody whom the phone book has, since it says later what has changed.
        line: in the import's file.
    """

    numbers: tuple[EntryNumber, ...]
    name: str = ""
    refs: tuple[EntityRef, ...] = ()
    responsible: ManagerId | None = None
    comment: str = ""
    priority: int = 0
    source: str = ""
    line: int | None = None
    card: EntityRef | None = None


class Added(StrEnum):
    """What became of a new entry."""

    TAKEN = "taken"
    JOINED = "joined"  # its numbers are in the list: the contact was added to that entry
    TWICE = "twice"  # the same, and there was nothing to add
    DO_NOT_CALL = "do_not_call"  # every number


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEntry:
    """An entry as the pages show it."""

    entry: Entry
    changed_at: Timestamp
    comment: str = ""
    source: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryQuery:
    """
    Attributes:
        number: an E.164 number.
        name: a part of the name, in any case.
        after: the position of the last one on the page before.
    """

    states: tuple[EntryState, ...] = ()
    number: str = ""
    name: str = ""
    after: int = -1
    limit: int = 100


class EntryStore(Protocol):
    """`office`: whose do-not-call list counts."""

    async def add(
        self,
        account: AccountId,
        campaign: CampaignId,
        new: Sequence[NewEntry],
        *,
        office: AccountId,
        lease: Lease | None = None,
    ) -> list[Added]:
        """Add entries in their order, in one transaction. A number that the list has stays with its entry."""

    async def head(self, account: AccountId, campaign: CampaignId, *, now: Timestamp, limit: int) -> list[Entry]:
        """The next open entries: promised calls, then those that are due, then the list in its order. Costs the same
        however long the list is."""

    async def next_due(self, account: AccountId, campaign: CampaignId, *, now: Timestamp) -> Timestamp | None:
        """When the next open entry after `now` is due; None: none is."""

    async def defer(
        self, account: AccountId, campaign: CampaignId, entries: Sequence[EntryId], *, until: Timestamp
    ) -> None:
        """Open entries are not due before: their window is closed, so nobody needs to look at them again."""

    async def close(
        self, account: AccountId, campaign: CampaignId, entries: Sequence[EntryId], state: EntryState
    ) -> None:
        """Open entries are done: a rule that time does not end holds them."""

    async def listing(self, account: AccountId, campaign: CampaignId, query: EntryQuery) -> list[ListedEntry]:
        """In the order of the list."""

    async def get(self, account: AccountId, campaign: CampaignId, entry: EntryId) -> ListedEntry | None: ...

    async def several(
        self, account: AccountId, campaign: CampaignId, entries: Collection[EntryId]
    ) -> dict[EntryId, Entry]:
        """Those of these entries that the list has, in one reading."""

    async def follow_card(
        self,
        account: AccountId,
        campaign: CampaignId,
        entry: EntryId,
        today: Sequence[EntryNumber] | None,
        *,
        office: AccountId,
        lease: Lease,
    ) -> Entry | None:
        """
        Give an open entry the numbers of its card, as `domain.campaigns.cards` says.

        Args:
            today: in the card's order, each once; None: the client was deleted.

        Returns:
            The entry afterwards; None: it is not open any more.
        """

    async def remove(self, account: AccountId, campaign: CampaignId, entry: EntryId) -> bool:
        """Take it out of the list; one that is being dialled ends first. False: it is not open."""

    async def put_back(self, account: AccountId, campaign: CampaignId, entry: EntryId) -> bool:
        """Undo `remove`. False: it is not removed."""


class JournalRefusal(StrEnum):
    """Why an attempt must not be made; nothing was written."""

    NOT_OPEN = "not_open"  # the entry is taken, done or gone
    STRUCK = "struck"  # the number is not dialled any more
    DO_NOT_CALL = "do_not_call"
    UNDER_WAY = "under_way"  # the number is being dialled already, or the employee waits for another client
    NOT_RUNNING = "not_running"  # the campaign was paused or stopped a moment ago


class AttemptJournal(Protocol):
    async def write(
        self, account: AccountId, attempt: Attempt, *, office: AccountId, lease: Lease
    ) -> JournalRefusal | None:
        """Write an attempt before it is dialled, and take its entry. None: it may be dialled."""

    async def sent(
        self, account: AccountId, attempt: AttemptId, *, at: Timestamp, lease: Lease, call: CallId | None = None
    ) -> bool:
        """
        The PBX is asked now.

        Args:
            call: the id that the PBX's call will have.

        Returns:
            False: it must not be: the attempt has ended meanwhile, or the campaign does not run any more.
        """

    async def end(
        self,
        account: AccountId,
        attempt: Attempt,
        entry: Entry,
        *,
        day: date | None = None,
        lease: Lease | None = None,
    ) -> bool:
        """
        Write the outcome (`attempt.outcome`), and what becomes of the entry. An entry that was removed or set to
        do-not-call meanwhile stays so.

        Args:
            day: in whose figures of the ledger it counts, of the office's calendar; None: in none.

        Returns:
            False: it has ended already; nothing was written.
        """

    async def get(self, account: AccountId, attempt: AttemptId) -> Attempt | None: ...

    async def under_way(self, account: AccountId, campaign: CampaignId | None = None) -> list[Attempt]:
        """Written or sent, and not ended: what a process that takes over must find out about. `campaign` None: of all
        campaigns, because they share employees and lines."""

    async def of_call(self, account: AccountId, call: CallId) -> Attempt | None:
        """The attempt that made a call; None: no campaign dialled it."""

    async def tries(
        self, account: AccountId, *, numbers: Sequence[str] = (), entries: Sequence[EntryId] = (), since: Timestamp
    ) -> list[Try]:
        """Attempts at these numbers in any campaign, and of these entries, the oldest first."""

    async def log(
        self, account: AccountId, campaign: CampaignId, *, before: Timestamp | None = None, limit: int = 100
    ) -> list[Attempt]:
        """The newest first."""

    async def pace(
        self, account: AccountId, campaign: CampaignId, *, since: Timestamp, most: int = MOST_OF_PACE
    ) -> Pace:
        """How many were dialled since a moment, those on their way among them, without those at which no client's phone
        rang. Looks at the newest `most` at most, and then says since when: costs the same however fast it dials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCalled:
    """A number that the office does not call. `removed_at` None: it counts."""

    number: str
    added_at: Timestamp
    added_by: str
    why: str
    removed_at: Timestamp | None = None
    removed_by: str = ""
    removed_why: str = ""


class DoNotCall(Protocol):
    """`account`: the office's id. An office has one list for all of its accounts."""

    async def add(
        self, account: AccountId, numbers: Sequence[str], *, lists_of: Sequence[AccountId], by: str, why: str
    ) -> int:
        """Add E.164 numbers, and strike them out in every list of the accounts `lists_of` in the same transaction.
        Returns how many were not there."""

    async def remove(self, account: AccountId, number: str, *, by: str, why: str) -> bool:
        """The number may be called again; lists do not get it back by themselves. False: it is not there."""

    async def listing(
        self, account: AccountId, *, number: str = "", after: NotCalled | None = None, limit: int = 100
    ) -> list[NotCalled]:
        """
        Those that count, the newest first; with `number` also a removed one.

        Args:
            after: the last one of the page before.
        """

    async def among(self, account: AccountId, numbers: Sequence[str]) -> set[str]:
        """Which of these numbers are not called."""

    async def count(self, account: AccountId) -> int: ...
