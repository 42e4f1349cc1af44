"""What an administrator's browser does to the offices in the database: read, check, put, remove, take back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from integration.documents.differences import Difference, changed_secret, differences
from integration.documents.offices import OfficesDocument
from integration.documents.problems import FieldProblem, InvalidDocument, shortened
from integration.documents.secrets import removed_secrets
from integration.domain.access import Permission
from integration.domain.ids import AccountId
from integration.domain.settings import AccountSettings, Employee
from integration.domain.settings_changes import Author
from integration.errors import NotFound
from integration.ports.offices import (
    InConfigurationFile,
    KeptOfficeChange,
    OfficeChangedMeanwhile,
    OfficeStore,
    OfficeView,
    PartView,
    Seen,
    StoredOffice,
    undo_obstacles,
)
from integration.ports.settings import SettingsStore
from integration.process.config import Config
from integration.process.office_documents import (
    checked,
    joined,
    people_change,
    people_document,
    plain,
    secret_keys,
    split,
)
from integration.process.server_settings import Value, refuse_others_settings
from integration.texts.settings import Problem

_ALL_CHANGES = 1000  # the store keeps fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    """
    A document that may take a part's place.

    Attributes:
        document: without secrets and people, as it is stored.
        secrets: by part and key; None: it goes.
        people: None: the document does not speak of them.
    """

    document: dict[str, Any]
    secrets: dict[str, str | None]
    people: tuple[Employee, ...] | None


class OfficeEdits:
    """
    Args:
        config: of the process, as it is now.
        changed: is called after each change, so that this process takes it at once.
    """

    def __init__(
        self, store: OfficeStore, settings: SettingsStore, config: Callable[[], Config], changed: Callable[[], None]
    ) -> None:
        self._store = store
        self._settings = settings
        self._config = config
        self._changed = changed

    async def offices(self) -> list[StoredOffice]:
        """All that were ever decided about, without their secrets. Raises Unavailable."""
        return await self._store.all(with_secrets=False)

    async def read(self, office: AccountId) -> OfficeView:
        """Raises NotFound, Unavailable."""
        stored = await self._known(office)
        in_file = self._in_file()
        parts = {part: await self._view(stored, part, in_file) for part in sorted(stored.parts)}
        return OfficeView(office=office, revision=stored.revision, time_zone=_zone(stored), parts=parts)

    async def put(
        self,
        office: AccountId,
        part: str,
        document: Mapping[str, Any],
        *,
        seen: Seen,
        who: Author,
        allowed: Collection[Permission] = (),
        proposed: Collection[Value] = (),
    ) -> Seen:
        """
        A new part, or other settings for one. A secret that the document leaves out stays, null removes it. A document
        that does not name the table `employee` leaves the people as they are.

        Args:
            allowed: what the author may in the whole installation (`process/server_settings.py`).
            proposed: settings of this machine that it proposes itself.

        Returns:
            What the part is now.

        Raises:
            NotFound: there is no such office, and it was not to be the first of it.
            OfficeChangedMeanwhile, ChangedMeanwhile: somebody was first; nothing is stored.
            InvalidDocument: names every wrong setting, also of other parts that this one does not go with.
            InConfigurationFile. OfOtherOffice. Unavailable.
        """
        stored = await self._expected(office, seen)
        edit = await self._edit(stored, part, document)
        refuse_others_settings(stored.parts, {**stored.parts, part: edit.document}, allowed, proposed=proposed)
        account = AccountId(part.removeprefix("account/"))
        people = {}
        if edit.people is not None:
            people[account] = people_change(edit.document, edit.people, expected=seen.people.get(account, 0))
        written = await self._store.change(
            office, {part: edit.document}, edit.secrets, who=who, expected=seen.office, people=people
        )
        self._changed()
        kept = {each: n for each, n in seen.people.items() if each == account and part.startswith("account/")}
        return Seen(office=written.revision, people=kept | {key: each.revision for key, each in written.people.items()})

    async def remove(self, office: AccountId, part: str, *, seen: Seen, who: Author) -> Seen:
        """
        The connection is stopped. What is stored of an account stays: its people, calls, and what waits for its CRM.

        Raises:
            NotFound. InvalidDocument: other parts need it. OfficeChangedMeanwhile. InConfigurationFile. Unavailable.
        """
        stored = await self._expected(office, seen)
        if part not in stored.parts:
            raise NotFound(f"the office {office} has no {part}")
        self._refuse_in_file(_ids(part, stored.parts[part]))
        left = {name: document for name, document in stored.parts.items() if name != part}
        await self._checked(left, stored.secrets)
        written = await self._store.change(office, {part: None}, {}, who=who, expected=seen.office)
        self._changed()
        return Seen(office=written.revision)

    async def check(
        self, office: AccountId, part: str, document: Mapping[str, Any], *, allowed: Collection[Permission] = ()
    ) -> list[Difference]:
        """
        What `put` would change; nothing is changed.

        Raises:
            InvalidDocument: as `put`. InConfigurationFile. Unavailable.
        """
        stored = await self._store.get(office)
        edit = await self._edit(stored, part, document)
        refuse_others_settings(stored.parts, {**stored.parts, part: edit.document}, allowed)
        found = differences(stored.parts.get(part), edit.document)
        for name, value in edit.secrets.items():
            if stored.secrets.get(name) != value:
                key = name.partition(" ")[2]
                found.append(changed_secret(key, is_new=name not in stored.secrets, is_removed=value is None))
        if edit.people is not None:
            now = await self._settings.load(AccountId(part.removeprefix("account/")))
            before = {"employee": people_document(now.employees if now is not None else ())}
            found += differences(before, {"employee": people_document(edit.people)})
        return found

    async def changes(self, office: AccountId, *, limit: int) -> list[KeptOfficeChange]:
        """Newest first. Raises NotFound, Unavailable."""
        stored = await self._known(office)
        changes = await self._store.changes(office, limit=limit)
        obstacles = undo_obstacles(stored.parts, changes)
        return [KeptOfficeChange(change=each, obstacle=obstacles.get(each.revision)) for each in changes]

    async def undo(
        self, office: AccountId, revision: int, *, who: Author, allowed: Collection[Permission] = ()
    ) -> Seen:
        """
        `allowed`: as for `put`.

        Raises:
            NotFound. OfficeUndoRefused. InvalidDocument: the office would not be right. InConfigurationFile.
            OfOtherOffice. Unavailable.
        """
        stored = await self._known(office)
        config = self._config()

        def check(then: StoredOffice) -> None:
            for part in stored.parts.keys() | then.parts.keys():
                if stored.parts.get(part) != then.parts.get(part):
                    self._refuse_in_file(_ids(part, then.parts.get(part) or stored.parts[part]))
            refuse_others_settings(stored.parts, then.parts, allowed)
            checked(config, joined(then.parts, then.secrets))

        done = await self._store.undo(office, revision, who=who, check=check)
        self._changed()
        return Seen(office=done.revision)

    # ---- steps -----------------------------------------------------------------------------------------------------

    async def _known(self, office: AccountId) -> StoredOffice:
        """Raises NotFound."""
        stored = await self._store.get(office)
        if stored.revision == 0:
            raise NotFound(f"there is no office {office} in the database")
        return stored

    async def _expected(self, office: AccountId, seen: Seen) -> StoredOffice:
        """The office as the writer knows it. Raises OfficeChangedMeanwhile, NotFound."""
        stored = await self._store.get(office)
        if stored.revision == seen.office:
            return stored
        if stored.revision == 0:
            raise NotFound(f"there is no office {office} in the database")
        since = [each for each in await self._store.changes(office, limit=_ALL_CHANGES) if each.revision > seen.office]
        raise OfficeChangedMeanwhile(since)

    async def _view(self, stored: StoredOffice, part: str, in_file: frozenset[str]) -> PartView:
        document, people = dict(stored.parts[part]), {}
        if part.startswith("account/"):
            account = AccountId(part.removeprefix("account/"))
            now = await self._settings.current(account)
            people[account] = 0 if now is None else now.revision
            if now is not None and now.settings.employees:
                document["employee"] = people_document(now.settings.employees)
        return PartView(
            document=document,
            secrets=sorted(key.partition(" ")[2] for key in stored.secrets if key.partition(" ")[0] == part),
            seen=Seen(office=stored.revision, people=people),
            in_file=bool(_ids(part, document) & in_file),
        )

    async def _edit(self, stored: StoredOffice, part: str, document: Mapping[str, Any]) -> _Edit:
        """Raises InvalidDocument, InConfigurationFile."""
        raw = _addressed(stored.office, part, document)
        keys = secret_keys(part)
        own, given = split(part, raw)
        secrets: dict[str, str | None] = {f"{part} {key}": value for key, value in given.items()}
        secrets |= {f"{part} {key}": None for key in removed_secrets(raw, keys)}
        kept = {key: value for key, value in {**stored.secrets, **secrets}.items() if value is not None}
        found = await self._checked({**stored.parts, part: own}, kept)
        clean = split(part, plain(found)[part])[0]
        self._refuse_in_file(_ids(part, clean))
        people = None
        if part.startswith("account/") and "employee" in raw:
            account = next(each for each in found.accounts if f"account/{each.id}" == part)
            people = account.settings().employees
        return _Edit(document=clean, secrets=secrets, people=people)

    async def _checked(self, parts: Mapping[str, Mapping[str, Any]], secrets: Mapping[str, str]) -> OfficesDocument:
        """In a thread: an office of thousands of lines takes a while, and calls go on. Raises InvalidDocument."""
        return await asyncio.to_thread(checked, self._config(), joined(parts, secrets))

    def _in_file(self) -> frozenset[str]:
        config = self._config()
        return frozenset(
            [*(f"account/{each.id}" for each in config.accounts), *(f"pbx/{each.id}" for each in config.pbxs)]
        )

    def _refuse_in_file(self, ids: Iterable[str]) -> None:
        """Raises InConfigurationFile."""
        for part in sorted(self._in_file() & set(ids)):
            raise InConfigurationFile(part)


def _addressed(office: AccountId, part: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the ids of its address. Raises InvalidDocument: it says others."""
    kind, _, name = part.partition("/")
    own = {"id": name, "office": office}
    raw = {"id": name, **document}
    if kind == "pbx" or office != name:
        raw.setdefault("office", office)
    wrong = [
        FieldProblem((kind, name, key), Problem.OF_ADDRESS, {"value": shortened(raw[key]), "own": value})
        for key, value in own.items()
        if key in raw and raw[key] != value
    ]
    if wrong:
        raise InvalidDocument(wrong)
    return raw


def _ids(part: str, document: Mapping[str, Any]) -> set[str]:
    """Of the part, and of the PBX that an account has for itself."""
    own = document.get("pbx_id") if part.startswith("account/") else None
    return {part, f"pbx/{own}"} if isinstance(own, str) else {part}


def _zone(stored: StoredOffice) -> str:
    """Of the first account that can be read; UTC where there is none."""
    for part, document in sorted(stored.parts.items()):
        if part.startswith("account/"):
            zone, country = document.get("time_zone"), document.get("country", "RU")
            return AccountSettings(account=AccountId(""), time_zone=str(zone or ""), country=str(country)).zone
    return "UTC"
