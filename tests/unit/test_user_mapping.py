"""What is wrong with a mapping is found."""

from __future__ import annotations

from dataclasses import replace

from integration.domain.crm.entities import Manager
from integration.domain.ids import Extension, ManagerId, PbxId
from integration.domain.people.mapping import PbxUser, Trouble, callable_managers, leavers, troubles
from integration.domain.settings import Employee

ANNA = Manager(id=ManagerId("1"), name="Анна Орлова", email="orlova@firm.test")
BORIS = Manager(id=ManagerId("2"), name="Boris Klimov", phone="102")


def test_inactive_and_free_users_are_no_call_targets() -> None:
    gone = Manager(id=ManagerId("4"), name="Gone", is_active=False)
    free = Manager(id=ManagerId("5"), name="Free", is_paid=False)
    assert callable_managers([gone, BORIS, free, ANNA]) == [BORIS, ANNA]


def of(*managers: Manager) -> dict[ManagerId, Manager]:
    return {each.id: each for each in managers}


def test_what_is_wrong_is_said_by_manager() -> None:
    gone, fired, free = ManagerId("9"), replace(BORIS, id=ManagerId("4"), is_active=False), ManagerId("5")
    employees = [
        Employee(extension=Extension("101"), manager=ANNA.id),
        Employee(extension=Extension("109"), manager=ANNA.id),
        Employee(extension=Extension("104")),
        Employee(extension=Extension("105"), manager=gone, name="Vera"),
        Employee(extension=Extension("106"), manager=fired.id),
        Employee(extension=Extension("107"), manager=free),
    ]
    users = [
        PbxUser("101", is_registered=False, devices=("PJSIP/101", "PJSIP/99101")),
        *(PbxUser(each) for each in ("104", "105", "106", "107")),
    ]
    managers = of(ANNA, BORIS, fired, Manager(id=free, name="Free", is_paid=False))
    assert troubles(managers, employees, users) == {
        ANNA.id: [Trouble.TWICE, Trouble.UNKNOWN_EXTENSION, Trouble.NOT_REGISTERED, Trouble.SECOND_DEVICE],
        BORIS.id: [Trouble.UNMAPPED],
        gone: [Trouble.GONE],
        fired.id: [Trouble.INACTIVE],
        free: [Trouble.UNPAID],
    }
    assert [each.name for each in leavers(managers, employees)] == ["Boris Klimov", "Free", "Vera"]


def test_an_inactive_manager_without_an_extension_is_no_trouble() -> None:
    fired = replace(BORIS, is_active=False)
    assert troubles(of(fired), [], []) == {}
    assert leavers(of(fired), []) == []


def test_who_was_not_asked_misses_nothing() -> None:
    employee = Employee(extension=Extension("109"), manager=ANNA.id)
    assert troubles(of(ANNA), [employee], []) == {}, "the PBX is silent"
    assert troubles({}, [employee], [PbxUser("109")]) == {}, "the CRM was never asked"


def test_a_phone_on_each_of_two_pbxs_is_not_one_too_many() -> None:
    office = Employee(extension=Extension("101"), manager=ANNA.id)
    branch = Employee(extension=Extension("101"), pbx=PbxId("branch"), manager=ANNA.id)
    assert troubles(of(ANNA), [office, branch], []) == {}
    other = Employee(extension=Extension("102"), pbx=PbxId("branch"), manager=ANNA.id)
    assert troubles(of(ANNA), [office, branch, other], []) == {ANNA.id: [Trouble.TWICE]}
