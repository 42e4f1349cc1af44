"""The form of managers and extensions: what an administrator chose, and the people that come of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from integration.documents.people import person_table, read_people
from integration.documents.problems import InvalidDocument
from integration.domain.ids import ManagerId, PbxId, Timestamp
from integration.domain.people.mapping import PbxUser
from integration.domain.settings import Employee, PhoneType
from integration.services.accounts import Account

Wanted = dict[ManagerId, str]
"""By manager: the key of the chosen extension; empty: none."""


def by_manager(employees: Sequence[Employee]) -> dict[ManagerId, Employee]:
    """The phone of each manager that can be chosen: the first one, with which a click calls."""
    return {e.manager: e for e in reversed(employees) if e.manager}


def wanted_of(account: Account, managers: Iterable[ManagerId], form: Mapping[str, str]) -> Wanted:
    """A long list has several pages: the managers of the others keep what they have."""
    stored = {manager: employee.key for manager, employee in by_manager(account.settings.employees).items()}
    return {each: form.get(f"extension.{each}", stored.get(each, "")) for each in managers}


def people_of_form(
    account: Account, wanted: Wanted, form: Mapping[str, str], users: Sequence[PbxUser]
) -> tuple[Employee, ...]:
    """
    The new mapping: those who are mapped, and the PBX's other people as outside the integration.

    Raises:
        InvalidDocument: names what of the form is wrong, as it would in a file.
    """
    # A manager dismissed in the CRM is not shown, but keeps the extension until another manager gets it.
    before = account.settings.employees
    shown = by_manager(before)
    kept = {manager for manager, key in wanted.items() if manager in shown and shown[manager].key == key}
    stored = [replace(each, manager=None) if each.manager in wanted.keys() - kept else each for each in before]
    # On PBXs that the account has left: no document may name them, so they stay as they are.
    left = {each.key: each for each in stored if account.pbx_of(each) not in account.pbxs}
    table = {each.key: person_table(each) for each in stored if each.key not in left}
    names = {user.key: user.name for user in users}
    types = {each.manager: each.phone_type.value for each in before if each.manager}
    for manager, key in wanted.items():
        if key in left:
            left[key] = replace(left[key], manager=manager)
        elif key:
            base = table.get(key) or {"name": names.get(key, "")}
            chosen = form.get(f"type.{manager}", types.get(manager, PhoneType.SIP.value))
            table[key] = {**base, "manager": manager, "type": chosen}
    return with_absences_of(before, (*read_people(table, tuple(account.pbxs)), *left.values()))


def with_absences_of(before: Sequence[Employee], after: Sequence[Employee]) -> tuple[Employee, ...]:
    """An absence goes with the manager to another extension, and never stays for the next one who gets the old."""
    were = {each.key: each.manager for each in before}
    away = by_manager(before)

    def settled(each: Employee) -> Employee:
        if each.manager == were.get(each.key):
            return each
        of_manager = away.get(each.manager) if each.manager else None
        if of_manager is None:
            return replace(each, is_absent=False, absent_until=None)
        return replace(each, is_absent=of_manager.is_absent, absent_until=of_manager.absent_until)

    return tuple(settled(each) for each in after)


def with_absence(
    people: Iterable[Employee], managers: frozenset[ManagerId], *, is_away: bool, until: Timestamp | None = None
) -> tuple[Employee, ...]:
    """These managers away, until then or until further notice; or here again."""
    change = {"is_absent": is_away and until is None, "absent_until": until if is_away else None}
    return tuple(replace(each, **change) if each.manager in managers else each for each in people)  # type: ignore[arg-type]


def chosen(account: Account, wanted: Wanted, form: Mapping[str, str], users: Sequence[PbxUser]) -> tuple[Employee, ...]:
    """The mapping that the page shows: what was chosen, as far as it can be read."""
    try:
        return people_of_form(account, wanted, form, users) if form else account.settings.employees
    except InvalidDocument:
        return account.settings.employees


def doubled(wanted: Wanted) -> list[str]:
    """Keys of extensions that are chosen for several managers."""
    counted = Counter(key for key in wanted.values() if key)
    return sorted(key for key, count in counted.items() if count > 1)


def on_top(
    wanted: Wanted, form: Mapping[str, str], seen: Sequence[Employee], now: Sequence[Employee]
) -> tuple[Wanted, dict[str, str]]:
    """What an administrator chose, for the managers whom they changed; for the others what is stored now."""
    before, after = by_manager(seen), by_manager(now)
    choices, fields = {}, dict(form)
    for manager, extension in wanted.items():
        was, stored = before.get(manager), after.get(manager)
        choices[manager] = extension if extension != (was.key if was else "") else stored.key if stored else ""
        if stored and form.get(f"type.{manager}", "sip") == (was.phone_type if was else PhoneType.SIP):
            fields[f"type.{manager}"] = stored.phone_type
    return choices, fields


def named(account: Account, key: str) -> PbxUser:
    """The user of a key that an administrator chose."""
    pbx, stroke, extension = key.partition("/")
    return PbxUser(extension, pbx=PbxId(pbx)) if stroke and pbx in account.pbxs else PbxUser(key)


def by_phone(invalid: InvalidDocument | None, language: str) -> dict[str, list[str]]:
    """What is wrong, by the key of the person's phone."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in invalid.problems if invalid is not None else ():
        found[str(each.path[1]) if len(each.path) > 1 else ""].append(each.sentence(language))
    return found
