"""What the API about offices says exists in every language, with the same facts."""

from __future__ import annotations

import string

from integration.ports.offices import UndoObstacle
from integration.texts import LANGUAGES
from integration.texts.offices import _TEXTS, ApiProblem, api_problem


def test_every_refusal_has_a_sentence_in_every_language_with_the_same_facts() -> None:
    assert set(_TEXTS) == set(ApiProblem)
    for problem, sentences in _TEXTS.items():
        assert len(set(sentences)) == len(LANGUAGES) == len(sentences), problem
        needed = {frozenset(name for _, name, _, _ in string.Formatter().parse(each) if name) for each in sentences}
        assert len(needed) == 1, problem
        assert all(each.endswith((".", "}.")) for each in sentences), problem
    facts = {"who": "Dozvon", "when": "now"}
    assert "Changed by: Dozvon. When: now." in api_problem(ApiProblem.CHANGED_MEANWHILE, facts, "en")


def test_every_obstacle_to_an_undo_has_one() -> None:
    for obstacle in UndoObstacle:
        assert api_problem(ApiProblem(obstacle.value), {}, "uk")
