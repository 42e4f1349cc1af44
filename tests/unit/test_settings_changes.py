"""Changes of settings and taking them back, against a model that knows only states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.ids import Timestamp
from integration.domain.settings import AccountSettings
from integration.domain.settings_changes import (
    NOT_RECORDED,
    SECTIONS,
    Author,
    AuthorKind,
    Clash,
    Section,
    SettingsChange,
    as_before,
    clashes,
    differences,
    parts,
    put,
    undone,
)
from integration.texts import LANGUAGES
from integration.texts.changes import author, changed

Doc = dict[str, object]
WHO = Author(kind=AuthorKind.ADMINISTRATOR, session="3fa2c1", address="10.0.0.5")
EXTENSIONS, MANAGERS = ("101", "102", "103"), (None, "a", "b")


def document(people: dict[str, str | None], enabled: bool) -> Doc:
    employees = [
        {"extension": extension} | ({"manager": manager} if manager else {})
        for extension, manager in sorted(people.items())
    ]
    return {"account": "x", "country": "RU", "enabled": enabled, "employees": employees}


documents = st.builds(document, st.dictionaries(st.sampled_from(EXTENSIONS), st.sampled_from(MANAGERS)), st.booleans())


def record(before: Doc, after: Doc, revision: int, undoes: int | None = None) -> list[SettingsChange]:
    return [
        SettingsChange(
            revision=revision + n, at=Timestamp(0.0), who=WHO, section=section, before=old, after=new, undoes=undoes
        )
        for n, (section, (old, new)) in enumerate(differences(before, after).items(), start=1)
    ]


def test_every_field_is_recorded_or_has_a_reason() -> None:
    names = {field.name for field in fields(AccountSettings)}
    assert names == SECTIONS.keys() | NOT_RECORDED.keys()
    assert not SECTIONS.keys() & NOT_RECORDED.keys()


@given(documents, documents)
def test_a_difference_leads_from_one_document_to_the_other_and_back(one: Doc, two: Doc) -> None:
    changes = record(one, two, 0)
    assert as_before(two, changes) == one
    forward = one
    for change in changes:
        forward = put(forward, change.after)
    assert forward == two
    assert bool(changes) == (one != two)


@given(documents, st.lists(documents | st.integers(0, 30), max_size=12))
def test_any_sequence_of_changes_and_undos(first: Doc, steps: Sequence[Doc | int]) -> None:
    """
    A document is what somebody saves; a number names the change that somebody wants back. The model: what a change left
    comes back to what was before it, all else stays; a change that is in effect, and whose parts and managers nobody
    has touched since, can always be taken back.
    """
    now, changes, states = first, list[SettingsChange](), {0: first}  # changes: newest first
    for step in steps:
        if isinstance(step, dict):
            made = record(now, step, len(changes))
            now = step
        else:
            change = next((each for each in changes if each.revision == step), None)
            if change is None:
                continue
            later = [each for each in changes if each.revision > step]
            back = undone(now, change, later)
            if isinstance(back, Clash):
                assert later, "nothing has happened since"
                assert back.by in later
                assert back.is_undone == (back.by is not None and back.by.undoes == step)
                assert back == clashes(now, changes)[step]
                continue
            expected = parts(now)
            assert all(expected.get(path) == value for path, value in change.after.items())
            expected |= change.before
            assert parts(back) == {path: value for path, value in expected.items() if value is not None}
            before = parts(states[step - 1])
            assert all(parts(back).get(path) == before.get(path) for path in change.after)
            made = record(now, back, len(changes), undoes=step)
            now = back
        for each in made:
            changes.insert(0, each)
            states[each.revision] = put(states[each.revision - 1], each.after)
        assert as_before(now, changes) == first
        if changes:
            assert changes[0].revision not in clashes(now, changes)  # the newest can always be taken back


EVERYTHING = SettingsChange(
    revision=3,
    at=Timestamp(0.0),
    who=WHO,
    section=Section.PEOPLE,
    before={
        "employees/101": {"extension": "101", "name": "Anna Orlova", "phone_type": "sip"},
        "employees/102": {"extension": "102", "manager": "2"},
        "employees/103": None,
    },
    after={
        "employees/101": {
            "extension": "101",
            "name": "Anna Orlova",
            "phone_type": "web",
            "manager": "1",
            "is_absent": True,
        },
        "employees/102": None,
        "employees/103": {
            "extension": "103",
            "name": "Vera",
            "manager": "610077",
            "mobile": "79161234567",
            "is_absent": False,
            "phone_type": "sip",
        },
    },
)


def test_a_change_in_words() -> None:
    assert changed(EVERYTHING, "en", {"1": "Boris Klimov"}) == [
        "101 Anna Orlova — manager: none → Boris Klimov; phone: Sip → Web; absent: no → yes",
        "102 — extension removed",
        "103 Vera — extension added; manager: none → 610077; mobile: none → 79161234567",
    ]
    switched = SettingsChange(
        revision=1,
        at=Timestamp(0.0),
        who=WHO,
        section=Section.SWITCH,
        before={"enabled": True},
        after={"enabled": False},
    )
    assert changed(switched, "ru", {}) == ["Интеграция: включена → выключена"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_everybody_has_a_name_in_every_language(language: str) -> None:
    names = {author(Author(kind=kind, session="s", address="10.0.0.5"), language) for kind in AuthorKind}
    assert len(names) == len(AuthorKind)
    assert len(changed(EVERYTHING, language, {})) == 3


def test_the_viewer_is_called_you() -> None:
    assert author(WHO, "en", WHO) == "You, from 10.0.0.5"
    assert author(WHO, "en", Author(kind=AuthorKind.ADMINISTRATOR, session="0", address="10.0.0.5")) == (
        "Administrator 3fa2c1 from 10.0.0.5"
    )
