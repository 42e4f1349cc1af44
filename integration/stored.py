"""The part of `ports.py` about what is kept: calls and what follows from them, the phone book, settings, tokens.

How it is stored is `storage/`'s.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from integration.domain.call import Call
from integration.domain.crm import Deal, EntityRef, Person
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp
from integration.domain.intents import Intent, IntentKind, Priority
from integration.domain.numbering import Numbering
from integration.domain.routing import RouteDecision
from integration.domain.settings import AccountSettings
from integration.sharing import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedStep:
    """One call's new state and what it queued: saved together or not at all."""

    call: Call
    intents: Sequence[Intent] = ()
    event: dict[str, Any] | None = None  # the timeline entry, JSON


class CallStore(Protocol):
    async def get(self, account: AccountId, call: CallId) -> Call | None: ...

    async def live(self, account: AccountId, pbx: PbxId) -> list[Call]: ...

    async def ended_since(self, account: AccountId, since: Timestamp) -> list[Call]:
        """Calls that ended at `since` or later and began at most an hour before it; merged ones are left out."""

    async def save(self, steps: Sequence[SavedStep], *, fence: Lease | None = None) -> None:
        """All steps in one transaction. An intent whose (call, key) is already queued or done is left alone. Raises
        LeaseLost, and stores nothing, when `fence` is given and somebody else has taken that lease since."""

    async def recent(
        self, account: AccountId, *, match_key: str | None = None, limit: int = 50, before: Timestamp | None = None
    ) -> list[Call]:
        """Newest first; with `match_key` only calls with that client (`domain.client.call_key`)."""

    async def timeline(self, account: AccountId, call: CallId) -> list[dict[str, Any]]:
        """The `event`s of the call's steps, in the order in which they were saved."""


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
    claim: int = 0  # how often it was claimed, ever: tells a holder whose lease ran out from the next one


class Outbox(Protocol):
    """
    Ordered per call, fair between accounts. Within a priority answered calls and those of known clients go first, and
    every fourth item is the one that has been due for longest, whoever called.
    """

    async def claim(self, account: AccountId, *, now: Timestamp, lease_seconds: float, limit: int) -> list[OutboxItem]:
        """Due items, each the oldest waiting one of its call; claimed so that nobody else gets them for
        `lease_seconds`. A claim marks the item uncertain until its outcome is recorded: who claims it after a crash
        knows that the attempt may have succeeded."""

    async def extend(self, items: Sequence[OutboxItem], *, until: Timestamp) -> set[int]:
        """Keep claimed items of one account for longer; the ids of those that are still ours."""

    async def accounts_due(self, *, now: Timestamp) -> list[AccountId]: ...

    async def next_due(self, *, now: Timestamp) -> Timestamp | None: ...

    async def amend(self, item: OutboxItem, payload: dict[str, Any]) -> OutboxItem:
        """Persist what was decided for this item before it is attempted, so that a retry decides alike."""

    async def done(self, item: OutboxItem, result: dict[str, Any]) -> None: ...

    async def retry(
        self, item: OutboxItem, *, at: Timestamp, error: str, is_uncertain: bool, afresh: bool = False
    ) -> None:
        """`afresh`: it counts as queued now, with no attempt made."""

    async def hasten_calls(self, account: AccountId, calls: Sequence[CallId], *, now: Timestamp) -> int:
        """What of these calls waits for its time is due now. Returns how many items."""

    async def dead(self, item: OutboxItem, *, error: str) -> None:
        """Later items of the call go on waiting unless they do not depend on it; `expire` for worthless ones."""

    async def expire(self, item: OutboxItem) -> None: ...

    async def revive(self, account: AccountId, item: int, *, now: Timestamp) -> bool:
        """A person pressed "retry" on a dead letter, or took a discard back."""

    async def discard(self, account: AccountId, item: int) -> bool: ...

    async def retry_now(self, account: AccountId, *, now: Timestamp, at_most: int | None = None) -> int:
        """What waits for another attempt at the CRM is due now, the oldest first (at most so many): the cause of its
        failures is gone. Returns how many."""

    async def listing(
        self, account: AccountId, states: Sequence[OutboxState], *, limit: int = 100
    ) -> list[OutboxItem]: ...

    async def of_call(self, account: AccountId, call: CallId) -> list[OutboxItem]:
        """All items of a call, newest first."""

    async def results(self, account: AccountId, call: CallId) -> dict[str, dict[str, Any]]:
        """Results of the call's finished items by key."""

    async def depth(self) -> dict[OutboxState, int]:
        """How many wait and how many were given up, of all accounts. Asked often: what is done is not counted."""

    async def depth_of(self, account: AccountId) -> dict[OutboxState, int]:
        """The same of one account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """
    A number that nobody in the CRM has, and what is entered there of it.

    Attributes:
        entered_by: the call whose delivery makes the entry (or the contact); the others of this number wait for it.
        entry: in the CRM's inbox, a LEAD. None: it is being made, or may have been.
        deal: inside the entry, as `log_to_inbox` told it.
        checked_at: when the CRM said last that the entry waits.
    """

    match_key: str
    entered_by: CallId
    entry: EntityRef | None
    deal: EntityRef | None
    checked_at: Timestamp


class Strangers(Protocol):
    """One row for each number, over all processes: of several calls of one stranger one makes the entry."""

    async def get(self, account: AccountId, match_key: str) -> Stranger | None: ...

    async def enter(self, account: AccountId, match_key: str, call: CallId) -> Stranger:
        """Enter this number by this call, unless another call does so: its row then. May be repeated."""

    async def take_over(self, account: AccountId, match_key: str, *, of: CallId, call: CallId) -> bool:
        """`call` enters the number instead of `of`, which was given up. False: somebody was quicker."""

    async def entered(
        self, account: AccountId, match_key: str, call: CallId, *, entry: EntityRef, deal: EntityRef | None
    ) -> None:
        """`call` has made the entry."""

    async def waits_still(self, account: AccountId, match_key: str, entry: EntityRef) -> None:
        """The CRM said so just now."""

    async def forget(
        self, account: AccountId, match_key: str, *, call: CallId | None = None, entry: EntityRef | None = None
    ) -> None:
        """The number is no stranger's any more; only while `call` is entering it, or while this `entry` stands."""

    async def closed(self, account: AccountId, entry: EntityRef) -> list[str]:
        """The entry has left the CRM's inbox: forget it. The match keys of the numbers in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackTask:
    """
    The open task to call a client back.

    Attributes:
        target: the entity that the task stands on.
        match_key: of the number that called last.
        made_by: the missed call whose delivery makes the task; those of later ones wait for it.
        task: the CRM's id; None: it is being made, or may have been.
        text: as it was written last, or tried to.
        missed_at: start of the last missed call that `text` counts.
        written_at: when the CRM was given `text`.
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
        """On this entity or for this number, newest first: one, but for clients who were two entities a while ago."""

    async def begin(self, account: AccountId, task: CallbackTask) -> CallbackTask:
        """Keep `task`, unless there is one on this target: that one then. May be repeated."""

    async def take_over(self, account: AccountId, target: EntityRef, *, of: CallId, call: CallId) -> bool:
        """`call` makes the task instead of `of`, which was given up. False: somebody was quicker."""

    async def put(self, account: AccountId, task: CallbackTask) -> None:
        """Replace what is known of the task on this target."""

    async def remove(self, account: AccountId, target: EntityRef) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorProgress:
    """
    How far an account's phone book has come, as the next process needs it. Moments by our clock but for `polled_at`.

    Attributes:
        polled_at: what changed before is in it; by the CRM's clock.
        next_comparison: when everything is to be read again.
        unseen_since: whoever was not put since then is still to be looked for in the CRM; None: nobody.
        keyed_by: how the numbers were read by which the persons are found (`services.phone_book.keying`).
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
        """`lookup`, and `open_deals` of those persons, in one read: a caller waits for it."""

    async def get(self, account: AccountId, ref: EntityRef) -> Person | None: ...

    async def put_persons(self, account: AccountId, persons: Sequence[Person], *, numbering: Numbering) -> None:
        """Insert or replace, unless the stored one is newer (`updated_at`); deleted ones are removed."""

    async def key_again(self, account: AccountId, *, numbering: Numbering) -> int:
        """Read the numbers of every person of the account again; how many are found by others than before. Nothing else
        changes: nobody counts as seen by it."""

    async def put_deals(self, account: AccountId, deals: Sequence[Deal]) -> None: ...

    async def remove(self, account: AccountId, refs: Sequence[EntityRef]) -> None: ...

    async def unseen(self, account: AccountId, *, seen_since: Timestamp, at_most: int) -> list[EntityRef]:
        """So many persons and deals that were not put since then: what a full comparison did not come across."""

    async def has_persons(self, account: AccountId) -> bool:
        """Fast, whatever the size."""

    async def size(self, account: AccountId) -> int:
        """How many persons; counts them."""

    async def progress(self, account: AccountId) -> MirrorProgress | None:
        """None: never read whole."""

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
        Store them, in this order and all or none, but only those of calls that are stored: whoever asks about a channel
        that the PBX does not have leaves nothing behind. The first decision of a call stands; one that is asked for
        again, with the same channel's name, does not replace it.

        Returns:
            The calls among them that are stored; of the others nothing is kept.
        """

    async def of(self, account: AccountId, call: CallId) -> RouteDecision | None: ...


class SettingsStore(Protocol):
    async def load(self, account: AccountId) -> AccountSettings | None: ...

    async def save(self, settings: AccountSettings) -> None:
        """Whatever is stored. To change what is stored: `change`."""

    async def change(
        self, account: AccountId, change: Callable[[AccountSettings | None], AccountSettings]
    ) -> AccountSettings:
        """
        Read, decide and write in one step over all processes: nothing that others store meanwhile is lost.

        Args:
            change: from what is stored (None: nothing) to what is to be. Pure; it may run twice. What it raises comes
                out, and nothing is stored.

        Returns:
            What is stored now.
        """

    async def accounts(self) -> list[AccountId]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A CRM account's credentials. Never in logs: both tokens are left out of `repr`."""

    access: str
    refresh: str | None
    expires_at: Timestamp
    base_url: str  # the account's host, as it is now
    crm_account_id: str
    needs_consent: bool = False  # the CRM refused the refresh: an administrator must allow it again

    def __repr__(self) -> str:
        return (
            f"Tokens(base_url={self.base_url!r}, crm_account_id={self.crm_account_id!r}, expires_at={self.expires_at})"
        )


class TokenStore(Protocol):
    async def load(self, account: AccountId) -> Tokens | None: ...

    async def refresh(
        self, account: AccountId, refresh: Callable[[Tokens], Awaitable[Tokens]], *, if_access: str
    ) -> Tokens:
        """Run `refresh` for one caller at a time over all processes; stored before it is returned. When the stored
        access token is no longer `if_access`, somebody else has refreshed: the stored pair is returned unchanged."""

    async def save(self, account: AccountId, tokens: Tokens) -> None: ...

    async def delete(self, account: AccountId) -> None: ...


class RecordingStore(Protocol):
    async def put(self, account: AccountId, call: CallId, mp3: bytes) -> str:
        """Store and return the opaque id under which `/r/<id>.mp3` serves it; the same call gives the same id."""

    async def reserve(self, account: AccountId, call: CallId) -> str:
        """The id before the file is there."""

    async def account_of(self, opaque_id: str) -> AccountId | None:
        """Whose recording it is, whether the file is there or not; None for an id that never was."""

    async def open(self, opaque_id: str) -> tuple[str, int] | None:
        """Path of the file and its size; None when there is no such recording (any more)."""


class AdminSessionStore(Protocol):
    """
    Who is signed in to the administrator's pages, over all processes. `session` is a hash: what a browser holds is
    never stored. `mark` says which password it was: sessions of another one do not count. Errors: Unavailable.
    """

    async def begin(self, session: str, *, mark: str, now: Timestamp, until: Timestamp) -> None:
        """Also drops what has run out."""

    async def is_live(self, session: str, *, mark: str, now: Timestamp) -> bool: ...

    async def end(self, session: str) -> None: ...

    async def end_all(self) -> None: ...
