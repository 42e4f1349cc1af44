"""What the services need from outside, in the core's terms. No vendor types.

Errors: methods raise only exceptions of `integration.errors`; a docstring names them where it is not obvious.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from integration.domain.calls.call import Call
from integration.domain.calls.events import CallEvent
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import CrmCondition, Deal, EntityRef, Manager, Person
from integration.domain.ids import AccountId, CallId, ManagerId, PbxId, Timestamp
from integration.domain.numbers.client import Client
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.routing.route import RouteDecision, RouteQuestion
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
    """Receives what happens on a PBX; `services.tracking` implements it."""

    async def on_events(self, events: Sequence[CallEvent]) -> None:
        """Events in order. They are stored when it returns."""

    async def on_resync(self, live: frozenset[CallId], at: Timestamp) -> None:
        """The link is up (again) and the snapshot is complete: `live` are all calls on the PBX. Calls that are live in
        the store and missing from it ended while the link was down."""

    async def on_link(self, is_up: bool, reason: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickToCall:
    """
    `extension`'s phone rings first, then `number` is dialled.

    `request_id` is ours and unique: the PBX channel has its name, so a repeated request finds the call.
    """

    request_id: str
    extension: str
    number: str  # digits with an optional leading +; validated
    crm_call_id: str | None = None


class FindingLevel(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor's report: the check, the result, and what to change (may be empty)."""

    check: str
    level: FindingLevel
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialSample:
    """
    A number as a click in this office dials it; the doctor tries it on the PBX.

    Attributes:
        what: in plain words, "a mobile".
        others: other ways to dial it, each with the settings that make a click dial this way.
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
        """Stay connected, resynchronise after each loss, pass on events; until cancelled."""

    async def click_to_call(self, request: ClickToCall) -> CallId:
        """Start the call. Returns its id at once; the result arrives as events. Raises: Unavailable, Rejected."""

    async def hang_up(self, call: CallId, *, by: str | None = None) -> None:
        """
        End the whole call. `by`: the extension of the employee who pressed, reported as `HangUpPressed`.

        Raises: NotFound when it is over, Unavailable, Rejected.
        """

    async def reject(self, call: CallId, extension: str) -> None:
        """
        Decline the call on all devices of one extension, as a person at the phone would. Other phones keep ringing,
        and the PBX continues as after a declined phone. Reported as `HangUpPressed` too.

        Raises: NotFound when nothing rings there, Unavailable, Rejected.
        """

    async def send_tones(self, call: CallId, digits: str) -> None:
        """
        Send digits as tones to the client's side during the talk, such as the extension behind a voice menu.

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
        """The PBX's part of `dozvon doctor`, including whether the PBX would accept these numbers; never raises."""


class RouteAnswerer(Protocol):
    """Decides where an incoming call goes: PBX adapters ask, `services.routing` implements it."""

    async def route(self, question: RouteQuestion, uniqueid: str) -> RouteDecision:
        """
        Route the call whose first channel is `uniqueid` (the `CallId` is made from it).

        Never raises: the outcome is `reserve` when it cannot decide. Called once a call; the adapter stores the plan
        on the PBX's channel, so later steps need only the channel.
        """


# ---- the CRM -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """A finished call to write into a CRM. `key` is the call's idempotency key, at most 64 ASCII characters."""

    key: str
    call: Call
    client: Client  # `client.written` is what the CRM shows; BareDigits are never looked up
    responsible: ManagerId | None
    recording_url: str | None
    text: str  # one line for people: "queue 600, 35 s wait, transferred 101 → 102"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedCall:
    """Where the CRM stored it: `id` of the note or inbox entry, and its entity."""

    id: str
    entity: EntityRef
    deal: EntityRef | None = None  # inside an inbox entry: identifies the entry after it has left the inbox


class InboxState(StrEnum):
    WAITING = "waiting"
    ACCEPTED = "accepted"
    DECLINED = "declined"  # the content is deleted, or its fate is unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """
    The state of an entry (`ref`, a LEAD) in the CRM's inbox of leads.

    While it waits, searches do not show `deal` and its main `person`; once accepted they are ordinary; once declined
    they are None.
    """

    ref: EntityRef
    state: InboxState
    deal: EntityRef | None = None
    person: EntityRef | None = None


class Crm(Protocol):
    """One account of one CRM. It paces its requests; `priority` chooses their queue."""

    @property
    def condition(self) -> CrmCondition:
        """The CRM's condition according to its last answers; sends no request. Never raises."""

    @property
    def clock_ahead(self) -> float:
        """Seconds by which the CRM's clock is ahead of ours, from its last answer; 0 before the first."""

    async def managers(self) -> list[Manager]: ...

    async def find_persons(self, number: PhoneNumber, *, priority: Priority = Priority.CARD) -> list[Person]:
        """Live search; only persons with exactly this number, oldest first."""

    async def person(self, ref: EntityRef, *, priority: Priority = Priority.CARD) -> Person | None:
        """None when the CRM does not have it."""

    async def deal(self, ref: EntityRef, *, priority: Priority = Priority.CARD) -> Deal | None: ...

    def all_persons(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Person]]:
        """Contacts and companies, page by page, with import priority."""

    def all_deals(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Deal]]: ...

    async def log_call(self, record: CallRecord, target: EntityRef) -> LoggedCall:
        """
        Write the call to this entity's feed, or to an inbox entry (a LEAD) where the CRM allows it.

        Raises:
            OutcomeUnknown: it may be written.
            NotFound: the entity is gone, or the entry has left the inbox (`inbox_entry` says where to).
            InInbox: the CRM does not write into a waiting entry. Keep the call until the entry is accepted.
            NotResponsible: the CRM refuses the record's responsible. All methods with a responsible raise it.
        """

    async def find_logged_call(self, record: CallRecord, target: EntityRef) -> LoggedCall | None:
        """Look for `record.key` where `log_call` puts it."""

    async def log_to_inbox(self, record: CallRecord) -> LoggedCall:
        """Log an unknown caller's call into the CRM's inbox of leads (amoCRM: unsorted)."""

    async def find_in_inbox(self, record: CallRecord) -> LoggedCall | None: ...

    async def inbox_entry(
        self, ref: EntityRef, *, deal: EntityRef | None = None, priority: Priority = Priority.LOG
    ) -> InboxEntry:
        """The state of an entry. `deal`: from `log_to_inbox`; without it an entry that has left is DECLINED."""

    async def create_task(
        self, *, text: str, due_at: Timestamp, responsible: ManagerId | None, target: EntityRef
    ) -> str:
        """Returns the task's id. Raises OutcomeUnknown when it may exist: check with `find_task`."""

    async def find_task(self, *, text: str, target: EntityRef) -> str | None:
        """A task of this entity, open or completed, with exactly this text; the newest one's id."""

    async def is_task_open(self, task: str) -> bool:
        """False: completed, or deleted."""

    async def change_task(self, task: str, *, text: str) -> None:
        """Idempotent. Raises NotFound when the task is gone."""

    async def complete_task(self, task: str, *, result: str) -> None:
        """Complete it with `result` as its text. Idempotent. Raises NotFound when the task is gone."""

    async def create_contact(self, *, name: str, number: PhoneNumber, responsible: ManagerId | None) -> Person: ...

    async def notify_ringing(self, number: PhoneNumber, managers: Sequence[ManagerId]) -> None:
        """Show the CRM's own popup to users without an open widget."""

    def entity_url(self, ref: EntityRef) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WidgetUser:
    """The user of a widget, as the CRM's token proves."""

    account: AccountId
    manager: ManagerId
    is_admin: bool = False


class WidgetGate(Protocol):
    """Authenticates the browser side of a CRM."""

    def user(self, token: str) -> WidgetUser:
        """Raises AuthFailed when the token is missing, expired or not signed by this account's CRM."""

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of this origin may send requests (CORS)."""


# ---- coordination --------------------------------------------------------------------------------------------------


class Coordination(Protocol):
    """Short-lived state that processes share; nothing important is stored only here."""

    @property
    def problem(self) -> str | None:
        """Why the other processes cannot be reached, from the last request; None when they can."""

    async def issue_ticket(self, payload: dict[str, Any], *, ttl_seconds: float) -> str: ...

    async def take_ticket(self, ticket: str) -> dict[str, Any] | None:
        """Single use: the second taker gets None."""

    async def once(self, key: str, *, ttl_seconds: float) -> bool:
        """True for the first caller with this key within the time."""

    async def mark(self, key: str, *, ttl_seconds: float) -> None:
        """Set `key` for this time; extends an earlier mark, never shortens it."""

    async def is_marked(self, key: str) -> bool: ...

    async def count(self, key: str, *, ttl_seconds: float) -> int:
        """Add one and return the count since the first, which expires after `ttl_seconds`."""

    async def forget_count(self, key: str) -> None: ...

    async def take_turn(self, queue: str, pace: Pace) -> Turn:
        """A turn in one queue of all processes. A queue whose state was lost starts with a pause of its window."""

    async def end_turn(self, queue: str, turn: str) -> None: ...

    async def put_off_turns(self, queue: str, seconds: float) -> None: ...

    async def publish(self, channel: str, message: dict[str, Any]) -> None: ...

    def subscribe(self, channel: str) -> AsyncIterator[dict[str, Any]]:
        """Messages published after iteration started."""

    async def close(self) -> None: ...
