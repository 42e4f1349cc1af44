"""Which rules are a line's own: what was typed differently from all lines, until it is reset."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from integration.domain.connections.abilities import CrmAbilities
from integration.testing import CRM_ABILITIES
from integration.web.setup.line_fields import FIELDS, common_rules, offered_fields, own_rules, shown_value, value_of

COMMON = {"card": "answer", "responsible_seconds": 20}


def form(own: dict[str, Any], common: dict[str, Any], **typed: str) -> dict[str, str]:
    """As the page shows a line, with what somebody changed."""
    shown = {each.name: shown_value(each, value_of(each, own, common)) for each in FIELDS}
    return {**shown, **{f"own.{name}": "1" for name in own if name != "source"}, **typed}


def test_a_line_that_nobody_changes_has_nothing_of_its_own() -> None:
    assert own_rules(form({}, COMMON), COMMON) == {}


def test_what_is_typed_differently_becomes_the_lines_own() -> None:
    assert own_rules(form({}, COMMON, responsible_seconds="7", group="600"), COMMON) == {
        "responsible_seconds": 7,
        "group": "600",
    }


def test_an_own_value_that_equals_the_common_one_stays_its_own() -> None:
    """Else it would change with the common one, which nobody has asked for."""
    assert own_rules(form({"card": "answer"}, COMMON), COMMON) == {"card": "answer"}


def test_a_reset_field_follows_all_lines_again_and_the_others_keep_what_was_typed() -> None:
    own = {"card": "never", "group": "600"}
    assert own_rules(form(own, COMMON, responsible_seconds="9"), COMMON, reset="card") == {
        "group": "600",
        "responsible_seconds": 9,
    }


def test_a_rule_that_means_nothing_to_the_crm_is_offered_only_where_it_was_set() -> None:
    def offered(abilities: CrmAbilities | None, **stored: Any) -> set[str]:
        return {each.name for each in offered_fields(abilities, stored)}

    keeps_days = replace(CRM_ABILITIES, working_day=True)
    assert "respect_working_day" in offered(keeps_days)
    assert "respect_working_day" in offered(None)
    assert "respect_working_day" not in offered(CRM_ABILITIES)
    assert "respect_working_day" in offered(CRM_ABILITIES, respect_working_day=True), "else a save would lose it"
    assert offered(CRM_ABILITIES) | {"respect_working_day"} == {each.name for each in FIELDS}


def test_a_lead_is_offered_where_the_crm_has_leads_or_where_it_was_chosen_before() -> None:
    def choices(abilities: CrmAbilities, **stored: Any) -> set[str]:
        field = next(each for each in offered_fields(abilities, stored) if each.name == "new_client")
        return {value for value, _ in field.choices}

    assert "lead" in choices(replace(CRM_ABILITIES, leads=True))
    assert choices(CRM_ABILITIES) == {"auto", "contact", "deal", "by_hand", "never"}
    assert "lead" in choices(CRM_ABILITIES, new_client="lead"), "else a save would change it"


def test_the_name_is_not_inherited() -> None:
    assert own_rules(form({}, COMMON, source=" Реклама "), COMMON) == {"source": "Реклама"}


def test_common_rules_hold_what_differs_from_the_built_in_ones() -> None:
    assert common_rules(form({}, {}, task_deadline_seconds="90"), {}) == {"task_deadline_seconds": 5400}
    assert common_rules({"card": "ringing"}, {"card": "never", "group": "600"}) == {"group": "600"}


def test_what_is_no_number_reaches_the_document_as_it_is() -> None:
    for odd in ("ten", "1e400", "NaN", ""):
        assert own_rules({"responsible_seconds": odd}, {}) == {"responsible_seconds": odd}


@given(st.dictionaries(st.sampled_from([each.name for each in FIELDS if each.kind == "text"]), st.text(max_size=5)))
def test_saving_what_is_shown_changes_nothing(own: dict[str, str]) -> None:
    own = {name: value.strip() for name, value in own.items()}
    assert own_rules(form(own, COMMON), COMMON) == own
