"""Whose number it is when several have it, and which deals are theirs: rule by rule."""

from __future__ import annotations

from itertools import permutations

import pytest

from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.crm.identity import open_deals_of, ranked

CONTACT, COMPANY, DEAL = EntityKind.CONTACT, EntityKind.COMPANY, EntityKind.DEAL


def person(id_: str, kind: EntityKind = CONTACT, **more: object) -> Person:
    return Person(**{"ref": EntityRef(kind, id_), "name": id_, "responsible": None} | more)  # type: ignore[arg-type]


def deal(id_: str, *persons: Person, **more: object) -> Deal:
    mine = tuple(each.ref for each in persons)
    return Deal(**{"ref": EntityRef(DEAL, id_), "name": id_, "responsible": None, "persons": mine} | more)  # type: ignore[arg-type]


OLD, YOUNG = person("5", created_at=100), person("6", created_at=200)
FIRM = person("1", COMPANY, created_at=1)


@pytest.mark.parametrize(
    ("persons", "deals", "expected"),
    [
        ((OLD, YOUNG), (), "5 6"),
        ((person("9"), person("10"), person("8")), (), "8 9 10"),
        ((OLD, YOUNG, FIRM), (), "5 6 1"),
        ((OLD, FIRM), (deal("7", FIRM),), "5 1"),
        ((OLD, YOUNG), (deal("7", YOUNG, updated_at=0),), "6 5"),
        ((OLD, YOUNG), (deal("7", OLD, updated_at=1), deal("8", YOUNG, updated_at=2)), "6 5"),
        (
            (OLD, YOUNG),
            (deal("7", OLD, updated_at=2), deal("8", YOUNG, updated_at=1), deal("9", YOUNG, updated_at=3)),
            "6 5",
        ),
        ((OLD, YOUNG), (deal("7", OLD, YOUNG, updated_at=2),), "5 6"),
        ((OLD, YOUNG), (deal("7", YOUNG, is_open=False), deal("8", YOUNG, is_deleted=True)), "5 6"),
        ((person("5", is_deleted=True), YOUNG), (deal("7", OLD),), "6"),
        ((), (), ""),
    ],
    ids=[
        "the oldest",
        "equally old: the smaller id",
        "a contact goes before a company",
        "also before one with a deal",
        "who has an open deal",
        "the deal touched last",
        "the last touched of several deals counts",
        "a deal of both says nothing",
        "a deal that is over says nothing",
        "a deleted person is none",
        "nobody",
    ],
)
def test_the_likeliest_person_is_the_first_in_whatever_order_they_come(
    persons: tuple[Person, ...], deals: tuple[Deal, ...], expected: str
) -> None:
    for order in permutations(persons):
        assert " ".join(each.ref.id for each in ranked(order, deals)) == expected
        assert ranked(order, deals) == ranked(order, deals[::-1])


@pytest.mark.parametrize(
    ("theirs", "is_theirs"),
    [
        (deal("7", OLD), True),
        (deal("7", YOUNG, OLD), True),
        (deal("7", main_person=OLD.ref), True),
        (deal("70"), True),  # the person names it
        (deal("7"), False),
        (deal("7", YOUNG, main_person=YOUNG.ref), False),
        (deal("7", OLD, is_open=False), False),
        (deal("7", OLD, is_deleted=True), False),
        (deal("70", is_open=False), False),
    ],
)
def test_an_open_deal_is_that_of_everybody_whom_it_or_who_names_it(theirs: Deal, is_theirs: bool) -> None:
    who = person("5", deals=(EntityRef(DEAL, "70"),))
    assert open_deals_of(who, [theirs]) == ([theirs] if is_theirs else [])


def test_the_deal_touched_last_is_the_first() -> None:
    deals = [deal(str(n), OLD, updated_at=at) for n, at in ((1, 5), (2, 9), (4, 7), (3, 7))]
    for order in permutations(deals):
        assert [each.ref.id for each in open_deals_of(OLD, order)] == ["2", "3", "4", "1"]


def test_a_lead_goes_behind_a_contact_and_before_a_company() -> None:
    lead = person("2", EntityKind.LEAD, created_at=1)
    assert ranked([FIRM, lead, YOUNG], []) == [YOUNG, lead, FIRM]
