"""What the services need from the outside, in the core's words. Few methods, no vendor types.

Errors: every method raises only from `integration.errors`; which ones is said where it is not plain.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from integration.domain.call import Call
from integration.domain.client import Client
from integration.domain.crm import CrmCondition, Deal, EntityRef, Manager, Person
from integration.domain.events import CallEvent
from integration.domain.ids import AccountId, CallId, ManagerId, PbxId, Timestamp
from integration.domain.intents import Priority
from integration.domain.phone import PhoneNumber
from integration.domain.routing import RouteDecision, RouteQuestion
from integration.recorded import CallRecords as CallRecords
from integration.recorded import RecordedCall as RecordedCall
from integration.recorded import Watch as Watch
from integration.recorded import WatchLog as WatchLog
from integration.sharing import HUNG_SECONDS as HUNG_SECONDS
from integration.sharing import Lease as Lease
from integration.sharing import Leases as Leases
from integration.sharing import Pace as Pace
from integration.sharing import RateBudget as RateBudget
from integration.sharing import Turn as Turn
from integration.stored import AdminSessionStore as AdminSessionStore
from integration.stored import CallbackTask as CallbackTask
from integration.stored import CallbackTaskStore as CallbackTaskStore
from integration.stored import CallStore as CallStore
from integration.stored import DecidedRoute as DecidedRoute
from integration.stored import MirrorProgress as MirrorProgress
from integration.stored import Outbox as Outbox
from integration.stored import OutboxItem as OutboxItem
from integration.stored import OutboxState as OutboxState
from integration.stored import PhoneBook as PhoneBook
from integration.stored import RecordingStore as RecordingStore
from integration.stored import RouteLog as RouteLog
from integration.stored import SavedStep as SavedStep
from integration.stored import SettingsStore as SettingsStore
from integration.stored import Stranger as Stranger
from integration.stored import Strangers as Strangers
from integration.stored import Tokens as Tokens
from integration.stored import TokenStore as TokenStore


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
class DialSample:
    """
    A number as a click of this office dials it, for the doctor to try on the PBX.

    Attributes:
        what: in plain words, "a mobile".
        others: other ways to dial it, each behind the settings that would make a click dial so.
    """

    what: str
    dialled: str
    others: tuple[tuple[str, str], ...] = ()


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

    async def hang_up(self, call: CallId, *, by: str | None = None) -> None:
        """
        End the whole call. `by`: the extension whose employee pressed for it, told as `HangUpPressed`.

        Raises: NotFound when it is over, Unavailable, Rejected.
        """

    async def reject(self, call: CallId, extension: str) -> None:
        """
        Decline the call at the phones of one extension, all its devices, as a person at the phone would: the others
        ring on, and the call goes on as the PBX does after a declined phone. Told as `HangUpPressed` too.

        Raises: NotFound when nothing rings there (any more), Unavailable, Rejected.
        """

    async def send_tones(self, call: CallId, digits: str) -> None:
        """
        Dial digits to the client's side while they talk, as a person at the phone would: the extension behind a voice
        menu.

        Raises: NotFound when the call is over or nobody talks, Unavailable, Rejected.
        """

    async def redirect(self, call: CallId, extension: str) -> None:
        """Send the client's channel to another extension. Raises NotFound when the call is over."""

    async def hold(self, call: CallId, *, on: bool) -> None:
        """Raises Rejected where the PBX cannot do it."""

    async def employees(self) -> list[PbxEmployee]: ...

    def recording(self, file: str, call: Call | None = None) -> AsyncIterator[bytes]:
        """The bytes of a recording by the name in `RecordingStarted`; with its call also where the PBX has renamed it.
        Raises: NotFound (says what was looked for), Unavailable."""

    async def diagnose(self, samples: Sequence[DialSample] = ()) -> list[Finding]:
        """The PBX's part of `dozvon doctor`, with whether the PBX would take these numbers; never raises."""


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
    client: Client  # `client.written` is what the CRM shows; nobody is looked up by BareDigits
    responsible: ManagerId | None
    recording_url: str | None
    text: str  # one line for people: "queue 600, 35 s wait, transferred 101 → 102"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedCall:
    """Where the CRM has it: `id` of the note or of the inbox entry, and the entity it hangs on."""

    id: str
    entity: EntityRef
    deal: EntityRef | None = None  # inside an entry of the inbox: keep it, by it the entry is known after it has left


class InboxState(StrEnum):
    WAITING = "waiting"
    ACCEPTED = "accepted"
    DECLINED = "declined"  # what was inside is deleted; also: nobody can say any more what became of it


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """
    What became of an entry (`ref`, a LEAD) of the CRM's inbox of leads.

    `deal` and its main `person` are hidden from every search while it waits, ordinary once it is accepted, and None
    once it is declined.
    """

    ref: EntityRef
    state: InboxState
    deal: EntityRef | None = None
    person: EntityRef | None = None


class Crm(Protocol):
    """One account of one CRM. Requests are paced inside; `priority` says in which queue they wait."""

    @property
    def condition(self) -> CrmCondition:
        """How the CRM stands to us, as its last answers show it; asks nothing. Never raises."""

    @property
    def clock_ahead(self) -> float:
        """By how many seconds the CRM's clock is ahead of ours, as its last answer said; 0 before any did."""

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
        """
        Write the call to this entity's feed; to an entry of the inbox (a LEAD) where the CRM takes it.

        Raises:
            OutcomeUnknown: it may have been written.
            NotFound: the entity is gone, or the entry has left the inbox (`inbox_entry` says where to).
            InInbox: the CRM writes nothing into an entry that waits. The call is to be kept until it is accepted.
            NotResponsible: the CRM does not take the record's responsible. So do all methods that name one.
        """

    async def find_logged_call(self, record: CallRecord, target: EntityRef) -> LoggedCall | None:
        """Look for `record.key` where `log_call` would have put it."""

    async def log_to_inbox(self, record: CallRecord) -> LoggedCall:
        """An unknown caller: into the CRM's inbox of leads (amoCRM: unsorted)."""

    async def find_in_inbox(self, record: CallRecord) -> LoggedCall | None: ...

    async def inbox_entry(
        self, ref: EntityRef, *, deal: EntityRef | None = None, priority: Priority = Priority.LOG
    ) -> InboxEntry:
        """What became of an entry. `deal` as `log_to_inbox` told it: without it an entry that has left is DECLINED."""

    async def create_task(
        self, *, text: str, due_at: Timestamp, responsible: ManagerId | None, target: EntityRef
    ) -> str:
        """Returns the task's id. Raises OutcomeUnknown when it may have been made: look with `find_task`."""

    async def find_task(self, *, text: str, target: EntityRef) -> str | None:
        """A task of this entity, open or completed, with exactly this text; the newest one's id."""

    async def is_task_open(self, task: str) -> bool:
        """False: completed, or deleted."""

    async def change_task(self, task: str, *, text: str) -> None:
        """May be repeated. Raises NotFound when it is gone."""

    async def complete_task(self, task: str, *, result: str) -> None:
        """Done, and `result` says in it how. May be repeated. Raises NotFound when it is gone."""

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


# ---- coordination --------------------------------------------------------------------------------------------------


class Coordination(Protocol):
    """Short-lived things that processes share; nothing that matters lives only here (design.md)."""

    @property
    def problem(self) -> str | None:
        """Why the other processes cannot be reached, as far as the last question showed; None where they can."""

    async def issue_ticket(self, payload: dict[str, Any], *, ttl_seconds: float) -> str: ...

    async def take_ticket(self, ticket: str) -> dict[str, Any] | None:
        """Single use: the second taker gets None."""

    async def once(self, key: str, *, ttl_seconds: float) -> bool:
        """True for the first caller with this key within the time."""

    async def mark(self, key: str, *, ttl_seconds: float) -> None:
        """Remember that `key` holds for so long, or for longer than it did."""

    async def is_marked(self, key: str) -> bool: ...

    async def count(self, key: str, *, ttl_seconds: float) -> int:
        """One more; how often in all since the first, which is forgotten `ttl_seconds` after it came."""

    async def forget_count(self, key: str) -> None: ...

    async def take_turn(self, queue: str, pace: Pace) -> Turn:
        """Of one queue, for all processes together. A queue that was forgotten begins with a pause of its window."""

    async def end_turn(self, queue: str, turn: str) -> None: ...

    async def put_off_turns(self, queue: str, seconds: float) -> None: ...

    async def publish(self, channel: str, message: dict[str, Any]) -> None: ...

    def subscribe(self, channel: str) -> AsyncIterator[dict[str, Any]]:
        """Messages published after the iterator was entered."""

    async def close(self) -> None: ...
