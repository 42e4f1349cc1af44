"""Brings the CRM into step with the notes of calls: the note in the feed that has the call, and the planned task.

Theory of operation. A note's deliveries stand in the outbox behind the call's own entry (`ports/notes.py`), so it is
known where the call is when they are carried out. They take the note as it is then, and store what the CRM has of it
(`InCrm`). A CRM keeps no key of ours with a note or a task, so after a lost answer we look for the text, which names
the moment of the call. The text is stored with the item before the first attempt. What is in the CRM already is
changed there, which may be repeated. An entry that waits in the CRM's inbox is followed to where it goes; the notes
wait with it where the CRM takes none.

`services/call_notes.py` decides who may write.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from integration.domain.calls.call import Call
from integration.domain.calls.intents import IntentKind
from integration.domain.calls.notes import CallNote, InCrm, note_brought, task_brought, to_deliver
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.crm.identity import ranked
from integration.domain.ids import ManagerId
from integration.domain.numbers.client import client_of
from integration.domain.numbers.phone import PhoneNumber
from integration.errors import InInbox, NotFound
from integration.ports.clock import Clock
from integration.ports.crm import InboxState
from integration.ports.notes import CallNotes
from integration.ports.stores import CallStore, Outbox, OutboxItem, OutboxState
from integration.services.accounts import Account
from integration.services.callback_tasks import local_time
from integration.services.delivery import Expired, NotYet
from integration.services.responsible import with_responsible
from integration.texts.call_notes import note_text, task_text

log = structlog.get_logger()

_LOOK_AT_ENTRY_SECONDS = 300.0  # of the call, if it was given up: somebody may press "retry"
_LOOK_AGAIN_SECONDS = 120.0  # at an entry of the inbox that takes no notes; less and less often
_LOOK_AGAIN_AT_MOST_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a call is in the CRM. `target`: for writing; `kept`: what stays right when an inbox entry is accepted."""

    target: EntityRef
    kept: EntityRef


class _Nowhere(Exception):
    """The call is not in the CRM and never will be."""


class NoteDelivery:
    def __init__(self, *, notes: CallNotes, calls: CallStore, outbox: Outbox, clock: Clock) -> None:
        self._notes = notes
        self._calls = calls
        self._outbox = outbox
        self._clock = clock

    async def queue_behind(self, account: Account, call: Call) -> None:
        """Queue the delivery of what was written during the call. The call's entry in the CRM was just made."""
        await self._notes.queue_for(account.id, call.id, lambda note: to_deliver(note, self._clock.now()))

    async def write_note(self, account: Account, item: OutboxItem) -> dict[str, Any]:
        """Write the manager's note, or change it."""
        call, note = await self._read(account, item)
        if not account.crm.abilities.notes:
            return await self._given_up(note, note_brought, note.revision, "no_notes")
        text = self._note_text(account, call, note)
        try:
            if note.note is not None:
                await account.crm.change_note(note.note.id, text=text, target=note.note.at)
                in_crm = _at_revision(note.note, note.revision)
            else:
                in_crm = await self._write_new(account, call, note, item, text)
        except _Nowhere as exc:
            return await self._given_up(note, note_brought, note.revision, str(exc))
        except NotFound:
            if note.note is None:
                raise
            return await self._given_up(note, note_brought, note.revision, "deleted_in_crm")
        await self._brought(note, note_brought, note.revision, in_crm)
        return _result(in_crm)

    async def plan_task(self, account: Account, item: OutboxItem) -> dict[str, Any]:
        """Create the manager's next step as a task, or change it."""
        call, note = await self._read(account, item)
        step = note.next_step
        if step is None:
            raise Expired
        if not account.crm.abilities.tasks:
            return await self._given_up(note, task_brought, note.step_revision, "no_tasks")
        text = task_text(account.settings.language, at=_moment_of(account, call), text=step.text)
        try:
            if note.task is not None:
                await account.crm.change_task(note.task.id, text=text, due_at=step.due_at)
                in_crm = _at_revision(note.task, note.step_revision)
            else:
                in_crm = await self._plan_new(account, call, note, item, text)
        except _Nowhere as exc:
            return await self._given_up(note, task_brought, note.step_revision, str(exc))
        except NotFound:
            if note.task is None:
                raise
            return await self._given_up(note, task_brought, note.step_revision, "deleted_in_crm")
        await self._brought(note, task_brought, note.step_revision, in_crm)
        return _result(in_crm)

    # ---- writing ---------------------------------------------------------------------------------------------------

    async def _write_new(self, account: Account, call: Call, note: CallNote, item: OutboxItem, text: str) -> InCrm:
        crm = account.crm

        async def find(sent: str, at: EntityRef) -> str | None:
            return await crm.find_note(text=sent, target=at, since=call.started_at)

        async def write(at: EntityRef, manager: ManagerId | None) -> str:
            return await crm.add_note(text=text, target=at, author=manager)

        in_crm, sent = await self._made(account, call, note, item, text, find, write)
        if sent != text:  # typed on between the two attempts
            await crm.change_note(in_crm.id, text=text, target=in_crm.at)
        return _at_revision(in_crm, note.revision)

    async def _plan_new(self, account: Account, call: Call, note: CallNote, item: OutboxItem, text: str) -> InCrm:
        crm, step = account.crm, note.next_step
        assert step is not None

        async def find(sent: str, at: EntityRef) -> str | None:
            return await crm.find_task(text=sent, target=at)

        async def write(at: EntityRef, manager: ManagerId | None) -> str:
            return await crm.create_task(text=text, due_at=step.due_at, responsible=manager, target=at)

        in_crm, sent = await self._made(account, call, note, item, text, find, write)
        if sent != text:
            await crm.change_task(in_crm.id, text=text, due_at=step.due_at)
        return _at_revision(in_crm, note.step_revision)

    async def _made(
        self,
        account: Account,
        call: Call,
        note: CallNote,
        item: OutboxItem,
        text: str,
        find: Callable[[str, EntityRef], Awaitable[str | None]],
        write: Callable[[EntityRef, ManagerId | None], Awaitable[str]],
    ) -> tuple[InCrm, str]:
        """Find what an earlier attempt has written, or write it. Returns it with the text that it has."""
        place = await self._place(account, call)
        sent = item.payload.get("text")
        if item.is_uncertain and isinstance(sent, str):
            found = await find(sent, place.target)
            if found is not None:
                return InCrm(id=found, at=place.kept, revision=0, responsible=note.manager), sent
        await self._outbox.amend(item, {**item.payload, "text": text})
        try:
            made, manager = await with_responsible(account, note.manager, partial(write, place.target), line=call.line)
        except (InInbox, NotFound) as exc:
            if isinstance(exc, NotFound) and not _is_in_inbox(account, place.target):
                raise
            age = self._clock.now() - (call.ended_at or call.started_at)
            seconds = min(max(age / 10, _LOOK_AGAIN_SECONDS), _LOOK_AGAIN_AT_MOST_SECONDS)
            why = "waits until the entry of this number in the CRM's inbox is accepted"
            raise NotYet(why, seconds=seconds, afresh=True) from exc
        return InCrm(id=made, at=place.kept, revision=0, responsible=manager), text

    async def _place(self, account: Account, call: Call) -> _Place:
        """Raises: _Nowhere, NotYet, and the CRM's errors."""
        items = await self._outbox.of_call(account.id, call.id)
        entry = next((each for each in items if each.kind is IntentKind.LOG_CALL), None)
        if entry is not None and entry.state in (OutboxState.DEAD, OutboxState.WAITING):
            raise NotYet("the call itself is not in the CRM yet", seconds=_LOOK_AT_ENTRY_SECONDS, afresh=True)
        logged = entry.result if entry is not None and entry.result is not None else {}
        if "entity" not in logged:
            raise _Nowhere(str(logged.get("skipped", "not_logged")))
        target = EntityRef(EntityKind(logged["entity"]["kind"]), str(logged["entity"]["id"]))
        if _is_in_inbox(account, target):
            inside = EntityRef(EntityKind.DEAL, str(logged["deal"])) if logged.get("deal") else None
            return await self._followed(account, target, inside)
        if target.kind is not EntityKind.DEAL and await account.crm.person(target) is None:
            return await self._moved(account, call, target)
        return _Place(target, target)

    async def _followed(self, account: Account, entry: EntityRef, inside: EntityRef | None) -> _Place:
        """Where an entry of the CRM's inbox is now."""
        became = await account.crm.inbox_entry(entry, deal=inside)
        if became.state is InboxState.WAITING:
            return _Place(entry, became.deal or inside or entry)
        target = became.deal or became.person
        if became.state is InboxState.DECLINED or target is None:
            raise _Nowhere("declined")
        return _Place(target, target)

    async def _moved(self, account: Account, call: Call, gone: EntityRef) -> _Place:
        """The person who has the client's number after `gone` was merged with another one, or deleted."""
        number = client_of(call, account.settings.numbering)
        persons = await account.crm.find_persons(number) if isinstance(number, PhoneNumber) else []
        heir = next((each.ref for each in ranked(persons, []) if each.ref != gone), None)
        if heir is None:
            raise _Nowhere("deleted_in_crm")
        return _Place(heir, heir)

    # ---- our side --------------------------------------------------------------------------------------------------

    async def _read(self, account: Account, item: OutboxItem) -> tuple[Call, CallNote]:
        call = await self._calls.get(account.id, item.call)
        note = await self._notes.get(account.id, item.call, ManagerId(str(item.payload.get("manager", ""))))
        if call is None or note is None or call.elsewhere:
            raise Expired
        return call, note

    async def _brought(
        self,
        note: CallNote,
        store: Callable[[CallNote, int, InCrm | None], CallNote],
        revision: int,
        in_crm: InCrm | None,
    ) -> None:
        """Store what the CRM has, and queue what was typed meanwhile."""
        await self._notes.change(
            note.account,
            note.call,
            note.manager,
            lambda present: store(present, revision, in_crm),
            lambda present: to_deliver(present, self._clock.now()),
        )

    async def _given_up(
        self, note: CallNote, store: Callable[[CallNote, int, InCrm | None], CallNote], revision: int, why: str
    ) -> dict[str, Any]:
        log.info("a note stays in Dozvon", account_id=note.account, call_id=note.call, why=why)
        await self._brought(note, store, revision, None)
        return {"skipped": why}

    def _note_text(self, account: Account, call: Call, note: CallNote) -> str:
        return note_text(
            account.settings.language,
            at=_moment_of(account, call),
            name=account.manager_name(note.manager) or note.manager,
            result=note.result,
            text=note.text,
        )


def _is_in_inbox(account: Account, target: EntityRef) -> bool:
    """Where the CRM has no inbox, a lead is a person."""
    return target.kind is EntityKind.LEAD and account.crm.abilities.inbox


def _moment_of(account: Account, call: Call) -> str:
    """To the second: two calls of a client may begin in one minute."""
    return local_time(call.started_at, account.settings.zone, seconds=True)


def _at_revision(in_crm: InCrm, revision: int) -> InCrm:
    return InCrm(id=in_crm.id, at=in_crm.at, revision=revision, responsible=in_crm.responsible)


def _result(in_crm: InCrm) -> dict[str, Any]:
    return {
        "id": in_crm.id,
        "entity": {"kind": in_crm.at.kind, "id": in_crm.at.id},
        "responsible": in_crm.responsible,
    }
