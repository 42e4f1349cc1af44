"""Who was called personally, where nobody answered: by which ways, and how far apart phones ring that ring together."""

from __future__ import annotations

import pytest

from integration.domain.attribution import attribute
from integration.domain.ids import ManagerId
from tests.unit.test_attribution import CHIEF, OLGA, PAVEL, SETTINGS, call, leg


def responsible(*legs: object) -> ManagerId | None:
    return attribute(call(legs=legs), SETTINGS, [], []).responsible


@pytest.mark.parametrize("via", ["direct", "transfer", "forward", "fallback", "consultation", "parking-return"])
def test_a_call_to_one_employee_is_theirs(via: str) -> None:
    assert responsible(leg("102", via=via)) == PAVEL


@pytest.mark.parametrize("via", ["queue", "pickup", "parking", "click"])
def test_a_call_that_came_another_way_was_to_nobody_in_person(via: str) -> None:
    assert responsible(leg("102", via=via)) == CHIEF  # the line's for missed calls


@pytest.mark.parametrize(("apart", "whose"), [(0.0, CHIEF), (0.5, CHIEF), (0.99, CHIEF), (1.0, PAVEL), (20.0, PAVEL)])
def test_phones_that_begin_to_ring_within_a_second_ring_together(apart: float, whose: ManagerId) -> None:
    assert responsible(leg("101", at=1.0), leg("102", at=1.0 + apart)) == whose


def test_phones_of_one_employee_ring_for_one_person() -> None:
    assert responsible(leg("101", at=1.0), leg("101", at=1.2)) == OLGA


def test_a_call_that_was_passed_on_at_once_was_to_each_in_person() -> None:
    """Another way is another offer, however soon."""
    assert responsible(leg("101", at=1.0), leg("102", via="forward", at=1.1)) == PAVEL


def test_of_several_in_a_row_the_last_one() -> None:
    assert responsible(leg("102", at=1.0), leg("101", at=20.0)) == OLGA
    assert responsible(leg("101", at=1.0), leg("102", via="fallback", at=20.0)) == PAVEL
