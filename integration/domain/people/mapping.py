"""CRM managers and PBX extensions, and what is wrong with their mapping. Source: spec A3, seed S4."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from integration.domain.crm.entities import Manager
from integration.domain.ids import ManagerId, PbxId
from integration.domain.settings import Employee


@dataclass(frozen=True, slots=True)
class PbxUser:
    extension: str
    name: str = ""
    pbx: PbxId | None = None  # as `Employee.pbx`
    email: str = ""  # where the PBX tells one, as of a mailbox
    mobile: str = ""
    is_registered: bool | None = None  # a phone of this extension; None: the PBX does not tell
    devices: tuple[str, ...] = ()  # phones of this extension, as the PBX names them

    @property
    def key(self) -> str:
        """As `Employee.key`."""
        return self.extension if self.pbx is None else f"{self.pbx}/{self.extension}"


class Trouble(StrEnum):
    """What an administrator should look at. Sentences: `texts/people.py`."""

    UNMAPPED = "unmapped"  # a manager without an extension
    TWICE = "twice"  # two extensions of one PBX: clicks use the first one
    UNKNOWN_EXTENSION = "unknown_extension"  # the PBX does not have it
    GONE = "gone"  # the manager was deleted in the CRM, and has an extension; likewise the following
    INACTIVE = "inactive"
    UNPAID = "unpaid"
    NOT_REGISTERED = "not_registered"  # no phone of the extension is on
    SECOND_DEVICE = "second_device"  # several phones ring at this extension


OF_LEAVERS = frozenset({Trouble.GONE, Trouble.INACTIVE, Trouble.UNPAID})
"""Their extension should become somebody else's."""


def callable_managers(managers: Iterable[Manager]) -> list[Manager]:
    """Active and paid ones, by name: the others are no call targets (seed S4)."""
    return sorted((m for m in managers if m.is_active and m.is_paid), key=lambda m: m.name.casefold())


def leavers(managers: Mapping[ManagerId, Manager], employees: Sequence[Employee]) -> list[Manager]:
    """Managers who have an extension and are no call targets, by name; those whom the CRM does not know by their id."""
    mapped = {each.manager: each for each in reversed(employees) if each.manager}
    found = [
        managers.get(each) or Manager(id=each, name=phone.name or each, is_active=False)
        for each, phone in mapped.items()
        if each not in managers or not (managers[each].is_active and managers[each].is_paid)
    ]
    return sorted(found, key=lambda each: each.name.casefold())


def troubles(
    managers: Mapping[ManagerId, Manager], employees: Sequence[Employee], users: Sequence[PbxUser]
) -> dict[ManagerId, list[Trouble]]:
    """
    What is wrong, by manager; who is not in it, is well.

    Args:
        managers: all of the CRM. Empty: it was not asked, so nobody is called gone.
        users: of the PBX; empty: it was not asked, so no extension is called unknown.
    """
    phones: dict[ManagerId, list[Employee]] = defaultdict(list)
    for each in employees:
        if each.manager:
            phones[each.manager].append(each)
    known = {user.key: user for user in users}
    found: dict[ManagerId, list[Trouble]] = {}
    for who in {**managers, **phones} if managers else phones:
        wrong = list(_of_one(managers.get(who), phones.get(who, ()), known, is_crm_known=bool(managers)))
        if wrong:
            found[who] = wrong
    return found


def _of_one(
    manager: Manager | None, phones: Sequence[Employee], known: Mapping[str, PbxUser], *, is_crm_known: bool
) -> Iterator[Trouble]:
    if manager is not None and manager.is_active and manager.is_paid and not phones:
        yield Trouble.UNMAPPED
    if not phones:
        return
    if manager is None and is_crm_known:
        yield Trouble.GONE
    elif manager is not None and not manager.is_active:
        yield Trouble.INACTIVE
    elif manager is not None and not manager.is_paid:
        yield Trouble.UNPAID
    if max(Counter(each.pbx for each in phones).values()) > 1:
        yield Trouble.TWICE
    users = [known.get(each.key) for each in phones]
    if known and None in users:
        yield Trouble.UNKNOWN_EXTENSION
    if any(user is not None and user.is_registered is False for user in users):
        yield Trouble.NOT_REGISTERED
    if any(user is not None and len(user.devices) > 1 for user in users):
        yield Trouble.SECOND_DEVICE
