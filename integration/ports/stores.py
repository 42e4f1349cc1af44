"""Stored data: calls and their intents, the phone book, tokens. `storage/` implements it. Settings: `settings.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from integration.domain.calls.call import Call
from integration.domain.calls.intents import Intent, IntentKind, Priority
from integration.domain.crm.entities import Deal, EntityRef, Person
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp
from integration.domain.numbers.numbering import Numbering
from integration.domain.routing.route import RouteDecision
from integration.ports.coordination import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedStep:
    """One call's new state and its new intents, saved in one transaction."""

    call: Call
    intents: Sequence[Intent] = ()
    event: dict[str, Any] | None = None  # the timeline entry, JSON


class CallStore(Protocol):
    async def get(self, account: AccountId, call: CallId) -> Call | None: ...

    async def live(self, account: AccountId, pbx: PbxId | None = None) -> list[Call]:
        """Calls in progress; `pbx` None: on any PBX."""

    async def ended_since(self, account: AccountId, since: Timestamp) -> list[Call]:
        """Calls that ended at `since` or later and began at most an hour before it, without merged ones."""

    async def save(self, steps: Sequence[SavedStep], *, fence: Lease | None = None) -> None:
        """Save all steps in one transaction. Ignores an intent whose (call, key) is already queued or done. Raises
        LeaseLost, and stores nothing, when another process has taken the lease `fence`."""

    async def recent(
        self, account: AccountId, *, match_key: str | None = None, limit: int = 50, before: Timestamp | None = None
    ) -> list[Call]:
        """Newest first; with `match_key` only calls with that client (`domain.client.call_key`)."""

    async def timeline(self, account: AccountId, call: CallId) -> list[dict[str, Any]]:
        """The `event`s of the call's steps, in the order of saving."""


class OutboxState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    DEAD = "dead"  # given up; visible with retry and discard
    DISCARDED = "discarded"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    id: int
    account: AccountId
    call: CallId
    kind: IntentKind
    key: str
    priority: Priority
    state: OutboxState
    queued_at: Timestamp
    not_before: Timestamp
    expires_at: Timestamp | None
    attempts: int
    is_uncertain: bool  # the last attempt may have succeeded: look before repeating
    last_error: str | None
    payload: dict[str, Any]
    result: dict[str, Any] | None
    claim: int = 0  # number of claims so far: distinguishes a holder whose lease expired from the next one


class Outbox(Protocol):
    """
    Ordered per call, fair between accounts. Within a priority answered calls and known clients go first, but every
    fourth item is the one that has been due longest.
    """

    async def claim(self, account: AccountId, *, now: Timestamp, lease_seconds: float, limit: int) -> list[OutboxItem]:
        """Claim due items, each the oldest waiting one of its call, exclusively for `lease_seconds`. A claim marks the
        item uncertain until its outcome is recorded: after a crash the next claimant knows that the attempt may have
        succeeded."""

    async def extend(self, items: Sequence[OutboxItem], *, until: Timestamp) -> set[int]:
        """Extend the claims on items of one account; returns the ids that are still ours."""

    async def accounts_due(self, *, now: Timestamp) -> list[AccountId]: ...

    async def next_due(self, *, now: Timestamp) -> Timestamp | None:
        """When the next item after `now` can be claimed; None if there is none."""

    async def amend(self, item: OutboxItem, payload: dict[str, Any]) -> OutboxItem:
        """Store the decision for this item before the attempt, so that a retry uses the same one."""

    async def done(self, item: OutboxItem, result: dict[str, Any]) -> None: ...

    async def retry(
        self, item: OutboxItem, *, at: Timestamp, error: str, is_uncertain: bool, afresh: bool = False
    ) -> None:
        """Try the item again at `at`. `afresh`: treat it as queued now, with no attempts."""

    async def hasten_calls(self, account: AccountId, calls: Sequence[CallId], *, now: Timestamp) -> int:
        """Make the waiting items of these calls due now. Returns how many."""

    async def dead(self, item: OutboxItem, *, error: str) -> None:
        """Later items that depend on it keep waiting. Use `expire` for items no longer worth delivering."""

    async def expire(self, item: OutboxItem) -> None: ...

    async def revive(self, account: AccountId, item: int, *, now: Timestamp) -> bool:
        """Queue a dead or discarded item again: somebody pressed "retry", or undid a discard."""

    async def discard(self, account: AccountId, item: int) -> bool: ...

    async def retry_now(self, account: AccountId, *, now: Timestamp, at_most: int | None = None) -> int:
        """Make items that wait for a retry due now, oldest first, at most `at_most`: the cause of their failures is
        gone. Returns how many."""

    async def listing(
        self, account: AccountId, states: Sequence[OutboxState], *, limit: int = 100
    ) -> list[OutboxItem]: ...

    async def of_call(self, account: AccountId, call: CallId) -> list[OutboxItem]:
        """All items of a call, newest first."""

    async def results(self, account: AccountId, call: CallId) -> dict[str, dict[str, Any]]:
        """Results of the call's finished items by key."""

    async def depth(self) -> dict[OutboxState, int]:
        """Counts of waiting and dead items of all accounts. Called often, so it does not count done items."""

    async def depth_by_account(self) -> dict[AccountId, dict[OutboxState, int]]:
        """The same by account, also of those that were removed; without those that have neither."""

    async def depth_of(self, account: AccountId) -> dict[OutboxState, int]:
        """The same for one account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """
    A number that is not in the CRM, and its entry in the CRM's inbox.

    Attributes:
        entered_by: the call whose delivery creates the entry (or the contact); other calls of this number wait for it.
        entry: in the CRM's inbox, a LEAD. None: creation is under way, or its outcome is unknown.
        deal: inside the entry, as `log_to_inbox` returned it.
        checked_at: when the CRM last reported that the entry waits.
    """

    match_key: str
    entered_by: CallId
    entry: EntityRef | None
    deal: EntityRef | None
    checked_at: Timestamp


class Strangers(Protocol):
    """One row for each number, for all processes: one of a stranger's calls creates the entry."""

    async def get(self, account: AccountId, match_key: str) -> Stranger | None: ...

    async def enter(self, account: AccountId, match_key: str, call: CallId) -> Stranger:
        """Let this call enter the number; returns another call's row if that one is entering it. Idempotent."""

    async def take_over(self, account: AccountId, match_key: str, *, of: CallId, call: CallId) -> bool:
        """`call` enters the number instead of `of`, which was given up. False: another call was faster."""

    async def entered(
        self, account: AccountId, match_key: str, call: CallId, *, entry: EntityRef, deal: EntityRef | None
    ) -> None:
        """`call` has created the entry."""

    async def waits_still(self, account: AccountId, match_key: str, entry: EntityRef) -> None:
        """The CRM has just reported that the entry waits."""

    async def forget(
        self, account: AccountId, match_key: str, *, call: CallId | None = None, entry: EntityRef | None = None
    ) -> None:
        """The number is no longer a stranger's. Does nothing unless `call` is entering it or `entry` is its entry."""

    async def closed(self, account: AccountId, entry: EntityRef) -> list[str]:
        """The entry has left the CRM's inbox: forget it. Returns the match keys of its numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackTask:
    """
    The open task to call a client back.

    Attributes:
        target: the task's entity.
        match_key: of the last caller's number.
        made_by: the missed call whose delivery creates the task; deliveries of later calls wait for it.
        task: the CRM's id. None: creation is under way, or its outcome is unknown.
        text: as last written, or as last attempted.
        missed_at: start of the last missed call that `text` counts.
        written_at: when `text` was sent to the CRM.
    """

    target: EntityRef
    match_key: str
    made_by: CallId
    task: str | None
    text: str
    missed_at: Timestamp
    written_at: Timestamp


class CallbackTaskStore(Protocol):
    async def of_client(self, account: AccountId, *, target: EntityRef, match_key: str) -> list[CallbackTask]:
        """On this entity or for this number, newest first; more than one only if the client was two entities before."""

    async def begin(self, account: AccountId, task: CallbackTask) -> CallbackTask:
        """Store `task`, or return the one that this target already has. Idempotent."""

    async def take_over(self, account: AccountId, target: EntityRef, *, of: CallId, call: CallId) -> bool:
        """`call` creates the task instead of `of`, which was given up. False: another call was faster."""

    async def put(self, account: AccountId, task: CallbackTask) -> None:
        """Replace the stored task of this target."""

    async def remove(self, account: AccountId, target: EntityRef) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorProgress:
    """
    Progress of an account's phone book, for the next process. Times by our clock, except `polled_at`.

    Attributes:
        polled_at: earlier changes are in the phone book; by the CRM's clock.
        next_comparison: when to read everything again.
        unseen_since: persons not stored since then must be checked in the CRM; None: nobody.
        keyed_by: how the persons' numbers were read (`services.phone_book.keying`).
    """

    polled_at: Timestamp
    next_comparison: Timestamp
    unseen_since: Timestamp | None
    keyed_by: str = ""


class PhoneBook(Protocol):
    """The mirror of the CRM's persons and deals."""

    async def lookup(self, account: AccountId, match_key: str) -> list[Person]:
        """Persons with this number, oldest first. Fast: one indexed read."""

    async def open_deals(self, account: AccountId, persons: Sequence[EntityRef]) -> list[Deal]: ...

    async def known(self, account: AccountId, match_key: str) -> tuple[list[Person], list[Deal]]:
        """`lookup` and `open_deals` of these persons in one read, because a caller is waiting."""

    async def get(self, account: AccountId, ref: EntityRef) -> Person | None: ...

    async def of_refs(self, account: AccountId, refs: Sequence[EntityRef]) -> dict[EntityRef, Person | Deal]:
        """The persons and deals among these, in two reads; others are missing in the answer."""

    async def put_persons(self, account: AccountId, persons: Sequence[Person], *, numbering: Numbering) -> None:
        """Insert or replace, unless the stored one is newer (`updated_at`); deleted ones are removed."""

    async def key_again(self, account: AccountId, *, numbering: Numbering) -> int:
        """Read the numbers of all persons of the account again. Returns how many persons have other keys now. Nothing
        else changes: it does not mark persons as seen."""

    async def put_deals(self, account: AccountId, deals: Sequence[Deal]) -> None: ...

    async def remove(self, account: AccountId, refs: Sequence[EntityRef]) -> None: ...

    async def unseen(self, account: AccountId, *, seen_since: Timestamp, at_most: int) -> list[EntityRef]:
        """At most `at_most` persons and deals not stored since then, that is, missing from a full comparison."""

    async def has_persons(self, account: AccountId) -> bool:
        """Fast at any size."""

    async def size(self, account: AccountId) -> int:
        """Number of persons; slow, because it counts them."""

    async def progress(self, account: AccountId) -> MirrorProgress | None:
        """None: never read completely."""

    async def save_progress(self, account: AccountId, progress: MirrorProgress) -> None: ...


@dataclass(frozen=True, slots=True)
class DecidedRoute:
    call: CallId
    decision: RouteDecision
    asked_at: Timestamp


class RouteLog(Protocol):
    """The decisions about incoming calls, kept with their reasons (spec B14)."""

    async def remember(self, account: AccountId, decided: Sequence[DecidedRoute]) -> list[CallId]:
        """
        Store these decisions in this order, all or none. Decisions about calls that are not stored are dropped, so that
        a stranger who asks about invented channels leaves nothing behind. A call's first decision stays: a later one
        for the same channel does not replace it.

        Returns:
            The calls whose decisions were kept.
        """

    async def of(self, account: AccountId, call: CallId) -> RouteDecision | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A CRM account's credentials. Never in logs: `repr` leaves out the tokens and the key."""

    access: str
    refresh: str | None
    expires_at: Timestamp
    base_url: str  # the account's host, as it is now
    crm_account_id: str
    needs_consent: bool = False  # the CRM refused the refresh: an administrator must allow it again
    event_key: str = ""  # the secret by which the CRM's messages to us prove their origin; empty: it gives none

    def __repr__(self) -> str:
        return (
            f"Tokens(base_url={self.base_url!r}, crm_account_id={self.crm_account_id!r}, expires_at={self.expires_at})"
        )


class TokenStore(Protocol):
    async def load(self, account: AccountId) -> Tokens | None: ...

    async def refresh(
        self, account: AccountId, refresh: Callable[[Tokens], Awaitable[Tokens]], *, if_access: str
    ) -> Tokens:
        """Run `refresh` for one caller at a time over all processes, and store the result before returning it. If the
        stored access token is no longer `if_access`, another caller has refreshed: returns the stored pair."""

    async def save(self, account: AccountId, tokens: Tokens) -> None: ...

    async def delete(self, account: AccountId) -> None: ...


class RecordingStore(Protocol):
    async def put(self, account: AccountId, call: CallId, mp3: bytes) -> str:
        """Store it. Returns the opaque id for `/r/<id>.mp3`; the same call gives the same id."""

    async def reserve(self, account: AccountId, call: CallId) -> str:
        """The id, before the file exists."""

    async def account_of(self, opaque_id: str) -> AccountId | None:
        """The recording's account, whether or not the file exists; None for an unknown id."""

    async def open(self, opaque_id: str) -> tuple[str, int] | None:
        """Path of the file and its size; None when there is no such recording."""
