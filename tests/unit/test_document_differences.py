"""What differs between two documents: by the whole values, however long, and shown in short lines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.documents.differences import differences

VALUES = st.one_of(st.text(max_size=200), st.lists(st.integers(0, 999), max_size=60), st.booleans(), st.integers())


@given(before=VALUES, after=VALUES)
def test_values_differ_exactly_where_they_are_not_the_same(before: Any, after: Any) -> None:
    is_same = type(before) is type(after) and before == after
    assert (differences({"a": {"b": before}}, {"a": {"b": after}}) == []) is is_same


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x" * 4_999 + "a", "x" * 4_999 + "b"),
        ("x" * 100, "x" * 101),
        ([f"{each}" for each in range(100, 120)], [f"{each}" for each in range(100, 121)]),
    ],
)
def test_long_values_are_shown_where_they_differ(before: Any, after: Any) -> None:
    (found,) = differences({"script": before}, {"script": after})
    assert found.before is not None
    assert found.after is not None
    assert found.before != found.after
    assert max(len(found.before), len(found.after)) <= 60


def test_values_that_differ_at_once_are_shown_from_their_beginning() -> None:
    (found,) = differences({"script": "a" * 100}, {"script": "b" * 100})
    assert str(found) == f'~ script: "{"a" * 58}… -> "{"b" * 58}…'


def test_long_keys_that_begin_alike_are_different_keys() -> None:
    names = ["x" * 90 + "a", "x" * 90 + "b"]
    assert len(differences({}, dict.fromkeys(names, 1))) == 2
