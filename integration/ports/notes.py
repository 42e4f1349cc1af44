"""Stored notes of calls: what managers wrote, and what the CRM has of it. `storage/` implements it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from integration.domain.calls.intents import Intent
from integration.domain.calls.notes import CallNote
from integration.domain.ids import AccountId, CallId, ManagerId

NoteChange = Callable[[CallNote], CallNote]
"""Gets the stored note, or an empty one of revision 0. Must be pure. What it raises, `change` raises."""

NoteIntents = Callable[[CallNote], Sequence[Intent]]


class CallNotes(Protocol):
    """Errors of all methods: Unavailable."""

    async def get(self, account: AccountId, call: CallId, manager: ManagerId) -> CallNote | None: ...

    async def of_call(self, account: AccountId, call: CallId) -> list[CallNote]:
        """In the order in which the managers began to write."""

    async def change(
        self, account: AccountId, call: CallId, manager: ManagerId, change: NoteChange, queue: NoteIntents
    ) -> CallNote:
        """
        Change a note, and queue what follows from its new state, in one transaction. Nothing is queued until the call's
        own entry for the CRM is: then `queue_for` does it.
        """

    async def queue_for(self, account: AccountId, call: CallId, queue: NoteIntents) -> int:
        """Queue what is to be delivered of all notes of a call. Returns how many intents that were; repeated ones
        count too."""
