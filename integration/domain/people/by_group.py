"""Which managers of chosen groups of the CRM get which extension. A decision only: nothing is given here. Source: A10.

A group is a department or an access group (role) of the CRM. Managers who have left the groups are named, and keep
their extension until a person takes it away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from integration.domain.crm.entities import Manager, ManagerGroup
from integration.domain.ids import ManagerId
from integration.domain.people.mapping import callable_managers
from integration.domain.settings import Employee, GroupRule

MOST_OF_RANGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPlan:
    """
    Attributes:
        additions: managers without an extension, by name, each with the next free one.
        without: those for whom the range has none left.
        left: managers with an extension of the range who are in none of the groups any more.
    """

    additions: tuple[tuple[Manager, str], ...] = ()
    without: tuple[Manager, ...] = ()
    left: tuple[tuple[Manager, str], ...] = ()


def groups_of(managers: Iterable[Manager]) -> dict[ManagerGroup, int]:
    """All groups by name, each with the number of its active and paid managers."""
    found: dict[ManagerGroup, int] = {}
    for manager in managers:
        counts = manager.is_active and manager.is_paid
        for group in manager.groups:
            found[group] = found.get(group, 0) + counts
    return dict(sorted(found.items(), key=lambda item: (item[0].kind, item[0].name.casefold(), item[0].key)))


def extensions_of(rule: GroupRule) -> list[str]:
    """The range in order; leading zeros stay. Empty, if it is no range."""
    first, last = rule.first, rule.last
    if not (_is_number(first) and _is_number(last)) or len(first) != len(last):
        return []
    numbers = range(int(first), int(last) + 1)
    return [str(number).zfill(len(first)) for number in numbers] if len(numbers) <= MOST_OF_RANGE else []


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and 2 <= len(text) <= 8


def plan(
    rule: GroupRule,
    managers: Mapping[ManagerId, Manager],
    employees: Sequence[Employee],
    known: Iterable[str],
) -> GroupPlan:
    """
    Args:
        known: extensions that the account's main PBX has: they belong to somebody, mapped or not.

    Returns:
        No extension twice, and none that is known or mapped. The same arguments give the same plan. Never raises.
    """
    chosen = frozenset(rule.groups)
    mapped = {each.manager for each in employees if each.manager}
    taken = {*known, *(each.extension for each in employees if each.pbx is None)}
    free = iter([each for each in extensions_of(rule) if each not in taken])
    additions, without = [], []
    for manager in callable_managers(managers.values()):
        if manager.id in mapped or chosen.isdisjoint(each.key for each in manager.groups):
            continue
        extension = next(free, None)
        if extension is None:
            without.append(manager)
        else:
            additions.append((manager, extension))
    return GroupPlan(
        additions=tuple(additions), without=tuple(without), left=tuple(_left(rule, chosen, managers, employees))
    )


def _left(
    rule: GroupRule, chosen: frozenset[str], managers: Mapping[ManagerId, Manager], employees: Sequence[Employee]
) -> Iterable[tuple[Manager, str]]:
    inside = set(extensions_of(rule))
    for each in employees:
        manager = managers.get(each.manager) if each.manager and each.pbx is None else None
        if manager is not None and each.extension in inside and chosen.isdisjoint(g.key for g in manager.groups):
            yield manager, each.extension
