"""Employees by groups of the CRM: the next free extension each, and who has left is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.crm.entities import GroupKind, Manager, ManagerGroup
from integration.domain.ids import Extension, ManagerId, PbxId
from integration.domain.people.by_group import extensions_of, groups_of, plan
from integration.domain.settings import Employee, GroupRule

SALES = ManagerGroup(kind=GroupKind.DEPARTMENT, id="1", name="Продажи")
SERVICE = ManagerGroup(kind=GroupKind.DEPARTMENT, id="2", name="Сервис")
ROLE = ManagerGroup(kind=GroupKind.ACCESS, id="1", name="Менеджеры")
RULE = GroupRule(groups=(SALES.key,), first="201", last="204")


def manager(number: int, *groups: ManagerGroup, is_active: bool = True, is_paid: bool = True) -> Manager:
    who = ManagerId(str(number))
    return Manager(id=who, name=f"M{number}", groups=groups, is_active=is_active, is_paid=is_paid)


def of(*managers: Manager) -> dict[ManagerId, Manager]:
    return {each.id: each for each in managers}


def test_active_and_paid_managers_without_an_extension_get_the_next_free_one() -> None:
    everybody = of(
        manager(1, SALES),
        manager(2, SALES, ROLE),
        manager(3, SERVICE),
        manager(4, SALES, is_active=False),
        manager(5, SALES, is_paid=False),
        manager(6, SALES),
        manager(7, SALES),
    )
    employees = [
        Employee(extension=Extension("101"), manager=ManagerId("1")),
        Employee(extension=Extension("202")),
        Employee(extension=Extension("201"), pbx=PbxId("branch")),
    ]
    found = plan(RULE, everybody, employees, known=["203"])
    assert [(each.id, extension) for each, extension in found.additions] == [("2", "201"), ("6", "204")]
    assert [each.id for each in found.without] == ["7"]
    assert found.left == ()


def test_who_has_left_the_groups_is_named_and_keeps_the_extension() -> None:
    employees = [
        Employee(extension=Extension("201"), manager=ManagerId("1")),
        Employee(extension=Extension("301"), manager=ManagerId("2")),
        Employee(extension=Extension("202"), manager=ManagerId("9")),  # deleted in the CRM: the list of people says so
    ]
    found = plan(RULE, of(manager(1, SERVICE), manager(2, SERVICE)), employees, known=["201"])
    assert [(each.id, extension) for each, extension in found.left] == [("1", "201")]
    assert found.additions == ()


def test_a_department_and_an_access_group_of_one_id_are_two() -> None:
    found = plan(GroupRule(groups=(ROLE.key,), first="201", last="202"), of(manager(1, SALES)), [], known=[])
    assert found.additions == ()
    counted = groups_of([manager(1, SALES, ROLE), manager(2, SALES, is_active=False)])
    assert list(counted.items()) == [(ROLE, 1), (SALES, 1)]


@pytest.mark.parametrize(
    ("first", "last", "count"),
    [
        ("201", "299", 99),
        ("007", "009", 3),
        ("2000", "2999", 1000),
        ("2000", "3000", 0),
        ("299", "201", 0),
        ("1", "9", 0),
        ("99", "100", 0),
        ("", "", 0),
        ("x", "y", 0),
        ("٢٠١", "٢٠٢", 0),
        ("1" * 9, "1" * 9, 0),
        ("-10", "-11", 0),
    ],
)
def test_what_is_a_range(first: str, last: str, count: int) -> None:
    found = extensions_of(GroupRule(first=first, last=last))
    assert len(found) == count
    assert not found or (found[0], found[-1]) == (first, last)


@given(
    st.lists(st.booleans(), max_size=8),
    st.sets(st.sampled_from(["201", "202", "203", "204"])),
    st.sets(st.sampled_from(["201", "202", "203", "204", "1"])),
)
def test_no_extension_goes_to_two_and_none_that_is_in_use(members: list[bool], used: set[str], known: set[str]) -> None:
    everybody = of(*(manager(n, *([SALES] if is_member else [])) for n, is_member in enumerate(members)))
    employees = [Employee(extension=Extension(each)) for each in sorted(used)]
    found = plan(RULE, everybody, employees, known)
    given_out = [extension for _, extension in found.additions]
    assert len(given_out) == len(set(given_out))
    assert not set(given_out) & (used | known)
    assert len(given_out) + len(found.without) == sum(members)
