"""What managers write about a call: a note during it, and after it a result with the next step. Pure.

A call has one note for each manager who has or had it. `services/call_notes.py` decides who may write,
`services/note_delivery.py` brings the CRM into step with what is written here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from integration.domain.calls.intents import Intent, IntentKind, Priority
from integration.domain.crm.entities import EntityRef
from integration.domain.ids import AccountId, CallId, ManagerId, Timestamp

MOST_NOTE_CHARACTERS = 5_000
MOST_STEP_CHARACTERS = 300

_SETTLES_SECONDS = 15.0  # a manager types on after the call: one write of the CRM for what is typed in this time


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """A task for the manager. `text` may be empty: then the CRM gets a sentence of ours."""

    text: str
    due_at: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class InCrm:
    """What the CRM has of a note or of its task.

    Attributes:
        id: the CRM's.
        at: the entity in whose feed it is.
        revision: the newest revision that was brought to it.
        responsible: as the CRM accepted it; None: nobody.
    """

    id: str
    at: EntityRef
    revision: int
    responsible: ManagerId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNote:
    """
    Attributes:
        revision: raised by each change of what the manager wrote; 0: nothing was written yet.
        result: the name of a result in the office's list, as it was then; None: none was chosen.
        step_revision: the revision that changed `next_step`.
        request: of the last result that was sent; the same one again changes nothing.
        note_revision, task_revision: the newest ones that need no more delivery, whatever came of it.
    """

    account: AccountId
    call: CallId
    manager: ManagerId
    revision: int = 0
    text: str = ""
    result: str | None = None
    next_step: NextStep | None = None
    step_revision: int = 0
    request: str | None = None
    changed_at: Timestamp | None = None
    result_at: Timestamp | None = None  # when the result was given or changed
    note_revision: int = 0
    task_revision: int = 0
    note: InCrm | None = None
    task: InCrm | None = None

    @property
    def has_content(self) -> bool:
        """Whether there is anything for the client's feed."""
        return bool(self.text.strip()) or self.result is not None


def typed(note: CallNote, *, text: str, now: Timestamp) -> CallNote:
    """The note with another text."""
    if text == note.text:
        return note
    return replace(note, revision=note.revision + 1, text=text, changed_at=now)


def concluded(
    note: CallNote, *, text: str, result: str | None, next_step: NextStep | None, request: str, now: Timestamp
) -> CallNote:
    """
    The note with a result. Another result may follow: it corrects the first one. Without a next step a task that was
    planned before stays as it is: the CRM's page is where it is completed or deleted.
    """
    if request == note.request:
        return note
    revision = note.revision + 1
    changed = next_step is not None and next_step != note.next_step
    return replace(
        note,
        revision=revision,
        text=text,
        result=result,
        next_step=next_step if changed else note.next_step,
        step_revision=revision if changed else note.step_revision,
        request=request,
        changed_at=now,
        result_at=now,
    )


def note_brought(note: CallNote, revision: int, in_crm: InCrm | None) -> CallNote:
    """`revision` is in the CRM (`in_crm`), or will never be (None)."""
    kept = in_crm or note.note
    return replace(note, note_revision=max(note.note_revision, revision), note=kept)


def task_brought(note: CallNote, revision: int, in_crm: InCrm | None) -> CallNote:
    kept = in_crm or note.task
    return replace(note, task_revision=max(note.task_revision, revision), task=kept)


def to_deliver(note: CallNote, now: Timestamp) -> tuple[Intent, ...]:
    """
    What brings the CRM into step with the note. Queue it only when the call's own entry is queued: a call's intents are
    carried out in their order.

    A key names what the CRM has already, so that changes that come before it gets more share one delivery.
    """
    intents = []
    if note.note_revision < note.revision and (note.has_content or note.note is not None):
        settles = Timestamp(now if note.result_at is not None else now + _SETTLES_SECONDS)
        intents.append(_intent(note, IntentKind.WRITE_NOTE, note.note_revision, settles))
    if note.next_step is not None and note.task_revision < note.step_revision:
        intents.append(_intent(note, IntentKind.PLAN_TASK, note.task_revision, now))
    return tuple(intents)


def _intent(note: CallNote, kind: IntentKind, brought: int, not_before: Timestamp) -> Intent:
    return Intent(
        call=note.call,
        kind=kind,
        key=f"{kind}:{note.manager}:{brought}",
        priority=Priority.NOTE,
        not_before=not_before,
        payload={"manager": note.manager},
    )


def by_manager(notes: Iterable[CallNote]) -> dict[ManagerId, CallNote]:
    return {note.manager: note for note in notes}
