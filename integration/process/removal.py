"""Removes an account from the browser: first what it made in its CRM, then its connection here.

What is stored of it stays: people, calls and what waits for its CRM (`ports/leftovers.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from integration.domain.ids import AccountId
from integration.domain.settings_changes import Author
from integration.errors import NotFound, Unavailable
from integration.ports.offices import InConfigurationFile
from integration.process.core import Core
from integration.process.ended_webhooks import EndedWebhooks, Webhooks
from integration.process.office_edits import OfficeEdits

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Removed:
    """`revision`: of the office; `dozvon history OFFICE --undo REVISION` brings the account back."""

    office: AccountId
    revision: int
    webhooks: Webhooks


class Removal:
    def __init__(self, core: Core, edits: OfficeEdits, webhooks: EndedWebhooks) -> None:
        self._core = core
        self._edits = edits
        self._webhooks = webhooks

    async def remove(self, account: AccountId, *, who: Author) -> Removed:
        """
        Raises:
            NotFound: there is no such account.
            InConfigurationFile: only an edit of the file removes it.
            InvalidDocument: other accounts need its PBX. OfficeChangedMeanwhile. Unavailable.
        """
        member = self._core.members.get(account)
        if member is None:
            raise NotFound(f"there is no account {account}")
        office, part = member.config.office, f"account/{account}"
        try:
            view = (await self._edits.read(office)).parts.get(part)
        except NotFound:
            view = None
        if view is None or view.in_file:
            raise InConfigurationFile(part)
        webhooks = await self._webhooks.end(member)
        seen = await self._edits.remove(office, part, seen=view.seen, who=who)
        try:
            await self._core.storage.tokens.delete(account)
        except Unavailable as exc:  # the consent stays; without the account nothing uses it
            log.warning("tokens of a removed account not deleted", account_id=account, error=str(exc))
        return Removed(office, seen.office, webhooks)
