"""Maps CRM managers to PBX extensions: suggestions, and problems of a mapping. Source: spec A3, seed S4."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from integration.domain.crm.entities import Manager
from integration.domain.ids import ManagerId, PbxId
from integration.domain.settings import Employee


@dataclass(frozen=True, slots=True)
class PbxUser:
    extension: str
    name: str = ""
    pbx: PbxId | None = None  # as `Employee.pbx`

    @property
    def key(self) -> str:
        """As `Employee.key`."""
        return self.extension if self.pbx is None else f"{self.pbx}/{self.extension}"


@dataclass(frozen=True, slots=True)
class MappingProblems:
    """`unmapped`: managers without an extension; `doubled`: keys of extensions used twice, or managers with two of one
    PBX; `missing`: keys of mapped extensions that the PBX does not have."""

    unmapped: frozenset[ManagerId]
    doubled: frozenset[str]
    missing: frozenset[str]


def callable_managers(managers: Iterable[Manager]) -> list[Manager]:
    """Active and paid ones, by name: the others are no call targets (seed S4)."""
    return sorted((m for m in managers if m.is_active and m.is_paid), key=lambda m: m.name.casefold())


def suggest(managers: Sequence[Manager], users: Sequence[PbxUser]) -> dict[ManagerId, str]:
    """
    Suggest extensions: by the same words in the name in any order, else by the extension in the manager's phone field,
    else by the e-mail's local part in the PBX user's name.

    Returns:
        Keys of extensions. Only unambiguous suggestions: one user, no other manager, no extension twice.
    """
    known = _Known(users)
    guesses: dict[ManagerId, str] = {}
    for manager in managers:
        for matches in (known.by_name, known.by_phone, known.by_email):
            found = matches(manager)
            if len(found) == 1:
                guesses[manager.id] = found[0]
                break
    shared = {extension for extension, count in Counter(guesses.values()).items() if count > 1}
    return {manager: extension for manager, extension in guesses.items() if extension not in shared}


def problems(managers: Sequence[Manager], employees: Sequence[Employee], users: Sequence[PbxUser]) -> MappingProblems:
    """What an administrator should look at. `users` empty: the PBX was not asked, so nothing is called missing."""
    mapped = [e for e in employees if e.manager is not None]
    extensions = Counter(e.key for e in mapped)
    phones = Counter((str(e.manager), e.pbx) for e in mapped)
    several = {manager for (manager, _), count in phones.items() if count > 1}
    known = {user.key for user in users}
    return MappingProblems(
        unmapped=frozenset(m.id for m in managers) - frozenset(e.manager for e in mapped if e.manager),
        doubled=frozenset({key for key, count in extensions.items() if count > 1} | several),
        missing=frozenset(e.key for e in mapped if known and e.key not in known),
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(text.casefold().split())


class _Known:
    """The PBX's users by what a manager may be recognised by: an office has hundreds of both."""

    def __init__(self, users: Sequence[PbxUser]) -> None:
        self._of_names: dict[frozenset[str], list[str]] = defaultdict(list)
        self._of_extensions: dict[str, list[str]] = defaultdict(list)
        self._of_words: dict[str, list[str]] = defaultdict(list)
        for user in users:
            words = _words(user.name)
            if words:
                self._of_names[words].append(user.key)
            self._of_extensions[user.extension].append(user.key)
            for word in words:
                self._of_words[word].append(user.key)

    def by_name(self, manager: Manager) -> Sequence[str]:
        return self._of_names.get(_words(manager.name), ())

    def by_phone(self, manager: Manager) -> Sequence[str]:
        return self._of_extensions.get(manager.phone.strip(), ()) if manager.phone is not None else ()

    def by_email(self, manager: Manager) -> Sequence[str]:
        local = (manager.email or "").partition("@")[0].casefold()
        return self._of_words.get(local, ()) if len(local) > 2 else ()
