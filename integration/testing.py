"""Fakes of the outside for tests of services and for authors of connectors: a clock, a CRM, a PBX. They keep state.

Storage needs no fake: `open_storage("sqlite:///<a temporary file>", ...)` is as easy. To test the protocols, use the
sandbox for the CRM, and the lab or the simulated office for the PBX.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from integration.domain.calls.call import Direction
from integration.domain.calls.events import CallEvent
from integration.domain.calls.intents import Priority
from integration.domain.campaigns.needs import NO_CAMPAIGNS, CampaignNeeds
from integration.domain.connections.abilities import CrmAbilities, PbxAbilities
from integration.domain.connections.link import Link, LinkPhase
from integration.domain.crm.entities import CrmCondition, Deal, EntityKind, EntityRef, InboxClosed, Manager, Person
from integration.domain.crm.filters import CrmFilter, Facts, Pipeline, fits
from integration.domain.ids import CallId, ManagerId, PbxId, Timestamp, call_id
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.numbers.phone_text import match_keys
from integration.domain.people.working_day import WorkingDay
from integration.errors import DozvonError, InInbox, NotFound, NotResponsible, Rejected
from integration.ports.crm import CallRecord, InboxEntry, InboxState, ListedPage, LoggedCall, NextTask
from integration.ports.findings import Finding
from integration.ports.live_calls import LiveCalls
from integration.ports.pbx import CampaignCall, ClickToCall, DialSample, PbxEmployee, PbxListener
from integration.testing_setup import PBX_ABILITIES as PBX_ABILITIES
from integration.testing_setup import FakePbxKind as FakePbxKind
from integration.testing_setup import FakePbxSetup as FakePbxSetup

DEFAULT_PBX = PbxId("pbx")
CRM_ABILITIES = CrmAbilities(
    inbox=True,
    inbox_of_outgoing=False,
    deals=True,
    leads=False,
    tasks=True,
    notes=True,
    popup=True,
    recording_links=True,
    live_calls=False,
    working_day=False,
    webhooks=True,
)


class FakeClock:
    """Implements `ports.Clock`: stands still until the test advances it."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now

    def now(self) -> Timestamp:
        return Timestamp(self._now)

    def advance(self, seconds: float) -> None:
        self._now += seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeTask:
    id: str
    text: str
    due_at: Timestamp
    responsible: ManagerId | None
    target: EntityRef
    result: str | None = None  # of a completed one


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeNote:
    id: str
    text: str
    target: EntityRef
    author: ManagerId | None


@dataclass(slots=True)
class FakeCrm:
    """
    Implements `ports.Crm` in memory. The attributes show what was written.

    A method for what `abilities` lacks raises Rejected: nobody should have called it.

    The next methods raise the errors in `fail_before` one by one, before they do anything. The next writing methods
    raise those in `fail_after`, after they have written (the answer was lost).
    """

    abilities: CrmAbilities = CRM_ABILITIES
    live_calls: LiveCalls | None = None
    clock_ahead: float = 0.0
    condition: CrmCondition = field(default_factory=CrmCondition)
    all_managers: list[Manager] = field(default_factory=list)
    all_pipelines: list[Pipeline] = field(default_factory=list)
    persons: dict[EntityRef, Person] = field(default_factory=dict)
    deals: dict[EntityRef, Deal] = field(default_factory=dict)
    notes: dict[EntityRef, list[CallRecord]] = field(default_factory=lambda: defaultdict(list))
    inbox: list[CallRecord] = field(default_factory=list)  # waiting
    inbox_entries: dict[str, InboxEntry] = field(default_factory=dict)  # by the entry's id, those that have left too
    takes_notes_in_inbox: bool = True
    refuses: set[ManagerId] = field(default_factory=set)  # users who cannot be responsible
    refused: list[ManagerId] = field(default_factory=list)  # each refusal
    tasks: list[FakeTask] = field(default_factory=list)
    texts: list[FakeNote] = field(default_factory=list)  # that managers wrote into feeds
    rang: list[tuple[PhoneNumber, tuple[ManagerId, ...]]] = field(default_factory=list)
    days: dict[ManagerId, WorkingDay] = field(default_factory=dict)
    days_asked: list[tuple[ManagerId, ...]] = field(default_factory=list)
    fail_before: list[DozvonError] = field(default_factory=list)
    fail_after: list[DozvonError] = field(default_factory=list)
    page_size: int = 250
    numbering: Numbering = field(default_factory=Numbering)

    def add(self, *entities: Person | Deal) -> None:
        for entity in entities:
            if isinstance(entity, Person):
                self.persons[entity.ref] = entity
            else:
                self.deals[entity.ref] = entity

    def logged(self, key: str) -> int:
        """How often the call with this key is in the CRM, in notes and inbox together."""
        notes = [record for written in self.notes.values() for record in written]
        return sum(record.key == key for record in [*notes, *self.inbox])

    async def managers(self) -> list[Manager]:
        self._begin()
        return list(self.all_managers)

    async def working_days(self, managers: Sequence[ManagerId]) -> Mapping[ManagerId, WorkingDay]:
        self._needs(self.abilities.working_day)
        self._begin()
        self.days_asked.append(tuple(managers))
        return {each: self.days[each] for each in managers if each in self.days}

    async def find_persons(self, number: PhoneNumber, *, priority: Priority = Priority.CARD) -> list[Person]:
        self._begin()
        found = [person for person in self.persons.values() if self._has_number(person, number)]
        return sorted(found, key=lambda person: (person.created_at, person.ref.id))

    async def person(self, ref: EntityRef, *, priority: Priority = Priority.CARD) -> Person | None:
        self._begin()
        return self.persons.get(ref)

    async def deal(self, ref: EntityRef, *, priority: Priority = Priority.CARD) -> Deal | None:
        self._begin()
        return self.deals.get(ref)

    async def all_persons(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Person]]:
        chosen = [p for p in self.persons.values() if updated_since is None or p.updated_at >= updated_since]
        for start in range(0, len(chosen), self.page_size):
            self._begin()
            yield chosen[start : start + self.page_size]

    async def all_deals(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Deal]]:
        chosen = [d for d in self.deals.values() if updated_since is None or d.updated_at >= updated_since]
        for start in range(0, len(chosen), self.page_size):
            self._begin()
            yield chosen[start : start + self.page_size]

    async def pipelines(self) -> list[Pipeline]:
        self._begin()
        return list(self.all_pipelines)

    async def listed(self, wanted: CrmFilter, *, after: str = "") -> AsyncIterator[ListedPage]:
        entities: list[Person | Deal] = [*self.persons.values(), *self.deals.values()]
        behind = int(after) if after else 0
        chosen = sorted(
            (each for each in entities if each.ref.kind is wanted.kind and int(each.ref.id) > behind),
            key=lambda each: int(each.ref.id),
        )
        for start in range(0, len(chosen), self.page_size):
            self._begin()
            page = chosen[start : start + self.page_size]
            fitting = [each for each in page if not each.is_deleted and fits(wanted, _facts(each))]
            yield ListedPage(fitting, page[-1].ref.id)

    async def log_call(self, record: CallRecord, target: EntityRef) -> LoggedCall:
        self._begin(record.responsible)
        self._check_feed(target)
        self.notes[target].append(record)
        self._end()
        return LoggedCall(id=f"note-{record.key}", entity=target)

    async def find_logged_call(self, record: CallRecord, target: EntityRef) -> LoggedCall | None:
        self._begin()
        if any(written.key == record.key for written in self.notes[target]):
            return LoggedCall(id=f"note-{record.key}", entity=target)
        return None

    async def log_to_inbox(self, record: CallRecord) -> LoggedCall:
        self._needs(self.abilities.inbox and (self.abilities.inbox_of_outgoing or not _is_outgoing(record)))
        self._begin(record.responsible)
        self.inbox.append(record)
        logged = self._inbox_call(record)
        self.inbox_entries[logged.id] = InboxEntry(
            ref=logged.entity,
            state=InboxState.WAITING,
            deal=logged.deal,
            person=EntityRef(EntityKind.CONTACT, f"of-{logged.id}"),
        )
        self._end()
        return logged

    async def find_in_inbox(self, record: CallRecord) -> LoggedCall | None:
        self._needs(self.abilities.inbox)
        self._begin()
        if any(waiting.key == record.key for waiting in self.inbox):
            return self._inbox_call(record)
        for deal in self.deals:
            if any(written.key == record.key for written in self.notes[deal]):
                return LoggedCall(id=f"note-{record.key}", entity=deal)
        return None

    async def inbox_entry(
        self, ref: EntityRef, *, deal: EntityRef | None = None, priority: Priority = Priority.LOG
    ) -> InboxEntry:
        self._needs(self.abilities.inbox)
        self._begin()
        entry = self.inbox_entries.get(ref.id)
        if entry is None or (entry.state is InboxState.ACCEPTED and deal != entry.deal):
            return InboxEntry(ref=ref, state=InboxState.DECLINED)
        return entry

    async def accept_entry(self, ref: EntityRef, *, responsible: ManagerId | None) -> None:
        self._needs(self.abilities.inbox)
        self._begin(responsible)
        if ref.id not in self._waiting():
            raise NotFound("The entry has left the inbox.")
        person = self.inbox_entries[ref.id].person
        self.accept(ref.id)
        assert person is not None
        self.persons[person] = replace(self.persons[person], responsible=responsible)
        self._end()

    async def create_lead(self, *, name: str, number: PhoneNumber, responsible: ManagerId | None) -> Person:
        self._needs(self.abilities.leads)
        self._begin(responsible)
        ref = EntityRef(EntityKind.LEAD, f"new-{len(self.persons) + 1}")
        person = Person(ref=ref, name=name, responsible=responsible, phones=(number.e164,), updated_at=1)
        self.persons[ref] = person
        self._end()
        return person

    async def rename_contact(self, ref: EntityRef, name: str) -> Person:
        self._begin()
        if ref not in self.persons:
            raise NotFound("There is no such contact.")
        self.persons[ref] = replace(self.persons[ref], name=name)
        self._end()
        return self.persons[ref]

    async def change_responsible(self, ref: EntityRef, manager: ManagerId) -> None:
        self._begin(manager)
        if ref in self.persons:
            known = self.persons[ref]
            self.persons[ref] = replace(known, responsible=manager, updated_at=known.updated_at + 1)
        elif ref in self.deals:
            deal = self.deals[ref]
            self.deals[ref] = replace(deal, responsible=manager, updated_at=deal.updated_at + 1)
        else:
            raise NotFound("There is no such card.")
        self._end()

    def accept(self, uid: str) -> InboxClosed:
        """Accept the lead as a person: contact and deal appear, with the calls. Returns the webhook's change."""
        entry = self.inbox_entries[uid]
        assert entry.deal is not None
        assert entry.person is not None
        record = self._leave_inbox(uid)
        person = Person(ref=entry.person, name=record.client.written, responsible=None, phones=(record.client.written,))
        self.add(replace(person, deals=(entry.deal,)))
        self.add(Deal(ref=entry.deal, name=uid, responsible=None, persons=(entry.person,), main_person=entry.person))
        self.notes[entry.deal] += [record, *self.notes.pop(entry.ref, [])]
        self.inbox_entries[uid] = replace(entry, state=InboxState.ACCEPTED)
        return InboxClosed(ref=entry.ref, is_accepted=True, deals=(entry.deal,))

    def decline(self, uid: str) -> InboxClosed:
        """Decline the lead as a person, with everything written into it."""
        entry = self.inbox_entries[uid]
        self._leave_inbox(uid)
        self.notes.pop(entry.ref, None)
        self.inbox_entries[uid] = InboxEntry(ref=entry.ref, state=InboxState.DECLINED)
        return InboxClosed(ref=entry.ref, is_accepted=False)

    def _leave_inbox(self, uid: str) -> CallRecord:
        record = next(each for each in self.inbox if self._inbox_call(each).id == uid)
        self.inbox.remove(record)
        return record

    def _waiting(self) -> set[str]:
        return {id_ for id_, entry in self.inbox_entries.items() if entry.state is InboxState.WAITING}

    def _inbox_call(self, record: CallRecord) -> LoggedCall:
        id_ = f"inbox-{record.key}"
        return LoggedCall(
            id=id_, entity=EntityRef(EntityKind.LEAD, id_), deal=EntityRef(EntityKind.DEAL, f"deal-of-{id_}")
        )

    async def create_task(
        self, *, text: str, due_at: Timestamp, responsible: ManagerId | None, target: EntityRef
    ) -> str:
        self._needs(self.abilities.tasks)
        self._begin(responsible)
        task = FakeTask(
            id=f"task-{len(self.tasks) + 1}", text=text, due_at=due_at, responsible=responsible, target=target
        )
        self.tasks.append(task)
        self._end()
        return task.id

    async def find_task(self, *, text: str, target: EntityRef) -> str | None:
        self._needs(self.abilities.tasks)
        self._begin()
        return next((t.id for t in reversed(self.tasks) if t.text == text and t.target == target), None)

    async def is_task_open(self, task: str) -> bool:
        self._needs(self.abilities.tasks)
        self._begin()
        return any(each.id == task and each.result is None for each in self.tasks)

    async def change_task(self, task: str, *, text: str, due_at: Timestamp | None = None) -> None:
        self._needs(self.abilities.tasks)
        self._begin()
        self._change_task(task, lambda each: replace(each, text=text, due_at=due_at or each.due_at))
        self._end()

    async def complete_task(self, task: str, *, result: str) -> None:
        self._needs(self.abilities.tasks)
        self._begin()
        self._change_task(task, lambda each: replace(each, result=result))
        self._end()

    def _change_task(self, task: str, change: Callable[[FakeTask], FakeTask]) -> None:
        place = next((place for place, each in enumerate(self.tasks) if each.id == task), None)
        if place is None:
            raise NotFound("There is no such task.")
        self.tasks[place] = change(self.tasks[place])

    async def add_note(self, *, text: str, target: EntityRef, author: ManagerId | None) -> str:
        self._needs(self.abilities.notes)
        self._begin(author)
        self._check_feed(target)
        note = FakeNote(id=f"text-{len(self.texts) + 1}", text=text, target=self._inside(target), author=author)
        self.texts.append(note)
        self._end()
        return note.id

    async def find_note(self, *, text: str, target: EntityRef, since: Timestamp) -> str | None:
        self._needs(self.abilities.notes)
        self._begin()
        return next((n.id for n in reversed(self.texts) if n.text == text and n.target == self._inside(target)), None)

    async def change_note(self, note: str, *, text: str, target: EntityRef) -> None:
        self._needs(self.abilities.notes)
        self._begin()
        place = next(
            (at for at, each in enumerate(self.texts) if each.id == note and each.target == self._inside(target)), None
        )
        if place is None:
            raise NotFound("There is no such note.")
        self.texts[place] = replace(self.texts[place], text=text)
        self._end()

    def _inside(self, target: EntityRef) -> EntityRef:
        """The feed of an inbox entry is its deal's."""
        entry = self.inbox_entries.get(target.id) if target.kind is EntityKind.LEAD else None
        return entry.deal if entry is not None and entry.deal is not None else target

    def _check_feed(self, target: EntityRef) -> None:
        if target.kind is EntityKind.LEAD and target not in self.persons:
            if target.id not in self._waiting():
                raise NotFound("The entry has left the inbox.")
            if not self.takes_notes_in_inbox:
                raise InInbox("A waiting entry accepts no notes.")
        elif target not in self.persons and target not in self.deals:
            raise NotFound("There is no such entity.")

    async def create_contact(self, *, name: str, number: PhoneNumber, responsible: ManagerId | None) -> Person:
        self._begin(responsible)
        ref = EntityRef(EntityKind.CONTACT, f"new-{len(self.persons) + 1}")
        person = Person(ref=ref, name=name, responsible=responsible, phones=(number.e164,))
        self.persons[ref] = person
        self._end()
        return person

    async def create_deal(self, *, name: str, person: EntityRef, responsible: ManagerId | None) -> Deal:
        self._needs(self.abilities.deals)
        self._begin(responsible)
        if person not in self.persons:
            raise Rejected("There is no such person.", code="person")
        ref = EntityRef(EntityKind.DEAL, f"new-{len(self.deals) + 1}")
        self.deals[ref] = Deal(
            ref=ref,
            name=name,
            responsible=responsible,
            persons=(person,),
            main_person=person,
            updated_at=int(time.time()),
        )
        self._end()
        return self.deals[ref]

    async def find_deal(self, *, name: str, person: EntityRef, since: Timestamp) -> Deal | None:
        self._begin()
        found = (deal for deal in self.deals.values() if deal.name == name and person in deal.persons)
        return next((deal for deal in found if deal.updated_at >= since), None)

    async def next_task(self, person: EntityRef, deals: Sequence[EntityRef]) -> NextTask | None:
        self._needs(self.abilities.tasks)  # asked behind cards: takes no error that a test meant for another request
        opened = [task for task in self.tasks if task.result is None and task.target in (person, *deals)]
        first = min(opened, key=lambda task: task.due_at, default=None)
        return NextTask(text=first.text, due_at=first.due_at) if first is not None else None

    async def notify_ringing(self, number: PhoneNumber, managers: Sequence[ManagerId]) -> None:
        self._needs(self.abilities.popup)
        self._begin()
        self.rang.append((number, tuple(managers)))
        self._end()

    def entity_url(self, ref: EntityRef) -> str:
        return f"https://crm.example/{ref.kind}s/{ref.id}"

    def _needs(self, ability: bool) -> None:
        if not ability:
            raise Rejected("This CRM cannot do it.", code="no_ability")

    def _begin(self, responsible: ManagerId | None = None) -> None:
        if self.fail_before:
            raise self.fail_before.pop(0)
        if responsible in self.refuses and responsible is not None:
            self.refused.append(responsible)
            raise NotResponsible("This user cannot be responsible.", manager=responsible)

    def _end(self) -> None:
        if self.fail_after:
            raise self.fail_after.pop(0)

    def _has_number(self, person: Person, number: PhoneNumber) -> bool:
        return number.match_key in match_keys(person.phones, self.numbering)


def _facts(entity: Person | Deal) -> Facts:
    if isinstance(entity, Person):
        return Facts(responsible=entity.responsible, created_at=entity.created_at)
    return Facts(
        responsible=entity.responsible,
        created_at=0,
        pipeline=entity.pipeline or "",
        stage=entity.stage or "",
        is_open=entity.is_open,
    )


def _is_outgoing(record: CallRecord) -> bool:
    return record.call.direction is Direction.OUTBOUND


@dataclass(frozen=True, slots=True)
class Redirect:
    call: CallId
    extension: str


@dataclass(frozen=True, slots=True)
class HandOver:
    call: CallId
    extension: str
    ring_seconds: int
    answers_itself: bool


@dataclass(slots=True)
class FakePbx:
    """
    Implements `ports.Pbx`. `emit` sends events to the listener of `run`; the attributes keep the requests.

    A resync finds the calls in `live`; `away` is the link while there is none; the next requests raise the errors in
    `fail_next` one by one.
    """

    id: PbxId = DEFAULT_PBX
    abilities: PbxAbilities = PBX_ABILITIES
    is_connected: bool = False
    away: Link = field(default_factory=Link)
    live: frozenset[CallId] = frozenset()
    extensions: list[PbxEmployee] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    clicks: list[ClickToCall] = field(default_factory=list)
    dialled: list[CampaignCall] = field(default_factory=list)
    hand_overs: list[HandOver] = field(default_factory=list)
    sounds: dict[str, bytes] = field(default_factory=dict)
    hung_up: list[CallId] = field(default_factory=list)
    rejected: list[tuple[CallId, str]] = field(default_factory=list)
    tones: list[tuple[CallId, str]] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)
    held: set[CallId] = field(default_factory=set)
    fail_next: list[DozvonError] = field(default_factory=list)
    setup: FakePbxSetup = field(default_factory=FakePbxSetup)
    _listener: PbxListener | None = None
    _up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def link(self) -> Link:
        return Link(phase=LinkPhase.UP) if self.is_connected else self.away

    async def run(self, listener: PbxListener) -> None:
        self._listener = listener
        self.is_connected = True
        try:
            await listener.on_link(True, "connected")
            await listener.on_resync(self.live, Timestamp(0.0))
            self._up.set()
            await asyncio.get_running_loop().create_future()
        finally:
            self.is_connected = False
            self._up.clear()

    async def emit(self, events: Iterable[CallEvent]) -> None:
        """Wait until `run` is called, and return when the listener has stored the events."""
        await self._up.wait()
        assert self._listener is not None
        await self._listener.on_events(list(events))

    async def click_to_call(self, request: ClickToCall) -> CallId:
        self._begin()
        self.clicks.append(request)
        return call_id(self.id, request.request_id)

    async def dial(self, request: CampaignCall) -> CallId:
        self._begin()
        self.dialled.append(request)
        return self.call_of(request.attempt)

    def call_of(self, attempt: str) -> CallId:
        return call_id(self.id, attempt)

    async def hand_over(self, call: CallId, extension: str, *, ring_seconds: int, answers_itself: bool = False) -> None:
        self._begin()
        self.hand_overs.append(HandOver(call, extension, ring_seconds, answers_itself))

    async def place_sound(self, wav: bytes) -> str:
        self._begin()
        name = f"sound-{hashlib.sha256(wav).hexdigest()[:16]}"
        self.sounds[name] = wav
        return name

    async def hang_up(self, call: CallId, *, by: str | None = None) -> None:
        self._begin()
        self.hung_up.append(call)

    async def reject(self, call: CallId, extension: str) -> None:
        self._begin()
        self.rejected.append((call, extension))

    async def send_tones(self, call: CallId, digits: str) -> None:
        self._begin()
        self.tones.append((call, digits))

    async def redirect(self, call: CallId, extension: str) -> None:
        self._begin()
        self.redirects.append(Redirect(call, extension))

    async def hold(self, call: CallId, *, on: bool) -> None:
        self._begin()
        if on:
            self.held.add(call)
        else:
            self.held.discard(call)

    async def employees(self) -> list[PbxEmployee]:
        self._begin()
        return [replace(employee) for employee in self.extensions]

    async def recording(self, file: str, call: object = None) -> AsyncIterator[bytes]:
        self._begin()
        if file not in self.files:
            raise NotFound("There is no such recording.")
        yield self.files[file]

    async def diagnose(self, samples: Sequence[DialSample] = (), needs: CampaignNeeds = NO_CAMPAIGNS) -> list[Finding]:
        return await self.setup.diagnose(samples, needs)

    def _begin(self) -> None:
        if self.fail_next:
            raise self.fail_next.pop(0)
