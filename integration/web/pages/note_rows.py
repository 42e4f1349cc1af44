"""Turns the notes of a call into rows for its page: who wrote what, and what the CRM has of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from integration.domain.calls.intents import IntentKind
from integration.domain.calls.notes import CallNote
from integration.ports.stores import OutboxItem, OutboxState
from integration.services.accounts import Account
from integration.web.pages.view import moment

_STATES = {
    OutboxState.WAITING: ("note_waits", "warn"),
    OutboxState.DEAD: ("note_given_up", "bad"),
    OutboxState.DISCARDED: ("note_discarded", "soft"),
    OutboxState.EXPIRED: ("note_only_here", "soft"),
}


@dataclass(frozen=True, slots=True)
class Delivered:
    """`text`: a key of `texts/pages.py`; `url`: the CRM's page that has it."""

    text: str
    tone: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class NoteRow:
    """`step_due` is empty where no next step is planned; `step_text` may be empty even then."""

    who: str
    when: str
    text: str
    result: str
    step_text: str
    step_due: str
    note: Delivered | None
    task: Delivered | None


def note_rows(account: Account, notes: Sequence[CallNote], items: Sequence[OutboxItem]) -> list[NoteRow]:
    """`items`: of the call, newest first."""
    return [
        NoteRow(
            who=account.manager_name(note.manager) or note.manager,
            when=moment(note.changed_at, account) if note.changed_at is not None else "",
            text=note.text,
            result=note.result or "",
            step_text=note.next_step.text if note.next_step else "",
            step_due=moment(note.next_step.due_at, account) if note.next_step else "",
            note=_delivered(account, note, IntentKind.WRITE_NOTE, items) if note.has_content else None,
            task=_delivered(account, note, IntentKind.PLAN_TASK, items) if note.next_step else None,
        )
        for note in notes
        if note.revision
    ]


def _delivered(account: Account, note: CallNote, kind: IntentKind, items: Sequence[OutboxItem]) -> Delivered:
    is_note = kind is IntentKind.WRITE_NOTE
    in_crm = note.note if is_note else note.task
    is_newest = (note.note_revision >= note.revision) if is_note else (note.task_revision >= note.step_revision)
    if is_newest:
        if in_crm is None:
            return Delivered("note_only_here", "soft")
        return Delivered("note_in_crm", "ok", account.crm.entity_url(in_crm.at))
    last = next((i for i in items if i.kind is kind and i.payload.get("manager") == note.manager), None)
    if last is None:
        return Delivered("note_after_the_end", "soft")
    return Delivered(*_STATES.get(last.state, ("note_waits", "warn")))
