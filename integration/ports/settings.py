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
    Settings together with their revision, so that a page never shows one with the other's value.

    Attributes:
        revision: grows with administrators' changes, not with data learned from the CRM.
        change: the last change that this write recorded; None if it recorded none.
    """

    settings: AccountSettings
    revision: int
    change: SettingsChange | None = None


@dataclass(frozen=True, slots=True)
class KeptChange:
    """A change in the history, and why it cannot be undone at present (None: it can)."""

    change: SettingsChange
    clash: Clash | None


class ChangedMeanwhile(Rejected):
    """
    Somebody else has changed the settings first. Nothing was stored.

    Attributes:
        changes: changes of this section since the expected revision, newest first; never empty.
        seen: the settings with this section as it was at the expected revision.
        now: the stored settings.
    """

    def __init__(self, changes: Sequence[SettingsChange], *, seen: AccountSettings, now: Revised) -> None:
        super().__init__(f"These settings have changed since they were shown: {changes[0].who} was first.")
        self.changes = tuple(changes)
        self.seen = seen
        self.now = now


class UndoRefused(Rejected):
    """
    The change cannot be undone. Nothing was stored.

    Attributes:
        by: the later change that prevents it; None: this change is no longer stored.
        is_undone: `by` has undone it already; otherwise `by` has changed the same parts again.
    """

    def __init__(self, message: str, *, by: SettingsChange | None = None, is_undone: bool = False) -> None:
        super().__init__(message)
        self.by = by
        self.is_undone = is_undone


class SettingsStore(Protocol):
    async def load(self, account: AccountId) -> AccountSettings | None: ...

    async def current(self, account: AccountId) -> Revised | None:
        """Settings and revision in one read. Settings written by an older release get a revision here."""

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
            change: makes the new settings from the stored ones (None: nothing stored). Pure; may run twice. If it
                raises, nothing is stored.
            who: the author; None: Dozvon itself.
            section: the section that the author saw.
            expected_revision: the revision that the author saw.

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
        Undo the change with this revision, by a new change.

        Args:
            check: called with the present and the future settings; an exception stops the undo.

        Raises:
            UndoRefused: the same parts have changed again since, or the change is undone already or no longer stored.
        """

    async def accounts(self) -> list[AccountId]: ...
