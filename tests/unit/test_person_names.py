"""A name cannot reverse the direction of the text beside it."""

from __future__ import annotations

import pytest

from connectors.amocrm.mapping import text_of
from integration.domain.people.names import without_direction

CONTROLS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize("clean", [without_direction, text_of])
def test_controls_are_taken_out_and_nothing_else(clean: object) -> None:
    assert callable(clean)
    assert clean("".join(f"{c}Иван" for c in CONTROLS)) == "Иван" * len(CONTROLS)
    for name in ("Иван Петров", "محمد", "דוד\u200f", "O’Brien \u200d\U0001f468"):
        assert clean(name) == name
