"""Implements the Crm port for one portal.

`api/` handles tokens, pacing and statuses, `mapping.py` JSON; what is said to the portal is in the modules named after
it. Live calls are in `calls.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import structlog

from connectors.bitrix24 import changes, filtered, lists, mapping, search
from connectors.bitrix24.api.transport import Transport
from connectors.bitrix24.calls import PortalCalls
from connectors.bitrix24.feed import Feed
from connectors.bitrix24.objects import Objects
from connectors.bitrix24.people import People
from connectors.bitrix24.webhooks import Touched
from integration.domain.calls.intents import Priority
from integration.domain.connections.abilities import CrmAbilities
from integration.domain.crm.entities import (
    PERSON_KINDS,
    CrmChange,
    CrmCondition,
    Deal,
    EntityKind,
    EntityRef,
    Manager,
    Person,
)
from integration.domain.crm.filters import CrmFilter, Pipeline
from integration.domain.ids import AccountId, ManagerId, Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING, Numbering
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.people.working_day import WorkingDay
from integration.errors import Rejected
from integration.ports.crm import CallRecord, InboxEntry, ListedPage, LoggedCall, NextTask

_log = structlog.get_logger()

_RINGING = "☎ {number}"  # no words: the language of a portal's user is not known here


ABILITIES = CrmAbilities(
    inbox=False,
    inbox_of_outgoing=False,
    deals=True,
    leads=True,
    tasks=True,
    notes=True,
    popup=True,
    recording_links=False,  # a comment plays nothing
    live_calls=True,
    working_day=True,
    webhooks=True,
)
# The telephony is closed to an incoming webhook, and it can bind no events.
ABILITIES_OF_WEBHOOK = replace(ABILITIES, live_calls=False, webhooks=False)


class Bitrix24Crm:
    """
    One portal (`integration.ports.crm.Crm`). `transport` belongs to the caller. For one event loop.

    Args:
        portal_url: the portal's present address, `https://acme.bitrix24.ru`; empty while it is not known.
    """

    def __init__(
        self,
        account: AccountId,
        transport: Transport,
        *,
        portal_url: Callable[[], str],
        numbering: Numbering = DEFAULT_NUMBERING,
        abilities: CrmAbilities = ABILITIES,
    ) -> None:
        self.account = account
        self.abilities = abilities
        self._transport = transport
        self._portal_url = portal_url
        self._numbering = numbering
        self._objects = Objects(transport)
        self._people = People(transport)
        self._feed = Feed(transport)
        self._live_calls = PortalCalls(transport, self._objects.source_id)

    @property
    def condition(self) -> CrmCondition:
        return self._transport.standing.condition

    @property
    def live_calls(self) -> PortalCalls:
        return self._live_calls

    @property
    def clock_ahead(self) -> float:
        return self._transport.clock_ahead

    def forget(self) -> None:
        """The application was installed again, or removed: drop everything learned before."""
        self._objects.forget()
        self._transport.standing.allowed()

    def adopt(self, condition: CrmCondition) -> None:
        """Apply a condition that another process learned from the portal."""
        self._transport.standing.adopt(condition)

    def on_condition(self, told: Callable[[CrmCondition], None]) -> None:
        """`told` gets each change of `condition`."""
        self._transport.standing.told = told

    def close(self) -> None:
        self._transport.standing.close()

    # ---- people, persons, deals

    async def managers(self) -> list[Manager]:
        return await self._people.managers()

    async def working_days(self, managers: Sequence[ManagerId]) -> Mapping[ManagerId, WorkingDay]:
        return await self._people.working_days(managers)

    async def find_persons(self, number: PhoneNumber, *, priority: Priority = Priority.CARD) -> list[Person]:
        return await search.find_persons(self._transport, number, self._numbering, priority=priority)

    async def person(self, ref: EntityRef, *, priority: Priority = Priority.CARD) -> Person | None:
        return await self._objects.person(ref, priority)

    async def deal(self, ref: EntityRef, *, priority: Priority = Priority.CARD) -> Deal | None:
        return await self._objects.deal(ref, priority)

    async def all_persons(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Person]]:
        for kind in PERSON_KINDS:
            try:
                async for items in self._all(kind, ("*",), updated_since):
                    yield [mapping.person(each, kind) for each in items]
            except Rejected as exc:
                if kind is not EntityKind.LEAD:
                    raise
                # Leads may be closed to the application's user: the phone book has the others all the same.
                _log.info("Bitrix24 does not show its leads", account_id=self.account, error=str(exc))

    async def all_deals(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Deal]]:
        names = await self._objects.stage_names(Priority.IMPORT)
        async for items in self._all(EntityKind.DEAL, mapping.DEAL_FIELDS, updated_since):
            yield [mapping.deal(each, names) for each in items]

    def _all(
        self, kind: EntityKind, select: Sequence[str], updated_since: int | None
    ) -> AsyncIterator[list[mapping.Json]]:
        conditions = {} if updated_since is None else {">=updatedTime": mapping.written_at(updated_since)}
        return lists.items(self._transport, kind, select=select, conditions=conditions, priority=Priority.IMPORT)

    async def pipelines(self) -> list[Pipeline]:
        return await self._objects.pipelines()

    async def listed(self, wanted: CrmFilter, *, after: str = "") -> AsyncIterator[ListedPage]:
        names = await self._objects.stage_names(Priority.IMPORT)
        async for page in filtered.listed(self._transport, wanted, names, after=after):
            yield page

    async def read_changes(self, events: Iterable[Touched]) -> list[CrmChange]:
        """The objects that events name, as they are now. Raises: the CRM's errors."""
        return await changes.read_changes(self._transport, self._objects, events)

    async def create_contact(self, *, name: str, number: PhoneNumber, responsible: ManagerId | None) -> Person:
        """Raises: OutcomeUnknown if the contact may exist: look with `find_persons` before repeating."""
        return await self._objects.create_contact(name, number, responsible)

    async def create_lead(self, *, name: str, number: PhoneNumber, responsible: ManagerId | None) -> Person:
        return await self._objects.create_lead(name, number, responsible)

    async def rename_contact(self, ref: EntityRef, name: str) -> Person:
        return await self._objects.rename_contact(ref, name)

    async def change_responsible(self, ref: EntityRef, manager: ManagerId) -> None:
        """The portal takes dismissed users, too."""
        await self._objects.change_responsible(ref, manager)

    async def create_deal(self, *, name: str, person: EntityRef, responsible: ManagerId | None) -> Deal:
        """Raises: Rejected for a lead: it becomes a deal by being converted."""
        return await self._objects.create_deal(name, person, responsible)

    async def find_deal(self, *, name: str, person: EntityRef, since: Timestamp) -> Deal | None:
        return await self._objects.find_deal(name, person, since)

    # ---- tasks, notes, notices

    async def create_task(
        self, *, text: str, due_at: Timestamp, responsible: ManagerId | None, target: EntityRef
    ) -> str:
        return await self._feed.create_task(text=text, due_at=due_at, responsible=responsible, target=target)

    async def find_task(self, *, text: str, target: EntityRef) -> str | None:
        return await self._feed.find_task(text, target)

    async def is_task_open(self, task: str) -> bool:
        return await self._feed.is_task_open(task)

    async def change_task(self, task: str, *, text: str, due_at: Timestamp | None = None) -> None:
        await self._feed.change_task(task, text=text, due_at=due_at)

    async def complete_task(self, task: str, *, result: str) -> None:
        await self._feed.complete_task(task, result=result)

    async def next_task(self, person: EntityRef, deals: Sequence[EntityRef]) -> NextTask | None:
        return await self._feed.next_task(person, tuple(deals))

    async def add_note(self, *, text: str, target: EntityRef, author: ManagerId | None) -> str:
        """`author` is named in the text only: the portal names the application's user."""
        return await self._feed.add_note(text, target)

    async def find_note(self, *, text: str, target: EntityRef, since: Timestamp) -> str | None:
        return await self._feed.find_note(text, target, since)

    async def change_note(self, note: str, *, text: str, target: EntityRef) -> None:
        await self._feed.change_note(note, text)

    async def notify_ringing(self, number: PhoneNumber, managers: Sequence[ManagerId]) -> None:
        """A notice in the portal and its mobile application. The next one of this number replaces it."""
        await self._people.notify(managers, _RINGING.format(number=number.e164), tag=f"dozvon-{number.digits}")

    def entity_url(self, ref: EntityRef) -> str:
        """Relative to the CRM until the portal's address is known."""
        return f"{self._portal_url()}/crm/{ref.kind}/details/{ref.id}/"

    # ---- calls of a portal whose telephony is closed to us

    async def log_call(self, record: CallRecord, target: EntityRef) -> LoggedCall:
        return await self._feed.write_call(record, target)

    async def find_logged_call(self, record: CallRecord, target: EntityRef) -> LoggedCall | None:
        return await self._feed.find_call(record, target)

    async def log_to_inbox(self, record: CallRecord) -> LoggedCall:
        raise _no_inbox()

    async def find_in_inbox(self, record: CallRecord) -> LoggedCall | None:
        return None

    async def inbox_entry(
        self, ref: EntityRef, *, deal: EntityRef | None = None, priority: Priority = Priority.LOG
    ) -> InboxEntry:
        raise _no_inbox()

    async def accept_entry(self, ref: EntityRef, *, responsible: ManagerId | None) -> None:
        raise _no_inbox()


def _no_inbox() -> Rejected:
    return Rejected("Bitrix24 has no inbox: a lead or a contact is made of a stranger", code="inbox")
