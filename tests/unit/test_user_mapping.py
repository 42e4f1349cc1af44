"""Suggestions name one person or nobody; what is wrong with a mapping is found."""

from __future__ import annotations

import pytest

from integration.domain.crm.entities import Manager
from integration.domain.ids import Extension, ManagerId, PbxId
from integration.domain.people.mapping import PbxUser, callable_managers, problems, suggest
from integration.domain.settings import Employee

ANNA = Manager(id=ManagerId("1"), name="Анна Орлова", email="orlova@firm.test")
BORIS = Manager(id=ManagerId("2"), name="Boris Klimov", phone="102")
VERA = Manager(id=ManagerId("3"), name="Vera", email="sokolova@firm.test")


def test_by_name_in_any_order_by_phone_and_by_email() -> None:
    users = [PbxUser("101", "орлова анна"), PbxUser("102", "Sales 2"), PbxUser("103", "Sokolova V.")]
    assert suggest([ANNA, BORIS, VERA], users) == {ANNA.id: "101", BORIS.id: "102", VERA.id: "103"}


def test_the_name_says_more_than_the_phone_and_the_phone_more_than_the_email() -> None:
    manager = Manager(id=ManagerId("1"), name="Anna", phone="102", email="orlova@firm.test")
    users = [PbxUser("101", "Anna"), PbxUser("102", "Sales"), PbxUser("103", "Orlova")]
    assert suggest([manager], users) == {manager.id: "101"}
    assert suggest([manager], users[1:]) == {manager.id: "102"}
    assert suggest([manager], users[2:]) == {manager.id: "103"}
    assert suggest([manager], [*users, PbxUser("104", "anna")]) == {manager.id: "102"}  # two of this name


@pytest.mark.parametrize(("local", "is_guessed"), [("i", False), ("iv", False), ("iva", True)])
def test_an_email_of_one_or_two_letters_says_nothing(local: str, is_guessed: bool) -> None:
    manager = Manager(id=ManagerId("1"), name="X", email=f"{local}@firm.test")
    assert bool(suggest([manager], [PbxUser("101", f"{local} petrov")])) is is_guessed


def test_two_of_one_name_are_no_guess() -> None:
    assert suggest([ANNA], [PbxUser("101", "Анна Орлова"), PbxUser("111", "Анна Орлова")]) == {}
    twin = Manager(id=ManagerId("9"), name="Анна Орлова")
    assert suggest([ANNA, twin], [PbxUser("101", "Анна Орлова")]) == {}


def test_inactive_and_free_users_are_no_call_targets() -> None:
    gone = Manager(id=ManagerId("4"), name="Gone", is_active=False)
    free = Manager(id=ManagerId("5"), name="Free", is_paid=False)
    assert callable_managers([gone, BORIS, free, ANNA]) == [BORIS, ANNA]


def test_unmapped_doubled_and_missing() -> None:
    employees = [
        Employee(extension=Extension("101"), manager=ANNA.id),
        Employee(extension=Extension("109"), manager=ANNA.id),
        Employee(extension=Extension("104")),
    ]
    found = problems([ANNA, BORIS], employees, [PbxUser("101"), PbxUser("104")])
    assert set(found.unmapped) == {BORIS.id}
    assert set(found.doubled) == {str(ANNA.id)}
    assert set(found.missing) == {"109"}


def test_a_pbx_that_was_not_asked_misses_nothing() -> None:
    employee = Employee(extension=Extension("109"), manager=ANNA.id)
    assert problems([ANNA], [employee], []).missing == frozenset()


def test_a_phone_on_each_of_two_pbxs_is_not_one_too_many() -> None:
    office = Employee(extension=Extension("101"), manager=ANNA.id)
    branch = Employee(extension=Extension("101"), pbx=PbxId("branch"), manager=ANNA.id)
    assert problems([ANNA], [office, branch], []).doubled == frozenset()
    other = Employee(extension=Extension("102"), pbx=PbxId("branch"), manager=ANNA.id)
    assert problems([ANNA], [office, branch, other], []).doubled == {ANNA.id}
