"""Offices whose connections are stored in the database, and the interface of their store."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from integration.domain.ids import AccountId, Timestamp
from integration.domain.settings import AccountSettings
from integration.domain.settings_changes import Author
from integration.errors import Rejected
from integration.ports.settings import Revised

Parts = Mapping[str, Mapping[str, Any]]
"""Documents by part: `account/sales`, `pbx/branch`, without secrets."""

PartChanges = Mapping[str, Mapping[str, Any] | None]
"""The changed parts; None: the part does not exist."""

Secrets = Mapping[str, str]
"""By part and key: `account/sales amocrm.client_secret`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOffice:
    office: AccountId
    revision: int = 0  # 0: nothing was ever stored for it
    parts: Parts
    secrets: Secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """
    What somebody has read who now writes, as one word: `12`, or `12;sales=4` with the people of the account "sales".

    Attributes:
        office: its revision.
        people: revisions of the settings of accounts, in which the people are.
    """

    office: int
    people: Mapping[AccountId, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return ";".join([str(self.office), *(f"{account}={n}" for account, n in sorted(self.people.items()))])

    @classmethod
    def read(cls, text: str) -> Seen | None:
        """None: it is no such word. Never raises."""
        if not _SEEN.fullmatch(text):
            return None
        office, *people = text.split(";")
        each = (one.split("=") for one in people)
        return cls(office=int(office), people={AccountId(account): int(n) for account, n in each})


_SEEN = re.compile(r"[0-9]{1,9}(;[a-z0-9-]{1,40}=[0-9]{1,9}){0,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartView:
    """
    A part as somebody may read it.

    Attributes:
        document: as `dozvon export` writes it: with the people, without secrets.
        secrets: the keys of those that are set.
        in_file: the configuration file names it too, and wins.
    """

    document: Mapping[str, Any]
    secrets: Sequence[str]
    seen: Seen
    in_file: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeView:
    """`time_zone`: IANA name; moments that people see are in it."""

    office: AccountId
    revision: int
    time_zone: str
    parts: Mapping[str, PartView]

    @property
    def seen(self) -> Seen:
        """Of all of it."""
        people = {account: n for part in self.parts.values() for account, n in part.seen.people.items()}
        return Seen(office=self.revision, people=people)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeChange:
    """The change that made a revision of an office; without parts if only secrets were changed."""

    revision: int
    at: Timestamp
    who: Author
    before: PartChanges
    after: PartChanges
    undoes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleChange:
    """
    The people of an account of the office, to be stored together with its parts or not at all.

    Attributes:
        change: from the account's stored settings (None: nothing stored) to the new ones, as `SettingsStore.change`.
        expected: the revision of the account's settings that was read; a later change of its people stands in the way.
    """

    change: Callable[[AccountSettings | None], AccountSettings]
    expected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """
    What a write has left.

    Attributes:
        revision: of the office.
        change: None: its parts and secrets were so already.
        people: the settings of the accounts whose people were given.
    """

    revision: int
    change: OfficeChange | None
    people: Mapping[AccountId, Revised]


class OfficeChangedMeanwhile(Rejected):
    """Somebody else was first. Nothing was stored. `changes`: since the revision that was expected, newest first."""

    def __init__(self, changes: Sequence[OfficeChange]) -> None:
        who = f": {changes[0].who} was first" if changes else ""
        super().__init__(f"the office has changed since its settings were read{who}; look at them and try again")
        self.changes = tuple(changes)


class OfOtherOffice(Rejected):
    """An id is given already. `kind`: account or pbx."""

    def __init__(self, part: str) -> None:
        self.kind, _, self.id = part.partition("/")
        super().__init__(f'the {self.kind} "{self.id}" belongs to another office: choose another id')


class InConfigurationFile(Rejected):
    """The configuration file of this process names the part, and wins. `kind`: account or pbx."""

    def __init__(self, part: str) -> None:
        self.kind, _, self.id = part.partition("/")
        super().__init__(
            f'the {self.kind} "{self.id}" is in the configuration file, which wins: cut it out there first'
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOfficeChange:
    """A change of the history, and why it cannot be taken back at present (None: it can)."""

    change: OfficeChange
    obstacle: UndoObstacle | None


class UndoObstacle(StrEnum):
    NOT_KEPT = "not_kept"  # the change is too old, or never was
    UNDONE = "undone"
    CHANGED_SINCE = "changed_since"
    ONLY_SECRETS = "only_secrets"  # which no history keeps


_OBSTACLES = {
    UndoObstacle.NOT_KEPT: "this change is not kept any more",
    UndoObstacle.UNDONE: "this change is taken back already",
    UndoObstacle.CHANGED_SINCE: "the same settings were changed again since",
    UndoObstacle.ONLY_SECRETS: "only secrets were changed, and old secrets are not stored: enter them again",
}


class OfficeUndoRefused(Rejected):
    """The change cannot be undone. Nothing was stored."""

    def __init__(self, obstacle: UndoObstacle) -> None:
        super().__init__(_OBSTACLES[obstacle])
        self.obstacle = obstacle


def undo_obstacles(parts: Parts, changes: Sequence[OfficeChange]) -> dict[int, UndoObstacle]:
    """
    Which changes cannot be taken back, by revision, and why.

    Args:
        parts: of the office at present.
        changes: the newest ones without a gap, newest first.
    """
    found: dict[int, UndoObstacle] = {}
    back: set[int] = set()  # what is taken back at present: an undo may be undone itself
    for change in changes:
        if change.undoes is not None and change.revision not in back:
            back.add(change.undoes)
        if not change.after:
            found[change.revision] = UndoObstacle.ONLY_SECRETS
        elif change.revision in back:
            found[change.revision] = UndoObstacle.UNDONE
        elif any(parts.get(part) != value for part, value in change.after.items()):
            found[change.revision] = UndoObstacle.CHANGED_SINCE
    return found


class OfficeStore(Protocol):
    """
    `account` is an office's id here: an office is a tenant, like an account without an office.

    Errors of all methods: Unavailable; ConfigError and ProtocolError if the secrets cannot be opened.
    """

    async def version(self) -> tuple[int, ...]:
        """A value that changes with every change of any office or account. Cheap: called once a second."""

    async def all(self, *, with_secrets: bool = True) -> list[StoredOffice]:
        """`with_secrets`: opening the secrets of a thousand offices takes a while."""

    async def get(self, account: AccountId) -> StoredOffice: ...

    async def change(
        self,
        account: AccountId,
        parts: PartChanges,
        secrets: Mapping[str, str | None],
        *,
        who: Author,
        expected: int,
        people: Mapping[AccountId, PeopleChange] | None = None,
    ) -> Written:
        """
        Put these parts, secrets and people; None removes one. Secrets of a removed part stay, for an undo. All of it is
        stored in one transaction.

        Args:
            expected: the revision that the change was made for.
            people: of accounts of this office.

        Raises:
            OfficeChangedMeanwhile: the office has another revision. ChangedMeanwhile: the people were changed since.
            OfOtherOffice: a part, an account's own PBX or an account with people belongs to another office.
        """

    async def changes(self, account: AccountId, *, limit: int = 100) -> list[OfficeChange]:
        """Newest first; the newest 500 are kept."""

    async def undo(
        self,
        account: AccountId,
        revision: int,
        *,
        who: Author,
        check: Callable[[StoredOffice], None] | None = None,
    ) -> OfficeChange:
        """
        Restore the parts that this change has changed, as a new change. Secrets stay as they are.

        Args:
            check: is called with the office as it would be; what it raises stops the undo.

        Raises:
            OfficeUndoRefused: a part was changed again since, or the change is not kept any more.
            OfOtherOffice: the id of a part was given to another office meanwhile.
        """
