"""Decides which accounts and PBXs run: those of the configuration file, and those of the offices in the database.

Theory of operation
-------------------

A file describes accounts and PBXs as documents (`integration/documents`). `dozvon apply` stores the documents in the
database, without secrets and people: secrets are encrypted separately, and people belong to the account's settings,
because the pages change them too. Once a second every process checks whether an office has a new revision, and changes
the running connections (`supervisor.py`). A process's own file wins over the database. So to move an office into the
database, apply that file first, and remove the office from it later.

An office whose documents cannot be used (perhaps a newer release wrote them) keeps its last usable state. Other offices
are not affected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from integration.documents.differences import Difference, changed_secret, differences
from integration.documents.offices import OfficesDocument
from integration.domain.ids import AccountId
from integration.domain.settings import Employee
from integration.domain.settings_changes import Author, AuthorKind
from integration.errors import ConfigError
from integration.ports.offices import OfficeStore, PartChanges, StoredOffice
from integration.ports.settings import SettingsStore
from integration.process.config import Config, with_offices
from integration.process.connections import setup_of
from integration.process.office_documents import (
    Documents,
    checked,
    joined,
    people_change,
    people_document,
    plain,
    split,
)
from integration.process.reconcile import Setup

log = structlog.get_logger()

_ACCOUNT = "account/"
_BY_COMMAND = Author(kind=AuthorKind.COMMAND, command="dozvon apply")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPeople:
    """People of an account, with those that are stored, of this revision of its settings."""

    employees: tuple[Employee, ...]
    stored: tuple[Employee, ...]
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    What `apply` would change in one office.

    Attributes:
        revision: the office's revision when the plan was made.
        parts: the new documents; None: the part is removed.
        missing: parts of the office that the file does not have; they stay.
        people: the people of each account for which the file names any.
    """

    office: AccountId
    revision: int
    parts: PartChanges
    secrets: Mapping[str, str]
    differences: Mapping[str, Sequence[Difference]]
    missing: tuple[str, ...] = ()
    people: Mapping[AccountId, PlannedPeople]

    @property
    def is_empty(self) -> bool:
        return not self.differences


class Offices:
    """The offices in the database, read with this release's kinds of CRM and PBX."""

    def __init__(self, store: OfficeStore, settings: SettingsStore) -> None:
        self._store = store
        self._settings = settings
        self._good: dict[AccountId, tuple[int, OfficesDocument]] = {}  # the last revisions that could be used
        self._reported: dict[AccountId, int] = {}
        self._taken: tuple[int, ...] = ()
        self.known: frozenset[AccountId] = frozenset()  # at the last reading of `wanted`
        self.homes: Mapping[AccountId, AccountId] = {}  # the office of each of them

    # ---- what runs -------------------------------------------------------------------------------------------------

    async def have_changed(self) -> bool:
        """Whether `wanted` would read something new. Raises: Unavailable."""
        return await self._store.version() != self._taken

    async def wanted(self, config: Config) -> Setup:
        """
        All accounts and PBXs that must run in this process.

        Raises:
            ConfigError: the file's own accounts are wrong. Unavailable.
        """
        setup_of(config)
        version = await self._store.version()  # first, so that a change during the read is noticed later
        accounts, pbxs = {each.id for each in config.accounts}, {each.id for each in config.pbxs}
        taken: list[OfficesDocument] = []
        offices = await self._store.all()
        for office in offices:
            documents = self._usable(config, office)
            own = OfficesDocument(
                accounts=tuple(
                    each
                    for each in documents.accounts
                    if each.id not in accounts and not (each.has_own_pbx and each.pbx_id in pbxs)
                ),
                pbxs=tuple(each for each in documents.pbxs if each.id not in pbxs),
            )
            if own != documents:
                self._report(office, "the configuration file sets some of it, and wins")
            taken.append(own)
        setup = setup_of(with_offices(config, taken))
        self._taken, self.homes = version, _homes(config, offices)
        self.known = frozenset(self.homes)
        return setup

    async def accounts(self, config: Config) -> frozenset[AccountId]:
        """Of the file and of all offices in the database, also of those that cannot be used. Raises Unavailable."""
        return frozenset(_homes(config, await self._store.all()))

    def _usable(self, config: Config, office: StoredOffice) -> OfficesDocument:
        """The office's documents; if they cannot be used, the last ones that could."""
        revision, documents = self._good.get(office.office, (0, OfficesDocument()))
        if revision == office.revision:
            return documents
        try:
            documents = checked(config, joined(office.parts, office.secrets))
        except ConfigError as exc:
            self._report(office, str(exc))
            return self._good.get(office.office, (0, OfficesDocument()))[1]
        self._good[office.office] = office.revision, documents
        return documents

    def _report(self, office: StoredOffice, reason: str) -> None:
        """Log a problem once for each revision."""
        if self._reported.get(office.office) != office.revision:
            self._reported[office.office] = office.revision
            log.warning("an office in the database is not used as stored", office=office.office, reason=reason)

    # ---- files -----------------------------------------------------------------------------------------------------

    async def plans(self, config: Config, raw: Mapping[str, Any], *, remove: bool = False) -> list[Plan]:
        """
        What the accounts and PBXs of a file would change in each office. Changes nothing.

        Args:
            config: the process's configuration, for addresses.
            raw: the file; tables other than `account` and `pbx` are ignored.
            remove: remove what an office has and the file does not; otherwise it stays.

        Raises:
            ConfigError: names every wrong setting. Unavailable.
        """
        lists = {name: raw.get(name, []) for name in ("account", "pbx")}
        for name, each in lists.items():
            if not isinstance(each, list) or not all(isinstance(one, dict) for one in each):
                raise ConfigError(f"{name}: write [[{name}]] with two brackets, one block for each")
        return [
            await self._plan(config, office, documents, remove=remove)
            for office, documents in _by_office(lists["account"], lists["pbx"]).items()
        ]

    async def _plan(self, config: Config, office: AccountId, documents: Documents, *, remove: bool) -> Plan:
        stored = await self._store.get(office)
        parted = {part: split(part, each) for part, each in documents.items()}
        secrets = {f"{part} {key}": value for part, (_, own) in parted.items() for key, value in own.items()}
        whole = joined({part: own for part, (own, _) in parted.items()}, {**stored.secrets, **secrets})
        missing = tuple(part for part in stored.parts if part not in whole)
        kept = {} if remove else joined({part: stored.parts[part] for part in missing}, stored.secrets)
        found = checked(config, {**whole, **kept})
        parts: dict[str, dict[str, Any] | None] = {
            part: split(part, document)[0] for part, document in plain(found).items() if part in whole
        }
        people = {
            each.id: await self._planned(each.id, each.settings().employees) for each in found.accounts if each.employee
        }
        if remove:
            parts |= dict.fromkeys(missing)
        return Plan(
            office=office,
            revision=stored.revision,
            parts=parts,
            secrets=secrets,
            differences=_differences(stored, parts, secrets, people),
            missing=() if remove else missing,
            people=people,
        )

    async def removal(self, office: AccountId) -> Plan:
        """
        All accounts and PBXs of an office go; their calls and waiting deliveries stay stored. Nothing is changed.

        Raises:
            ConfigError: there is no such office. Unavailable.
        """
        stored = await self._stored(office)
        parts: PartChanges = dict.fromkeys(stored.parts)
        changes = _differences(stored, parts, {}, {})
        return Plan(office=office, revision=stored.revision, parts=parts, secrets={}, differences=changes, people={})

    async def _stored(self, office: AccountId) -> StoredOffice:
        """Raises ConfigError: it has no parts."""
        stored = await self._store.get(office)
        if not stored.parts:
            raise ConfigError(f"the database has no office {office}; dozvon apply FILE adds one")
        return stored

    async def _planned(self, account: AccountId, people: tuple[Employee, ...]) -> PlannedPeople:
        now = await self._settings.current(account)
        if now is None:
            return PlannedPeople(employees=people, stored=(), revision=0)
        return PlannedPeople(employees=people, stored=now.settings.employees, revision=now.revision)

    async def apply(self, plan: Plan, *, who: Author = _BY_COMMAND) -> None:
        """
        All of it, or nothing.

        Raises:
            OfficeChangedMeanwhile, ChangedMeanwhile: the office, or people of it, were changed since the plan was made.
            OfOtherOffice. Unavailable.
        """
        people = {
            account: people_change(plan.parts[f"account/{account}"] or {}, each.employees, expected=each.revision)
            for account, each in plan.people.items()
        }
        await self._store.change(plan.office, plan.parts, plan.secrets, who=who, expected=plan.revision, people=people)

    async def export(self, office: AccountId) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
        """
        An office in the form that `plans` reads: `{"account": [...], "pbx": [...]}`, with people, without secrets.

        Returns:
            The document, and the keys of the secrets left out.

        Raises:
            ConfigError: there is no such office.
        """
        stored = await self._stored(office)
        found: dict[str, list[dict[str, Any]]] = {}
        for part in sorted(stored.parts):
            kind, _, name = part.partition("/")
            document = dict(stored.parts[part])
            if kind == "account":
                now = await self._settings.load(AccountId(name))
                if now is not None and now.employees:
                    document["employee"] = people_document(now.employees)
            found.setdefault(kind, []).append(document)
        return found, sorted(key for key in stored.secrets if key.partition(" ")[0] in stored.parts)


def _homes(config: Config, offices: Iterable[StoredOffice]) -> dict[AccountId, AccountId]:
    """The office of each account. The file wins."""
    stored = {
        AccountId(part.removeprefix(_ACCOUNT)): office.office
        for office in offices
        for part in office.parts
        if part.startswith(_ACCOUNT)
    }
    return stored | {each.id: each.office for each in config.accounts}


def _by_office(accounts: Iterable[Mapping[str, Any]], pbxs: Iterable[Mapping[str, Any]]) -> dict[AccountId, Documents]:
    """Documents by office. Those without an office or id go under the empty office: reading them reports the error."""
    found: dict[AccountId, Documents] = {}
    for kind, documents in (("account", accounts), ("pbx", pbxs)):
        for number, document in enumerate(documents):
            name = document.get("id")
            office = document.get("office") or (name if kind == "account" else "")
            part = f"{kind}/{name if isinstance(name, str | int) else number}"
            own = found.setdefault(AccountId(str(office)), {})
            if part in own:
                raise ConfigError(f"{kind}.id: {name} is named twice")
            own[part] = dict(document)
    return found


def _differences(
    stored: StoredOffice, parts: PartChanges, secrets: Mapping[str, str], people: Mapping[AccountId, PlannedPeople]
) -> dict[str, Sequence[Difference]]:
    found: dict[str, list[Difference]] = {}
    for part, after in parts.items():
        found[part] = differences(stored.parts.get(part), after)
    for key, value in secrets.items():
        part, _, name = key.partition(" ")
        if stored.secrets.get(key) != value:
            found.setdefault(part, []).append(changed_secret(name, is_new=key not in stored.secrets))
    for account, each in people.items():
        before, after = ({"employee": people_document(own)} for own in (each.stored, each.employees))
        found.setdefault(f"account/{account}", []).extend(differences(before, after))
    return {part: each for part, each in found.items() if each}
