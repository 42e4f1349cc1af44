"""Stored settings of accounts, with a revision, and the record of who changed what. `storage/` implements it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from integration.domain.ids import AccountId
from integration.domain.settings import AccountSettings
from integration.domain.settings_changes import Author, Clash, Section, SettingsChange
from integration.errors import Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised:
    """
    Settings and their revision, which belong together: what a page shows is of the revision that it names.

    Attributes:
        revision: of what administrators decide; what is learned from the CRM does not raise it.
        change: the last one that this write recorded; None: it changed nothing that is recorded.
    """

    settings: AccountSettings
    revision: int
    change: SettingsChange | None = None


@dataclass(frozen=True, slots=True)
class KeptChange:
    """A change of the history, and why it cannot be taken back at present (None: it can)."""

    change: SettingsChange
    clash: Clash | None


class ChangedMeanwhile(Rejected):
    """
    Somebody else was first. Nothing was stored.

    Attributes:
        changes: of this section since the expected revision, newest first; never empty.
        seen: the settings with this section as it was at the expected revision.
        now: what is stored.
    """

    def __init__(self, changes: Sequence[SettingsChange], *, seen: AccountSettings, now: Revised) -> None:
        super().__init__(f"These settings have changed since they were shown: {changes[0].who} was first.")
        self.changes = tuple(changes)
        self.seen = seen
        self.now = now


class UndoRefused(Rejected):
    """
    The change cannot be taken back. Nothing was stored.

    Attributes:
        by: the change that stands in the way; None: this change is not kept any more.
        is_undone: `by` has taken it back already; else `by` has changed the same parts again.
    """

    def __init__(self, message: str, *, by: SettingsChange | None = None, is_undone: bool = False) -> None:
        super().__init__(message)
        self.by = by
        self.is_undone = is_undone


class SettingsStore(Protocol):
    async def load(self, account: AccountId) -> AccountSettings | None: ...

    async def current(self, account: AccountId) -> Revised | None:
        """Both in one read. What a process of an older release has written gets a revision here."""

    async def save(self, settings: AccountSettings) -> None:
        """Overwrite what is stored. Use `change` to modify it."""

    async def change(
        self,
        account: AccountId,
        change: Callable[[AccountSettings | None], AccountSettings],
        *,
        who: Author | None = None,
        section: Section | None = None,
        expected_revision: int | None = None,
    ) -> Revised:
        """
        Read, modify and write atomically over all processes: no concurrent change is lost. What differs in the
        sections of `domain.settings_changes` is recorded in the same transaction.

        Args:
            change: from the stored settings (None: nothing stored) to the new ones. Pure; may run twice. If it raises,
                nothing is stored.
            who: None: Dozvon itself.
            section: what was shown to the one who changes it.
            expected_revision: the revision that was shown.

        Raises:
            ChangedMeanwhile: somebody else has changed this section since, and `change` would alter it.
        """

    async def changes(self, account: AccountId, *, limit: int = 100) -> list[KeptChange]:
        """Newest first. The newest 500 of an account are kept, and the newest of each section."""

    async def undo(
        self,
        account: AccountId,
        revision: int,
        *,
        who: Author,
        check: Callable[[AccountSettings, AccountSettings], None] | None = None,
    ) -> Revised:
        """
        Take the change with this revision back, as a new change.

        Args:
            check: is called with the settings as they are and as they would be; what it raises stops the undo.

        Raises:
            UndoRefused: the same parts were changed again since, or it is undone already, or it is not kept any more.
        """

    async def accounts(self) -> list[AccountId]: ...
