"""Which managers a route tries, in order, and the reason for each: nobody twice, nothing too long to read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.crm.entities import Deal, Person
from integration.domain.reasons import ReasonCode, because
from integration.domain.routing.route import RouteQuestion, StepKind, client_number, decide, reserve, responsible_of
from integration.domain.settings import AccountSettings, Employee, LineSettings
from tests.unit.test_routing import (
    CLIENT,
    DID,
    EMPLOYEES,
    NOW,
    OLGA,
    PAVEL,
    RITA,
    SETTINGS,
    contact,
    deal,
    employees_with,
    with_line,
)

QUESTION = RouteQuestion(did=DID, caller=CLIENT)
AWAY = employees_with(is_absent=True)
BOTH_AWAY = replace(SETTINGS, employees=tuple(replace(employee, is_absent=True) for employee in EMPLOYEES))


def codes(settings: AccountSettings, *persons: Person, deals: tuple[Deal, ...] = ()) -> str:
    said = [reason.code for reason in decide(QUESTION, settings, persons, deals, now=NOW).reasons]
    assert said[:2] == ["line_default", "person_found"]
    return " ".join(said[2:])


@pytest.mark.parametrize(
    ("settings", "persons", "expected"),
    [
        (AWAY, (contact(1), contact(2)), "responsible_of_person manager_absent nobody_to_ring"),
        (AWAY, (contact(1), contact(2), contact(3, PAVEL)), "responsible_of_person manager_absent"
         " responsible_of_person ring_responsible then_route"),
        (BOTH_AWAY, (contact(1), contact(2, PAVEL), contact(3)), "responsible_of_person manager_absent"
         " responsible_of_person manager_absent nobody_to_ring"),
        (SETTINGS, (contact(1, None), contact(2, None)), "no_responsible nobody_to_ring"),
        (SETTINGS, (contact(1, None), contact(2, PAVEL)), "no_responsible responsible_of_person ring_responsible"
         " then_route"),
    ],
    ids=["one of two contacts", "then another", "between others", "nobody twice", "nobody, then somebody"],
)  # fmt: skip
def test_nobody_is_tried_twice(settings: AccountSettings, persons: tuple[Person, ...], expected: str) -> None:
    assert codes(settings, *persons) == "several_persons " + expected


@pytest.mark.parametrize(
    ("person", "deals", "expected"),
    [
        (contact(), (deal(7, contact(), None),), OLGA),  # a deal without a manager does not count
        (contact(), (deal(7, contact(), PAVEL), deal(8, contact(), None)), PAVEL),
        (contact(1, None), (deal(7, contact(), None),), None),
        (contact(1, None), (deal(7, contact(), RITA, updated_at=9), deal(8, contact(), PAVEL)), RITA),
    ],
)
def test_only_a_deal_of_somebody_speaks(person: Person, deals: tuple[Deal, ...], expected: str | None) -> None:
    assert responsible_of(person, deals)[0] == expected


def test_who_is_mapped_twice_and_away_is_named_by_the_first_extension() -> None:
    settings = replace(
        SETTINGS,
        employees=(EMPLOYEES[1], *(Employee(extension=e, manager=OLGA, is_absent=True) for e in ("9", "8"))),  # type: ignore[arg-type]
    )
    [absent] = [
        r for r in decide(QUESTION, settings, [contact()], (), now=NOW).reasons if r.code == ReasonCode.MANAGER_ABSENT
    ]
    assert dict(absent.detail)["extension"] == "9"


def test_what_a_live_search_found_is_told_before_what_follows_from_it() -> None:
    searched = because(ReasonCode.CALLER_UNKNOWN)
    gone = contact(1, is_deleted=True)
    said = decide(QUESTION, SETTINGS, [gone, contact(2, PAVEL)], (), looked_up=[searched], now=NOW).reasons
    assert [reason.code for reason in said][:4] == [
        "line_default", "caller_unknown", "person_deleted", "person_found",
    ]  # fmt: skip


@pytest.mark.parametrize("caller", ["x" * 300, "1" * 300])
def test_of_a_hostile_caller_only_the_beginning_is_told(caller: str) -> None:
    number, reasons = client_number(RouteQuestion(did=DID, caller=caller), SETTINGS)
    assert number is None
    assert [len(dict(reason.detail)["number"]) for reason in reasons] == [40]
    first = decide(RouteQuestion(did="7" * 300, caller=CLIENT), SETTINGS, [], (), now=NOW).reasons[0]
    assert len(dict(first.detail)["line"]) == 40


@pytest.mark.parametrize(
    ("sound", "is_played"),
    [("a" * 200, True), ("a" * 201, False), ("dozvon/a-b_c.1", True), ("a/../b", False), ("", False), (None, False)],
)
def test_only_a_sound_that_a_pbx_can_have_is_played(sound: str | None, is_played: bool) -> None:
    steps = decide(QUESTION, with_line(notice_before=sound), [contact()], (), now=NOW).steps
    assert (steps[0].kind is StepKind.NOTICE) is is_played
    assert steps[0].sound == (sound if is_played else None)


@pytest.mark.parametrize(("seconds", "rung"), [(1, 1), (2, 2), (119, 119), (120, 120), (121, 120), (-5, 1)])
def test_a_phone_rings_as_long_as_the_line_says_between_one_second_and_two_minutes(seconds: int, rung: int) -> None:
    [ring] = [
        s for s in decide(QUESTION, with_line(responsible_seconds=seconds), [contact()], (), now=NOW).steps if s.seconds
    ]
    assert ring.seconds == rung


def test_the_reserve_of_no_line_is_left_to_the_dialplan() -> None:
    assert reserve(None).steps[0].target is None
    assert reserve(LineSettings()).steps[0].target is None
    assert reserve(LineSettings(reserve="600")).steps[0].target == "600"


@pytest.mark.parametrize(
    ("caller", "number"),
    [
        ("79161234567", "+79161234567"),
        ("+7 916 123-45-67 доб. 12", "+79161234567"),
        ("Иван 8 916 123-45-67", "+79161234567"),
        ("79031112233, 79161234567", "+79031112233"),
        ("Иван", None),
    ],
)
def test_a_caller_who_shows_words_as_well_is_looked_up_by_the_first_number_among_them(
    caller: str, number: str | None
) -> None:
    found, _ = client_number(RouteQuestion(did=DID, caller=caller), SETTINGS)
    assert (found.e164 if found else None) == number


def test_an_unknown_caller_is_one_whom_a_filled_phone_book_does_not_have() -> None:
    assert decide(QUESTION, SETTINGS, [], (), now=NOW).reasons[-1].code == ReasonCode.CALLER_UNKNOWN
    assert (
        decide(QUESTION, SETTINGS, [], (), is_book_empty=True, now=NOW).reasons[-1].code == ReasonCode.PHONE_BOOK_EMPTY
    )
