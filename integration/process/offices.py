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
from dataclasses import dataclass, replace
from typing import Any

import structlog

from integration.documents.differences import Difference, changed_secret, differences
from integration.documents.office import OfficeDocument, person_document
from integration.documents.offices import OfficesDocument, read_offices
from integration.documents.secrets import with_secrets, without_secrets
from integration.domain.ids import AccountId
from integration.domain.settings import AccountSettings, Employee
from integration.domain.settings_changes import Author, AuthorKind
from integration.errors import ConfigError
from integration.ports.offices import OfficeStore, PartChanges, StoredOffice
from integration.ports.settings import SettingsStore
from integration.process.adapters import CRMS, PBXS
from integration.process.config import Config, with_offices
from integration.process.connections import setup_of
from integration.process.reconcile import Setup

log = structlog.get_logger()

_BY_FILE = Author(kind=AuthorKind.FILE)
_ACCOUNT = "account/"
Documents = dict[str, dict[str, Any]]  # by part


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
    people: Mapping[AccountId, tuple[Employee, ...]]

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
                accounts=tuple(each for each in documents.accounts if each.id not in accounts),
                pbxs=tuple(each for each in documents.pbxs if each.id not in pbxs),
            )
            if own != documents:
                self._report(office, "the configuration file sets some of it, and wins")
            taken.append(own)
        setup = setup_of(with_offices(config, taken))
        self._taken, self.known = version, _accounts(config, offices)
        return setup

    async def accounts(self, config: Config) -> frozenset[AccountId]:
        """Of the file and of all offices in the database, also of those that cannot be used. Raises Unavailable."""
        return _accounts(config, await self._store.all())

    def _usable(self, config: Config, office: StoredOffice) -> OfficesDocument:
        """The office's documents; if they cannot be used, the last ones that could."""
        revision, documents = self._good.get(office.office, (0, OfficesDocument()))
        if revision == office.revision:
            return documents
        try:
            documents = read(joined(office.parts, office.secrets))
            setup_of(with_offices(replace(config, accounts=(), pbxs=()), [documents]))
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
        split = {part: _split(part, each) for part, each in documents.items()}
        secrets = {f"{part} {key}": value for part, (_, own) in split.items() for key, value in own.items()}
        whole = joined({part: plain for part, (plain, _) in split.items()}, {**stored.secrets, **secrets})
        missing = tuple(part for part in stored.parts if part not in whole)
        kept = {} if remove else joined({part: stored.parts[part] for part in missing}, stored.secrets)
        checked = read({**whole, **kept})
        setup_of(with_offices(replace(config, accounts=(), pbxs=()), [checked]))
        parts: dict[str, dict[str, Any] | None] = {
            part: _split(part, document)[0] for part, document in _plain(checked).items() if part in whole
        }
        people = {AccountId(each.id): each.settings().employees for each in checked.accounts if each.employee}
        if remove:
            parts |= dict.fromkeys(missing)
        return Plan(
            office=office,
            revision=stored.revision,
            parts=parts,
            secrets=secrets,
            differences=await self._differences(stored, parts, secrets, people),
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
        changes = await self._differences(stored, parts, {}, {})
        return Plan(office=office, revision=stored.revision, parts=parts, secrets={}, differences=changes, people={})

    async def _stored(self, office: AccountId) -> StoredOffice:
        """Raises ConfigError: it has no parts."""
        stored = await self._store.get(office)
        if not stored.parts:
            raise ConfigError(f"the database has no office {office}; dozvon apply FILE adds one")
        return stored

    async def _differences(
        self,
        stored: StoredOffice,
        parts: PartChanges,
        secrets: Mapping[str, str],
        people: Mapping[AccountId, tuple[Employee, ...]],
    ) -> dict[str, Sequence[Difference]]:
        found: dict[str, list[Difference]] = {}
        for part, after in parts.items():
            found[part] = differences(stored.parts.get(part), after)
        for key, value in secrets.items():
            part, _, name = key.partition(" ")
            if stored.secrets.get(key) != value:
                found.setdefault(part, []).append(changed_secret(name, is_new=key not in stored.secrets))
        for account, wanted in people.items():
            now = await self._settings.load(account)
            before = {"employee": _people(now.employees if now is not None else ())}
            found.setdefault(f"account/{account}", []).extend(differences(before, {"employee": _people(wanted)}))
        return {part: each for part, each in found.items() if each}

    async def apply(self, plan: Plan, *, who: Author = _BY_FILE) -> None:
        """
        Raises:
            OfficeChangedMeanwhile: the office has changed since the plan was made; nothing is stored.
            Rejected: an id belongs to another office; nothing is stored. Unavailable.
        """
        settings = {}
        for account, people in plan.people.items():
            document = plan.parts[f"account/{account}"] or {}
            start = read({f"account/{account}": dict(document)}, is_whole=False).accounts[0].settings()
            settings[account] = _with_people(start, people)
        await self._store.change(
            plan.office, plan.parts, plan.secrets, who=who, expected=plan.revision, settings=settings
        )

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
                    document["employee"] = _people(now.employees)
            found.setdefault(kind, []).append(document)
        return found, sorted(key for key in stored.secrets if key.partition(" ")[0] in stored.parts)


def _accounts(config: Config, offices: Iterable[StoredOffice]) -> frozenset[AccountId]:
    named = (part.removeprefix(_ACCOUNT) for office in offices for part in office.parts if part.startswith(_ACCOUNT))
    return frozenset({*(each.id for each in config.accounts), *map(AccountId, named)})


def read(documents: Mapping[str, Mapping[str, Any]], *, is_whole: bool = True) -> OfficesDocument:
    """
    Read stored documents, given by part. Raises: ConfigError.

    Args:
        is_whole: the documents must contain the PBXs that accounts name.
    """
    lists: dict[str, list[Any]] = {"account": [], "pbx": []}
    for part in sorted(documents):
        lists[part.partition("/")[0]].append(documents[part])
    return read_offices(lists["account"], lists["pbx"], crm=next(iter(CRMS)), pbx=next(iter(PBXS)), is_whole=is_whole)


def joined(parts: Mapping[str, Mapping[str, Any]], secrets: Mapping[str, str]) -> Documents:
    """The parts together with their secrets."""
    own: dict[str, dict[str, str]] = {}
    for key, value in secrets.items():
        part, _, name = key.partition(" ")
        own.setdefault(part, {})[name] = value
    return {part: with_secrets(document, own.get(part, {})) for part, document in parts.items()}


def _plain(documents: OfficesDocument) -> Documents:
    """The documents in the stored form, still with secrets."""
    found = {f"account/{each.id}": _without_people(each) for each in documents.accounts}
    return found | {f"pbx/{each.id}": each.plain() for each in documents.pbxs}


def _without_people(document: OfficeDocument) -> dict[str, Any]:
    """The document without people: the pages change them too, so they are part of the account's settings."""
    return {key: value for key, value in document.plain().items() if key != "employee"}


def _split(part: str, document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    keys: list[str] = []
    tables = {"account": (CRMS, PBXS), "pbx": (PBXS,)}[part.partition("/")[0]]
    for kinds in tables:
        keys += [f"{name}.{key}" for name, kind in kinds.items() for key in kind.secret_options]
    return without_secrets(document, keys)


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


def _people(employees: Iterable[Employee]) -> dict[str, Any]:
    return {each.key: person_document(each) for each in sorted(employees, key=lambda each: each.key)}


def _with_people(start: AccountSettings, people: tuple[Employee, ...]) -> Any:
    def change(stored: AccountSettings | None) -> AccountSettings:
        return replace(stored or start, employees=tuple(sorted(people, key=lambda each: each.key)))

    return change
