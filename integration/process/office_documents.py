"""The documents of an office by part, `account/sales` or `pbx/branch`: without secrets and people, and joined again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from integration.documents.office import OfficeDocument
from integration.documents.offices import OfficesDocument, read_offices
from integration.documents.people import person_document
from integration.documents.problems import FieldProblem, InvalidDocument
from integration.documents.secrets import with_secrets, without_secrets
from integration.domain.settings import AccountSettings, Employee
from integration.ports.offices import PeopleChange
from integration.process.adapters import CRMS, PBXS
from integration.process.config import Config, with_offices
from integration.process.connections import setup_of

Documents = dict[str, dict[str, Any]]  # by part


def read(documents: Mapping[str, Mapping[str, Any]], *, is_whole: bool = True) -> OfficesDocument:
    """
    Documents by part, as they are stored. Raises ConfigError.

    Args:
        is_whole: PBXs that accounts name must be among them.
    """
    lists: dict[str, list[Any]] = {"account": [], "pbx": []}
    names: dict[str, list[str]] = {"account": [], "pbx": []}
    for part in sorted(documents):
        kind, _, name = part.partition("/")
        lists[kind].append(documents[part])
        names[kind].append(name)
    kinds = {"crm": next(iter(CRMS)), "pbx": next(iter(PBXS))}
    try:
        return read_offices(lists["account"], lists["pbx"], **kinds, is_whole=is_whole)
    except InvalidDocument as exc:
        raise InvalidDocument([_named(each, names) for each in exc.below()]) from exc


def _named(problem: FieldProblem, names: Mapping[str, list[str]]) -> FieldProblem:
    """A document whose id is wrong is known by its place only: it has a name here."""
    match problem.path:
        case (str(kind), int(place), *inner):
            return replace(problem, path=(kind, names[kind][place], *inner))
    return problem


def checked(config: Config, documents: Documents) -> OfficesDocument:
    """An office as it may run, also for the adapters. Raises ConfigError."""
    found = read(documents)
    setup_of(with_offices(replace(config, accounts=(), pbxs=()), [found]))
    return found


def joined(parts: Mapping[str, Mapping[str, Any]], secrets: Mapping[str, str]) -> Documents:
    """The parts with their secrets put in."""
    own: dict[str, dict[str, str]] = {}
    for key, value in secrets.items():
        part, _, name = key.partition(" ")
        own.setdefault(part, {})[name] = value
    return {part: with_secrets(document, own.get(part, {})) for part, document in parts.items()}


def plain(documents: OfficesDocument) -> Documents:
    """As they are stored, but for the secrets."""
    found = {f"account/{each.id}": _without_people(each) for each in documents.accounts}
    return found | {f"pbx/{each.id}": each.plain() for each in documents.pbxs}


def _without_people(document: OfficeDocument) -> dict[str, Any]:
    """People are decided on the pages as well: they are the account's settings."""
    return {key: value for key, value in document.plain().items() if key != "employee"}


def secret_keys(part: str) -> list[str]:
    """The keys of the secrets that a document of this part may have: `asterisk.secret`."""
    tables = {"account": (CRMS, PBXS), "pbx": (PBXS,)}[part.partition("/")[0]]
    return [f"{name}.{key}" for kinds in tables for name, kind in kinds.items() for key in kind.secret_options]


def split(part: str, document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The document without its secrets, and these by their keys."""
    return without_secrets(document, secret_keys(part))


def people_document(employees: Iterable[Employee]) -> dict[str, Any]:
    return {each.key: person_document(each) for each in sorted(employees, key=lambda each: each.key)}


def people_change(account: Mapping[str, Any], people: tuple[Employee, ...], *, expected: int) -> PeopleChange:
    """
    Args:
        account: its document, without secrets; an account that was never stored begins with its settings.
        expected: the revision of the settings that the people were read at.
    """
    start = read({f"account/{account['id']}": account}, is_whole=False).accounts[0].settings()

    def change(stored: AccountSettings | None) -> AccountSettings:
        # Their phones are named as on the PBXs of this document: the first is the main one.
        return replace(stored or start, employees=tuple(sorted(people, key=lambda e: e.key)), pbxs=start.pbxs)

    return PeopleChange(change=change, expected=expected)
