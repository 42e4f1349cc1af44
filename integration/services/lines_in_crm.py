"""Makes an office's lines known to a CRM that follows live calls, by the names that the administrator gave them."""

from __future__ import annotations

from dataclasses import replace

from integration.domain.ids import AccountId
from integration.domain.settings import LineSettings, NewClient, NewClientOf
from integration.ports.live_calls import LiveCalls, PublishedLine
from integration.services.accounts import Account

_UNNAMED = 200  # lines that the settings do not name, remembered for each account


class LinesInCrm:
    """Publishes only what has changed since this process last did, so that a call rarely costs a request."""

    def __init__(self) -> None:
        self._published: dict[AccountId, dict[str, PublishedLine]] = {}

    async def publish(self, account: Account, desk: LiveCalls, line: str | None) -> None:
        """
        Args:
            line: as the PBX shows it, of the call that has just ended; a line without settings has its number as name.

        Raises: the CRM's errors.
        """
        before = self._published.get(account.id, {})
        named = {did: _published(settings, f"+{did}") for did, settings in account.settings.lines.items()}
        own = line if line is not None and account.settings.line_key(line) is None else None
        unnamed = {did: name for did, name in before.items() if did not in named}
        if own is not None and len(unnamed) < _UNNAMED:
            unnamed[own] = _published(replace(account.settings.default_line, source=None), own)
        wanted = unnamed | named
        changed = {did: each for did, each in wanted.items() if before.get(did) != each}
        if changed:
            await desk.publish_lines(changed)
            self._published[account.id] = wanted


def _published(line: LineSettings, name: str) -> PublishedLine:
    makes = line.new_client is NewClient.AUTO and line.new_client_of is not NewClientOf.INBOUND
    return PublishedLine(name=line.source or name, makes_clients=makes)
