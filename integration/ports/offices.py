"""Offices whose connections are stored in the database, and the interface of their store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from integration.domain.ids import AccountId, Timestamp
from integration.domain.settings import AccountSettings
from integration.domain.settings_changes import Author
from integration.errors import Rejected

Parts = Mapping[str, Mapping[str, Any]]
"""Documents by part: `account/sales`, `pbx/branch`, without secrets."""

PartChanges = Mapping[str, Mapping[str, Any] | None]
"""The changed parts; None: the part does not exist."""

Secrets = Mapping[str, str]
"""By part and key: `account/sales amocrm.client_secret`."""

SettingsChanges = Mapping[AccountId, Callable[[AccountSettings | None], AccountSettings]]
"""Makes an account's settings of the stored ones; None: there are none yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOffice:
    office: AccountId
    revision: int = 0  # 0: nothing was ever stored for it
    parts: Parts
    secrets: Secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeChange:
    """The change that made a revision of an office; without parts if only secrets were changed."""

    revision: int
    at: Timestamp
    who: Author
    before: PartChanges
    after: PartChanges
    undoes: int | None = None


class OfficeChangedMeanwhile(Rejected):
    """Somebody else has changed the office first. Nothing was stored. `by`: the newest change."""

    def __init__(self, by: OfficeChange | None) -> None:
        who = f": {by.who} was first" if by is not None else ""
        super().__init__(f"the office has changed since its settings were read{who}; look at them and try again")
        self.by = by


class OfficeUndoRefused(Rejected):
    """The change cannot be undone. Nothing was stored."""


class OfficeStore(Protocol):
    """
    `account` is an office's id here: an office is a tenant, like an account without an office.

    Errors of all methods: Unavailable; ConfigError and ProtocolError if the secrets cannot be opened.
    """

    async def version(self) -> tuple[int, ...]:
        """A value that changes with every change of any office or account. Cheap: called once a second."""

    async def all(self) -> list[StoredOffice]: ...

    async def get(self, account: AccountId) -> StoredOffice: ...

    async def change(
        self,
        account: AccountId,
        parts: PartChanges,
        secrets: Mapping[str, str | None],
        *,
        who: Author,
        expected: int,
        settings: SettingsChanges | None = None,
    ) -> OfficeChange | None:
        """
        Store these parts and secrets; None removes one. Secrets of a removed part stay, for an undo. All or nothing.

        Args:
            expected: the revision for which the change was made.
            settings: of accounts among the parts; they change in the same transaction.

        Returns:
            The change; None if nothing changed.

        Raises:
            OfficeChangedMeanwhile: the office has another revision. Rejected: a part belongs to another office.
        """

    async def changes(self, account: AccountId, *, limit: int = 100) -> list[OfficeChange]:
        """Newest first; the newest 500 are kept."""

    async def undo(self, account: AccountId, revision: int, *, who: Author) -> OfficeChange:
        """
        Restore the parts that this change has changed, as a new change. Secrets stay as they are.

        Raises:
            OfficeUndoRefused: a part has changed again since, or the change is no longer stored.
        """
