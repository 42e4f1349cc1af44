"""Notes of calls: whatever is typed while deliveries run, the CRM ends with what the manager sees."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.calls.intents import Intent, IntentKind, Priority
from integration.domain.calls.notes import (
    CallNote,
    InCrm,
    NextStep,
    concluded,
    note_brought,
    task_brought,
    to_deliver,
    typed,
)
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, CallId, ManagerId, Timestamp
from integration.texts import LANGUAGES
from integration.texts.call_notes import default_results, note_text, task_text

NOW = Timestamp(1_000.0)
EMPTY = CallNote(account=AccountId("acme"), call=CallId("pbx:1"), manager=ManagerId("7"))
FEED = EntityRef(EntityKind.CONTACT, "1")
STEP = NextStep(text="Позвонить", due_at=Timestamp(2_000.0))
WORDS = st.sampled_from(["", " ", "а", "б", "в"])


@dataclass
class World:
    """An outbox that takes each key once, and a CRM with one note and one task."""

    note: CallNote = EMPTY
    taken: set[str] = field(default_factory=set)
    waiting: list[Intent] = field(default_factory=list)
    under_way: list[tuple[Intent, CallNote]] = field(default_factory=list)
    text: str | None = None
    due: NextStep | None = None

    def put(self, note: CallNote) -> None:
        self.note = note
        fresh = [each for each in to_deliver(note, NOW) if each.key not in self.taken]
        self.taken |= {each.key for each in fresh}
        self.waiting += fresh

    def start(self) -> None:
        if self.waiting and not self.under_way:  # a call's items go one after the other
            self.under_way.append((self.waiting.pop(0), self.note))

    def finish(self) -> None:
        if not self.under_way:
            return
        intent, seen = self.under_way.pop()
        if intent.kind is IntentKind.WRITE_NOTE:
            self.text = seen.text
            self.put(note_brought(self.note, seen.revision, InCrm(id="1", at=FEED, revision=seen.revision)))
        else:
            self.due = seen.next_step
            self.put(task_brought(self.note, seen.step_revision, InCrm(id="2", at=FEED, revision=seen.step_revision)))


STEPS = st.one_of(
    st.tuples(st.just("type"), WORDS),
    st.tuples(st.just("conclude"), WORDS),
    st.tuples(st.sampled_from(["start", "finish"]), st.just("")),
)


@given(st.lists(STEPS, max_size=30))
def test_the_crm_ends_with_what_was_written_last(steps: list[tuple[str, str]]) -> None:
    world = World()
    for number, (what, word) in enumerate(steps):
        match what:
            case "type":
                world.put(typed(world.note, text=word, now=NOW))
            case "conclude":
                due = NextStep(text=word, due_at=Timestamp(NOW + number))
                world.put(concluded(world.note, text=word, result="да", next_step=due, request=str(number), now=NOW))
            case "start":
                world.start()
            case _:
                world.finish()
    for _ in range(2 * len(steps) + 4):
        world.start()
        world.finish()
    assert (world.waiting, world.under_way) == ([], [])
    assert world.due == world.note.next_step
    if world.note.has_content:
        assert world.text == world.note.text
    elif world.text is not None:
        assert not world.text.strip(), "what was removed here is removed there"


def test_what_is_typed_before_a_delivery_shares_it() -> None:
    world = World()
    for text in ("а", "аб", "абв"):
        world.put(typed(world.note, text=text, now=NOW))
    assert [each.key for each in world.waiting] == ["write_note:7:0"]
    assert world.waiting[0].priority is Priority.NOTE


def test_a_text_settles_and_a_result_does_not_wait() -> None:
    [settling] = to_deliver(typed(EMPTY, text="а", now=NOW), NOW)
    assert settling.not_before is not None
    assert settling.not_before > NOW
    given_now = concluded(EMPTY, text="а", result="да", next_step=STEP, request="r", now=NOW)
    assert [each.not_before for each in to_deliver(given_now, NOW)] == [NOW, NOW]


def test_blanks_are_nothing_to_deliver() -> None:
    assert to_deliver(typed(EMPTY, text=" \n ", now=NOW), NOW) == ()


def test_the_same_request_again_changes_nothing() -> None:
    note = concluded(EMPTY, text="а", result="да", next_step=STEP, request="r", now=NOW)
    assert concluded(note, text="б", result="нет", next_step=None, request="r", now=NOW) == note


def test_a_correction_without_a_next_step_leaves_the_planned_one() -> None:
    note = concluded(EMPTY, text="", result="да", next_step=STEP, request="r", now=NOW)
    again = concluded(note, text="", result="нет", next_step=None, request="s", now=NOW)
    assert (again.next_step, again.step_revision) == (STEP, 1)


@pytest.mark.parametrize("language", [*LANGUAGES, "de"])
def test_what_the_crm_gets_names_the_call_and_is_never_empty(language: str) -> None:
    assert len(set(default_results(language))) == len(default_results(language)) > 3
    empty = note_text(language, at="29.11 15:04:07 (UTC+3)", name="Анна", result=None, text="")
    full = note_text(language, at="29.11 15:04:07 (UTC+3)", name="Анна", result="да", text=" a\nb ")
    assert "29.11 15:04:07" in empty
    assert len(empty.splitlines()) == 2
    assert full.splitlines()[2:] == ["a", "b"]
    assert "29.11 15:04:07" in task_text(language, at="29.11 15:04:07 (UTC+3)", text="  ")


def test_each_change_is_one_revision_and_the_same_text_is_none() -> None:
    once = typed(EMPTY, text="а", now=NOW)
    assert (once.revision, once.changed_at) == (1, NOW)
    assert typed(once, text="а", now=Timestamp(2_000.0)) is once
    assert typed(once, text="б", now=NOW).revision == 2


def test_what_a_person_still_types_waits_for_a_pause_and_a_result_does_not() -> None:
    (waits,) = to_deliver(typed(EMPTY, text="а", now=NOW), NOW)
    assert (waits.kind, waits.not_before) == (IntentKind.WRITE_NOTE, NOW + 15.0)
    result = concluded(EMPTY, text="а", result="agreed", next_step=None, request="r-1", now=NOW)
    assert [each.not_before for each in to_deliver(result, NOW)] == [NOW]


def test_what_the_crm_has_is_not_delivered_again() -> None:
    note = concluded(EMPTY, text="а", result="agreed", next_step=STEP, request="r-1", now=NOW)
    assert [each.kind for each in to_deliver(note, NOW)] == [IntentKind.WRITE_NOTE, IntentKind.PLAN_TASK]
    note = note_brought(note, note.revision, InCrm(id="1", at=FEED, revision=note.revision))
    assert [each.kind for each in to_deliver(note, NOW)] == [IntentKind.PLAN_TASK]
    note = task_brought(note, note.step_revision, InCrm(id="2", at=FEED, revision=note.step_revision))
    assert to_deliver(note, NOW) == ()


def test_what_could_not_be_brought_leaves_what_the_crm_has() -> None:
    first, second = InCrm(id="1", at=FEED, revision=1), InCrm(id="1", at=FEED, revision=2)
    note = note_brought(task_brought(EMPTY, 1, first), 1, first)
    given_up = note_brought(task_brought(note, 2, None), 2, None)
    assert (given_up.note, given_up.task, given_up.note_revision, given_up.task_revision) == (first, first, 2, 2)
    brought = note_brought(task_brought(note, 2, second), 2, second)
    assert (brought.note, brought.task) == (second, second)
    late = note_brought(task_brought(brought, 1, None), 1, None)
    assert (late.note_revision, late.task_revision) == (2, 2)
