"""One press in the form about the card: a field goes up or down, is hidden, or is shown again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from integration.domain.settings import CARD_FIELDS, CardField
from integration.web.setup.card_layout import Fields, moved

layouts = st.lists(st.sampled_from(CARD_FIELDS), unique=True).map(tuple)
fields = st.sampled_from(CARD_FIELDS)


def test_a_field_changes_places_with_its_neighbour() -> None:
    three = (CardField.COMPANY, CardField.LINE, CardField.DEALS)
    assert moved(three, CardField.LINE, "up") == (CardField.LINE, CardField.COMPANY, CardField.DEALS)
    assert moved(three, CardField.LINE, "down") == (CardField.COMPANY, CardField.DEALS, CardField.LINE)


def test_the_first_goes_no_higher_and_the_last_no_lower() -> None:
    assert moved(CARD_FIELDS, CARD_FIELDS[0], "up") == CARD_FIELDS
    assert moved(CARD_FIELDS, CARD_FIELDS[-1], "down") == CARD_FIELDS


@given(layouts, fields)
def test_a_hidden_field_comes_back_as_the_last_one(layout: Fields, field: CardField) -> None:
    hidden = moved(layout, field, "hide")
    assert field not in hidden
    assert moved(hidden, field, "show") == (*hidden, field)
    assert moved(hidden, field, "up") == hidden, "somebody else has hidden it meanwhile"


@given(layouts, st.lists(st.tuples(fields, st.sampled_from(["up", "down"]))))
def test_moving_loses_nothing(layout: Fields, presses: list[tuple[CardField, str]]) -> None:
    now = layout
    for field, how in presses:
        now = moved(now, field, how)
    assert sorted(now) == sorted(layout)
