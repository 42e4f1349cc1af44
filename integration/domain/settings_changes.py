"""Compares an account's settings part by part, for the history of changes and for undo.

Settings are JSON documents of `AccountSettings`, with the names of its fields. A part is a unit that an administrator
changes: one employee, or one field. `employees/101` is the employee at 101; None: there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from integration.domain.ids import Timestamp

Document = Mapping[str, Any]
Parts = Mapping[str, Any]  # path -> JSON


class Section(StrEnum):
    """A part of the settings that a page shows and saves as a whole."""

    PEOPLE = "people"
    SWITCH = "switch"


SECTIONS: Mapping[str, Section] = {"employees": Section.PEOPLE, "enabled": Section.SWITCH, "only_for": Section.SWITCH}
"""The fields that administrators decide on the pages. Changes of other fields are not recorded."""

_LEARNED = ("active_managers", "inactive_managers")
_IN_FILE = (
    "account", "name", "country", "dial", "language", "time_zone", "default_line", "lines", "default_responsible",
    "log_to", "card_fields", "clicks", "call_results", "crm_administrators", "pbxs", "made_by_hand", "never_clients",
)  # fmt: skip
NOT_RECORDED: Mapping[str, str] = {
    **dict.fromkeys(_LEARNED, "learned from the CRM"),
    "group_rule": "it proposes only: each extension that is given is recorded",
    "away": "said by the managers about themselves, several times a day: it would push out what administrators did",
    "campaign_pauses": "several times a day, too; each says who and since when",
    **dict.fromkeys(_IN_FILE, "set in the configuration file"),
}
"""The other fields, each with the reason."""

_LISTS = frozenset({"employees"})  # each item is a separate part


class AuthorKind(StrEnum):
    ADMINISTRATOR = "administrator"
    FILE = "file"  # the configuration file, at a start
    COMMAND = "command"  # one of dozvon's, which a person typed
    PROGRAM = "program"  # Dozvon itself
    OLDER_RELEASE = "older_release"  # a process of the previous release, which does not name the author


BY_FILE = "configuration"
"""`Author.administrator` of who signed in with the configuration file's password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """
    Attributes:
        session: short id of the browser's session; distinguishes who shares the configuration file's password.
        address: the browser's address.
        command: as it was typed, `dozvon apply`.
        user: of the operating system, who typed it; empty: not known.
        administrator: their id, or `BY_FILE`; empty: written before administrators had logins.
        name: the administrator's at that time; empty for `BY_FILE`.
        key: the name of the API key that a program of theirs has used; empty: they did it themselves.
    """

    kind: AuthorKind
    session: str = ""
    address: str = ""
    command: str = ""
    user: str = ""
    administrator: str = ""
    name: str = ""
    key: str = ""

    def is_same_person(self, other: Author) -> bool:
        """Whether both are known to be the same administrator: by login, or by session where a password is shared."""
        if self.kind is not AuthorKind.ADMINISTRATOR or other.kind is not AuthorKind.ADMINISTRATOR:
            return False
        if self.key or other.key:  # a program is not its maker
            return False
        if self.administrator and self.administrator != BY_FILE:
            return self.administrator == other.administrator
        return bool(self.session) and self.session == other.session

    def __str__(self) -> str:
        match self.kind:
            case AuthorKind.ADMINISTRATOR if self.key:
                return f"API key {self.key} ({self.name or 'configuration file'}) from {self.address}"
            case AuthorKind.ADMINISTRATOR if self.name:
                return f"{self.name} from {self.address}"
            case AuthorKind.ADMINISTRATOR if self.administrator == BY_FILE:
                return f"administrator (configuration file, session {self.session}) from {self.address}"
            case AuthorKind.ADMINISTRATOR:
                return f"administrator {self.session} from {self.address}"
            case AuthorKind.FILE:
                return "the configuration file"
            case AuthorKind.COMMAND:
                return f"{self.command} (user {self.user})" if self.user else self.command
            case AuthorKind.PROGRAM:
                return "Dozvon"
            case AuthorKind.OLDER_RELEASE:
                return "a process of an older release"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChange:
    """
    Attributes:
        revision: the revision of the account's settings after the change; also the change's id within the account.
        before: the changed parts before the change.
        after: the same parts after the change.
        undoes: the change that this one has undone.
    """

    revision: int
    at: Timestamp
    who: Author
    section: Section
    before: Parts
    after: Parts
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Clash:
    """Why a change cannot be undone: `by` has undone it already, or has changed the same parts since."""

    by: SettingsChange | None
    is_undone: bool


def parts(document: Document) -> dict[str, Any]:
    """All recorded parts of a document, by path."""
    found: dict[str, Any] = {}
    for field in SECTIONS:
        value = document.get(field)
        if field in _LISTS:
            found |= {f"{field}/{_key(item)}": item for item in value or ()}
        elif value is not None:
            found[field] = value
    return found


def differences(before: Document, after: Document) -> dict[Section, tuple[Parts, Parts]]:
    """The changed parts of each section, before and after."""
    old, new = parts(before), parts(after)
    found: dict[Section, tuple[dict[str, Any], dict[str, Any]]] = {}
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            was, now = found.setdefault(_section(path), ({}, {}))
            was[path], now[path] = old.get(path), new.get(path)
    return dict(found)


def put(document: Document, values: Parts) -> dict[str, Any]:
    """The document with these parts; None removes one."""
    result = dict(document)
    for field in {path.partition("/")[0] for path in values}:
        if field in _LISTS:
            items = {f"{field}/{_key(item)}": item for item in document.get(field) or ()}
            items |= {path: value for path, value in values.items() if path.startswith(f"{field}/")}
            result[field] = sorted((item for item in items.values() if item is not None), key=_key)
        elif (value := values[field]) is None:
            result.pop(field, None)
        else:
            result[field] = value
    return result


def as_before(document: Document, changes: Iterable[SettingsChange]) -> dict[str, Any]:
    """The document before these changes, which are given newest first."""
    result = dict(document)
    for change in changes:
        result = put(result, change.before)
    return result


def undone_by(changes: Iterable[SettingsChange]) -> dict[int, SettingsChange]:
    """Revisions whose changes are undone at present, each with the change that undid it; `changes` newest first."""
    found: dict[int, SettingsChange] = {}
    for change in changes:
        if change.undoes is not None and change.revision not in found:
            found.setdefault(change.undoes, change)
    return found


def clashes(document: Document, changes: Sequence[SettingsChange]) -> dict[int, Clash]:
    """
    The changes that cannot be undone, by revision, and why: they are undone already, or a part differs from the state
    after them. A part that was changed and changed back does not differ. A person also clashes with a later change that
    has given the manager another extension.

    Args:
        changes: the newest ones without a gap, newest first.
    """
    now, back = parts(document), undone_by(changes)
    touched: dict[str, SettingsChange] = {}  # path -> the newest change of it
    found = {}
    for change in changes:
        moved = {path for path, value in change.after.items() if now.get(path) != value}
        elsewhere = {path for path in _same_managers(now, change) if path in touched}
        if change.revision in back:
            found[change.revision] = Clash(back[change.revision], is_undone=True)
        elif moved or elsewhere:
            by = [touched[path] for path in moved | elsewhere if path in touched]
            found[change.revision] = Clash(max(by, key=lambda each: each.revision, default=None), is_undone=False)
        for path in change.after:
            touched.setdefault(path, change)
    return found


def undone(document: Document, change: SettingsChange, later: Sequence[SettingsChange]) -> dict[str, Any] | Clash:
    """The document with `change` undone, or why that is impossible; `later`: all changes after it, newest first."""
    clash = clashes(document, [*later, change]).get(change.revision)
    return clash or put(document, change.before)


def _same_managers(now: Parts, change: SettingsChange) -> set[str]:
    """Present employees with the managers that undoing `change` would give to other employees."""
    given = {item["manager"] for item in change.before.values() if isinstance(item, dict) and item.get("manager")}
    if not given:
        return set()
    return {
        path
        for path, item in now.items()
        if path not in change.after and isinstance(item, dict) and item.get("manager") in given
    }


def _section(path: str) -> Section:
    return SECTIONS[path.partition("/")[0]]


def _key(item: Mapping[str, Any]) -> str:
    """`Employee.key`."""
    pbx, extension = item.get("pbx"), str(item["extension"])
    return f"{pbx}/{extension}" if pbx else extension
