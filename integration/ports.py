"""What the services need from the outside, in the core's words. Few methods, no vendor types.

Errors: every method raises only from `integration.errors`; which ones is said where it is not plain.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from integration.domain.call import Call
from integration.domain.crm import Deal, EntityRef, Manager, Person
from integration.domain.events import CallEvent
from integration.domain.ids import AccountId, CallId, ManagerId, PbxId, Timestamp
from integration.domain.intents import Intent, IntentKind, Priority
from integration.domain.phone import PhoneNumber
from integration.domain.routing import RouteDecision, RouteQuestion
from integration.domain.settings import AccountSettings
from integration.recorded import CallRecords as CallRecords
from integration.recorded import RecordedCall as RecordedCall
from integration.recorded import Watch as Watch
from integration.recorded import WatchLog as WatchLog
from integration.sharing import Lease as Lease
from integration.sharing import Leases as Leases
from integration.sharing import Pace as Pace
from integration.sharing import RateBudget as RateBudget
from integration.sharing import Turn as Turn


class Clock(Protocol):
    def now(self) -> Timestamp: ...


# ---- the PBX -------------------------------------------------------------------------------------------------------


class PbxListener(Protocol):
    """Who is told what happens on a PBX; `services.tracking` is."""

    async def on_events(self, events: Sequence[CallEvent]) -> None:
        """Events in order. When it returns they are stored."""

    async def on_resync(self, live: frozenset[CallId], at: Timestamp) -> None:
        """The link is (again) up and the snapshot is complete: `live` are all calls that exist on the PBX. Calls that
        the store holds as live and that are not in it ended while nobody watched."""

    async def on_link(self, is_up: bool, reason: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickToCall:
    """
    `extension`'s phone rings first, then `number` is dialled.

    `request_id` is ours and unique: the PBX channel is named after it, so that a repeat is found instead of dialled.
    """

    request_id: str
    extension: str
    number: str  # digits with an optional leading +; already checked
    crm_call_id: str | None = None


class FindingLevel(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor's report: what was checked, what was found, what to change (empty when nothing)."""

    check: str
    level: FindingLevel
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxEmployee:
    extension: str
    name: str = ""
    is_registered: bool | None = None


class Pbx(Protocol):
    @property
    def id(self) -> PbxId: ...

    @property
    def is_connected(self) -> bool: ...

    async def run(self, listener: PbxListener) -> None:
        """Keep the connection, resynchronise after each loss, hand over events; until cancelled."""

    async def click_to_call(self, request: ClickToCall) -> CallId:
        """Start the call; returns its id at once, the result comes as events. Raises: Unavailable, Rejected."""

    async def hang_up(self, call: CallId) -> None: ...

    async def redirect(self, call: CallId, extension: str) -> None:
        """Send the client's channel to another extension. Raises NotFound when the call is over."""

    async def hold(self, call: CallId, *, on: bool) -> None:
        """Raises Rejected where the PBX cannot do it."""

    async def employees(self) -> list[PbxEmployee]: ...

    def recording(self, file: str) -> AsyncIterator[bytes]:
        """The bytes of a recording by the name in `RecordingStarted`. Raises: NotFound, Unavailable."""

    async def diagnose(self) -> list[Finding]:
        """The PBX's part of `dozvon doctor`; never raises."""


class RouteAnswerer(Protocol):
    """Who decides where an incoming call goes; `services.routing` does, a PBX adapter asks."""

    async def route(self, question: RouteQuestion, uniqueid: str) -> RouteDecision:
        """
        Decide about the call whose first channel is `uniqueid` (it makes the `CallId`).

        Never raises: when it cannot decide the outcome is `reserve`. Asked once a call; the adapter keeps the plan on
        the PBX's channel, so that later steps need nothing but the channel.
        """


# ---- the CRM -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """A finished call as it is written into a CRM. `key` is the call's idempotency key, at most 64 ASCII characters."""

    key: str
    call: Call
    client: PhoneNumber
    responsible: ManagerId | None
    recording_url: str | None
    text: str  # one line for people: "queue 600, 35 s wait, transferred 101 → 102"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedCall:
    """Where the CRM has it: `id` of the note or of the inbox entry, and the entity it hangs on."""

    id: str
    entity: EntityRef


class Crm(Protocol):
    """One account of one CRM. Requests are paced inside; `priority` says in which queue they wait."""

    async def managers(self) -> list[Manager]: ...

    async def find_persons(self, number: PhoneNumber, *, priority: Priority = Priority.CARD) -> list[Person]:
        """Live search; only persons who really have this number, oldest first."""

    async def person(self, ref: EntityRef, *, priority: Priority = Priority.CARD) -> Person | None:
        """None where the CRM has none (any more)."""

    async def deal(self, ref: EntityRef, *, priority: Priority = Priority.CARD) -> Deal | None: ...

    def all_persons(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Person]]:
        """Contacts and companies, page by page, with import priority."""

    def all_deals(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Deal]]: ...

    async def log_call(self, record: CallRecord, target: EntityRef) -> LoggedCall:
        """Write the call to this entity's feed. Raises OutcomeUnknown when it may have been written."""

    async def find_logged_call(self, record: CallRecord, target: EntityRef) -> LoggedCall | None:
        """Look for `record.key` where `log_call` would have put it."""

    async def log_to_inbox(self, record: CallRecord) -> LoggedCall:
        """An unknown caller: into the CRM's inbox of leads (amoCRM: unsorted)."""

    async def find_in_inbox(self, record: CallRecord) -> LoggedCall | None: ...

    async def create_task(
        self, *, key: str, text: str, due_at: Timestamp, responsible: ManagerId | None, target: EntityRef
    ) -> str:
        """Returns the task's id."""

    async def find_task(self, *, key: str, target: EntityRef) -> str | None: ...

    async def create_contact(self, *, name: str, number: PhoneNumber, responsible: ManagerId | None) -> Person: ...

    async def notify_ringing(self, number: PhoneNumber, managers: Sequence[ManagerId]) -> None:
        """The CRM's own popup for users without an open widget."""

    def entity_url(self, ref: EntityRef) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WidgetUser:
    """Who speaks through a widget, as the CRM's own token proves it."""

    account: AccountId
    manager: ManagerId
    is_admin: bool = False


class WidgetGate(Protocol):
    """What lets the browser side of a CRM in."""

    def user(self, token: str) -> WidgetUser:
        """Raises AuthFailed when the token is missing, expired or not signed by this account's CRM."""

    def allows_origin(self, origin: str) -> bool:
        """Whether this page may ask at all (CORS)."""


# ---- storage -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedStep:
    """One call's new state and what it queued: saved together or not at all."""

    call: Call
    intents: Sequence[Intent] = ()
    event: dict[str, Any] | None = None  # the timeline entry, JSON


class CallStore(Protocol):
    async def get(self, account: AccountId, call: CallId) -> Call | None: ...

    async def live(self, account: AccountId, pbx: PbxId) -> list[Call]: ...

    async def save(self, steps: Sequence[SavedStep], *, fence: Lease | None = None) -> None:
        """All steps in one transaction. An intent whose (call, key) is already queued or done is left alone. Raises
        LeaseLost, and stores nothing, when `fence` is given and somebody else has taken that lease since."""

    async def recent(
        self, account: AccountId, *, match_key: str | None = None, limit: int = 50, before: Timestamp | None = None
    ) -> list[Call]:
        """Newest first; with `match_key` only calls with that client (domain.phone.match_key)."""

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
    """Ordered per call, fair between accounts."""

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

    async def retry(self, item: OutboxItem, *, at: Timestamp, error: str, is_uncertain: bool) -> None: ...

    async def dead(self, item: OutboxItem, *, error: str) -> None:
        """Later items of the call go on waiting unless they do not depend on it; `expire` for worthless ones."""

    async def expire(self, item: OutboxItem) -> None: ...

    async def revive(self, account: AccountId, item: int, *, now: Timestamp) -> bool:
        """A person pressed "retry" on a dead letter, or took a discard back."""

    async def discard(self, account: AccountId, item: int) -> bool: ...

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
class MirrorProgress:
    """
    How far an account's phone book has come, as the next process needs it. Moments by our clock.

    Attributes:
        polled_at: what changed before is in it.
        next_comparison: when everything is to be read again.
        unseen_since: whoever was not put since then is still to be looked for in the CRM; None: nobody.
    """

    polled_at: Timestamp
    next_comparison: Timestamp
    unseen_since: Timestamp | None


class PhoneBook(Protocol):
    """The mirror of the CRM's persons and deals."""

    async def lookup(self, account: AccountId, match_key: str) -> list[Person]:
        """Persons with this number, oldest first. Fast: one indexed read."""

    async def open_deals(self, account: AccountId, persons: Sequence[EntityRef]) -> list[Deal]: ...

    async def known(self, account: AccountId, match_key: str) -> tuple[list[Person], list[Deal]]:
        """`lookup`, and `open_deals` of those persons, in one read: a caller waits for it."""

    async def get(self, account: AccountId, ref: EntityRef) -> Person | None: ...

    async def put_persons(self, account: AccountId, persons: Sequence[Person], *, country: str) -> None:
        """Insert or replace, unless the stored one is newer (`updated_at`); deleted ones are removed."""

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

    async def remember(self, account: AccountId, decided: Sequence[DecidedRoute]) -> None:
        """Store them, in this order and all or none. The calls themselves may not be stored yet. A second decision of
        one call (it came through the dialplan again) replaces the first."""

    async def of(self, account: AccountId, call: CallId) -> RouteDecision | None: ...


class SettingsStore(Protocol):
    async def load(self, account: AccountId) -> AccountSettings | None: ...

    async def save(self, settings: AccountSettings) -> None: ...

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

    async def open(self, opaque_id: str) -> tuple[str, int] | None:
        """Path of the file and its size; None when there is no such recording (any more)."""


# ---- coordination --------------------------------------------------------------------------------------------------


class Coordination(Protocol):
    """Short-lived things that processes share; nothing that matters lives only here (design.md)."""

    async def issue_ticket(self, payload: dict[str, Any], *, ttl_seconds: float) -> str: ...

    async def take_ticket(self, ticket: str) -> dict[str, Any] | None:
        """Single use: the second taker gets None."""

    async def once(self, key: str, *, ttl_seconds: float) -> bool:
        """True for the first caller with this key within the time."""

    async def mark(self, key: str, *, ttl_seconds: float) -> None:
        """Remember that `key` holds for so long, or for longer than it did."""

    async def is_marked(self, key: str) -> bool: ...

    async def take_turn(self, queue: str, pace: Pace) -> Turn:
        """Of one queue, for all processes together. A queue that was forgotten begins with a pause of its window."""

    async def end_turn(self, queue: str, turn: str) -> None: ...

    async def put_off_turns(self, queue: str, seconds: float) -> None: ...

    async def publish(self, channel: str, message: dict[str, Any]) -> None: ...

    def subscribe(self, channel: str) -> AsyncIterator[dict[str, Any]]:
        """Messages published after the iterator was entered."""

    async def close(self) -> None: ...
