"""Setting an office up: what is done, what comes next, and the office's id."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.connections.state import ConnectionState, ConnectionStatus
from integration.domain.ids import Timestamp
from integration.domain.setup import Facts, Mark, Step, marks, next_step, office_id
from integration.texts import LANGUAGES
from integration.texts.setup import setup_texts
from integration.web.setup.address import normal_url

NOW = Timestamp(1_800_000_000.0)
READY, AWAY = (ConnectionState(status=each) for each in (ConnectionStatus.READY, ConnectionStatus.RETRYING))


def done(*steps: Step) -> dict[Step, Timestamp]:
    return dict.fromkeys(steps, NOW)


def test_a_new_office_goes_on_with_its_address_and_waits_with_what_needs_a_crm() -> None:
    facts = Facts(done=done(Step.OFFICE))
    assert next_step(facts) is Step.ADDRESS
    found = marks(facts)
    assert found[Step.OFFICE] is Mark.DONE
    assert [step for step in Step if found[step] is Mark.WAITS] == [
        Step.CRM, Step.LINES, Step.PEOPLE, Step.ROUTING, Step.REHEARSAL,
    ]  # fmt: skip


def test_a_step_that_was_finished_and_fails_now_asks_for_attention() -> None:
    finished = done(*Step)
    facts = Facts(done=finished, has_pbx=True, has_crm=True, pbx=AWAY, crm=READY, mapped=3)
    assert marks(facts)[Step.PBX] is Mark.ATTENTION
    assert next_step(facts) is Step.PBX


def test_people_without_anybody_are_not_done() -> None:
    facts = Facts(done=done(*Step), has_pbx=True, has_crm=True, pbx=READY, crm=READY, mapped=0)
    assert [step for step, mark in marks(facts).items() if mark is not Mark.DONE] == [Step.PEOPLE]


def test_everything_done_has_no_next_step() -> None:
    assert next_step(Facts(done=done(*Step), has_pbx=True, has_crm=True, pbx=READY, crm=READY, mapped=1)) is None


@given(
    finished=st.sets(st.sampled_from(Step)),
    has_pbx=st.booleans(),
    has_crm=st.booleans(),
    mapped=st.integers(0, 3),
)
def test_the_next_step_can_be_opened_and_is_not_done(
    finished: set[Step], has_pbx: bool, has_crm: bool, mapped: int
) -> None:
    facts = Facts(done=done(*finished), has_pbx=has_pbx, has_crm=has_crm, mapped=mapped)
    step = next_step(facts)
    assert step is None or marks(facts)[step] in (Mark.OPEN, Mark.ATTENTION)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Окна & Двери", "okna-dveri"),
        ("Вікна Плюс, Київ", "vikna-plius-kiiv"),
        ("Acme Ltd.", "acme-ltd"),
        ("北京", "office"),
        ("  ", "office"),
        ("Café Ñandú", "cafe-nandu"),
    ],
)
def test_an_offices_id_is_made_of_its_name(name: str, expected: str) -> None:
    assert office_id(name, ()) == expected


def test_an_id_that_is_taken_gets_a_number() -> None:
    assert office_id("Acme", {"acme", "acme-2"}) == "acme-3"


@given(name=st.text(max_size=300), taken=st.sets(st.sampled_from(["office", "a", "office-2"])))
def test_an_id_is_always_a_valid_one(name: str, taken: set[str]) -> None:
    found = office_id(name, taken)
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", found)
    assert found not in taken


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("calls.example.com", "https://calls.example.com"),
        (" https://calls.example.com/ ", "https://calls.example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://телефония.рф", "https://xn--e1aajklfyt6h.xn--p1ai"),
        ("https://calls.example.com/admin", None),
        ("https://user@calls.example.com", None),
        ("ftp://calls.example.com", None),
        ("https://", None),
        ("https://a b", None),
        ("https://[::1]:8080", "https://[::1]:8080"),
        ("https://x:99999", None),
        ("", None),
    ],
)
def test_an_address_is_read_as_people_write_it(typed: str, expected: str | None) -> None:
    assert normal_url(typed) == expected


@given(st.text(max_size=400))
def test_reading_an_address_never_raises(typed: str) -> None:
    found = normal_url(typed)
    assert found is None or re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+", found)


def test_no_text_of_the_wizard_is_missing_and_placeholders_agree() -> None:
    every = {language: setup_texts(language) for language in LANGUAGES}
    for key in every["en"]:
        said = [every[language][key] for language in LANGUAGES]
        assert all(said), key
        places = [sorted(re.findall(r"\{(\w+)\}", text)) for text in said]
        assert places[0] == places[1] == places[2], key
        assert not hasattr({}, key), f"templates write s.{key}, and would show the method"
