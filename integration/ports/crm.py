"""A CRM: its people and deals, the place for calls, and the users of its pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from integration.domain.calls.call import Call
from integration.domain.calls.intents import Priority
from integration.domain.connections.abilities import CrmAbilities
from integration.domain.crm.entities import CrmCondition, Deal, EntityRef, Manager, Person
from integration.domain.crm.filters import CrmFilter, Pipeline
from integration.domain.ids import AccountId, ManagerId, Timestamp
from integration.domain.numbers.client import Client
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.people.working_day import WorkingDay
from integration.ports.live_calls import LiveCalls


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTask:
    """A client's open task in the CRM. `due_at` None: it has no deadline."""

    text: str
    due_at: Timestamp | None


@dataclass(frozen=True, slots=True)
class ListedPage:
    """Objects of a list, without deleted ones; `after` says where the next page begins."""

    items: Sequence[Person | Deal]
    after: str


class Crm(Protocol):
    """One account of one CRM. It paces its requests; `priority` chooses their queue."""

    @property
    def condition(self) -> CrmCondition:
        """The CRM's condition according to its last answers; sends no request. Never raises."""

    @property
    def abilities(self) -> CrmAbilities:
        """What this kind of CRM can do. Methods for what it cannot are not called."""

    @property
    def live_calls(self) -> LiveCalls | None:
        """The calls that go on; None: the CRM has not the ability of this name."""

    @property
    def clock_ahead(self) -> float:
        """Seconds by which the CRM's clock is ahead of ours, from its last answer; 0 before the first."""

    async def managers(self) -> list[Manager]: ...

    async def working_days(self, managers: Sequence[ManagerId]) -> Mapping[ManagerId, WorkingDay]:
        """
        Whether the working days of these managers run now; those without one, or whose the CRM does not show, are left
        out. For the ability `working_day`; with import priority.
        """

    async def find_persons(self, number: PhoneNumber, *, priority: Priority = Priority.CARD) -> list[Person]:
        """Live search; only persons with exactly this number, oldest first."""

    async def person(self, ref: EntityRef, *, priority: Priority = Priority.CARD) -> Person | None:
        """None if the CRM does not have it."""

    async def deal(self, ref: EntityRef, *, priority: Priority = Priority.CARD) -> Deal | None: ...

    def all_persons(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Person]]:
        """Contacts, companies, and leads that are persons, page by page, with import priority."""

    def all_deals(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Deal]]: ...

    async def pipelines(self) -> list[Pipeline]:
        """Of deals, with their stages; with import priority."""

    def listed(self, wanted: CrmFilter, *, after: str = "") -> AsyncIterator[ListedPage]:
        """
        The objects that fit a filter, by rising id, page by page, with import priority.

        Args:
            after: `ListedPage.after` of the last page that was used: goes on behind it.

        Raises:
            Rejected: this CRM has no such kind, or no list of it.
        """

    async def log_call(self, record: CallRecord, target: EntityRef) -> LoggedCall:
        """
        Write the call to this entity's feed, or to an inbox entry (a LEAD) where the CRM allows it.

        Raises:
            OutcomeUnknown: it may be written.
            NotFound: the entity is gone, or the entry has left the inbox (`inbox_entry` shows where it went).
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

    async def accept_entry(self, ref: EntityRef, *, responsible: ManagerId | None) -> None:
        """
        Take an entry out of the inbox, as a person does: its contact and its deal appear, with its calls.

        Raises:
            NotFound: it has left the inbox. OutcomeUnknown: it may have left (check with `inbox_entry`).
        """

    async def rename_contact(self, ref: EntityRef, name: str) -> Person:
        """Idempotent. Returns the contact as it is now. Raises NotFound when it is gone."""

    async def change_responsible(self, ref: EntityRef, manager: ManagerId) -> None:
        """
        Give a contact, a company, a deal, or a lead that is a person to this manager. Idempotent.

        Raises:
            NotFound: it is gone. NotResponsible: the CRM refuses this user; nothing was changed.
        """

    async def create_task(
        self, *, text: str, due_at: Timestamp, responsible: ManagerId | None, target: EntityRef
    ) -> str:
        """Returns the task's id. Raises OutcomeUnknown when it may exist: check with `find_task`."""

    async def find_task(self, *, text: str, target: EntityRef) -> str | None:
        """A task of this entity, open or completed, with exactly this text; the newest one's id."""

    async def is_task_open(self, task: str) -> bool:
        """False: completed, or deleted."""

    async def change_task(self, task: str, *, text: str, due_at: Timestamp | None = None) -> None:
        """`due_at` None: it stays. Idempotent. Raises NotFound when the task is gone."""

    async def complete_task(self, task: str, *, result: str) -> None:
        """Complete it with `result` as its text. Idempotent. Raises NotFound when the task is gone."""

    async def next_task(self, person: EntityRef, deals: Sequence[EntityRef]) -> NextTask | None:
        """The open task of this person or of these deals that is due first; for the card, with its priority."""

    async def create_deal(self, *, name: str, person: EntityRef, responsible: ManagerId | None) -> Deal:
        """A deal of this contact or company, in the CRM's usual pipeline. Raises OutcomeUnknown when it may exist:
        check with `find_deal`."""

    async def find_deal(self, *, name: str, person: EntityRef, since: Timestamp) -> Deal | None:
        """A deal of this person with exactly this name that was made since then."""

    async def add_note(self, *, text: str, target: EntityRef, author: ManagerId | None) -> str:
        """
        Write a text of several lines into an entity's feed. Returns the note's id.

        Raises:
            OutcomeUnknown: it may be written: look with `find_note`.
            NotFound, InInbox: as `log_call`. NotResponsible: the CRM refuses the author.
        """

    async def find_note(self, *, text: str, target: EntityRef, since: Timestamp) -> str | None:
        """A note with exactly this text that was written or changed at `since` or later; the newest one's id."""

    async def change_note(self, note: str, *, text: str, target: EntityRef) -> None:
        """Idempotent. Raises NotFound when the note or its entity is gone."""

    async def create_lead(self, *, name: str, number: PhoneNumber, responsible: ManagerId | None) -> Person:
        """
        A lead that is a person, for the ability `leads`; an account that works without leads makes a contact instead.
        Raises: OutcomeUnknown if it may exist: look with `find_persons`.
        """

    async def create_contact(self, *, name: str, number: PhoneNumber, responsible: ManagerId | None) -> Person: ...

    async def notify_ringing(self, number: PhoneNumber, managers: Sequence[ManagerId]) -> None:
        """Show the CRM's own popup to users without an open widget."""

    def entity_url(self, ref: EntityRef) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WidgetUser:
    """
    The user of a widget, as the CRM's token proves.

    Attributes:
        token_id: of the token, where a replay matters; empty: the CRM gives none.
        token_until: when the token ends; None: not known.
    """

    account: AccountId
    manager: ManagerId
    is_admin: bool = False
    token_id: str = field(default="", compare=False)
    token_until: Timestamp | None = field(default=None, compare=False)


class WidgetGate(Protocol):
    """Authenticates the browser side of a CRM."""

    def user(self, token: str) -> WidgetUser:
        """Raises AuthFailed when the token is missing, expired or not signed by this account's CRM."""

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of this origin may send requests (CORS)."""
